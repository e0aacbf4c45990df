"""A person lowers the level while a session runs: at once, for good, and on the record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.clock import VirtualClock
from device.control.delivery import Ended
from device.events import (
    AlarmRaised,
    Commanded,
    Event,
    LevelLowered,
    LowerRefused,
    OutputPermitted,
    StatusChanged,
)
from device.link import Inbox
from device.operator import Lower, OperatorAction, SessionAction
from device.wire.frame import Decoder, Frame
from device.wire.messages import Status, Type, read
from physioctl.rehearsal.rig import CableLink, Rig
from protocols.plan import Guide, Rest, at_level
from simulator.cable import Cable
from simulator.record import Why
from tests.device.lying_units import refusing, reporting
from tests.support import SECOND_MS, ULTRASOUND, Ledger, MakeRig, emit, session_on

LEVEL = 440  # of the tests' step on a US111
STEP_MS = 6 * SECOND_MS


def levels_on(rig: Rig) -> list[int]:
    """The levels that went out, one for each change."""
    return [change.output for change in rig.unit.changes if change.output]


def raised(ledger: Ledger) -> list[str]:
    return [event.code for event in ledger.events if isinstance(event, AlarmRaised)]


@pytest.mark.parametrize(("model", "level", "lower"), [("us111", 440, 300), ("ultragun", 2000, 1850)])
@pytest.mark.parametrize("at_ms", [600, 1500, 2750, 5900])
def test_a_lower_takes_effect_at_once_and_the_step_goes_on_to_its_end(
    make_rig: MakeRig, model: str, level: int, lower: int, at_ms: int
) -> None:
    rig, ledger = make_rig(model, actions=[(at_ms, Lower(lower))]), Ledger()

    delivery = session_on(rig, emit(rig, STEP_MS, ramp_ms=500), ledger=ledger)

    (change,) = (change for change in rig.unit.changes if change.why is Why.LOWER)
    assert change.output == lower
    assert at_ms <= change.ms <= at_ms + 10
    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, STEP_MS)
    assert raised(ledger) == []
    assert ledger.named("level_lowered") == [
        LevelLowered(
            at_ms=at_ms,
            by="operator",
            before=level,
            after=lower,
            quantity="intensity_mw_cm2" if model == "us111" else "speed_per_min",
            may=("pause", "stop", "lower"),
        )
    ]


def test_it_is_recorded_before_the_unit_is_told(make_rig: MakeRig) -> None:
    rig, ledger = make_rig(actions=[(2000, Lower(300, by="Dr A"))]), Ledger()

    session_on(rig, emit(rig, STEP_MS), ledger=ledger)

    told = [
        event
        for event in ledger.events
        if isinstance(event, LevelLowered) or (isinstance(event, Commanded) and event.intent == "LowerLevel")
    ]
    assert [event.name for event in told] == ["level_lowered", "commanded"]
    assert told[0] == LevelLowered(
        at_ms=2000,
        by="Dr A",
        before=LEVEL,
        after=300,
        quantity="intensity_mw_cm2",
        may=("pause", "stop", "lower"),
    )
    assert [e for e in ledger.events if isinstance(e, StatusChanged) and e.status["level_set"] == 300]


def test_every_later_step_is_capped_and_one_below_the_cap_stays_as_it_is(make_rig: MakeRig) -> None:
    rig = make_rig(actions=[(1500, Lower(350))])
    low = replace(emit(rig, 2000), setting=at_level(ULTRASOUND, 300))

    delivery = session_on(rig, emit(rig, 2000), Rest(500), low, Rest(500), emit(rig, 2000))

    assert delivery.ended is Ended.COMPLETED
    assert levels_on(rig) == [440, 350, 300, 350]


@pytest.mark.parametrize("at_ms", [100, 400])
def test_lowered_before_the_first_output_it_starts_lower(make_rig: MakeRig, at_ms: int) -> None:
    rig, ledger = make_rig(actions=[(at_ms, Lower(300))]), Ledger()

    session_on(rig, Guide("Lie down.", 2000), emit(rig, 2000), ledger=ledger)

    permitted = [event.setting for event in ledger.events if isinstance(event, OutputPermitted)]
    assert levels_on(rig) == [300]
    assert [output["intensity_mw_cm2"] for output in permitted] == [300]


class LastMoment:
    """Lowers the level whenever a start has been recorded and has not left, to one of these levels each."""

    def __init__(self, rig: Rig, *levels: int) -> None:
        self._rig = rig
        self._levels = list(levels)

    def on_event(self, event: Event) -> None:
        if isinstance(event, Commanded) and event.intent == "SetOutput" and self._levels:
            self._rig.inbox.put(Lower(self._levels.pop(0)))


def test_starts_withdrawn_by_lowering_are_not_starts_that_the_unit_did_not_hear(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.driver.add_observer(LastMoment(rig, 420, 400, 380, 360))

    delivery = session_on(rig, emit(rig, 2000))

    assert (delivery.ended, delivery.why, delivery.delivered_ms) == (Ended.COMPLETED, "", 2000)
    assert levels_on(rig) == [360]


def test_a_start_that_has_not_left_never_leaves_at_the_higher_level(make_rig: MakeRig) -> None:
    rig, ledger = make_rig(), Ledger()
    rig.driver.add_observer(LastMoment(rig, 300))

    delivery = session_on(rig, emit(rig, 2000), ledger=ledger)

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 2000)
    assert levels_on(rig) == [300]


def test_lowered_in_a_pause_it_goes_on_lower(make_rig: MakeRig) -> None:
    actions = [(2000, SessionAction.PAUSE), (3000, Lower(300)), (4000, SessionAction.RESUME)]
    rig = make_rig(actions=actions)

    delivery = session_on(rig, emit(rig, STEP_MS), attended=True)

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, STEP_MS)
    assert levels_on(rig) == [440, 300]


def test_lowered_while_contact_is_lost_it_comes_back_lower(make_rig: MakeRig) -> None:
    rig, ledger = make_rig("us111", "lift_off@2s+3s=0.0", actions=[(3500, Lower(300))]), Ledger()

    delivery = session_on(rig, emit(rig, STEP_MS), ledger=ledger)

    assert delivery.ended is Ended.COMPLETED
    assert levels_on(rig) == [440, 300]
    assert raised(ledger) == ["CONTACT_LOST"]


def test_the_key_takes_a_tenth_of_the_steps_level_down_to_the_units_lowest(make_rig: MakeRig) -> None:
    actions = [(1000 + 100 * count, Lower()) for count in range(6)]
    rig, ledger = make_rig(actions=actions), Ledger()

    session_on(rig, emit(rig, STEP_MS), ledger=ledger)

    assert levels_on(rig) == [440, 396, 352, 308, 290]
    refused = [event.why for event in ledger.events if isinstance(event, LowerRefused)]
    assert refused == ["the lowest level is 0.29 W/cm²: pause or stop"]


@pytest.mark.parametrize(
    ("to_level", "why"),
    [
        (440, "the level is 0.44 W/cm² already"),
        (2000, "the level is 0.44 W/cm² already"),
        (289, "the lowest level is 0.29 W/cm²: pause or stop"),
        (0, "the lowest level is 0.29 W/cm²: pause or stop"),
        (-1, "the lowest level is 0.29 W/cm²: pause or stop"),
    ],
)
def test_what_is_not_lower_or_cannot_be_given_is_refused_and_changes_nothing(
    make_rig: MakeRig, to_level: int, why: str
) -> None:
    rig, ledger = make_rig(actions=[(2000, Lower(to_level))]), Ledger()

    delivery = session_on(rig, emit(rig, STEP_MS), ledger=ledger)

    assert ledger.named("lower_refused") == [
        LowerRefused(at_ms=2000, by="operator", to_level=to_level, why=why)
    ]
    assert delivery.ended is Ended.COMPLETED
    assert levels_on(rig) == [440]


def test_after_a_stop_nothing_is_lowered(make_rig: MakeRig) -> None:
    rig, ledger = make_rig(actions=[(2000, SessionAction.STOP), (2000, Lower(300))]), Ledger()

    session_on(rig, emit(rig, STEP_MS), ledger=ledger)

    assert len(ledger.named("lower_refused")) == 1
    assert ledger.named("level_lowered") == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "fault", ["bytes_lost@2s+3s=0.003", "bytes_doubled@2s+3s=1.0", "frames_reordered@2s+3s=0.15"]
)
def test_a_bad_line_never_raises_what_was_lowered_nor_ends_it_for_its_level(
    make_rig: MakeRig, fault: str, seed: int
) -> None:
    actions = [(2000 + 300 * count, Lower(430 - 10 * count)) for count in range(8)]
    rig, ledger = make_rig("us111", fault, actions=actions, seed=seed), Ledger()

    delivery = session_on(rig, emit(rig, STEP_MS), ledger=ledger, attended=True)

    assert levels_on(rig) == sorted(levels_on(rig), reverse=True)
    assert not {"OUTPUT_HIGH", "SET_DIFFERS", "OVER_DOSE", "ENERGY_DIFFERS"} & set(raised(ledger))
    if delivery.ended is Ended.COMPLETED:
        assert levels_on(rig)[-1] == 360


class ForgetfulLink(CableLink):
    """Loses the first requests to lower the level, or the answers to them."""

    lost_requests = lost_answers = 0

    def __init__(self, cable: Cable, clock: VirtualClock, inbox: Inbox) -> None:
        super().__init__(cable, clock, inbox)
        self.left_requests, self.left_answers = self.lost_requests, self.lost_answers
        cable.on_arrival = self.arrived

    def send(self, data: bytes) -> bool:
        if self.left_requests and data[2] == Type.LOWER:
            self.left_requests -= 1
            return True
        return super().send(data)

    def arrived(self, data: bytes) -> None:
        (frame,) = Decoder().feed(data)
        assert isinstance(frame, Frame)
        status = read(frame.type, frame.body)
        if self.left_answers and isinstance(status, Status) and status.asked == Type.LOWER:
            self.left_answers -= 1
            return
        self._inbox.put(data)


def forgetful(requests: int, answers: int) -> type[CableLink]:
    class _Link(ForgetfulLink):
        lost_requests, lost_answers = requests, answers

    return _Link


@pytest.mark.parametrize(
    ("requests", "answers", "within_ms"), [(1, 0, 160), (2, 0, 320), (0, 1, 10), (0, 4, 10)]
)
def test_a_lower_that_is_lost_is_asked_again_and_one_whose_answer_is_lost_is_looked_for(
    requests: int, answers: int, within_ms: int
) -> None:
    rig, ledger = Rig("us111", link=forgetful(requests, answers), actions=[(2000, Lower(300))]), Ledger()

    delivery = session_on(rig, emit(rig, STEP_MS), ledger=ledger)

    (lowered,) = (change for change in rig.unit.changes if change.why is Why.LOWER)
    assert delivery.ended is Ended.COMPLETED
    assert lowered.ms <= 2000 + within_ms
    assert raised(ledger) == []


def test_a_unit_that_hears_no_lower_is_paused_after_a_second() -> None:
    actions: list[tuple[int, OperatorAction]] = [(2000, Lower(300)), (8000, SessionAction.RESUME)]
    rig, ledger = Rig("us111", link=forgetful(1000, 0), actions=actions), Ledger()

    delivery = session_on(rig, emit(rig, STEP_MS), ledger=ledger, attended=True)

    assert delivery.ended is Ended.COMPLETED
    assert levels_on(rig) == [440, 300]
    assert 3000 <= rig.unit.changes[1].ms <= 3100


def test_a_whole_step_of_lowering_by_ones_lets_no_lease_lapse(make_rig: MakeRig) -> None:
    actions = [(1000 + 5 * count, Lower(439 - count)) for count in range(149)]
    rig, ledger = make_rig(actions=actions), Ledger()

    delivery = session_on(rig, emit(rig, STEP_MS), ledger=ledger)

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, STEP_MS)
    assert levels_on(rig)[-1] == 291
    assert raised(ledger) == []


@pytest.mark.hazard("H-03")
def test_the_energy_is_that_of_the_levels_that_went_out(make_rig: MakeRig) -> None:
    rig = make_rig(actions=[(4000, Lower(300))])

    delivery = session_on(rig, emit(rig, 20 * SECOND_MS))

    lowered_ms = 20 * SECOND_MS - (4000 - rig.unit.changes[0].ms)
    expected_mj = (440 * (20 * SECOND_MS - lowered_ms) + 300 * lowered_ms) * 4 / 1000
    assert delivery.energy_mj == pytest.approx(expected_mj, rel=0.01)


# --- units that do not do it ----------------------------------------------------------------------------


def test_a_unit_that_says_it_is_done_and_names_the_old_level_is_stopped() -> None:
    rig, ledger = Rig("us111", unit=reporting(level_set=440), actions=[(4000, Lower(300))]), Ledger()

    delivery = session_on(rig, emit(rig, STEP_MS), ledger=ledger)

    assert delivery.ended is Ended.INTERRUPTED
    assert raised(ledger)[0] == "SET_DIFFERS"
    assert rig.unit.output_off_since_ms is not None
    assert rig.unit.output_off_since_ms < 4100


def test_a_unit_that_names_the_new_level_and_gives_the_old_is_stopped() -> None:
    rig, ledger = Rig("us111", unit=reporting(measured_level=440), actions=[(4000, Lower(300))]), Ledger()

    delivery = session_on(rig, emit(rig, STEP_MS), ledger=ledger)

    assert delivery.ended is Ended.INTERRUPTED
    assert "OUTPUT_HIGH" in raised(ledger)
    assert rig.unit.output == 0


def test_a_unit_that_refuses_to_be_lowered_is_stopped() -> None:
    rig, ledger = Rig("us111", unit=refusing(Type.LOWER), actions=[(4000, Lower(300))]), Ledger()

    delivery = session_on(rig, emit(rig, STEP_MS), ledger=ledger)

    assert delivery.ended is Ended.INTERRUPTED
    assert raised(ledger)[0] == "REFUSED"
    assert rig.unit.output == 0
