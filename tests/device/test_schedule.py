"""When the next message leaves, and which, at every moment that decides it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.control.machine import State
from device.control.requests import RequestTracker
from device.control.schedule import Scheduler
from device.control.state import SessionState
from device.dialects.base import Correlation, GetStatus, HostLoss, Intent, LowerLevel, Permitted, Renew, Stop
from device.dialects.native import Native
from device.monitor.view import Start
from device.monitor.watch import Watch
from device.unit import Unit
from protocols.plan import Emit
from tests.device.parts import EMITTING, LOW, NONCE, SESSION, STATUS, UNIT

LIVE = [State.EMITTING, State.SUSPENDED]
OFF = [state for state in State if state not in (*LIVE, State.FINISHING)]


class Host:
    """A scheduler, and what it goes by: output is on, and the unit has been heard at 1000 ms."""

    def __init__(self) -> None:
        self.known = SessionState(unit=UNIT, status=EMITTING, counted=EMITTING, session=SESSION)
        self.tracker = RequestTracker(Native())
        self.watch = Watch()
        self.scheduler = Scheduler(self.known, self.tracker, self.watch, 1000)

    def asks(self, at_ms: int) -> None:
        self.tracker.ask(Permitted(GetStatus()), at_ms)
        self.scheduler.sent_ms = at_ms

    def what(self, state: State, now_ms: int = 1000) -> type[Intent]:
        return type(self.scheduler.what_is_due(state, now_ms))


@pytest.fixture
def host() -> Host:
    return Host()


# --- when -------------------------------------------------------------------------------------------------


def test_nothing_has_left_before_anything_was_said(host: Host) -> None:
    assert host.scheduler.due_ms(State.IDLE, 0) == 250
    assert host.scheduler.due_ms(State.EMITTING, 0) == 90


@pytest.mark.parametrize("state", OFF)
def test_a_unit_with_its_output_off_is_looked_at_four_times_a_second(host: Host, state: State) -> None:
    host.scheduler.sent_ms = 1000

    assert host.scheduler.due_ms(state, 1003) == 1250


@pytest.mark.parametrize(
    ("state", "due_ms"), [(State.EMITTING, 1080), (State.SUSPENDED, 1080), (State.ARMED, 1250)]
)
def test_a_question_is_given_up_for_a_newer_one(host: Host, state: State, due_ms: int) -> None:
    host.asks(1000)

    assert host.scheduler.due_ms(state, 1003) == due_ms


@pytest.mark.parametrize("state", State)
def test_a_stop_is_repeated_every_40_ms_whatever_else_is_due(host: Host, state: State) -> None:
    host.asks(1000)
    host.known.output_off.ask(1000, reachable=True)

    assert host.scheduler.due_ms(state, 1003) == 1040
    assert host.what(state) is Stop


@pytest.mark.parametrize(
    ("state", "due_ms"), [(State.EMITTING, 1040), (State.SUSPENDED, 1040), (State.ARMED, 1250)]
)
def test_a_reading_is_made_sure_of_every_40_ms_while_output_is_on(
    host: Host, state: State, due_ms: int
) -> None:
    host.scheduler.sent_ms, host.scheduler.granted_ms, host.watch.making_sure = 1000, 950, True

    assert host.scheduler.due_ms(state, 1003) == due_ms


@pytest.mark.parametrize("state", LIVE)
def test_more_time_is_given_every_90_ms(host: Host, state: State) -> None:
    host.scheduler.sent_ms, host.scheduler.granted_ms = 1070, 1000

    assert host.scheduler.due_ms(state, 1071) == 1090


@pytest.mark.parametrize("host_loss", [HostLoss.OWN_TIMER, HostLoss.NONE])
@pytest.mark.parametrize("state", LIVE)
def test_a_unit_without_a_lease_is_looked_at_as_often_and_no_more(
    host: Host, state: State, host_loss: HostLoss
) -> None:
    host.known.unit = replace(UNIT, declared=replace(UNIT.declared, host_loss=host_loss))
    host.known.step_end_ms = 10_000
    host.scheduler.granted_ms, host.scheduler.sent_ms = 0, 1000

    assert host.scheduler.due_ms(state, 1003) == 1090


def test_a_unit_that_has_not_yet_been_seen_to_begin_is_looked_at_within_a_quarter_of_a_second(
    host: Host,
) -> None:
    host.scheduler.granted_ms = 5000

    assert host.scheduler.due_ms(State.EMITTING, 1003) == 1253


@pytest.mark.parametrize(
    ("state", "start_seen", "sent_ms", "due_ms"),
    [
        (State.EMITTING, True, 990, 1035),
        (State.EMITTING, True, 1040, 1045),  # one look is not sent upon the other
        (State.EMITTING, False, 990, 1090),
        (State.SUSPENDED, True, 990, 1090),  # its timer stands still
    ],
)
def test_a_step_is_looked_at_5_ms_after_its_end(
    host: Host, state: State, start_seen: bool, sent_ms: int, due_ms: int
) -> None:
    host.known.step_end_ms, host.known.start_seen = EMITTING.delivered_ms + 30, start_seen
    host.scheduler.sent_ms, host.scheduler.granted_ms = sent_ms, 1000

    assert host.scheduler.due_ms(state, 1003) == due_ms


# --- a step that the host ends ---------------------------------------------------------------------------

START = Start(number=1, at_ms=900, for_ms=5000, ramp_ms=0, level=440, duty_pct=50, base_ms=10_000)


def unit_that(host_loss: HostLoss) -> Unit:
    return replace(UNIT, declared=replace(UNIT.declared, host_loss=host_loss))


@pytest.fixture
def untimed() -> Host:
    """Of a unit without a timer, 3000 ms of whose step are left."""
    host = Host()
    host.known.unit, host.known.start = unit_that(HostLoss.NONE), START
    host.known.step_end_ms = host.known.delivered_ms + 3000
    return host


@pytest.mark.parametrize(("started_ms", "end_ms"), [(900, 3900), (1000, 3900), (1001, 3901)])
def test_a_step_without_a_timer_ends_a_tenth_of_a_second_early_by_the_latest_report_or_start(
    untimed: Host, started_ms: int, end_ms: int
) -> None:
    untimed.known.start = replace(START, at_ms=started_ms)

    assert untimed.scheduler.step_end_ms(State.EMITTING) == end_ms


@pytest.mark.parametrize(
    ("left_ms", "end_ms"), [(102, 1002), (101, 1001), (100, 1000), (99, 1000), (0, 1000)]
)
def test_a_step_with_less_than_a_tenth_of_a_second_left_ends_at_once(
    untimed: Host, left_ms: int, end_ms: int
) -> None:
    untimed.known.step_end_ms = untimed.known.delivered_ms + left_ms

    assert untimed.scheduler.step_end_ms(State.EMITTING) == end_ms


@pytest.mark.parametrize("state", [state for state in State if state is not State.EMITTING])
def test_no_step_is_ended_while_none_runs(untimed: Host, state: State) -> None:
    assert untimed.scheduler.step_end_ms(state) is None


def test_no_step_is_ended_of_an_unknown_unit_or_without_a_start(untimed: Host) -> None:
    untimed.known.start = None
    assert untimed.scheduler.step_end_ms(State.EMITTING) is None

    untimed.known.start, untimed.known.unit = START, None
    assert untimed.scheduler.step_end_ms(State.EMITTING) is None


@pytest.mark.parametrize("host_loss", [HostLoss.LEASE, HostLoss.OWN_TIMER])
def test_no_step_is_ended_of_a_unit_that_ends_it_by_a_timer(untimed: Host, host_loss: HostLoss) -> None:
    untimed.known.unit = unit_that(host_loss)

    assert untimed.scheduler.step_end_ms(State.EMITTING) is None


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(("left_ms", "due_ms"), [(3000, 1090), (190, 1090), (189, 1089), (100, 1000)])
def test_the_end_of_such_a_step_is_due_before_the_next_status_request(
    untimed: Host, left_ms: int, due_ms: int
) -> None:
    untimed.known.step_end_ms = untimed.known.delivered_ms + left_ms
    untimed.scheduler.sent_ms = 1000

    assert untimed.scheduler.due_ms(State.EMITTING, 1003) == due_ms


# --- lowering ---------------------------------------------------------------------------------------------


@pytest.fixture
def lowered() -> Host:
    """Of a unit whose running step has yet to be lowered from 440 to 300."""
    host = Host()
    host.known.step, host.known.level_cap = Emit(LOW, 60_000, 0), 300
    host.scheduler.sent_ms, host.scheduler.granted_ms = 1010, 1000
    return host


@pytest.mark.parametrize("state", LIVE)
def test_a_lower_level_is_asked_for_every_40_ms_until_the_unit_has_it(lowered: Host, state: State) -> None:
    assert lowered.scheduler.due_ms(state, 1011) == 1050

    lowered.known.step = Emit(replace(LOW, intensity_mw_cm2=300), 60_000, 0)
    assert lowered.scheduler.due_ms(state, 1011) == 1090


def test_a_renewal_that_is_due_sooner_than_the_next_lowering_is_not_put_off(lowered: Host) -> None:
    lowered.scheduler.sent_ms = 1060

    assert lowered.scheduler.due_ms(State.EMITTING, 1061) == 1090


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(("now_ms", "what"), [(1089, LowerLevel), (1090, Renew), (1091, Renew)])
def test_a_lower_level_is_asked_for_until_a_renewal_is_due(
    lowered: Host, now_ms: int, what: type[Intent]
) -> None:
    assert lowered.what(State.EMITTING, now_ms) is what


def test_a_request_for_a_lower_level_names_the_unit_the_session_and_the_level(lowered: Host) -> None:
    assert lowered.scheduler.what_is_due(State.EMITTING, 1050) == LowerLevel(NONCE, SESSION, 300)


@pytest.mark.parametrize("host_loss", [HostLoss.OWN_TIMER, HostLoss.NONE])
@pytest.mark.parametrize("now_ms", [1050, 1090])
def test_a_unit_without_a_lease_is_asked_for_a_lower_level_and_never_sent_a_renewal(
    lowered: Host, host_loss: HostLoss, now_ms: int
) -> None:
    lowered.known.unit = unit_that(host_loss)
    asked = lowered.what(State.EMITTING, now_ms)
    lowered.known.level_cap = None

    assert (asked, lowered.what(State.EMITTING, now_ms)) == (LowerLevel, GetStatus)


# --- a line on which one request waits for the other ------------------------------------------------------


@pytest.mark.parametrize(("answer_max_ms", "drain_ms", "due_ms"), [(60, 20, 1080), (80, 200, 1280)])
def test_nothing_but_the_end_of_a_step_is_due_before_the_line_is_free(
    untimed: Host, answer_max_ms: int, drain_ms: int, due_ms: int
) -> None:
    line = replace(Native.promises.line, answer_max_ms=answer_max_ms, drain_ms=drain_ms)
    dialect = Native()
    dialect.promises = replace(Native.promises, correlation=Correlation.IN_ORDER, line=line)
    untimed.tracker.dialect = dialect
    untimed.asks(1000)

    assert untimed.scheduler.due_ms(State.EMITTING, 1003) == due_ms
    untimed.known.step_end_ms = untimed.known.delivered_ms
    assert untimed.scheduler.due_ms(State.EMITTING, 1003) == 1000


# --- what -------------------------------------------------------------------------------------------------


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("state", LIVE)
def test_a_renewal_runs_from_the_units_latest_report(host: Host, state: State) -> None:
    assert host.scheduler.what_is_due(state, 1100) == Renew(NONCE, SESSION, EMITTING.uptime_ms, 500)


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("state", LIVE)
def test_a_unit_that_is_not_heard_or_looks_wrong_is_given_no_more_time(host: Host, state: State) -> None:
    stale = host.what(state, 1101)
    host.watch.making_sure = True
    wrong = host.what(state)
    host.watch.making_sure = False
    host.asks(1000)
    asked = host.what(state)

    assert stale is wrong is asked is GetStatus


@pytest.mark.parametrize("state", OFF)
def test_a_unit_with_its_output_off_is_only_looked_at(host: Host, state: State) -> None:
    assert host.what(state) is GetStatus


def test_a_unit_that_is_not_known_or_has_not_spoken_is_only_looked_at(host: Host) -> None:
    host.known.status = None
    unanswered = host.what(State.EMITTING)
    host.known.status, host.known.unit = replace(STATUS), None

    assert unanswered is host.what(State.EMITTING) is GetStatus


@pytest.mark.parametrize(("now_ms", "fresh"), [(1000, True), (1100, True), (1101, False)])
def test_what_was_heard_is_fresh_for_one_status_period(host: Host, now_ms: int, fresh: bool) -> None:
    assert host.scheduler.is_fresh(now_ms) is fresh
