"""Claims that a mistake in the code would once have slipped past. `make mutants` found each gap."""

from __future__ import annotations

import logging
from dataclasses import replace
from queue import SimpleQueue

import pytest

from device.clock import VirtualClock
from device.control.delivery import Ended
from device.control.driver import Driver
from device.control.handshake import perform_handshake
from device.control.machine import State, StateMachine
from device.dialects.native import Native
from device.events import AlarmRaised, Event, OffConfirmation, Priority, StopOutcome
from device.link import Inbox
from device.monitor.alarms import BY_CODE, Effect, Rule
from device.monitor.view import View
from device.monitor.watch import Watch
from device.operator import SessionAction
from physioctl.rehearsal.rig import Rig
from protocols.limits import Bound, Excess, Layer, Limits, Quantity
from protocols.plan import Guide, Rest, Step
from tests.device.parts import STATUS, VIEW, bound
from tests.support import (
    LEASE_MS,
    MINUTE_MS,
    SECOND_MS,
    Ledger,
    MakeRig,
    emit,
    plan_of,
    run_plan,
    session_on,
    turn_for,
)

INTENSITY = Quantity.INTENSITY_MW_CM2


def view(*faults: str) -> View:
    """What a rule sees of a unit that reports ``faults``."""
    return replace(VIEW, status=replace(STATUS, faults=faults))


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("state", list(State))
def test_the_librarys_own_triggers_lead_into_no_state(state: State) -> None:
    state_machine = StateMachine(Rig().controller.known)

    with pytest.raises(AttributeError, match="to_"):
        state_machine.trigger(f"to_{state.name}")

    assert state_machine.state is State.OFFLINE


def test_building_the_machine_says_nothing_in_anybodys_log() -> None:
    assert not logging.getLogger("transitions.core").isEnabledFor(logging.WARNING)


def test_a_rule_for_a_fault_of_the_units_is_raised_by_that_fault_and_by_no_other() -> None:
    stalled = Rule(
        code="STALLED",
        breaks=None,
        unit_faults=("STALL",),
        sustain_ms=300,
        priority=Priority.MEDIUM,
        latches=True,
        effect=Effect.FAIL,
        what="for a test",
        action="Nothing.",
    )

    raised_by = {faults: Watch([stalled]).judge(view(*faults))[0] for faults in ((), ("STALL",), ("SENSOR",))}

    assert raised_by == {(): [], ("STALL",): [stalled], ("SENSOR",): []}


@pytest.mark.parametrize("highest", [(3_000, 1_060, 440), (440, 1_060), (1, 0), (0, 1)])
def test_the_lowest_upper_bound_binds_wherever_it_stands(highest: tuple[int, ...]) -> None:
    limits = Limits([bound(INTENSITY, at_least=1), *(bound(INTENSITY, at_most=value) for value in highest)])

    assert limits.at_most(INTENSITY) == min(highest)


def test_an_excess_names_every_value_a_list_admits() -> None:
    listed = Bound(Quantity.DUTY_PCT, Layer.UNIT, "a test", one_of=frozenset((10, 50)))

    assert str(Excess(20, listed)).endswith("one of 10 %, 50 % (a test)")


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize(("output", "stuck"), [(100, False), (101, True)])
def test_output_while_off_is_exact_at_a_tenth_of_a_level_of_a_thousand(output: int, stuck: bool) -> None:
    off = view()
    seen = replace(off, last_level=1000, status=replace(off.status, measured_level=output))

    breaks = BY_CODE["OUTPUT_STUCK"].breaks

    assert breaks is not None
    assert breaks(seen) is stuck


@pytest.mark.hazard("H-11")
@pytest.mark.parametrize(("since_ms", "implausible"), [(19_959, True), (19_960, False)])
def test_a_leap_over_the_whole_range_is_exact_to_the_millisecond(since_ms: int, implausible: bool) -> None:
    now = view()
    seen = replace(
        now,
        before=replace(now.status, head_temp_ddeg_c=-200),
        status=replace(now.status, head_temp_ddeg_c=800),
        since_before_ms=since_ms,
    )

    breaks = BY_CODE["SENSOR_FAULT"].breaks

    assert breaks is not None
    assert breaks(seen) is implausible


class BreaksAt:
    """A recorder that cannot take down one kind of event."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.written = 0

    def record(self, event: Event) -> None:
        if event.name == self._name:
            raise OSError("for a test")
        self.written += 1


class Recording:
    """A link that leads nowhere, and keeps what was sent."""

    name = "nowhere"
    simulated = True

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> bool:
        self.sent.append(data)
        return True

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(
    ("steps", "actions"),
    [
        ((Rest(MINUTE_MS),), ()),
        ((Guide("Stretch.", MINUTE_MS),), ()),
        ((), ((3 * SECOND_MS, SessionAction.PAUSE),)),
    ],
    ids=["rest", "guide", "pause"],
)
def test_a_unit_that_no_longer_answers_is_noticed_while_output_is_off(
    make_rig: MakeRig, steps: tuple[Step, ...], actions: tuple[tuple[int, SessionAction], ...]
) -> None:
    rig, ledger = make_rig("us111", "half_open@5s+1h=1", actions=actions), Ledger()

    delivery = session_on(rig, *(steps or (emit(rig, MINUTE_MS),)), attended=True, ledger=ledger)

    (alarm,) = ledger.named("alarm_raised")
    assert isinstance(alarm, AlarmRaised)
    assert alarm.code == "COMM_LOST"
    assert 1500 <= alarm.at_ms - 5 * SECOND_MS <= 2500
    assert delivery.ended is Ended.INTERRUPTED


@pytest.mark.hazard("H-07")
def test_a_stop_that_is_not_answered_leaves_the_controller_uncertain_and_says_for_how_long(
    make_rig: MakeRig,
) -> None:
    rig, ledger = (
        make_rig("us111", "half_open@5s+1h=1", actions=[(5 * SECOND_MS + 20, SessionAction.STOP)]),
        Ledger(),
    )

    delivery = session_on(rig, emit(rig, MINUTE_MS), ledger=ledger)

    told = ledger.named("stop_outcome")[-1]
    assert isinstance(told, StopOutcome)
    assert delivery.output_off is told.output_off is OffConfirmation.PRESUMED
    assert LEASE_MS <= told.took_ms <= 3 * LEASE_MS
    assert rig.controller.state is State.UNCERTAIN


@pytest.mark.hazard("H-15")
def test_a_session_that_breaks_off_is_stopped_on_purpose_and_latched(rig: Rig) -> None:
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(BreaksAt("progress"))

    with pytest.raises(OSError, match="for a test"):
        run_plan(rig.driver, plan_of(unit, emit(rig, MINUTE_MS)), 7)

    assert rig.controller.state is State.FAULT
    assert rig.controller.failure == "the session broke off"


def test_nothing_is_said_to_a_port_before_anybody_asks_for_it() -> None:
    clock, link = VirtualClock(), Recording()
    inbox: Inbox = SimpleQueue()
    driver = Driver(link, clock, inbox, Native())

    while clock.now_ms() < SECOND_MS:
        driver.step(SECOND_MS)
    unasked = len(link.sent)
    driver.controller.stop()
    driver.carry_out()

    assert (unasked, len(link.sent)) == (0, 1)


def test_a_unit_at_rest_is_looked_at_four_times_a_second(rig: Rig) -> None:
    rig.driver.run(perform_handshake(rig.controller))
    before = rig.controller.heard_bytes

    turn_for(rig, 2 * SECOND_MS)

    assert rig.controller.heard_bytes > before
