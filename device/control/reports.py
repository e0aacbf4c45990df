"""What is done with an answer of the unit: it is kept, judged by the watch, followed, and recorded.

Nothing is sent from here but the stops that an alarm asks for.
"""

from __future__ import annotations

from dataclasses import asdict
from operator import attrgetter
from typing import TYPE_CHECKING

from device.control.machine import State, Trigger
from device.control.requests import PendingRequest
from device.control.schedule import LIVE, WAITING
from device.dialects.base import (
    Answer,
    Arm,
    Capabilities,
    Identity,
    SetOutput,
    Status,
    UnitState,
    is_answer_to,
)
from device.events import AlarmEnded, StatusChanged
from device.monitor.alarms import BY_CODE
from device.monitor.trends import ReportTrends
from device.monitor.watch import Watch
from device.unit import Unit

if TYPE_CHECKING:
    from device.control.controller import Controller

# The fields of a report whose change is recorded. The others are readings and counters: they always change.
RECORDED = ("refusal", "state", "faults", "nonce", "session", "level_set", "duty_set_pct", "lapses")
_recorded_of = attrgetter(*RECORDED)


class Reports:
    """What the unit of one controller says."""

    def __init__(self, controller: Controller) -> None:
        self.identity: Identity | None = None
        self.declared: Capabilities | None = None
        self.watch = Watch()
        self._controller = controller
        self._trends: ReportTrends | None = None
        self._recorded: tuple[object, ...] = ()  # of the report last recorded, what changes seldom

    def judge_from_here(self, unit: Unit) -> None:
        """Let the watch judge every report of ``unit`` from here on: a session begins."""
        self._trends = ReportTrends(unit)
        self.watch.judge_only_what_is_told(unit.declared.reports)

    def receive(self, request: PendingRequest, answer: Answer) -> None:
        """Take in ``answer``, which has come under the number of ``request``."""
        if not is_answer_to(request.intent, answer):
            self._break_once("ANSWER_DIFFERS")
        elif isinstance(answer, Identity):
            self.identity = answer
        elif isinstance(answer, Capabilities):
            self.declared = answer
        else:
            self._receive_status(request, answer)

    def _receive_status(self, request: PendingRequest, answer: Status) -> None:
        controller, known, intent = self._controller, self._controller.known, request.intent
        came_ms = controller.delays.came_ms(request.at_ms, controller.now_ms)
        known.hear(answer, controller.now_ms, intent, came_ms)
        if not known.is_from_the_unit(answer):  # it has restarted, or another one answers
            self._break_once("RESTARTED")
            return  # nothing else in the answer is used
        status = known.status or answer  # with what the unit cannot tell
        controller.scheduler.received(request.at_ms, controller.now_ms)
        if answer.refusal and isinstance(intent, Arm | SetOutput):
            asked = "arm" if isinstance(intent, Arm) else "start"
            controller.fail(f"the unit refused to {asked}: {answer.refusal}")
        self._judge(status, came_ms)
        self._follow(status)
        self._record_change(status)

    def _break_once(self, code: str) -> None:
        """Break the rule ``code``, once and in a session only."""
        rule = BY_CODE[code]
        if self._controller.used and rule not in self._controller.alarms:
            self._controller.break_rule(rule, rule.what)

    def _judge(self, status: Status, came_ms: int) -> None:
        controller, known, state = self._controller, self._controller.known, self._controller.state
        if self._trends is None:
            return
        plan = known.plan
        assert plan is not None  # `load` sets both
        expected = known.expected(status, plan, live=state in LIVE, resting=state in WAITING)
        raised, ended = self.watch.judge(self._trends.see(status, came_ms, expected))
        for rule in raised:
            if rule.code == "LAPSED" and status.output_is_off and self._host_was_late():
                self._excuse_lapse(status, self._trends)
            else:
                controller.break_rule(rule, rule.what)
        for rule in ended:
            controller.publish(AlarmEnded(at_ms=controller.now_ms, code=rule.code))

    def _host_was_late(self) -> bool:
        controller = self._controller
        return controller.delays.excuses_lapse(controller.known.driven_unit.lease_ms, controller.now_ms)

    def _excuse_lapse(self, status: Status, trends: ReportTrends) -> None:
        """Pause instead of failing: the lease ran out because the computer was busy."""
        self.watch.forget("LAPSED")
        trends.accept_lapses(status)
        what = f"this computer was busy for {self._controller.delays.for_ms} ms"
        self._controller.break_rule(BY_CODE["HOST_DELAYED"], what)

    def _follow(self, status: Status) -> None:
        """Follow what the unit has done by itself: a step over, contact lost or back, output off."""
        controller, state, said = self._controller, self._controller.state, status.state
        output_off = controller.known.output_off
        if state is State.FINISHING:
            if output_off.confirmed_off:
                output_off.rest()
                controller.known.count_step_whole()
                controller.fire(Trigger.FINISH)
        elif state is State.EMITTING and said is UnitState.SUSPENDED:
            controller.fire(Trigger.LIFT)
        elif state is State.SUSPENDED and said is UnitState.EMITTING:
            controller.fire(Trigger.TOUCH)
        elif state in LIVE and said is UnitState.READY and status.output_is_off:
            controller.fire(Trigger.FINISH)
        elif state in LIVE and said not in (UnitState.EMITTING, UnitState.SUSPENDED, UnitState.READY):
            controller.fail(f"the unit is {said.value} by itself")
        elif state is State.PAUSING and output_off.confirmed_off:
            controller.fire(Trigger.OUTPUT_OFF)

    def _record_change(self, status: Status) -> None:
        """Publish a status that differs in more than its readings; readings are in `Progress`."""
        changes, controller = _recorded_of(status), self._controller
        if changes != self._recorded and controller.used:
            self._recorded = changes
            controller.publish(StatusChanged(at_ms=controller.now_ms, status=asdict(status)))
