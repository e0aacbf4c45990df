"""What whole-session tests share: a recorder that keeps what it is told, and plans made by hand."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from queue import SimpleQueue
from typing import Any

from hypothesis import settings

from device.clock import VirtualClock
from device.control.admission import Admission, SessionLoad
from device.control.controller import Controller
from device.control.delivery import Delivery, deliver
from device.control.driver import Driver
from device.control.handshake import perform_handshake
from device.dialects.native import Native
from device.events import Event
from device.link import Inbox
from device.unit import Unit
from physioctl.answers import blank_answers
from physioctl.questions import questions_of
from physioctl.rehearsal.rig import CableLink, Rig
from physioctl.screening import Answer, Answers, answered, day_of
from protocols.contraindications import AgeBand
from protocols.limits import Block, Bound, Family, Limits
from protocols.model import Protocol
from protocols.plan import Emit, Guide, Percussion, Plan, Setting, Step, Ultrasound, energy_mj

SECOND_MS = 1000
MINUTE_MS = 60_000
LEASE_MS = 500  # what is asked of these units, as DESIGN has it; not read from the code that asks
ON_THE_WAY_MS = 10  # a message that had left already still arrives
ULTRASOUND = Ultrasound(intensity_mw_cm2=440, duty_pct=100, carrier_khz=1000, pulse_hz=0)
PERCUSSION = Percussion(speed_per_min=2000)
OUTPUTS: dict[str, Setting] = {"us111": ULTRASOUND, "ultragun": PERCUSSION, "ultragun_pro": PERCUSSION}

VIRTUAL_DAY = day_of(VirtualClock())  # of every session on virtual time that begins with it

MakeRig = Callable[..., Rig]

# For tests whose every example is a whole session: the same ones each time, however busy the machine.
some_sessions = settings(max_examples=20, deadline=None, derandomize=True)


class CountedLink(CableLink):
    """A cable to a unit that counts as real, as all that is behind a port does."""

    simulated = False


class Ledger:
    """A recorder that keeps everything, in memory. It observes as well."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    @property
    def written(self) -> int:
        return len(self.events)

    def on_event(self, event: Event) -> None:
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
        body_site="calf",
        model=unit.model.id,
        steps=steps,
        limits=Limits(unit.bounds),
        energy_mj=planned_mj,
    )


def content_of(plan: Plan) -> str:
    """The canonical text of a protocol that gives what ``plan`` gives, and sets no limits of its own."""
    steps = [_written(step) for step in plan.steps]
    return json.dumps({"family": plan.family.value, "body_site": plan.body_site, "steps": steps})


def admission_of(plan: Plan, *bounds: Bound, blocks: tuple[Block, ...] = ()) -> Admission:
    """What a session of ``plan`` is admitted with; ``bounds`` are the person's or the operator's."""
    content = content_of(plan)
    hash_ = hashlib.sha256(content.encode()).hexdigest()
    return Admission(content, hash_, side="none", bounds=bounds, blocks=blocks)


def _written(step: Step) -> dict[str, Any]:
    if isinstance(step, Guide):
        return {"guide": step.say, "for": f"{step.duration_ms} ms"}
    if not isinstance(step, Emit):
        return {"rest": f"{step.duration_ms} ms"}
    output = step.setting
    emit: dict[str, Any]
    if isinstance(output, Percussion):
        emit = {"speed": f"{output.speed_per_min} /min"}
    else:
        emit = {
            "intensity": f"{output.intensity_mw_cm2} mW/cm²",
            "duty": f"{output.duty_pct} %",
            "carrier": f"{output.carrier_khz} kHz",
        }
        emit |= {"pulse": f"{output.pulse_hz} Hz"} if output.pulse_hz else {}
    ramp = {"ramp": f"{step.ramp_ms} ms"} if step.ramp_ms else {}
    return {"emit": emit, "for": f"{step.duration_ms} ms", **ramp}


def run_plan(driver: Driver, plan: Plan, session: int = 7, *, attended: bool = False) -> Delivery:
    """Deliver ``plan`` to the identified unit, admitted with what it gives."""
    script = deliver(driver.controller, plan, session, admission=admission_of(plan), attended=attended)
    return driver.run(script)


def load(controller: Controller, plan: Plan, session: int = 7, *, attended: bool = False) -> None:
    """Load ``plan``, admitted with what it gives."""
    controller.load(SessionLoad(plan, session, admission=admission_of(plan), attended=attended))


def output_for(rig: Rig) -> Setting:
    """A middling output of the rig's unit."""
    return OUTPUTS[rig.unit.plate.model]


def emit(rig: Rig, duration_ms: int, ramp_ms: int = 0) -> Emit:
    """A step of middling output."""
    return Emit(output_for(rig), duration_ms, ramp_ms)


def session_on(
    rig: Rig, *steps: Step, attended: bool = False, ledger: Ledger | None = None, session: int = 7
) -> Delivery:
    """Perform the handshake, and deliver ``steps`` from the first to the last."""
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(ledger or Ledger())
    return run_plan(rig.driver, plan_of(unit, *steps), session, attended=attended)


def another_host(rig: Rig) -> Driver:
    """Another program at the same cable: it knows nothing, and counts its questions from the beginning."""
    inbox: Inbox = SimpleQueue()
    return Driver(CableLink(rig.cable, rig.clock, inbox), rig.clock, inbox, Native())


def begun(rig: Rig, *steps: Emit) -> Unit:
    """Bring the rig to the moment at which the first step's start has left."""
    unit = rig.driver.run(perform_handshake(rig.controller))
    rig.driver.record_to(Ledger())
    load(rig.controller, plan_of(unit, *steps))
    rig.controller.arm()
    while not rig.controller.known.is_armed():
        turn_for(rig, 1)
    rig.controller.start(steps[0], steps[0].duration_ms)
    rig.driver.carry_out()
    return unit


def turn_for(rig: Rig, for_ms: int) -> None:
    """Let the controller do its work for a time."""
    until_ms = rig.clock.now_ms() + for_ms
    while rig.clock.now_ms() < until_ms:
        rig.driver.step(until_ms)


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


def form_answered(protocol: Protocol, today: date, person: str) -> str:
    """The answers form of ``protocol`` for ``person``, with every question answered no, for an adult."""
    form = re.sub(
        r"^([A-Z][A-Z0-9_]*):", r"\1: no", blank_answers(protocol, today, person), flags=re.MULTILINE
    )
    return form.replace("age_band:", "age_band: adult", 1)


def screened(
    protocol: Protocol,
    other: Mapping[str, Answer] | None = None,
    *,
    on: date = VIRTUAL_DAY,
    person: str | None = "P-017",
) -> Answers:
    """Every question of ``protocol`` answered no, but for ``other``, for an adult, on the day ``on``."""
    said = {question.code: Answer.NO for question in questions_of(protocol)} | dict(other or {})
    return answered(protocol, said, on=on, person=person, age_band=AgeBand.ADULT)
