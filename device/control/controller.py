"""The controller of one unit: times, bytes and operator actions go in; events and bytes come out.

It is sans-IO: it has no clock, port, thread, queue or file; those belong to `device.control.driver`. Every
input comes with its time. `Controller.next_output` returns what has to be recorded or sent, in order, and
`Controller.due_ms` the time by which the controller has to be called again. Sequences that take time (the
handshake, the delivery of a plan, the end of a session) are *scripts*: generators that yield the time until
which they can wait.

Only `Controller.poll` renews a lease, so that the lease runs out when the loop hangs. The order of a plan's
steps is in the script of `device.control.delivery`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import TypeAlias, TypeVar

from device.control.admission import Admission
from device.control.allowed import allow
from device.control.guard import Guard, permit
from device.control.machine import State, StateMachine, Trigger
from device.control.requests import PendingRequest, RequestTracker
from device.control.schedule import LIVE, OFF_STATUS_MS, STATUS_MS, STOP_MS, Scheduler
from device.control.state import SessionState
from device.dialects.base import (
    Answer,
    Arm,
    Capabilities,
    Dialect,
    GetStatus,
    Identity,
    Intent,
    LowerLevel,
    Renew,
    SetOutput,
    Status,
    Stop,
    UnitState,
    is_answer_to,
)
from device.dialects.promises import check_promises
from device.errors import GuardRefused, LinkLost
from device.events import (
    ActionRefused,
    AlarmEnded,
    AlarmRaised,
    Commanded,
    Event,
    HostDelayed,
    LevelLowered,
    LowerRefused,
    Moment,
    NoteTaken,
    OffConfirmation,
    OperatorActed,
    OutputPermitted,
    PainAsked,
    PainScored,
    StateChanged,
    StatusChanged,
    StopOutcome,
)
from device.monitor.alarms import BY_CODE, Effect, Rule
from device.monitor.trends import ReportTrends
from device.monitor.watch import Watch
from device.operator import NOTE_MAX, PAIN_MAX, Lower, Note, OperatorAction, Pain, SessionAction
from device.unit import LEASE_MS, Unit
from protocols.families import definition
from protocols.plan import Emit, Plan, level

OVERDUE_MS = 100  # this long before the lease is out, or would be, missing answers are doubted
# The fields of a report whose change is recorded. The others are readings and counters: they always change.
RECORDED = ("refusal", "state", "faults", "nonce", "session", "level_set", "duty_set_pct", "lapses")
OFF_OVERDUE_MS = 2000  # the same, while output is off
BACKLOG_MAX_MS = 30_000  # an event that is not on the disk after this long ends output
DATED_MS = 500  # an Arm is dated by a report no older than this; a unit takes it for a second
LOWER_MAX_MS = 1000  # a unit that has not taken a lower level after this long is stopped
HOST_DELAY_MS = 150  # called this much later than was due: the computer was busy, or asleep

_recorded_of = attrgetter(*RECORDED)
_ACTIONS = {
    SessionAction.START: Trigger.BEGIN,
    SessionAction.PAUSE: Trigger.PAUSE,
    SessionAction.RESUME: Trigger.RESUME,
    SessionAction.SKIP: Trigger.SKIP,
    SessionAction.STOP: Trigger.STOP,
}
_WAITING = (State.AWAITING_START, State.ARMED, State.PAUSED)  # output is off, and nothing is on its way
_NOT_KEPT = {  # what counts in the moment when it is possible, and in no other; and why it is refused
    SessionAction.START: "no session waits for a start",
    SessionAction.SKIP: "no guided step runs: output and rests are never skipped",
    SessionAction.RESUME: "the session is not paused",
}
_RUNNING = (*_WAITING, State.PAUSING, *LIVE)
LOWER = "lower"  # what `may` calls it

T = TypeVar("T")
Script: TypeAlias = Generator[int, None, T]  # yields until when it can wait, at the latest


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes for the unit."""

    data: bytes
    is_stop: bool
    starts_output: bool


