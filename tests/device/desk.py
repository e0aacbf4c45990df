"""A controller with no unit and no cable: times, answers and acts go in, and what comes out is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from device.control.admission import SessionLoad
from device.control.controller import Controller
from device.control.machine import State
from device.control.outbox import Outgoing
from device.dialects.base import Answer, GetStatus, Heard, Intent, Permitted, UnitState
from device.dialects.native import Native
from device.events import Event
from device.unit import Unit
from protocols.plan import Emit
from tests.device.parts import SESSION, STATUS, UNIT
from tests.support import MINUTE_MS, ULTRASOUND, admission_of, plan_of

BEGAN_MS = 1000
STEP = Emit(ULTRASOUND, MINUTE_MS, 0)
PLAN = plan_of(UNIT, STEP)
UNDER_LEASE = (UnitState.EMITTING, UnitState.SUSPENDED)
RUNNING: dict[str, Any] = {
    "state": UnitState.EMITTING,
    "level_set": 440,
    "duty_set_pct": 100,
    "measured_level": 440,
}


class Spoken:
    """A dialect of two bytes: the number of the request. What it hears is what it has been given to hear."""

    name = "spoken"
    promises = Native.promises

    def __init__(self) -> None:
        self.damaged = 0
        self.said: list[tuple[int, Intent]] = []
        self.heard: list[Heard] = []

    def say(self, permitted: Permitted, seq: int) -> bytes:
        self.said.append((seq, permitted.intent))
        return seq.to_bytes(2, "little")

    def hear(self, data: bytes) -> list[Heard]:
        heard, self.heard = self.heard, []
        return heard

    def give_up(self) -> None:
        """Do nothing: each answer is given by hand."""


class Desk:
    """A controller, and what a test says to it and takes from it."""

    def __init__(self) -> None:
        self.dialect = Spoken()
        self.controller = Controller(self.dialect, BEGAN_MS, "a desk")
        self.events: list[Event] = []
        self.sent: list[Outgoing] = []
        self.writes = True  # the recorder does
        self._delivered_ms = 0

    @property
    def now_ms(self) -> int:
        return self.controller.now_ms

    def carry_out(self) -> None:
        while (item := self.controller.outbox.next) is not None:
            self.controller.outbox.done()
            if isinstance(item, Event):
                self.events.append(item)
            else:
                self.sent.append(item)
        if self.writes:
            self.controller.recorded(self.controller.outbox.handed_over, self.now_ms)

    def answer(self, answer: Answer | None = None, *, came_ms: int | None = None, **changes: Any) -> None:
        """Answer the latest request: with a report that differs in ``changes`` from one of a ready unit.

        It is made now, and received at ``came_ms``.
        """
        seq, intent = self.dialect.said[-1]
        uptime_ms = STATUS.uptime_ms + self.now_ms
        known = self.controller.known
        if changes.get("state") is UnitState.EMITTING and known.start is not None:
            self._delivered_ms = self.now_ms - known.start.at_ms
        said = replace(
            STATUS,
            asked=type(intent).__name__,
            uptime_ms=uptime_ms,
            step_ms=self._delivered_ms,
            delivered_ms=self._delivered_ms,
            energy_mj=self._delivered_ms * 1760 // 1000,  # 440 mW/cm² from 4 cm²
        )
        said = replace(said, **changes)
        grant = known.grant
        if said.state in UNDER_LEASE and grant is not None and "lease_left_ms" not in changes:
            said = replace(
                said, lease_left_ms=max(10, grant.lease_ms - (said.uptime_ms - grant.unit_uptime_ms))
            )
        self.dialect.heard = [Heard(seq, answer or said)]
        self.controller.receive(b"..", came_ms or self.now_ms)
        self.carry_out()

    def wait_to(self, until_ms: int) -> None:
        """Call the controller whenever it wants to be called, and answer nothing."""
        while self.now_ms < until_ms:
            self.controller.poll(min(self.controller.due_ms(), until_ms))
            self.carry_out()

    def run_to(self, until_ms: int, **changes: Any) -> None:
        """Call the controller whenever it wants to be called, and answer every request at once."""
        while self.now_ms < until_ms:
            said = len(self.dialect.said)
            self.controller.poll(min(self.controller.due_ms(), until_ms))
            self.carry_out()
            if len(self.dialect.said) > said:
                self.answer(**changes)

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    def alarms(self) -> list[str]:
        return [rule.code for rule in self.controller.alarms]

    def intents(self) -> list[type[Intent]]:
        return [type(intent) for _, intent in self.dialect.said]


def identified(unit: Unit = UNIT) -> Desk:
    """A unit has made itself known, and there is a recorder."""
    desk = Desk()
    desk.controller.say(GetStatus())
    desk.answer(state=UnitState.IDLE, session=0)
    desk.controller.open(unit)
    desk.controller.record_from_here()
    desk.carry_out()
    return desk


def armed(*, attended: bool = False) -> Desk:
    """A session has begun, and its unit is armed."""
    desk = identified()
    desk.controller.load(SessionLoad(PLAN, SESSION, admission=admission_of(PLAN), attended=attended))
    desk.controller.arm()
    desk.answer()
    return desk


def emitting(*, attended: bool = False) -> Desk:
    """Output has begun."""
    desk = armed(attended=attended)
    desk.controller.start(STEP, STEP.duration_ms)
    desk.carry_out()
    desk.answer(**RUNNING)
    assert desk.controller.state is State.EMITTING
    return desk
