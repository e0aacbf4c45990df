"""Roads to output that are not there, units that may not be driven, and a recorder that cannot write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

import pytest

from device.clock import VirtualClock
from device.control.delivery import Ended
from device.control.driver import Driver
from device.control.guard import GuardRefused
from device.control.handshake import perform_handshake
from device.control.machine import State, TransitionRefused
from device.dialects.native import Native
from device.errors import NoAnswer, WrongUnit
from device.events import Event, OffConfirmation
from device.link import Inbox
from device.operator import SessionAction
from device.wire import messages as wire
from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import Arm, Capabilities, GetStatus, Identity, Message, Set, Status, read
from physioctl.record.codec import to_json
from physioctl.rehearsal.rig import CableLink, Rig
from protocols.limits import Block, Bound, Family, Layer, Limits, Quantity
from protocols.plan import Emit, Plan, Ultrasound
from simulator.cable import Cable
from simulator.record import Why
from simulator.unit import SimulatedUnit
from tests.support import (
    MINUTE_MS,
    ON_THE_WAY_MS,
    SECOND_MS,
    ULTRASOUND,
    Ledger,
    MakeRig,
    begun,
    emit,
    load,
    plan_of,
    run_plan,
    session_on,
    turn_for,
)

# --- a start where there is no way to one ---------------------------------------------------------------


def identified(rig: Rig) -> None:
    rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())


def loaded(rig: Rig) -> None:
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())
    load(rig.controller, plan_of(unit, emit(rig, MINUTE_MS)), 7, attended=True)


def armed_and_stopped(rig: Rig) -> None:
    loaded(rig)
    rig.controller.arm()
    turn_for(rig, 100)
    rig.controller.stop()


def armed_and_failed(rig: Rig) -> None:
    loaded(rig)
    rig.controller.arm()
    turn_for(rig, 100)
    rig.controller.fail("for a test")


def armed_and_paused(rig: Rig) -> None:
    loaded(rig)
    rig.controller.arm()
    turn_for(rig, 100)
    rig.controller.pause()


@pytest.mark.parametrize("road", [identified, loaded, armed_and_stopped, armed_and_failed, armed_and_paused])
def test_a_start_is_refused_where_it_may_not_be_and_nothing_leaves(
    make_rig: MakeRig, road: Callable[[Rig], None]
) -> None:
    rig = make_rig()
    road(rig)

    with pytest.raises((TransitionRefused, GuardRefused)):
        rig.controller.start(emit(rig, SECOND_MS), SECOND_MS)
    turn_for(rig, SECOND_MS)

    assert rig.unit.changes == []


def test_a_second_start_is_refused_while_output_is_on(rig: Rig) -> None:
    begun(rig, emit(rig, MINUTE_MS))
    turn_for(rig, SECOND_MS)

    with pytest.raises(TransitionRefused):
        rig.controller.start(emit(rig, MINUTE_MS), MINUTE_MS)
    rig.controller.stop()
    rig.driver.run(rig.controller.settle())

    assert [change.why for change in rig.unit.changes] == [Why.SET, Why.STOP]


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize(
    "output",
    [
        replace(ULTRASOUND, intensity_mw_cm2=441),
        replace(ULTRASOUND, intensity_mw_cm2=3001),
        replace(ULTRASOUND, duty_pct=50, pulse_hz=100),
        replace(ULTRASOUND, carrier_khz=3000),
    ],
)
def test_output_that_is_in_no_step_of_the_plan_is_never_sent(rig: Rig, output: Ultrasound) -> None:
    loaded(rig)
    rig.controller.arm()
    turn_for(rig, 100)

    with pytest.raises(GuardRefused):
        rig.controller.start(Emit(output, SECOND_MS, 0), SECOND_MS)
    rig.controller.stop()
    rig.driver.run(rig.controller.settle())

    assert rig.unit.changes == []


@pytest.mark.parametrize("for_ms", [-1, 0, MINUTE_MS + 1])
def test_a_time_that_is_not_the_plans_is_never_sent(rig: Rig, for_ms: int) -> None:
    loaded(rig)
    rig.controller.arm()
    turn_for(rig, 100)

    with pytest.raises(GuardRefused):
        rig.controller.start(emit(rig, MINUTE_MS), for_ms)
    rig.controller.stop()
    rig.driver.run(rig.controller.settle())

    assert rig.unit.changes == []


def lowered(plan: Plan) -> Plan:
    bound = Bound(Quantity.INTENSITY_MW_CM2, Layer.OPERATOR, "for a test", at_most=439)
    return replace(plan, limits=plan.limits.with_layer([bound]))


def blocked(plan: Plan) -> Plan:
    block = Block(Family.ULTRASOUND, Layer.SITE, "for a test", "not here")
    return replace(plan, limits=Limits(plan.limits.bounds, [block]))


@pytest.mark.parametrize("spoil", [lowered, blocked])
def test_a_plan_outside_its_limits_is_not_taken_up(rig: Rig, spoil: Callable[[Plan], Plan]) -> None:
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())

    with pytest.raises(TransitionRefused):
        run_plan(rig.driver, spoil(plan_of(unit, emit(rig, SECOND_MS))), 7)

    assert rig.unit.changes == []


# --- who is on the cable --------------------------------------------------------------------------------


class Between:
    """Someone on the cable who changes what the unit says on its way to the host."""

    def __init__(self, change: Callable[[Message], Message], unit: SimulatedUnit | None = None) -> None:
        self.unit = unit or SimulatedUnit("us111")
        self.clock = VirtualClock()
        self.inbox: Inbox = SimpleQueue()
        self._change = change
        self._decoder = Decoder()
        cable = Cable(self.unit)
        self.clock.add(cable)
        link = CableLink(cable, self.clock, self.inbox)
        self.driver = Driver(link, self.clock, self.inbox, Native())
        self.controller = self.driver.controller
        cable.on_arrival = self._pass_on

    def _pass_on(self, data: bytes) -> None:
        for item in self._decoder.feed(data):
            assert isinstance(item, Frame)
            message = read(item.type, item.body)
            assert message is not None
            changed = self._change(message)
            self.inbox.put(encode(Frame(changed.TYPE, item.seq, changed.pack())))


def of_another_version(message: Message) -> Message:
    return replace(message, major=message.major + 1) if isinstance(message, Identity) else message


def of_another_family(message: Message) -> Message:
    other = wire.Family.PERCUSSION
    return replace(message, family=other) if isinstance(message, Identity) else message


def of_no_known_model(message: Message) -> Message:
    return replace(message, model="US999") if isinstance(message, Identity) else message


def without_an_area(message: Message) -> Message:
    return replace(message, area_mm2=0) if isinstance(message, Capabilities) else message


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    "change", [of_another_version, of_another_family, of_no_known_model, without_an_area]
)
def test_a_unit_that_may_not_be_driven_is_refused(change: Callable[[Message], Message]) -> None:
    swapped = Between(change)

    with pytest.raises(WrongUnit) as refused:
        swapped.driver.run(perform_handshake(swapped.controller))

    assert refused.value.action
    assert swapped.controller.unit is None
    assert swapped.unit.changes == []


@pytest.mark.parametrize("change", [of_another_version, of_no_known_model])
def test_a_unit_that_may_not_be_driven_can_still_be_stopped(change: Callable[[Message], Message]) -> None:
    swapped = Between(change, left_on())

    swapped.controller.stop()
    output_off = swapped.driver.run(swapped.controller.settle())

    assert output_off is OffConfirmation.CONFIRMED
    assert swapped.unit.output == 0


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize(
    "change", [of_another_version, of_another_family, of_no_known_model, without_an_area]
)
def test_a_unit_that_may_not_be_driven_is_stopped_before_it_is_refused(
    change: Callable[[Message], Message],
) -> None:
    swapped = Between(change, left_on())

    with pytest.raises(WrongUnit):
        swapped.driver.run(perform_handshake(swapped.controller))

    assert swapped.unit.output == 0
    assert swapped.unit.changes[-1].why is Why.STOP


def left_on(lease_ms: int = 1000) -> SimulatedUnit:
    """A unit that another host has left giving output."""
    unit = SimulatedUnit("us111")
    asked = unit.hear(encode(Frame(GetStatus.TYPE, 1, GetStatus().pack())), 0)
    (heard,) = (item for item in Decoder().feed(asked) if isinstance(item, Frame))
    status = read(heard.type, heard.body)
    assert isinstance(status, Status)
    arm = Arm(status.nonce, 99, 440, MINUTE_MS, 200_000, status.uptime_ms)
    start = Set(status.nonce, 99, 440, 100, 1000, 0, MINUTE_MS, 0, status.uptime_ms, lease_ms)
    unit.hear(encode(Frame(arm.TYPE, 2, arm.pack())), 0)
    unit.hear(encode(Frame(start.TYPE, 3, start.pack())), 0)
    assert unit.output > 0
    return unit


@pytest.mark.hazard("H-07")
def test_a_unit_that_is_found_giving_output_is_stopped_before_anything_else() -> None:
    found = Between(lambda message: message, left_on())

    unit = found.driver.run(perform_handshake(found.controller))

    assert found.unit.output == 0
    assert [change.why for change in found.unit.changes] == [Why.SET, Why.STOP]
    assert found.controller.state is State.IDLE
    found.driver.record_to(Ledger())
    delivery = run_plan(found.driver, plan_of(unit, Emit(ULTRASOUND, SECOND_MS, 0)), 7)
    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, SECOND_MS)


def test_a_port_on_which_nobody_speaks_is_given_up_and_says_so(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "half_open@0s+1h=0")

    with pytest.raises(NoAnswer) as nobody:
        rig.driver.run(perform_handshake(rig.controller))

    assert "nobody answers" in nobody.value.what
    assert rig.clock.now_ms() <= 4 * SECOND_MS


def test_a_port_on_which_somebody_else_speaks_says_that() -> None:
    rig = Rig()
    rig.cable.on_arrival = lambda _: rig.inbox.put(b"OK\r\n")

    with pytest.raises(NoAnswer) as swapped:
        rig.driver.run(perform_handshake(rig.controller))

    assert "not in this dialect" in swapped.value.what


# --- the recorder and the observers -----------------------------------------------------------------------


class DiskFull(Exception):
    """What a recorder raises that cannot write."""


@dataclass
class Forgetful:
    """A recorder that can take down only so many events."""

    room: int
    heard: list[Event] = field(default_factory=list)

    def record(self, event: Event) -> None:
        if len(self.heard) >= self.room:
            raise DiskFull
        self.heard.append(event)

    @property
    def written(self) -> int:
        return len(self.heard)


class Clumsy:
    """A observer that trips over everything it is told."""

    def __init__(self) -> None:
        self.told = 0

    def on_event(self, event: Event) -> None:
        self.told += 1
        raise RuntimeError("the screen has gone")


STEPS_MS = (1500, 1200)


def whole_session(recorder: Forgetful, *actions: tuple[int, SessionAction]) -> Rig:
    rig = Rig(actions=actions)
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(recorder)
    plan = plan_of(unit, *(emit(rig, duration_ms) for duration_ms in STEPS_MS))
    try:
        run_plan(rig.driver, plan, 7, attended=True)
    finally:
        assert rig.unit.output == 0
        assert rig.unit.breaches == []
        assert rig.controller.output_off() is OffConfirmation.CONFIRMED
    return rig


ACTIONS = ((500, SessionAction.PAUSE), (1000, SessionAction.RESUME))


@pytest.mark.hazard("H-15")
def test_whichever_event_the_recorder_cannot_write_output_is_off_and_the_caller_hears_of_it() -> None:
    whole = Forgetful(room=1000)
    whole_session(whole, *ACTIONS)
    assert len(whole.heard) > 10

    for room in range(len(whole.heard)):
        with pytest.raises(DiskFull):
            whole_session(Forgetful(room), *ACTIONS)


@pytest.mark.parametrize("room", range(4))
def test_a_recorder_that_fails_before_the_start_lets_no_output_through(room: int) -> None:
    rig = Rig()
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Forgetful(room))

    with pytest.raises(DiskFull):
        run_plan(rig.driver, plan_of(unit, emit(rig, SECOND_MS)), 7)

    assert rig.unit.changes == []


def test_a_observer_that_raises_is_dropped_and_nothing_else_changes(make_rig: MakeRig) -> None:
    def run(observer: Clumsy | None) -> list[dict[str, object]]:
        rig, ledger = make_rig(), Ledger()
        if observer is not None:
            rig.driver.add_observer(observer)
        session_on(rig, emit(rig, 3 * SECOND_MS), ledger=ledger)
        return [to_json(event) for event in ledger.events]

    clumsy = Clumsy()

    told = run(clumsy)
    dropped = [event for event in told if event["event"] == "observer_dropped"]

    assert [event for event in told if event not in dropped] == run(None)
    assert [(event["observer"], event["error"]) for event in dropped] == [
        ("Clumsy", "RuntimeError: the screen has gone")
    ]
    assert clumsy.told == 1


@pytest.mark.hazard("H-06")
def test_the_last_words_of_a_program_on_its_way_out_are_a_stop(rig: Rig) -> None:
    begun(rig, emit(rig, MINUTE_MS))
    turn_for(rig, SECOND_MS)

    rig.driver.stop_at_exit()
    rig.wait(ON_THE_WAY_MS)

    assert rig.unit.output == 0
    assert rig.unit.changes[-1].why is Why.STOP


def test_there_are_no_stop_at_exit_once_output_off_is_confirmed(rig: Rig) -> None:
    rig.driver.run(perform_handshake(rig.controller))

    rig.driver.stop_at_exit()

    assert rig.inbox.empty()