Produced: TypeAlias = Event | Outgoing


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
        self.last_action: SessionAction | None = None  # what a person last asked for
        self.question: Moment | None = None  # of which a pain score is waited for
        self.identity: Identity | None = None
        self.declared: Capabilities | None = None
        self._guard = guard
        self._requests = RequestTracker(dialect)
        self._machine = StateMachine(self.known)
        self._watch = Watch()
        self._scheduler = Scheduler(self.known, self._requests, self._watch, now_ms)
        self._trends: ReportTrends | None = None
        self._recording = False
        self._recorded: tuple[object, ...] = ()  # of the report last recorded, what changes seldom
        self._produced: deque[Produced] = deque()
        self.handed_over = 0  # events for the recorder so far
        self._unwritten: deque[tuple[int, int]] = deque()  # number and time of events not yet on the disk
        self.write_ms: int | None = None  # how long the recorder's latest write took; None: none is done
        self.record_failure = ""  # why the recorder was too slow for the session; empty where it was not
        self._due_ms = now_ms  # when the next call was due
        self._delay_ms = 0  # by how much the latest late call was late
        self._resumed_ms = now_ms  # when that was: what is missing is doubted from there on
        self._stopped_ms = now_ms  # when a stop last left
        self._heard_since_stop = False  # the latest report answers what was asked with that stop, or since

    # --- properties ----------------------------------------------------------------------

    @property
    def dialect(self) -> str:
        """The name of the dialect that is spoken."""
        return self._requests.dialect.name

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
    def delivered_ms(self) -> int:
        """Delivered in this session, as the unit last reported it, before it restarted if it has."""
        return self.known.delivered_ms

    @property
    def energy_mj(self) -> int:
        """Energy given in this session, as the unit last reported it, before it restarted if it has."""
        return self.known.energy_mj

    @property
    def received_at_ms(self) -> int:
        """When the latest valid status was received, or listening began; ms by the host's clock."""
        return self._scheduler.received_at_ms

    @property
    def fresh(self) -> bool:
        """Whether a status was received within one status period. Only then may the lease be renewed."""
        return self._scheduler.is_fresh(self.now_ms)

    @property
    def line_is_free(self) -> bool:
        """Whether the next request can leave now, and need not wait until the one under way is over."""
        return self._requests.free_at_ms() <= self.now_ms

    @property
    def can_date(self) -> bool:
        """Whether the latest report can date an Arm: it is recent, and no older than our latest stop."""
        return self._heard_since_stop and self.now_ms - self._scheduler.received_at_ms <= DATED_MS

    @property
    def halted(self) -> bool:
        """Whether a person has asked to stop."""
        return self.last_action is SessionAction.STOP

    @property
    def all_written(self) -> bool:
        """Whether every event so far is on the disk."""
        return not self._unwritten

    @property
    def latest_write(self) -> str:
        """How long the recorder's latest write took, in words."""
        if self.write_ms is None:
            return "no write has been done"
        return f"the latest write took {self.write_ms} ms"

    def due_ms(self) -> int:
        """When `poll` has to be called again at the latest."""
        state = self.state
        if self.lost or (state is State.OFFLINE and not self.known.output_off.stopping):
            self._due_ms = self.now_ms + OFF_STATUS_MS
        else:
            self._due_ms = self._scheduler.due_ms(state, self.now_ms)
        return self._due_ms

    @property
    def next_output(self) -> Produced | None:
        """The next event to record or bytes to send; None when there is nothing."""
        return self._produced[0] if self._produced else None

    def done(self) -> None:
        """Remove what `next_output` returned: it has been recorded, or is being sent."""
        self._produced.popleft()

    # --- inputs -------------------------------------------------------------------------------------

    def poll(self, now_ms: int) -> None:
        """Do what is due at ``now_ms``, and end output when required answers are missing."""
        self._move_to(now_ms)
        self._doubt_the_missing()
        state = self.state
        if self.lost or (state is State.OFFLINE and not self.known.output_off.stopping):
            return
        end_ms = self._scheduler.step_end_ms(state)
        if end_ms is not None and self.now_ms >= end_ms:
            self._end(Trigger.END_STEP)
        elif self.now_ms >= self._scheduler.due_ms(state, self.now_ms):
            self.say(self._scheduler.what_is_due(state, self.now_ms))

    def receive(self, data: bytes, now_ms: int) -> None:
        """``data`` has arrived from the unit."""
        self._move_to(now_ms)
        self.heard_bytes += len(data)
        for request, answer in self._requests.hear(data):
            self._receive(request, answer)

    def sent(self, now_ms: int) -> None:
        """What was sent last has left by ``now_ms``: late, where this computer has stalled."""
        self._requests.left(now_ms)

    def lose_link(self, error: LinkLost, now_ms: int) -> None:
        """The link has gone."""
        self._move_to(now_ms)
        if self.lost is None:
            self.lost = error
            self._raise(BY_CODE["COMM_LOST"], error.what)

    def operate(self, action: OperatorAction, now_ms: int) -> None:
        """A person has asked for ``action``."""
        self._move_to(now_ms)
        match action:
            case Lower():
                self._lower(action)
            case Note():
                self._note(action)
            case Pain():
                self._score(action)
            case SessionAction():
                self._operate(action)

    def recorded(self, up_to: int, now_ms: int) -> None:
        """The first ``up_to`` events that were handed to the recorder are on the disk."""
        self._move_to(now_ms)
        while self._unwritten and self._unwritten[0][0] <= up_to:
            self._unwritten.popleft()

    def _move_to(self, now_ms: int) -> None:
        """Take the time of an input. A time earlier than the latest one is ignored."""
        self.now_ms = max(self.now_ms, now_ms)
        late_ms, self._due_ms = self.now_ms - self._due_ms, max(self._due_ms, self.now_ms)
        if late_ms >= HOST_DELAY_MS:
            self._delay_ms, self._resumed_ms = late_ms, self.now_ms
            if self.state in LIVE:
                self.publish(HostDelayed(at_ms=self.now_ms, for_ms=late_ms))

    # --- commands --------------------------------------------------------------------------------------

    def open(self, unit: Unit) -> None:
        """Set the unit on the cable. Its output is off.

        Raise `WrongUnit` when its dialect does not promise what the controller relies on.
        """
        check_promises(self._requests.dialect.promises)
        self.known.unit = unit
        if self.state is State.OFFLINE:
            self._fire(Trigger.IDENTIFIED)

    def record_from_here(self) -> None:
        """Note that there is a recorder: from now on output waits for its confirmation."""
        self._recording = True

    def load(
        self,
        plan: Plan,
        session: int,
        *,
        admission: Admission,
        attended: bool,
        awaits_start: bool = False,
    ) -> None:
        """Load ``plan`` for the session of ``admission``. With ``awaits_start`` only a person lets it begin.

        Raise `TransitionRefused` when the plan is not within its limits, and `GuardRefused` when the guard
        cannot determine what may be given, when nothing records the session, or when the controller has had
        one.
        """
        unit = self._driven()
        if not self._recording:
            raise _misused("a session was begun that nothing records")
        if self.used:
            raise _misused("a controller is for one session, and this one has had it")
        self.known.load(plan, session, allow(unit.identity, unit.declared, admission))
        self.known.attended = attended
        self._trends = ReportTrends(unit)
        self._watch.judge_only_what_is_told(unit.declared.reports)
        self._fire(Trigger.AWAIT if awaits_start else Trigger.ARM)
        if self.last_action is SessionAction.PAUSE:
            self.pause()

    def arm(self) -> None:
        """Send the session's ceilings to the unit. Arming the same session again keeps the unit's counts."""
        known, plan = self.known, self.known.plan
        if plan is None or self.status is None:
            raise _misused("the unit was to be armed for no plan, or before it has reported")
        self.say(
            Arm(
                nonce=self._driven().identity.nonce,
                session=known.session,
                level_max=known.level_max,
                delivered_max_ms=plan.delivered_ms,
                energy_max_mj=known.energy_ceiling_mj,
                unit_uptime_ms=self.status.uptime_ms,
            )
        )

    def permit_output(self, step: Emit, for_ms: int) -> int:
        """Record that the output of a step is permitted; return the number of the event."""
        self.publish(
            OutputPermitted(
                at_ms=self.now_ms,
                setting=asdict(step.setting),
                for_ms=for_ms,
                ramp_ms=min(step.ramp_ms, for_ms),
            )
        )
        return self.handed_over

    def is_written(self, number: int) -> bool:
        """Whether the event ``number`` is on the disk."""
        return not self._unwritten or self._unwritten[0][0] > number

    def start(self, step: Emit, for_ms: int) -> None:
        """Start the output of a step. The request is sent once; its result is read with `GetStatus`."""
        unit = self._driven()
        if self.status is None:
            raise _misused("output was to be started on a unit that has not reported")
        if not self.line_is_free:
            raise _misused("output was to be started while another request is under way")
        self.known.begin(step, for_ms)
        self._fire(Trigger.START)
        self.say(
            SetOutput(
                nonce=unit.identity.nonce,
                session=self.known.session,
                setting=step.setting,
                for_ms=for_ms,
                ramp_ms=min(step.ramp_ms, for_ms),
                unit_uptime_ms=self.status.uptime_ms,
                lease_ms=unit.lease_ms,
            )
        )

    def pause(self) -> None:
        """Turn output off until a person resumes. A session that has not begun begins paused."""
        if self.state in LIVE:
            self._end(Trigger.PAUSE)
        elif self.state is State.ARMED:
            self._fire(Trigger.PAUSE)

    def resume(self) -> None:
        """Resume from a pause: an operator's action."""
        if self.state is State.PAUSED:
            self.known.output_off.rest()
            self._fire(Trigger.RESUME)

    def ask_pain(self, for_ms: int) -> None:
        """Ask for a pain score, which is waited for ``for_ms``."""
        self.question = self.moment
        self.publish(PainAsked(at_ms=self.now_ms, moment=self.moment, for_ms=for_ms))

    def begin(self) -> None:
        """Let a session begin that waits for it: an operator's action."""
        self._fire(Trigger.BEGIN)

    def skip(self) -> None:
        """End the guided step that runs: an operator's action."""
        self._fire(Trigger.SKIP)
        self.known.guided = False

    def stop(self) -> None:
        """End the output and the session, from any state. Never refused."""
        self._end(Trigger.STOP)

    def fail(self, why: str) -> None:
        """End the output and latch a fault, which a person has to clear."""
        self.failure = self.failure or why
        self._end(Trigger.FAIL)

    def leave_fault(self) -> None:
        """Leave a fault, at the operator's request; raise `TransitionRefused` while its cause remains."""
        self._fire(Trigger.CLEAR)
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
        permitted = self._guard(Stop(), self.known.guard_context(self.state, recorded=self._recording))
        return self._requests.ask(permitted, self.now_ms)

    # --- scripts ------------------------------------------------------------------------------------

    def shut_down(self) -> Script[None]:
        """End the output after an error in the session."""
        self.fail("the session broke off")
        yield from self.settle()

    def wait_for_line(self, until_ms: int) -> Script[None]:
        """Wait until the next request can leave, or until ``until_ms``."""
        while not self.line_is_free and self.lost is None and self.now_ms < until_ms:
            yield min(until_ms, self._requests.free_at_ms())

    def settle(self) -> Script[OffConfirmation]:
        """Wait until output is confirmed off, or can only be presumed off or unknown; return which."""
        began_ms = self.now_ms
        while (output_off := self.output_off()) is None:
            yield self.now_ms + STOP_MS
        if output_off is OffConfirmation.CONFIRMED and self.state in (State.STOPPING, State.UNCERTAIN):
            self.known.output_off.rest()
            self._fire(Trigger.OUTPUT_OFF)
        elif self.state is State.STOPPING:
            self._fire(Trigger.DOUBT)
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
            self.known.armed = self._heard_since_stop = False
            self._stopped_ms = self.now_ms
            self._scheduler.stop_waits = not self.line_is_free
        if not self.line_is_free:
            return
        permitted = self._guard(intent, self.known.guard_context(self.state, recorded=self._recording))
        if isinstance(intent, SetOutput | Arm | LowerLevel):
            self.publish(Commanded(at_ms=self.now_ms, intent=type(intent).__name__, values=asdict(intent)))
        if isinstance(intent, LowerLevel):
            self.known.asked_levels += (intent.level,)
        if isinstance(intent, SetOutput | Renew):
            self._scheduler.granted_ms = self.now_ms
            self.known.allow(intent, self._scheduler.received_at_ms, self.now_ms)
        data = self._requests.ask(permitted, self.now_ms)
        self._send(Outgoing(data, isinstance(intent, Stop), isinstance(intent, SetOutput)))

    def _send(self, outgoing: Outgoing) -> None:
        self._scheduler.sent_ms = self.now_ms
        if self.lost is None:
            self._produced.append(outgoing)

    def publish(self, event: Event) -> None:
        """Have ``event`` recorded, and shown afterwards."""
        if self._recording:
            self.handed_over += 1
            self._unwritten.append((self.handed_over, self.now_ms))
        self._produced.append(event)

    # --- answers -----------------------------------------------------------------------------------

    def _receive(self, request: PendingRequest, answer: Answer) -> None:
        intent = request.intent
        if not is_answer_to(intent, answer):
            self._receive_mismatched()
            return
        if isinstance(answer, Identity):
            self.identity = answer
            return
        if isinstance(answer, Capabilities):
            self.declared = answer
            return
        came_ms = self._came_ms(request)
        self.known.hear(answer, self.now_ms, intent, came_ms)
        if not self.known.is_from_the_unit(answer):
            self._receive_from_another()  # nothing else in the answer is used
            return
        status = self.known.status or answer  # with what the unit cannot tell
        self._scheduler.received_at_ms = self.now_ms
        self._heard_since_stop = self._heard_since_stop or request.at_ms >= self._stopped_ms
        if answer.refusal and isinstance(intent, Arm | SetOutput):
            self.fail(
                f"the unit refused to {'arm' if isinstance(intent, Arm) else 'start'}: {answer.refusal}"
            )
        self._judge(status, came_ms)
        self._follow(status)
        self._record_change(status)

    def _record_change(self, status: Status) -> None:
        """Publish a status that differs in more than its readings; readings are in `Progress`."""
        changes = _recorded_of(status)
        if changes != self._recorded and self.known.plan is not None:
            self._recorded = changes
            self.publish(StatusChanged(at_ms=self.now_ms, status=asdict(status)))

    def _receive_from_another(self) -> None:
        """End the session: the unit has restarted, or another unit answers."""
        restarted = BY_CODE["RESTARTED"]
        if self.used and restarted not in self.alarms:
            self._raise(restarted, restarted.what)

    def _receive_mismatched(self) -> None:
        """End the session: an answer does not match the request that its number names."""
        rule = BY_CODE["ANSWER_DIFFERS"]
        if self.used and rule not in self.alarms:
            self._raise(rule, rule.what)

    def _came_ms(self, request: PendingRequest) -> int:
        """When the answer arrived, allowing for a delay of the host before it was processed."""
        before_ms = self._resumed_ms - self._delay_ms
        return self.now_ms if request.at_ms >= self._resumed_ms else max(request.at_ms, before_ms)

    def _judge(self, status: Status, came_ms: int) -> None:
        if self._trends is None:
            return
        plan, state = self.known.plan, self.state
        assert plan is not None  # `load` sets both
        resting = state in _WAITING
        expected = self.known.expected(status, plan, live=state in LIVE, resting=resting)
        raised, ended = self._watch.judge(self._trends.see(status, came_ms, expected))
        for rule in raised:
            if rule.code == "LAPSED" and status.output_is_off and self._was_busy():
                self._excuse_lapse(status)
            else:
                self._raise(rule, rule.what)
        for rule in ended:
            self.publish(AlarmEnded(at_ms=self.now_ms, code=rule.code))

    def _raise(self, rule: Rule, what: str) -> None:
        if rule.breaks_lease:
            self.known.output_off.distrust_lease()
        if rule.effect is Effect.FAIL:
            self.fail(what)
        elif rule.effect is Effect.PAUSE:
            self.break_off(what)
        self._alarm(rule, what)

    def _driven(self) -> Unit:
        if self.unit is None:
            raise _misused("a unit was to be driven that has not made itself known")
        return self.unit

    def _was_busy(self) -> bool:
        """Whether the computer has just been too busy, or asleep, to renew a lease in time."""
        lease_ms = self._driven().lease_ms
        just_now = self.now_ms - self._resumed_ms < lease_ms
        return just_now and self._delay_ms >= lease_ms - 2 * STATUS_MS

    def _excuse_lapse(self, status: Status) -> None:
        """Pause instead of failing: the lease ran out because the computer was busy."""
        self._watch.forget("LAPSED")
        if self._trends is not None:
            self._trends.accept_lapses(status)
        self._raise(BY_CODE["HOST_DELAYED"], f"this computer was busy for {self._delay_ms} ms")

    def _alarm(self, rule: Rule, what: str) -> None:
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

    def _follow(self, status: Status) -> None:
        """Follow a change of the unit's state."""
        state = self.state
        if state is State.FINISHING:
            if self.known.output_off.confirmed_off:
                self.known.output_off.rest()
                self.known.count_step_whole()
                self._fire(Trigger.FINISH)
        elif state is State.EMITTING and status.state is UnitState.SUSPENDED:
            self._fire(Trigger.LIFT)
        elif state is State.SUSPENDED and status.state is UnitState.EMITTING:
            self._fire(Trigger.TOUCH)
        elif state in LIVE and status.state is UnitState.READY and status.output_is_off:
            self._fire(Trigger.FINISH)
        elif state in LIVE and status.state not in (
            UnitState.EMITTING,
            UnitState.SUSPENDED,
            UnitState.READY,
        ):
            self.fail(f"the unit is {status.state.value} by itself")
        elif state is State.PAUSING and self.known.output_off.confirmed_off:
            self._fire(Trigger.OUTPUT_OFF)

    @property
    def moment(self) -> Moment:
        """Where the session stands, for what a person says of it."""
        if self.state is State.AWAITING_START:
            return Moment.BEFORE
        return Moment.DURING if self.state in _RUNNING else Moment.AFTER

    @property
    def may(self) -> tuple[str, ...]:
        """What a person may do now, but for notes and pain scores."""
        lowers = self.state in _RUNNING and self.known.can_be_lowered
        actions = (action.value for action, fired in _ACTIONS.items() if self._machine.may(fired))
        return (*actions, *((LOWER,) if lowers else ()))

    def _note(self, action: Note) -> None:
        if not self.used:
            self._refuse("note", "there is no session yet")
        elif not action.text.isprintable() or not 0 < len(action.text) <= NOTE_MAX:
            self._refuse("note", f"an observation has 1 to {NOTE_MAX} printable characters")
        else:
            self.publish(NoteTaken(at_ms=self.now_ms, text=action.text, by=action.by))

    def _score(self, action: Pain) -> None:
        if not self.used:
            self._refuse("pain", "there is no session yet")
        elif not 0 <= action.score <= PAIN_MAX:
            self._refuse("pain", f"pain is scored from 0 to {PAIN_MAX}")
        else:
            moment, self.question = self.moment, None
            self.publish(PainScored(at_ms=self.now_ms, score=action.score, moment=moment, by=action.by))

    def _can(self, action: SessionAction) -> bool:
        declines = action is SessionAction.SKIP and self.question is not None
        takes_back = action is SessionAction.RESUME and not self.used  # a pause from before the session
        return declines or takes_back or self._machine.may(_ACTIONS[action])

    def _skip(self) -> None:
        if self.question is None:
            self.skip()
        self.question = None

    def _refuse(self, action: str, why: str) -> None:
        self.publish(ActionRefused(at_ms=self.now_ms, action=action, why=why))

    def _operate(self, action: SessionAction) -> None:
        if action in _NOT_KEPT and not self._can(action):
            self._refuse(action, _NOT_KEPT[action])
            return
        if action is SessionAction.PAUSE and self.state in (State.PAUSING, State.PAUSED):
            return  # a key that is held down asks for the same pause again
        self.last_action = SessionAction.STOP if self.halted else action  # nothing overrides a stop
        match action:
            case SessionAction.START:
                self.begin()
            case SessionAction.PAUSE:
                self.pause()
            case SessionAction.RESUME:
                self.resume()
            case SessionAction.SKIP:
                self._skip()
            case SessionAction.STOP:
                self.question = None
                self.stop()
        self.publish(OperatorActed(at_ms=self.now_ms, action=action))

    def _lower(self, action: Lower) -> None:
        """Cap the session, and lower the running step. It is recorded first, and never taken back."""
        known = self.known
        step, allowed = known.due_step, known.allowed
        if step is None or allowed is None or self.state not in _RUNNING:
            self._refuse_lower(action, "no output is left to lower in a session that goes on")
            return
        quantity = definition(self._driven().model.family).level
        before, lowest, to_level = level(step.setting), allowed.level_min, action.to_level
        if to_level is None:
            to_level = max(before - allowed.level_at(known.delivered_ms) // 10, lowest)
        if before <= lowest or to_level < lowest:
            self._refuse_lower(action, f"the lowest level is {quantity.show(lowest)}: pause or stop")
        elif to_level >= before:
            self._refuse_lower(action, f"the level is {quantity.show(before)} already")
        else:
            known.lower(to_level, self.now_ms)
            self.publish(
                LevelLowered(
                    at_ms=self.now_ms,
                    by=action.by,
                    before=before,
                    after=to_level,
                    quantity=quantity.name.lower(),
                    may=self.may,
                )
            )
            self._ask_to_lower()

    def _refuse_lower(self, action: Lower, why: str) -> None:
        self.publish(LowerRefused(at_ms=self.now_ms, by=action.by, to_level=action.to_level, why=why))

    def _ask_to_lower(self) -> None:
        """Ask the unit at once, unless it has yet to answer the same question."""
        if self._withdraw(attrgetter("starts_output")):
            # A start at the higher level never leaves. It is made anew after this report.
            self.say(GetStatus())
            return
        to_level, pending = self.known.level_to_lower_to, self._requests.pending
        runs = self.state in (State.EMITTING, State.SUSPENDED)  # in FINISHING a stop is on its way
        if not runs or to_level is None:
            return
        if pending is None or not isinstance(pending.intent, LowerLevel):
            self.say(LowerLevel(self._driven().identity.nonce, self.known.session, to_level))

    def _doubt_the_missing(self) -> None:
        """End output when required answers are overdue, before the lease runs out."""
        late = self._unwritten and self._since(self._unwritten[0][1]) >= BACKLOG_MAX_MS
        if late and self.state in _RUNNING:
            self.record_failure = (
                "the disk is too slow or has stopped: "
                f"what happened {BACKLOG_MAX_MS // 1000} s ago is not on the disk yet; {self.latest_write}"
            )
            self.fail(self.record_failure)
        unit = self.unit
        if unit is None:
            return
        lowers = self.state in LIVE and self.known.level_to_lower_to is not None
        if lowers and self._since(self.known.lowered_ms) >= LOWER_MAX_MS:
            self.break_off("the unit has not taken the lower level that it was asked to")
        state = self.state
        unheard_for_ms = self._since(self._scheduler.received_at_ms)
        if state in LIVE and unheard_for_ms >= (unit.lease_ms or LEASE_MS) - OVERDUE_MS:
            self.failure = "the unit does not answer"
            self._end(Trigger.DOUBT)
            self._alarm(BY_CODE["COMM_LOST"], self.failure)
        elif unheard_for_ms >= OFF_OVERDUE_MS and state in _WAITING:
            self._raise(BY_CODE["COMM_LOST"], "the unit does not answer")

    def _since(self, at_ms: int) -> int:
        """The time since ``at_ms``, without the time in which the computer was asleep."""
        return self.now_ms - max(at_ms, self._resumed_ms)

    def _end(self, trigger: Trigger) -> None:
        """Send a stop at once, then change the state."""
        self.known.output_off.ask(self.now_ms, reachable=self.lost is None)
        self._withdraw(lambda item: not item.is_stop)
        if self.lost is None:
            self.say(Stop())
        self._fire(trigger)

    def _withdraw(self, unwanted: Callable[[Outgoing], bool]) -> bool:
        """Let what is ``unwanted`` and has not been sent yet never leave; return whether there was any.

        It delays no stop: the line is free again.
        """
        kept = [item for item in self._produced if isinstance(item, Event) or not unwanted(item)]
        withdrawn = len(kept) < len(self._produced)
        if withdrawn:
            starts = any(isinstance(item, Outgoing) and item.starts_output for item in self._produced)
            self.known.start_withdrawn = self.known.start_withdrawn or starts
            self._requests.withdraw()
            self._produced = deque(kept)
        return withdrawn

    def _fire(self, trigger: Trigger) -> None:
        before = self.state
        after = self._machine.fire(trigger)
        if after is not before:
            self.publish(
                StateChanged(
                    at_ms=self.now_ms,
                    state=after.value,
                    before=before.value,
                    trigger=trigger.value,
                    may=self.may,
                )
            )


def _misused(what: str) -> GuardRefused:
    return GuardRefused(what, "Nothing was sent. Report this with the journal.")
