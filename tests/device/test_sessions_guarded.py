"""Roads to output that are not there, units that may not be driven, and a witness that cannot write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

import pytest

from device.clock import VirtualClock
from device.controller import Controller
from device.delivery import Ended, deliver
from device.dialect import UnitState
from device.errors import NoAnswer, WrongUnit
from device.events import Event, Silence
from device.greeting import greet
from device.guard import GuardRefused
from device.link import Inbox
from device.machine import NoWay, State
from device.native import Native
from device.operator import Act
from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import Caps, Identity, Stop, read
from protocols.limits import Block, Bound, Family, Layer, Limits, Quantity
from protocols.plan import Emit, Plan, Ultrasound
from simulator.cable import Cable
from simulator.record import Why
from simulator.rig import CableLink, Rig
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
    plan_of,
    session_on,
    turn_for,
)

# --- a start where there is no way to one ---------------------------------------------------------------


def greeted(rig: Rig) -> None:
    greet(rig.controller)
    rig.controller.testify_to(Ledger())


def loaded(rig: Rig) -> None:
    unit = greet(rig.controller)
    rig.controller.testify_to(Ledger())
    rig.controller.take_up(plan_of(unit, emit(rig, MINUTE_MS)), 7, attended=True)


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


@pytest.mark.parametrize("road", [greeted, loaded, armed_and_stopped, armed_and_failed, armed_and_paused])
def test_a_start_is_refused_where_it_may_not_be_and_nothing_leaves(
    make_rig: MakeRig, road: Callable[[Rig], None]
) -> None:
    rig = make_rig()
    road(rig)

    with pytest.raises((NoWay, GuardRefused)):
        rig.controller.start(emit(rig, SECOND_MS), SECOND_MS)
    turn_for(rig, SECOND_MS)

    assert rig.unit.changes == []


def test_a_second_start_is_refused_while_output_is_on(rig: Rig) -> None:
    begun(rig, emit(rig, MINUTE_MS))
    turn_for(rig, SECOND_MS)

    with pytest.raises(NoWay):
        rig.controller.start(emit(rig, MINUTE_MS), MINUTE_MS)
    rig.controller.stop()
    rig.controller.settle()

    assert [change.why for change in rig.unit.changes] == [Why.SET, Why.STOP]


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
    rig.controller.settle()

    assert rig.unit.changes == []


@pytest.mark.parametrize("for_ms", [-1, 0, MINUTE_MS + 1])
def test_a_time_that_is_not_the_plans_is_never_sent(rig: Rig, for_ms: int) -> None:
    loaded(rig)
    rig.controller.arm()
    turn_for(rig, 100)

    with pytest.raises(GuardRefused):
        rig.controller.start(emit(rig, MINUTE_MS), for_ms)
    rig.controller.stop()
    rig.controller.settle()

    assert rig.unit.changes == []


def lowered(plan: Plan) -> Plan:
    bound = Bound(Quantity.INTENSITY_MW_CM2, Layer.OPERATOR, "for a test", at_most=439)
    return replace(plan, limits=plan.limits.with_layer([bound]))


def blocked(plan: Plan) -> Plan:
    block = Block(Family.ULTRASOUND, Layer.SITE, "for a test", "not here")
    return replace(plan, limits=Limits(plan.limits.bounds, [block]))


@pytest.mark.parametrize("spoil", [lowered, blocked])
def test_a_plan_outside_its_limits_is_not_taken_up(rig: Rig, spoil: Callable[[Plan], Plan]) -> None:
    unit = greet(rig.controller)
    rig.controller.testify_to(Ledger())

    with pytest.raises(NoWay):
        deliver(rig.controller, spoil(plan_of(unit, emit(rig, SECOND_MS))), 7)

    assert rig.unit.changes == []


# --- who is on the cable --------------------------------------------------------------------------------


class Impostor:
    """A unit whose word is changed on its way: what a stranger on the cable would say."""

    def __init__(self, change: Callable[[Identity | Caps], Identity | Caps]) -> None:
        self.clock = VirtualClock()
        self.unit = SimulatedUnit("us111")
        self.inbox: Inbox = SimpleQueue()
        self.asked: list[int] = []
        cable = Cable(self.unit)
        self.clock.add(cable)
        self.controller = Controller(CableLink(cable, self.clock, self.inbox), self.clock, self.inbox, Native())
        decoder = Decoder()

        def say(data: bytes) -> None:
            for item in decoder.feed(data):
                assert isinstance(item, Frame)
                message = read(item.type, item.body)
                if isinstance(message, Identity | Caps):
                    message = change(message)
                    item = Frame(message.TYPE, item.seq, message.pack())  # noqa: PLW2901 - it is on its way
                self.inbox.put(encode(item))

        cable.on_arrival = say
