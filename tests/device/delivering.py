"""A plan delivered with no cable, to a unit that answers at once and carries out what it hears."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from device.control.controller import Script
from device.control.delivery import Delivery, deliver
from device.dialects.base import Arm, Intent, SetOutput, Stop, UnitState
from device.events import Progress
from device.operator import Lower, SessionAction
from device.unit import Unit
from protocols.plan import Step
from tests.device.desk import BEGAN_MS, RUNNING, UNDER_LEASE, identified
from tests.device.parts import SESSION, UNIT
from tests.support import SECOND_MS, admission_of, plan_of


class Delivering:
    """A plan that is being delivered, and a unit that answers at once and carries out what it hears.

    Times are those of the session: 0 when it begins.
    """

    def __init__(self, *steps: Step, unit: Unit = UNIT, **others: Any) -> None:
        self.desk = identified(unit)
        self.controller = self.desk.controller
        plan = plan_of(unit, *steps)
        self.script: Script[Delivery] = deliver(
            self.controller, plan, SESSION, admission=admission_of(plan), **others
        )
        self.result: Delivery | None = None
        self.hears: Callable[[Intent], bool] = lambda intent: True  # else it answers and does nothing
        self.answers = True
        self.changes: dict[str, Any] = {}  # what it reports otherwise than it is
        self.state = UnitState.IDLE
        self._answered = len(self.desk.dialect.said)
        self.delivered_ms = 0  # before the running step
        self._level = self._given = self._base_ms = 0  # of the running step; level × ms; counted before it
        self._since_ms = self._for_ms = self._rise_ms = 0

    @property
    def now_ms(self) -> int:
        return self.desk.now_ms - BEGAN_MS

    def run_to(self, until_ms: int) -> Delivery | None:
        """Run the script as the driver does, for as long; its result if it has come to an end."""
        while self.result is None:
            try:
                wake_ms = next(self.script)
            except StopIteration as ended:
                self.result = ended.value
                break
            if self._carry_out():
                continue  # the script is called again once an answer has come
            if self.now_ms >= until_ms:
                break
            self.controller.poll(min(wake_ms, self.controller.due_ms(), BEGAN_MS + until_ms))
            self._carry_out()
        self._carry_out()
        return self.result

    def run_out(self) -> Delivery:
        """Run the script to its end."""
        result = self.run_to(3600 * SECOND_MS)
        assert result is not None
        return result

    def operate(self, action: SessionAction | Lower) -> None:
        self.controller.operate(action, self.desk.now_ms)
        self._carry_out()

    def shown(self) -> list[Progress]:
        return [event for event in self.desk.events if isinstance(event, Progress)]

    def asked(self, kind: type[Intent]) -> list[Any]:
        return [intent for _, intent in self.desk.dialect.said if isinstance(intent, kind)]

    def _carry_out(self) -> bool:
        """Carry out what the controller has produced; return whether the unit has answered anything."""
        before = self._answered
        self.desk.carry_out()
        while self._answered < len(self.desk.dialect.said):
            self._answered = len(self.desk.dialect.said)
            if not self.answers:
                return False
            self._answer(self.desk.dialect.said[-1][1])
        return self._answered > before

    def _answer(self, intent: Intent) -> None:
        ran_ms = self._ran_ms
        if self.state is UnitState.EMITTING and ran_ms == self._for_ms:
            self.end_step(UnitState.READY)
        if isinstance(intent, Stop) and self.hears(intent):
            self.end_step(UnitState.IDLE)
        elif isinstance(intent, Arm) and self.hears(intent):
            self.state = UnitState.READY
        elif isinstance(intent, SetOutput) and self.hears(intent):
            self.state, self._level = UnitState.EMITTING, intent.setting.level
            self._base_ms, self._rise_ms, ran_ms = self.delivered_ms, 0, 0
            self._since_ms, self._for_ms = self.desk.now_ms, intent.for_ms
        emits = self.state is UnitState.EMITTING
        running_ms = ran_ms if emits else 0
        said: dict[str, Any] = {
            "state": self.state,
            "session": SESSION if self.asked(Arm) else 0,
            "delivered_ms": self.delivered_ms + running_ms,
            "step_ms": self.delivered_ms + running_ms - self._base_ms,
            "energy_mj": (self._given + self._level_ms * emits) * 4 // 1000,  # from 4 cm²
        }
        if self.state in UNDER_LEASE:
            level = self._level * ran_ms // self._rise_ms if ran_ms < self._rise_ms else self._level
            said |= RUNNING | {"level_set": self._level, "measured_level": level, "state": self.state}
        if self.state is UnitState.SUSPENDED:
            said |= {"measured_level": 0, "contact_pct": 0}
        self.desk.answer(**(said | self.changes))

    def end_step(self, state: UnitState) -> None:
        """Output ends by itself, if it is on, and the unit is in ``state`` now."""
        if self.state is UnitState.EMITTING:
            self._given += self._level_ms
            self.delivered_ms += self._ran_ms
        self.state = state

    def go_on(self, for_ms: int) -> None:
        """Contact is back, and output rises again."""
        self.state, self._since_ms, self._for_ms = UnitState.EMITTING, self.desk.now_ms, for_ms
        self._rise_ms = 500

    def miss(self, ms: int) -> None:
        """Do not count so much of the running step."""
        self._since_ms += ms
        self._for_ms -= ms

    @property
    def _ran_ms(self) -> int:
        return max(min(self.desk.now_ms - self._since_ms, self._for_ms), 0)

    @property
    def _level_ms(self) -> int:
        """What has been given since output began or came back, as level × ms."""
        risen_ms = min(self._ran_ms, self._rise_ms)
        rising = risen_ms * risen_ms // (2 * self._rise_ms) if self._rise_ms else 0
        return self._level * (rising + self._ran_ms - risen_ms)
