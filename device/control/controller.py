"""The controller of one unit: times, bytes and operator actions go in; events and bytes come out.

It is sans-IO: it has no clock, port, thread, queue or file; those belong to `device.control.driver`. Every
input comes with its time. `Controller.outbox` holds what has to be recorded or sent, in order, and
`Controller.due_ms` is the time by which the controller has to be called again. Sequences that take time (the
handshake, the delivery of a plan, the end of a session) are *scripts*: generators that yield the time until
which they can wait.

Here are the inputs, the commands that change the state, and `say`, which everything for the unit passes. What
follows from an answer is in `device.control.reports`, from what a person asks in `device.control.actions`,
from what has not come in `device.control.overdue`; what is sent when, in `device.control.schedule`. Only
`Controller.poll` renews a lease, so that the lease runs out when the loop hangs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import asdict
from typing import TypeAlias, TypeVar

from device.control import starting
from device.control.actions import OperatorActions
from device.control.admission import SessionLoad
from device.control.allowed import allow
from device.control.guard import Guard, permit
from device.control.host_delays import HostDelays
from device.control.machine import State, StateMachine, Trigger
from device.control.outbox import Outbox, Outgoing
from device.control.overdue import Overdue
from device.control.reports import Reports
from device.control.requests import RequestTracker
from device.control.schedule import LIVE, OFF_STATUS_MS, STOP_MS, Scheduler
from device.control.state import SessionState, misused
from device.dialects.base import Arm, Dialect, Intent, LowerLevel, Renew, SetOutput, Status, Stop
from device.dialects.promises import check_promises
from device.errors import LinkLost
from device.events import (
    AlarmRaised,
    Commanded,
    Event,
    HostDelayed,
    OffConfirmation,
    StateChanged,
    StopOutcome,
)
from device.monitor.alarms import BY_CODE, Effect, Rule
from device.operator import OperatorAction, SessionAction
from device.unit import Unit
from protocols.plan import Emit

T = TypeVar("T")
Script: TypeAlias = Generator[int, None, T]  # yields until when it can wait, at the latest


class Controller:
    """Controls one unit for one session. The guard has permitted every message that it makes.

    ``guard`` is for tests of the other fences, which replace it.
    """

    def __init__(self, dialect: Dialect, now_ms: int, port: str = "", *, guard: Guard = permit) -> None:
        self.port = port  # the link's name, for messages to people
        self.now_ms = now_ms  # the time of the latest input
        self.known = SessionState()
        self.alarms: list[Rule] = []  # raised so far, in order
        self.heard_bytes = 0
        self.failure = ""  # why the state is FAULT or UNCERTAIN
        self.lost: LinkLost | None = None
        self.outbox = Outbox()
        self.requests = RequestTracker(dialect)
        self.delays = HostDelays(now_ms)
        self.reports = Reports(self)
        self.actions = OperatorActions(self)
        self.overdue = Overdue(self)
        self.scheduler = Scheduler(self.known, self.requests, self.reports.watch, now_ms)
        self._guard = guard
        self._machine = StateMachine(self.known)

    # --- properties ----------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The controller's state."""
        return self._machine.state

    @property
    def unit(self) -> Unit | None:
        """The unit on the cable; None before the handshake."""
        return self.known.unit

    @property
    def used(self) -> bool:
        """Whether it has had its session. The next session takes a new controller, on the same link."""
        return self.known.plan is not None

    @property
    def status(self) -> Status | None:
        """The unit's latest report."""
        return self.known.status

    @property
    def line_is_free(self) -> bool:
        """Whether the next request can leave now, and need not wait until the one under way is over."""
        return self.requests.free_at_ms() <= self.now_ms

    def due_ms(self) -> int:
        """When `poll` has to be called again at the latest."""
        if self._nothing_to_say:
            return self.delays.due(self.now_ms + OFF_STATUS_MS)
        return self.delays.due(self.scheduler.due_ms(self.state, self.now_ms))

    @property
    def _nothing_to_say(self) -> bool:
        """Whether nobody is there to be told anything: no unit, or no link."""
        offline = self.state is State.OFFLINE and not self.known.output_off.stopping
        return offline or self.lost is not None

    # --- inputs -------------------------------------------------------------------------------------

    def poll(self, now_ms: int) -> None:
        """Do what is due at ``now_ms``, and end output when required answers are missing."""
        self._move_to(now_ms)
        self.overdue.check()
        if self._nothing_to_say:
            return
        state = self.state
        end_ms = self.scheduler.step_end_ms(state)
        if end_ms is not None and self.now_ms >= end_ms:
            self.end(Trigger.END_STEP)
        elif self.now_ms >= self.scheduler.due_ms(state, self.now_ms):
            self.say(self.scheduler.what_is_due(state, self.now_ms))

    def receive(self, data: bytes, now_ms: int) -> None:
        """``data`` has arrived from the unit."""
        self._move_to(now_ms)
        self.heard_bytes += len(data)
        for request, answer in self.requests.hear(data):
            self.reports.receive(request, answer)

    def sent(self, now_ms: int) -> None:
        """What was sent last has left by ``now_ms``: late, where this computer has stalled."""
        self.requests.left(now_ms)

    def lose_link(self, error: LinkLost, now_ms: int) -> None:
        """The link has gone."""
        self._move_to(now_ms)
        if self.lost is None:
            self.lost = error
            self.break_rule(BY_CODE["COMM_LOST"], error.what)

    def operate(self, action: OperatorAction, now_ms: int) -> None:
        """A person has asked for ``action``."""
        self._move_to(now_ms)
        self.actions.operate(action)

    def recorded(self, up_to: int, now_ms: int) -> None:
        """The first ``up_to`` events that were handed to the recorder are on the disk."""
        self._move_to(now_ms)
        self.outbox.recorded(up_to)

    def _move_to(self, now_ms: int) -> None:
        """Take the time of an input. A time earlier than the latest one is ignored."""
        self.now_ms = max(self.now_ms, now_ms)
        if self.delays.called(self.now_ms) and self.state in LIVE:
            self.publish(HostDelayed(at_ms=self.now_ms, for_ms=self.delays.for_ms))

    # --- commands --------------------------------------------------------------------------------------

    def open(self, unit: Unit) -> None:
        """Set the unit on the cable. Its output is off.

        Raise `WrongUnit` when its dialect does not promise what the controller relies on.
        """
        check_promises(self.requests.dialect.promises)
        self.known.unit = unit
        if self.state is State.OFFLINE:
            self.fire(Trigger.IDENTIFIED)

    def record_from_here(self) -> None:
        """Note that there is a recorder: from now on output waits for its confirmation."""
        self.outbox.recording = True

    def load(self, load: SessionLoad) -> None:
        """Load the plan of a session.

        Raise `TransitionRefused` when the plan is not within its limits, and `GuardRefused` when the guard
        cannot determine what may be given, when nothing records the session, or when the controller has had
        one.
        """
        unit = self.known.driven_unit
        if not self.outbox.recording:
            raise misused("a session was begun that nothing records")
        if self.used:
            raise misused("a controller is for one session, and this one has had it")
        self.known.load(load.plan, load.session, allow(unit.identity, unit.declared, load.admission))
        self.known.attended = load.attended
        self.reports.judge_from_here(unit)
        self.fire(Trigger.AWAIT if load.awaits_start else Trigger.ARM)
        if self.actions.latest is SessionAction.PAUSE:
            self.pause()

    def arm(self) -> None:
        """Send the session's ceilings to the unit. Arming the same session again keeps the unit's counts."""
        self.say(starting.arming(self.known))

    def permit_output(self, step: Emit, for_ms: int) -> int:
        """Record that the output of a step is permitted; return the number of the event."""
        self.publish(starting.permission(step, for_ms, self.now_ms))
        return self.outbox.handed_over

    def start(self, step: Emit, for_ms: int) -> None:
        """Start the output of a step. The request is sent once; its result is read with `GetStatus`."""
        request = starting.start(self.known, step, for_ms)
        if not self.line_is_free:
            raise misused("output was to be started while another request is under way")
        self.known.begin(step, for_ms)
        self.fire(Trigger.START)
        self.say(request)

    def pause(self) -> None:
        """Turn output off until a person resumes. A session that has not begun begins paused."""
        if self.state in LIVE:
            self.end(Trigger.PAUSE)
        elif self.state is State.ARMED:
            self.fire(Trigger.PAUSE)

    def resume(self) -> None:
        """Resume from a pause: an operator's action."""
        if self.state is State.PAUSED:
            self.known.output_off.rest()
            self.fire(Trigger.RESUME)

    def begin(self) -> None:
        """Let a session begin that waits for it: an operator's action."""
        self.fire(Trigger.BEGIN)

    def skip(self) -> None:
        """End the guided step that runs: an operator's action."""
        self.fire(Trigger.SKIP)
        self.known.guided = False

    def stop(self) -> None:
        """End the output and the session, from any state. Never refused."""
        self.end(Trigger.STOP)

    def fail(self, why: str) -> None:
        """End the output and latch a fault, which a person has to clear."""
        self.failure = self.failure or why
        self.end(Trigger.FAIL)

    def leave_fault(self) -> None:
        """Leave a fault, at the operator's request; raise `TransitionRefused` while its cause remains."""
        self.fire(Trigger.CLEAR)
        self.failure = ""

    def break_off(self, why: str) -> None:
        """Pause in an attended session; fail in an unattended one."""
        if self.known.attended:
            self.pause()
        else:
            self.fail(why)

    def stop_bytes(self) -> bytes:
        """Return a stop to be sent without the loop; empty when output is confirmed off."""
        if self.known.output_off.confirmed_off:
            return b""
        permitted = self._guard(Stop(), self.known.guard_context(self.state, recorded=self.outbox.recording))
        return self.requests.ask(permitted, self.now_ms)

    # --- scripts ------------------------------------------------------------------------------------

    def shut_down(self) -> Script[None]:
        """End the output after an error in the session."""
        self.fail("the session broke off")
        yield from self.settle()

    def wait_for_line(self, until_ms: int) -> Script[None]:
        """Wait until the next request can leave, or until ``until_ms``."""
        while not self.line_is_free and self.lost is None and self.now_ms < until_ms:
            yield min(until_ms, self.requests.free_at_ms())

    def settle(self) -> Script[OffConfirmation]:
        """Wait until output is confirmed off, or can only be presumed off or unknown; return which."""
        began_ms = self.now_ms
        while (output_off := self.output_off()) is None:
            yield self.now_ms + STOP_MS
        if output_off is OffConfirmation.CONFIRMED and self.state in (State.STOPPING, State.UNCERTAIN):
            self.known.output_off.rest()
            self.fire(Trigger.OUTPUT_OFF)
        elif self.state is State.STOPPING:
            self.fire(Trigger.DOUBT)
        self.publish(StopOutcome(at_ms=self.now_ms, output_off=output_off, took_ms=self.now_ms - began_ms))
        return output_off

    def output_off(self) -> OffConfirmation | None:
        """What is known of output off; None while an answer may still come."""
        return self.known.output_off.known(self.now_ms, reachable=self.lost is None)

    # --- what goes out --------------------------------------------------------------------------------

    def say(self, intent: Intent) -> None:
        """Send a request: it passes the guard, is recorded, and its bytes are produced.

        While the line is not free, nothing leaves: a stop follows as soon as it is, and whoever asks anything
        else asks again.
        """
        if isinstance(intent, Stop):
            self.known.armed = False
            self.scheduler.stops(self.now_ms, waits=not self.line_is_free)
        if not self.line_is_free:
            return
        permitted = self._guard(intent, self.known.guard_context(self.state, recorded=self.outbox.recording))
        if isinstance(intent, SetOutput | Arm | LowerLevel):
            self.publish(Commanded(at_ms=self.now_ms, intent=type(intent).__name__, values=asdict(intent)))
        if isinstance(intent, LowerLevel):
            self.known.asked_levels += (intent.level,)
        if isinstance(intent, SetOutput | Renew):
            self.scheduler.granted_ms = self.now_ms
            self.known.allow(intent, self.scheduler.received_at_ms, self.now_ms)
        data = self.requests.ask(permitted, self.now_ms)
        self.scheduler.sent_ms = self.now_ms
        if self.lost is None:
            self.outbox.send(Outgoing(data, isinstance(intent, Stop), isinstance(intent, SetOutput)))

    def publish(self, event: Event) -> None:
        """Have ``event`` recorded, and shown afterwards."""
        self.outbox.publish(event, self.now_ms)

    def withdraw(self, unwanted: Callable[[Outgoing], bool]) -> bool:
        """Let what is ``unwanted`` and has not been sent yet never leave; return whether there was any.

        It delays no stop: the line is free again.
        """
        withdrawn = self.outbox.withdraw(unwanted)
        if withdrawn:
            self.requests.withdraw()
        if any(item.starts_output for item in withdrawn):
            self.known.start_withdrawn = True
        return bool(withdrawn)

    # --- what its parts do to the state ---------------------------------------------------------------

    def can_fire(self, trigger: Trigger) -> bool:
        """Whether ``trigger`` is possible now."""
        return self._machine.may(trigger)

    def fire(self, trigger: Trigger) -> None:
        """Change the state and tell of it, or raise `TransitionRefused` and change nothing."""
        before = self.state.value
        state = self._machine.fire(trigger).value
        if state != before:
            at_ms, may = self.now_ms, self.actions.may
            self.publish(
                StateChanged(at_ms=at_ms, state=state, before=before, trigger=trigger.value, may=may)
            )

    def end(self, trigger: Trigger) -> None:
        """Send a stop at once, then change the state."""
        self.known.output_off.ask(self.now_ms, reachable=self.lost is None)
        self.withdraw(lambda item: not item.is_stop)
        if self.lost is None:
            self.say(Stop())
        self.fire(trigger)

    def break_rule(self, rule: Rule, what: str) -> None:
        """Do what ``rule`` of the watch asks for when it is broken, and raise its alarm."""
        if rule.breaks_lease:
            self.known.output_off.distrust_lease()
        if rule.effect is Effect.FAIL:
            self.fail(what)
        elif rule.effect is Effect.PAUSE:
            self.break_off(what)
        self.alarm(rule, what)

    def alarm(self, rule: Rule, what: str) -> None:
        """Raise the alarm of ``rule``: it is recorded, and shown."""
        self.alarms.append(rule)
        self.publish(
            AlarmRaised(
                at_ms=self.now_ms,
                code=rule.code,
                priority=rule.priority,
                what=what,
                action=rule.action,
                status=asdict(self.status) if self.status else None,
            )
        )
