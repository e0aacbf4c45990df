"""The controller of one unit: times, bytes and a person's acts go in; events and bytes come out.

It is sans-IO. It holds no clock, port, thread, queue or file: `device.control.driver` has those. Every
input carries the time at which it came. What follows from the inputs is taken out again with
`Controller.next_output`, in the order in which it has to be carried out, and `Controller.due_ms` says when
the controller has to be called again at the latest. The sequences that take time (the handshake, the delivery
of a plan, the end of a session) are *scripts*: generators that yield until when they can wait.

The renewal of a lease is made by `Controller.poll` and by nothing else, so that a loop that hangs lets the
lease run out. Nothing here knows a plan's order of steps: that is the script of `device.control.delivery`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import TypeAlias, TypeVar

from device.control.admission import Admission
from device.control.allowed import allow
from device.control.guard import Guard, clear
from device.control.machine import State, Stateful, Trigger
from device.control.requests import Asked, Conversation
from device.control.schedule import LIVE, LOOK_MS, STATUS_MS, STOP_MS, Pace
from device.control.state import Knowledge
from device.dialects.base import (
    Answer,
    Arm,
    Declaration,
    Dialect,
    Identity,
    Intent,
    LowerLevel,
    Renew,
    Report,
    SetOutput,
    Stop,
    UnitState,
    answers,
)
from device.dialects.promises import check_promises
from device.errors import GuardRefused, LinkLost
from device.events import (
    Acted,
    AlarmCleared,
    AlarmRaised,
    Commanded,
    Event,
    HostDelayed,
    LevelLowered,
    LowerRefused,
    OutputPermitted,
    Reported,
    Silence,
    Silenced,
    StateChanged,
)
from device.monitor.alarms import BY_CODE, Effect, Rule
from device.monitor.trends import Sight
from device.monitor.watch import Watch
from device.operator import Act, Lower, OperatorAction
from device.unit import LEASE_MS, Unit
from protocols.plan import Emit, Plan, level

OVERDUE_MS = 100  # this long before the lease is out, or would be, missing answers are doubted
# The fields of a report whose change is recorded. The others are readings and counters: they always change.
RECORDED = ("refusal", "state", "faults", "nonce", "session", "level_set", "duty_set_pct", "lapses")
QUIET_OVERDUE_MS = 2000  # the same, while output is off
BACKLOG_MAX_MS = 30_000  # an event that is not on the disk after this long ends output
DATED_MS = 500  # an Arm is dated by a report no older than this; a unit takes it for a second
LOWER_MAX_MS = 1000  # a unit that has not taken a lower level after this long is stopped
HOST_DELAY_MS = 150  # not called for this long beyond what was due: the computer was busy, or asleep

_recorded_of = attrgetter(*RECORDED)
_ACTS = {Act.PAUSE: Trigger.PAUSE, Act.RESUME: Trigger.RESUME, Act.STOP: Trigger.STOP}
_RUNNING = (State.ARMED, State.PAUSING, State.PAUSED, *LIVE)

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
    """Controls one unit for one session. Every message it makes has passed the guard.

    ``guard`` is for tests alone, which ask what the other fences hold without it.
    """

    def __init__(self, dialect: Dialect, now_ms: int, port: str = "", *, guard: Guard = clear) -> None:
        self.port = port  # the link's name, for messages to people
        self.now_ms = now_ms  # the time of the latest input
        self.known = Knowledge()
        self.alarms: list[Rule] = []  # raised so far, in order
        self.heard_bytes = 0
        self.failure = ""  # why the state is FAULT or UNCERTAIN
        self.lost: LinkLost | None = None
        self.last_act: Act | None = None  # what a person last asked for
        self.identity: Identity | None = None
        self.declared: Declaration | None = None
        self._guard = guard
        self._conversation = Conversation(dialect)
        self._machine = Stateful(self.known)
        self._watch = Watch()
        self._pace = Pace(self.known, self._conversation, self._watch, now_ms)
        self._sight: Sight | None = None
        self._recording = False
        self._recorded: tuple[object, ...] = ()  # of the report last recorded, what changes seldom
        self._produced: deque[Produced] = deque()
        self.handed_over = 0  # events for the recorder so far
        self._unwritten: deque[tuple[int, int]] = deque()  # number and time of events not yet on the disk
        self._due_ms = now_ms  # when the next call was due
        self._delay_ms = 0  # by how much the latest late call was late
        self._resumed_ms = now_ms  # when that was: what is missing is doubted from there on
        self._stopped_ms = now_ms  # when a stop last left
        self._heard_since_stop = False  # the latest report answers what was asked with that stop, or since

    # --- what others may ask ----------------------------------------------------------------------

    @property
    def dialect(self) -> str:
        """The name of the dialect that is spoken."""
        return self._conversation.dialect.name

    @property
    def state(self) -> State:
        """Where the controller stands."""
        return self._machine.state

    @property
    def unit(self) -> Unit | None:
        """The unit on the cable, once it has made itself known."""
        return self.known.unit

    @property
    def used(self) -> bool:
        """Whether it has had its session. Another one takes another controller, on the same link."""
        return self.known.plan is not None

    @property
    def report(self) -> Report | None:
        """The unit's latest report."""
        return self.known.report

    @property
    def delivered_ms(self) -> int:
        """Delivered in this session, as the unit last reported it, before it restarted if it has."""
        return self.known.delivered_ms

    @property
    def energy_mj(self) -> int:
        """Energy given in this session, as the unit last reported it, before it restarted if it has."""
        return self.known.energy_mj

    @property
    def heard_ms(self) -> int:
        """When the unit last gave a report that counts; until it has, when we began to listen."""
        return self._pace.heard_ms

    @property
    def fresh(self) -> bool:
        """Whether the unit has been heard within one status period: only then is it given more time."""
        return self._pace.is_fresh(self.now_ms)

    @property
    def line_is_free(self) -> bool:
        """Whether the next request can leave now, and need not wait until the one under way is over."""
        return self._conversation.free_at_ms() <= self.now_ms

    @property
    def can_date(self) -> bool:
        """Whether the latest report can date an Arm: it is recent, and no older than our latest stop."""
        return self._heard_since_stop and self.now_ms - self._pace.heard_ms <= DATED_MS

    @property
    def halted(self) -> bool:
        """Whether a person has asked to stop."""
        return self.last_act is Act.STOP

    @property
    def all_written(self) -> bool:
        """Whether every event so far is on the disk."""
        return not self._unwritten

    def due_ms(self) -> int:
        """When `poll` has to be called again at the latest."""
        state = self.state
        if self.lost or (state is State.OFFLINE and not self.known.quiet.stopping):
            self._due_ms = self.now_ms + LOOK_MS
        else:
            self._due_ms = self._pace.due_ms(state, self.now_ms)
        return self._due_ms

    @property
    def next_output(self) -> Produced | None:
        """What has to be recorded or sent next; None when nothing is left to do."""
        return self._produced[0] if self._produced else None

    def done(self) -> None:
        """What `next_output` was has been recorded, or is being sent."""
        self._produced.popleft()

    # --- inputs -------------------------------------------------------------------------------------

    def poll(self, now_ms: int) -> None:
        """Time has come to ``now_ms``: make what has fallen due, and doubt what is missing."""
        self._move_to(now_ms)
        self._doubt_the_missing()
        state = self.state
        if self.lost or (state is State.OFFLINE and not self.known.quiet.stopping):
            return
        end_ms = self._pace.step_end_ms(state)
        if end_ms is not None and self.now_ms >= end_ms:
            self._end(Trigger.END_STEP)
        elif self.now_ms >= self._pace.due_ms(state, self.now_ms):
            self.say(self._pace.what_is_due(state, self.now_ms))

    def receive(self, data: bytes, now_ms: int) -> None:
        """``data`` has arrived from the unit."""
        self._move_to(now_ms)
        self.heard_bytes += len(data)
        for asked, answer in self._conversation.hear(data):
            self._receive(asked, answer)

    def sent(self, now_ms: int) -> None:
        """What was sent last has left by ``now_ms``: late, where this computer has stalled."""
        self._conversation.left(now_ms)

    def lose_link(self, error: LinkLost, now_ms: int) -> None:
        """The link has gone."""
        self._move_to(now_ms)
        if self.lost is None:
            self.lost = error
            self._raise(BY_CODE["COMM_LOST"], error.what)

    def operate(self, action: OperatorAction, now_ms: int) -> None:
        """A person has asked for ``action``."""
        self._move_to(now_ms)
        if isinstance(action, Lower):
            self._lower(action)
        else:
            self._act(action)

    def recorded(self, up_to: int, now_ms: int) -> None:
        """The first ``up_to`` events that were handed to the recorder are on the disk."""
        self._move_to(now_ms)
        while self._unwritten and self._unwritten[0][0] <= up_to:
            self._unwritten.popleft()

    def _move_to(self, now_ms: int) -> None:
        """Take the time of an input. Time never runs backwards here, whatever a caller says."""
        self.now_ms = max(self.now_ms, now_ms)
        late_ms, self._due_ms = self.now_ms - self._due_ms, max(self._due_ms, self.now_ms)
        if late_ms >= HOST_DELAY_MS:
            self._delay_ms, self._resumed_ms = late_ms, self.now_ms
            if self.state in LIVE:
                self.tell(HostDelayed(at_ms=self.now_ms, for_ms=late_ms))

    # --- verbs --------------------------------------------------------------------------------------

    def open(self, unit: Unit) -> None:
        """Take ``unit``, whose output is off, for the one on the cable.

        Raise `WrongUnit` when its dialect does not promise what the controller relies on.
        """
        check_promises(self._conversation.dialect.promises)
        self.known.unit = unit
        if self.state is State.OFFLINE:
            self._fire(Trigger.GREET)

    def record_from_here(self) -> None:
        """From here on there is a recorder, and nothing raises output before it has written that down."""
        self._recording = True

    def take_up(self, plan: Plan, session: int, *, admission: Admission, attended: bool) -> None:
        """Load ``plan`` for a session that was admitted so.

        Raise `NoWay` when the plan is not within its limits, and `GuardRefused` when the guard cannot tell
        what may be given, when nothing records the session, or when the controller has had one.
        """
        unit = self._driven()
        if not self._recording:
            raise _misused("a session was begun that nothing records")
        if self.used:
            raise _misused("a controller is for one session, and this one has had it")
        self.known.take_up(plan, session, allow(unit.identity, unit.declared, admission))
        self.known.attended = attended
        self._sight = Sight(unit)
        self._watch.judge_only_what_is_told(unit.declared.reports)
        self._fire(Trigger.ARM)
        if self.last_act is Act.PAUSE:
            self.pause()

    def arm(self) -> None:
        """Ask the unit to take the session's ceilings. Arming again keeps its counts."""
        known, plan = self.known, self.known.plan
        if plan is None or self.report is None:
            raise _misused("the unit was to be armed for no plan, or before it has reported")
        self.say(
            Arm(
                nonce=self._driven().identity.nonce,
                session=known.session,
                level_max=known.level_max,
                delivered_max_ms=plan.delivered_ms,
                energy_max_mj=known.energy_ceiling_mj,
                unit_uptime_ms=self.report.uptime_ms,
            )
        )

    def permit_output(self, step: Emit, for_ms: int) -> int:
        """Have the start of a step's output recorded, before it is dated; return the event's number."""
        self.tell(
            OutputPermitted(
                at_ms=self.now_ms,
                output=asdict(step.output),
                for_ms=for_ms,
                ramp_ms=min(step.ramp_ms, for_ms),
            )
        )
        return self.handed_over

    def is_written(self, number: int) -> bool:
        """Whether the event ``number`` is on the disk."""
        return not self._unwritten or self._unwritten[0][0] > number

    def start(self, step: Emit, for_ms: int) -> None:
        """Begin a step's output. This question is sent once; what became of it, a look will tell."""
        unit = self._driven()
        if self.report is None:
            raise _misused("output was to be started on a unit that has not reported")
        if not self.line_is_free:
            raise _misused("output was to be started while another request is under way")
        self.known.begin(step, for_ms)
        self._fire(Trigger.START)
        self.say(
            SetOutput(
                nonce=unit.identity.nonce,
                session=self.known.session,
                output=step.output,
                for_ms=for_ms,
                ramp_ms=min(step.ramp_ms, for_ms),
                heard_ms=self.report.uptime_ms,
                lease_ms=unit.lease_ms,
            )
        )

    def pause(self) -> None:
        """Output off for now; only a person goes on. A session that has not begun begins with this."""
        if self.state in LIVE:
            self._end(Trigger.PAUSE)
        elif self.state is State.ARMED:
            self._fire(Trigger.PAUSE)

    def resume(self) -> None:
        """Go on from a pause: a person's act."""
        if self.state is State.PAUSED:
            self.known.quiet.rest()
            self._fire(Trigger.RESUME)

    def stop(self) -> None:
        """End the output and the session, from any state. Never refused."""
        self._end(Trigger.STOP)

    def fail(self, why: str) -> None:
        """End the output and latch: a person must look."""
        self.failure = self.failure or why
        self._end(Trigger.FAIL)

    def leave_fault(self) -> None:
        """Leave a fault whose cause has gone: a person's act. Raise `NoWay` while it has not."""
        self._fire(Trigger.CLEAR)
        self.failure = ""

    def break_off(self, why: str) -> None:
        """Pause when a person is there to resume, and fail when none is."""
        if self.known.attended:
            self.pause()
        else:
            self.fail(why)

    def stop_bytes(self) -> bytes:
        """A stop for whoever cannot wait for the loop; empty when the output is proven off."""
        if self.known.quiet.proven:
            return b""
        cleared = self._guard(Stop(), self.known.standing(self.state, recorded=self._recording))
        return self._conversation.ask(cleared, self.now_ms)

    # --- scripts ------------------------------------------------------------------------------------

    def abandon(self) -> Script[None]:
        """Silence the unit by every way there is, with nobody left to tell: the session has broken."""
        self.fail("the session broke off")
        yield from self.settle()

    def wait_for_line(self, until_ms: int) -> Script[None]:
        """Wait until the next request can leave, or until ``until_ms``."""
        while not self.line_is_free and self.lost is None and self.now_ms < until_ms:
            yield min(until_ms, self._conversation.free_at_ms())

    def settle(self) -> Script[Silence]:
        """Wait until it is known whether the output is off, and say how it is known."""
        began_ms = self.now_ms
        while (silence := self.silence()) is None:
            yield self.now_ms + STOP_MS
        if silence is Silence.PROVEN and self.state in (State.SILENCING, State.UNCERTAIN):
            self.known.quiet.rest()
            self._fire(Trigger.SILENT)
        elif self.state is State.SILENCING:
            self._fire(Trigger.DOUBT)
        self.tell(Silenced(at_ms=self.now_ms, silence=silence, took_ms=self.now_ms - began_ms))
        return silence

    def silence(self) -> Silence | None:
        """What is known of the output being off; None while waiting may still tell."""
        return self.known.quiet.known(self.now_ms, reachable=self.lost is None)

    # --- what goes out --------------------------------------------------------------------------------

    def say(self, intent: Intent) -> None:
        """The only way out for a message: the guard, the record, the line.

        While the line is not free, nothing leaves: a stop follows as soon as it is, and whoever asks anything
        else asks again.
        """
        if isinstance(intent, Stop):
            self.known.armed = self._heard_since_stop = False
            self._stopped_ms = self.now_ms
        if not self.line_is_free:
            return
        cleared = self._guard(intent, self.known.standing(self.state, recorded=self._recording))
        if isinstance(intent, SetOutput | Arm | LowerLevel):
            self.tell(Commanded(at_ms=self.now_ms, intent=type(intent).__name__, values=asdict(intent)))
        if isinstance(intent, LowerLevel):
            self.known.asked_levels += (intent.level,)
        if isinstance(intent, SetOutput | Renew):
            self._pace.granted_ms = self.now_ms
            self.known.allow(intent, self._pace.heard_ms, self.now_ms)
        data = self._conversation.ask(cleared, self.now_ms)
        self._send(Outgoing(data, isinstance(intent, Stop), isinstance(intent, SetOutput)))

    def _send(self, outgoing: Outgoing) -> None:
        self._pace.sent_ms = self.now_ms
        if self.lost is None:
            self._produced.append(outgoing)

    def tell(self, event: Event) -> None:
        """Let ``event`` be recorded, and shown afterwards."""
        if self._recording:
            self.handed_over += 1
            self._unwritten.append((self.handed_over, self.now_ms))
        self._produced.append(event)

    # --- deciding -----------------------------------------------------------------------------------

    def _receive(self, asked: Asked, answer: Answer) -> None:
        intent = asked.intent
        if not answers(intent, answer):
            self._receive_stray()
            return
        if isinstance(answer, Identity):
            self.identity = answer
            return
        if isinstance(answer, Declaration):
            self.declared = answer
            return
        self.known.hear(answer, self.now_ms, intent, self._came_ms(asked))
        if not self.known.is_from_the_unit(answer):
            self._meet_another()  # nothing else of what it says is looked at
            return
        report = self.known.report or answer  # with what the unit cannot tell
        self._pace.heard_ms = self.now_ms
        self._heard_since_stop = self._heard_since_stop or asked.at_ms >= self._stopped_ms
        if answer.refusal and isinstance(intent, Arm | SetOutput):
            self.fail(
                f"the unit refused to {'arm' if isinstance(intent, Arm) else 'start'}: {answer.refusal}"
            )
        self._judge(report, self._came_ms(asked))
        self._follow(report)
        self._record_change(report)

    def _record_change(self, report: Report) -> None:
        """Tell a report that differs in what a unit is told or decides; readings alone are in `Progress`."""
        changes = _recorded_of(report)
        if changes != self._recorded and self.known.plan is not None:
            self._recorded = changes
            self.tell(Reported(at_ms=self.now_ms, report=asdict(report)))

    def _meet_another(self) -> None:
        """The unit has restarted, or another one answers in its place: no session goes on with it."""
        restarted = BY_CODE["RESTARTED"]
        if self.used and restarted not in self.alarms:
            self._raise(restarted, restarted.what)

    def _receive_stray(self) -> None:
        """An answer to another request than its number says is nobody's word, and ends a session."""
        rule = BY_CODE["ANSWER_DIFFERS"]
        if self.used and rule not in self.alarms:
            self._raise(rule, rule.what)

    def _came_ms(self, asked: Asked) -> int:
        """When the answer came: one to a question from before a delay of ours has waited here meanwhile."""
        before_ms = self._resumed_ms - self._delay_ms
        return self.now_ms if asked.at_ms >= self._resumed_ms else max(asked.at_ms, before_ms)

    def _judge(self, report: Report, came_ms: int) -> None:
        if self._sight is None:
            return
        plan, state = self.known.plan, self.state
        assert plan is not None  # `take_up` sets both
        resting = state in (State.ARMED, State.PAUSED)
        belief = self.known.belief(report, plan, live=state in LIVE, resting=resting)
        raised, cleared = self._watch.judge(self._sight.see(report, came_ms, belief))
        for rule in raised:
            if rule.code == "LAPSED" and report.silent and self._was_busy():
                self._excuse_lapse(report)
            else:
                self._raise(rule, rule.what)
        for rule in cleared:
            self.tell(AlarmCleared(at_ms=self.now_ms, code=rule.code))

    def _raise(self, rule: Rule, what: str) -> None:
        if rule.breaks_lease:
            self.known.quiet.distrust_lease()
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
        """Whether this computer has just been too busy, or asleep, to renew a lease in time."""
        lease_ms = self._driven().lease_ms
        just_now = self.now_ms - self._resumed_ms < lease_ms
        return just_now and self._delay_ms >= lease_ms - 2 * STATUS_MS

    def _excuse_lapse(self, report: Report) -> None:
        """This computer let the lease run out, and the unit is off and says why: a person may go on."""
        self._watch.forget("LAPSED")
        if self._sight is not None:
            self._sight.accept_lapses(report)
        self._raise(BY_CODE["HOST_DELAYED"], f"this computer was busy for {self._delay_ms} ms")

    def _alarm(self, rule: Rule, what: str) -> None:
        self.alarms.append(rule)
        self.tell(
            AlarmRaised(
                at_ms=self.now_ms,
                code=rule.code,
                priority=rule.priority,
                what=what,
                to_do=rule.to_do,
                report=asdict(self.report) if self.report else None,
            )
        )

    def _follow(self, report: Report) -> None:
        """Move as the unit has moved by itself."""
        state = self.state
        if state is State.FINISHING:
            if self.known.quiet.proven:
                self.known.quiet.rest()
                self.known.count_step_whole()
                self._fire(Trigger.FINISH)
        elif state is State.EMITTING and report.state is UnitState.HELD:
            self._fire(Trigger.LIFT)
        elif state is State.HELD and report.state is UnitState.EMITTING:
            self._fire(Trigger.TOUCH)
        elif state in LIVE and report.state is UnitState.READY and report.silent:
            self._fire(Trigger.FINISH)
        elif state in LIVE and report.state not in (
            UnitState.EMITTING,
            UnitState.HELD,
            UnitState.READY,
        ):
            self.fail(f"the unit is {report.state.value} by itself")
        elif state is State.PAUSING and self.known.quiet.proven:
            self._fire(Trigger.SILENT)

    def _act(self, act: Act) -> None:
        if act is Act.TOGGLE:
            paused = self.state is State.PAUSED or (not self.used and self.last_act is Act.PAUSE)
            act = Act.RESUME if paused else Act.PAUSE
        self.last_act = Act.STOP if self.halted else act  # who has asked to stop has had the last word
        if act is Act.STOP:
            self.stop()
        elif act is Act.PAUSE:
            self.pause()
        else:
            self.resume()
        self.tell(Acted(at_ms=self.now_ms, act=act))

    def _lower(self, action: Lower) -> None:
        """Cap the session, and lower the running step. It is recorded first, and never taken back."""
        known = self.known
        step, allowed = known.due_step, known.allowed
        if step is None or allowed is None or self.state not in _RUNNING:
            self._refuse_lower(action, "no output is left to lower in a session that goes on")
            return
        before, to_level = level(step.output), action.to_level
        if to_level is None:
            to_level = before - max(allowed.level_at(known.delivered_ms) // 10, 1)
            to_level = max(to_level, min(allowed.level_min, before - 1))
        if to_level >= before:
            self._refuse_lower(action, f"the level is {before} already")
        elif to_level < allowed.level_min:
            self._refuse_lower(action, f"the lowest level is {allowed.level_min}: pause or stop")
        else:
            known.lower(to_level, self.now_ms)
            self.tell(LevelLowered(at_ms=self.now_ms, by=action.by, before=before, after=to_level))
            self._ask_to_lower()

    def _refuse_lower(self, action: Lower, why: str) -> None:
        self.tell(LowerRefused(at_ms=self.now_ms, by=action.by, to_level=action.to_level, why=why))

    def _ask_to_lower(self) -> None:
        """Ask the unit at once, unless it has yet to answer the same question."""
        unsent = any(isinstance(item, Outgoing) and item.starts_output for item in self._produced)
        if unsent:  # a start at the higher level has not left: it never does, and is made anew
            self._produced = deque(
                item for item in self._produced if isinstance(item, Event) or not item.starts_output
            )
            return
        to_level, pending = self.known.level_to_lower_to, self._conversation.standing
        if self.state not in LIVE or to_level is None or self.lost is not None:
            return
        if pending is None or not isinstance(pending.intent, LowerLevel):
            self.say(LowerLevel(self._driven().identity.nonce, self.known.session, to_level))

    def _doubt_the_missing(self) -> None:
        """Answers that matter are overdue: before the lease is out, stop asking for more output."""
        late = self._unwritten and self._since(self._unwritten[0][1]) >= BACKLOG_MAX_MS
        if late and self.state in _RUNNING:
            self.fail(f"what happened {BACKLOG_MAX_MS // 1000} s ago is not on the disk yet")
        unit, state = self.unit, self.state
        if unit is None:
            return
        lowers = self.state in LIVE and self.known.level_to_lower_to is not None
        if lowers and self._since(self.known.lowered_ms) >= LOWER_MAX_MS:
            self.break_off("the unit has not taken the lower level that it was asked to")
        silent_for_ms = self._since(self._pace.heard_ms)
        if state in LIVE and silent_for_ms >= (unit.lease_ms or LEASE_MS) - OVERDUE_MS:
            self.failure = "the unit does not answer"
            self._end(Trigger.DOUBT)
            self._alarm(BY_CODE["COMM_LOST"], self.failure)
        elif silent_for_ms >= QUIET_OVERDUE_MS and state in (State.ARMED, State.PAUSED):
            self._raise(BY_CODE["COMM_LOST"], "the unit does not answer")

    def _since(self, at_ms: int) -> int:
        """How long ``at_ms`` is ago; time in which this computer was asleep does not speak against others."""
        return self.now_ms - max(at_ms, self._resumed_ms)

    def _end(self, trigger: Trigger) -> None:
        """Make a stop at once, then move."""
        self.known.quiet.ask(self.now_ms, reachable=self.lost is None)
        # Nothing that has not left yet leaves after a stop was asked.
        self._produced = deque(item for item in self._produced if isinstance(item, Event) or item.is_stop)
        if self.lost is None:
            self.say(Stop())
        self._fire(trigger)

    def _fire(self, trigger: Trigger) -> None:
        before = self.state
        after = self._machine.fire(trigger)
        if after is not before:
            self.tell(
                StateChanged(
                    at_ms=self.now_ms,
                    state=after.value,
                    before=before.value,
                    trigger=trigger.value,
                    may=tuple(act.value for act, fired in _ACTS.items() if self._machine.may(fired)),
                )
            )


def _misused(what: str) -> GuardRefused:
    return GuardRefused(what, "Nothing was sent. Report this with the journal.")
