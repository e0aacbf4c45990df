"""The handshake: a session begins from an idle unit that is the same from the first answer to the last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue

import pytest

from device.clock import VirtualClock
from device.control.delivery import Ended
from device.control.driver import Driver
from device.control.fault_clearing import latched
from device.control.handshake import perform_handshake
from device.control.machine import State, TransitionRefused
from device.dialects.base import (
    Arm,
    Correlation,
    GetStatus,
    Integrity,
    Line,
    Promises,
    Stop,
    StopAnswer,
    UnitState,
)
from device.dialects.modbus import Modbus
from device.dialects.native import Native
from device.dialects.promises import check_promises
from device.errors import GuardRefused, UnitFaulted, WrongUnit
from device.events import OffConfirmation
from device.link import Inbox
from device.wire import messages as wire
from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import Message, Status, read
from physioctl.rehearsal.rig import CableLink, Rig
from protocols.plan import Guide, Rest, Step
from simulator.cable import Cable
from simulator.unit import SimulatedUnit
from tests.support import (
    MINUTE_MS,
    SECOND_MS,
    Ledger,
    MakeRig,
    another_host,
    begun,
    emit,
    load,
    plan_of,
    run_plan,
    turn_for,
)

# --- what another host has left behind ------------------------------------------------------------------


def lapsed(rig: Rig) -> None:
    """A host has died under output."""
    begun(rig, emit(rig, MINUTE_MS))
    turn_for(rig, SECOND_MS)
    rig.wait(SECOND_MS)


def emitting(rig: Rig) -> None:
    """A host has died a moment ago."""
    begun(rig, emit(rig, MINUTE_MS))
    turn_for(rig, SECOND_MS)


def held(rig: Rig) -> None:
    """A host has died a moment ago, with the head off the skin."""
    begun(rig, emit(rig, MINUTE_MS))
    turn_for(rig, 5500)


def armed(rig: Rig) -> None:
    """A host has died between two steps, or before the first."""
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())
    load(rig.controller, plan_of(unit, emit(rig, MINUTE_MS)))
    rig.controller.arm()
    turn_for(rig, 100)
    rig.wait(MINUTE_MS)


LEFT: list[tuple[Callable[[Rig], None], UnitState, tuple[str, ...]]] = [
    (lapsed, UnitState.LAPSED, ()),
    (emitting, UnitState.EMITTING, ()),
    (held, UnitState.SUSPENDED, ("lift_off@5s+700ms",)),
    (armed, UnitState.READY, ()),
]
ORDERS: list[Callable[[Rig], tuple[Step, ...]]] = [
    lambda rig: (Guide("Lie down.", SECOND_MS), emit(rig, SECOND_MS)),
    lambda rig: (Rest(SECOND_MS), emit(rig, SECOND_MS)),
    lambda rig: (emit(rig, SECOND_MS), Guide("Stretch.", SECOND_MS)),
    lambda rig: (Guide("Lie down.", SECOND_MS), Rest(SECOND_MS), emit(rig, SECOND_MS), Rest(SECOND_MS)),
    lambda rig: (Guide("Breathe.", SECOND_MS),),
]


@pytest.mark.hazard("H-06")
@pytest.mark.parametrize("order", range(len(ORDERS)))
@pytest.mark.parametrize(("leave", "state", "faults"), LEFT)
def test_a_session_begins_from_an_idle_unit_whatever_the_last_host_left(
    make_rig: MakeRig, leave: Callable[[Rig], None], state: UnitState, faults: tuple[str, ...], order: int
) -> None:
    rig = make_rig("us111", *faults)
    leave(rig)
    assert rig.unit._firmware.state.name == state.name
    steps = ORDERS[order](rig)
    next_one = another_host(rig)

    unit = next_one.run(perform_handshake(next_one.controller))
    idle = next_one.controller.status
    next_one.record_to(Ledger())
    delivery = run_plan(next_one, plan_of(unit, *steps), 8)

    assert idle is not None
    assert idle.state is UnitState.IDLE
    assert (delivery.ended, delivery.output_off, delivery.why) == (
        Ended.COMPLETED,
        OffConfirmation.CONFIRMED,
        "",
    )


def test_a_latched_fault_stays_for_a_person_to_clear(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "brown_out@1s")
    rig.wait(2 * SECOND_MS)

    rig.driver.run(perform_handshake(rig.controller))

    assert rig.controller.status is not None
    assert rig.controller.status.state is UnitState.FAULT
    assert isinstance(latched(rig.controller), UnitFaulted)


# --- who answers ----------------------------------------------------------------------------------------


class Changing:
    """A unit on a cable where somebody changes what it says."""

    def __init__(self, change: Callable[[Message, int], Message]) -> None:
        self.unit = SimulatedUnit("us111")
        self.clock = VirtualClock()
        self.inbox: Inbox = SimpleQueue()
        self._change = change
        self._decoder = Decoder()
        self._count = 0
        cable = Cable(self.unit)
        self.clock.add(cable)
        self.driver = Driver(CableLink(cable, self.clock, self.inbox), self.clock, self.inbox, Native())
        self.controller = self.driver.controller
        cable.on_arrival = self._pass_on

    def _pass_on(self, data: bytes) -> None:
        for item in self._decoder.feed(data):
            assert isinstance(item, Frame)
            message = read(item.type, item.body)
            assert message is not None
            changed = self._change(message, self._count)
            self._count += 1
            self.inbox.put(encode(Frame(changed.TYPE, item.seq, changed.pack())))


@pytest.mark.hazard("H-10")
@pytest.mark.hazard("H-13")
@pytest.mark.parametrize("first", [1, 2])
def test_a_unit_that_changes_its_identity_during_the_handshake_is_not_driven(first: int) -> None:
    def later_another(message: Message, count: int) -> Message:
        if count >= first and isinstance(message, Status):
            return replace(message, nonce=message.nonce ^ 1, state=wire.UnitState.READY)
        return message

    swapped = Changing(later_another)

    with pytest.raises(WrongUnit) as refused:
        swapped.driver.run(perform_handshake(swapped.controller))

    assert refused.value.action
    assert swapped.controller.unit is None
    assert swapped.controller.state is not State.ARMED


def test_a_unit_that_is_not_idle_after_a_stop_is_not_driven() -> None:
    def always_ready(message: Message, count: int) -> Message:
        return replace(message, state=wire.UnitState.READY) if isinstance(message, Status) else message

    swapped = Changing(always_ready)

    with pytest.raises(WrongUnit, match="not idle"):
        swapped.driver.run(perform_handshake(swapped.controller))


@pytest.mark.hazard("H-10")
def test_a_unit_that_restarts_between_the_handshake_and_the_session_is_not_driven(make_rig: MakeRig) -> None:
    rig = make_rig("us111", "restart@5s+1ms")
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.wait(6 * SECOND_MS)
    rig.driver.record_to(Ledger())

    delivery = run_plan(rig.driver, plan_of(unit, emit(rig, SECOND_MS)))

    assert delivery.ended is Ended.INTERRUPTED
    assert rig.unit.changes == []


# --- what a dialect has to promise ----------------------------------------------------------------------


def test_our_dialects_promise_what_a_session_relies_on() -> None:
    check_promises(Native.promises)
    check_promises(Modbus.promises)


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(
    ("promises", "missing"),
    [
        (replace(Native.promises, integrity=Integrity.PARITY), "that damage on the line is noticed"),
        (replace(Native.promises, integrity=Integrity.NONE), "that damage on the line is noticed"),
        (replace(Native.promises, stop=StopAnswer.SENT_ONLY), "that a stop is answered"),
        (
            replace(
                Native.promises,
                correlation=Correlation.IN_ORDER,
                line=Line(9600, answer_max_ms=81, drain_ms=20),
            ),
            "that a stop leaves within 100 ms",
        ),
    ],
)
def test_a_dialect_that_promises_less_is_refused_and_says_what_is_missing(
    promises: Promises, missing: str
) -> None:
    with pytest.raises(WrongUnit, match=f"relies on: {missing}") as refused:
        check_promises(promises)

    assert "stopped from here, not driven" in refused.value.action


class Unchecked(Native):
    """Speaks as the native dialect does, and does not promise that damage is noticed."""

    promises = replace(Native.promises, integrity=Integrity.NONE)


@pytest.mark.hazard("H-05")
def test_a_unit_whose_dialect_promises_too_little_is_stopped_and_not_driven(make_rig: MakeRig) -> None:
    rig = make_rig()
    begun(rig, emit(rig, MINUTE_MS))
    inbox: Inbox = SimpleQueue()
    unchecked = Driver(CableLink(rig.cable, rig.clock, inbox), rig.clock, inbox, Unchecked())

    with pytest.raises(WrongUnit):
        unchecked.run(perform_handshake(unchecked.controller))

    assert unchecked.controller.unit is None
    assert rig.unit.output == 0
    with pytest.raises(GuardRefused):
        unchecked.controller.load(None)  # type: ignore[arg-type]  # not looked at


# --- what has to come first -----------------------------------------------------------------------------


@pytest.mark.hazard("H-15")
def test_what_comes_too_soon_is_refused_and_nothing_is_sent(rig: Rig) -> None:
    controller = rig.controller
    step = emit(rig, SECOND_MS)
    for too_soon in (controller.arm, lambda: controller.start(step, SECOND_MS)):
        with pytest.raises(GuardRefused):
            too_soon()
    unit = rig.driver.run(perform_handshake(controller))
    with pytest.raises(GuardRefused, match="nothing records"):
        load(controller, plan_of(unit, step))
    with pytest.raises(GuardRefused, match="no plan"):
        controller.arm()
    with pytest.raises(GuardRefused):
        controller.say(Arm(unit.identity.nonce, 7, 440, SECOND_MS, 10_000, 0))
    with pytest.raises(TransitionRefused):
        controller.start(step, SECOND_MS)
    controller.say(GetStatus())
    controller.say(Stop())

    assert rig.unit.changes == []
    assert not controller.used
