"""What whole-session tests share: a witness that keeps what it is told, and plans made by hand."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue

from hypothesis import settings

from device.controller import Controller
from device.delivery import Delivery, deliver
from device.events import Event
from device.greeting import greet
from device.link import Inbox
from device.native import Native
from device.unit import Unit
from protocols.limits import Family, Limits
from protocols.plan import Emit, Output, Percussion, Plan, Step, Ultrasound, energy_mj
from simulator.rig import CableLink, Rig

SECOND_MS = 1000
MINUTE_MS = 60_000
LEASE_MS = 500  # what is asked of these units, as DESIGN has it; not read from the code that asks
ON_THE_WAY_MS = 10  # a message that had left already still arrives
ULTRASOUND = Ultrasound(intensity_mw_cm2=440, duty_pct=100, carrier_khz=1000, pulse_hz=0)
PERCUSSION = Percussion(speed_per_min=2000)
OUTPUTS: dict[str, Output] = {"us111": ULTRASOUND, "ultragun": PERCUSSION, "ultragun_pro": PERCUSSION}

MakeRig = Callable[..., Rig]

# For tests whose every example is a whole session: the same ones each time, however busy the machine.
some_sessions = settings(max_examples=40, deadline=None, derandomize=True)


class CountedLink(CableLink):
    """A cable to a unit that counts as real, as all that is behind a port does."""

    simulated = False


class Ledger:
    """A witness that keeps everything, in memory. It watches as well."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)

    def notice(self, event: Event) -> None:
        self.events.append(event)

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]


def plan_of(unit: Unit, *steps: Step) -> Plan:
    """A plan made by hand, within the unit's own bounds."""
    area_mm2 = unit.area_mm2
    planned_mj = None
    if area_mm2 is not None:
        planned_mj = sum(energy_mj(step, area_mm2) for step in steps if isinstance(step, Emit))
    return Plan(
        protocol_id="by-hand",
        title="By hand",
        content_hash="0" * 64,
        family=unit.model.family,
        body_site="bench",
        model=unit.model.id,
        steps=steps,
        limits=Limits(unit.bounds),
        energy_mj=planned_mj,
    )


def output_for(rig: Rig) -> Output:
    """A middling output of the rig's unit."""
    return OUTPUTS[rig.unit.plate.model]


def emit(rig: Rig, duration_ms: int, ramp_ms: int = 0) -> Emit:
    """A step of middling output."""
    return Emit(output_for(rig), duration_ms, ramp_ms)


def session_on(
    rig: Rig, *steps: Step, attended: bool = False, ledger: Ledger | None = None, session: int = 7
) -> Delivery:
    """Greet the unit, and deliver ``steps`` from the first to the last."""
    unit = greet(rig.controller)
    rig.controller.testify_to(ledger or Ledger())
    return deliver(rig.controller, plan_of(unit, *steps), session, attended=attended)


def another_host(rig: Rig) -> Controller:
    """Another program at the same cable: it knows nothing, and counts its questions from the beginning."""
    inbox: Inbox = SimpleQueue()
    return Controller(CableLink(rig.cable, rig.clock, inbox), rig.clock, inbox, Native())


def begun(rig: Rig, *steps: Emit) -> Unit:
    """Bring the rig to the moment at which the first step's start has left."""
    unit = greet(rig.controller)
    rig.controller.testify_to(Ledger())
    rig.controller.take_up(plan_of(unit, *steps), 7, attended=False)
    rig.controller.arm()
    while not rig.controller.known.is_armed():
        turn_for(rig, 1)
    rig.controller.start(steps[0], steps[0].duration_ms)
    return unit


def turn_for(rig: Rig, for_ms: int) -> None:
    """Let the controller do its work for a time."""
    until_ms = rig.clock.now_ms() + for_ms
    while rig.clock.now_ms() < until_ms:
        rig.controller.turn(until_ms)


def first_output_ms(model: str = "us111") -> int:
    """When output begins in a session of one step without a fault: the same every time."""
    rig = Rig(model)
    begun(rig, emit(rig, SECOND_MS))
    rig.wait(ON_THE_WAY_MS)
    (change,) = rig.unit.changes
    return change.ms


def family_of(rig: Rig) -> Family:
    """The family of the rig's unit, in the controller's words."""
    return Family[rig.unit.plate.family.name]
