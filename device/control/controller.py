"""The controller: one unit, one synchronous loop.

Each turn receives, decides, tells, sends, and sleeps until the next deadline or news. The renewal is
sent from that turn and from nowhere else, so that a loop that hangs lets the lease lapse. Nothing
here knows a plan's order of steps: that is `device.control.delivery`'s.
"""

from __future__ import annotations

from dataclasses import asdict

from device.clock import Clock
from device.control.admission import Admission
from device.control.allowed import allow
from device.control.event_bus import Audience
from device.control.guard import Guard, clear
from device.control.machine import State, Stateful, Trigger
from device.control.output_off import Quiet
from device.control.requests import Conversation
from device.control.schedule import LIVE, LOOK_MS, STOP_MS, Pace
from device.control.state import Knowledge
from device.dialects.base import (
    Answer,
    Arm,
    Declaration,
    Dialect,
    Identity,
    Intent,
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
    Reported,
    Silence,
    Silenced,
    StateChanged,
    Watcher,
    Witness,
)
from device.link import Inbox, Link
from device.monitor.alarms import BY_CODE, Effect, Rule
from device.monitor.trends import Sight
from device.monitor.watch import Watch
from device.operator import Act
from device.unit import Unit
from protocols.plan import Emit, Plan

OVERDUE_MS = 100  # this long before the lease is out, missing answers are doubted
# The fields of a report whose change is recorded. The others are readings and counters: they always change.
RECORDED = ("refusal", "state", "faults", "nonce", "session", "level_set", "duty_set_pct", "lapses")
QUIET_OVERDUE_MS = 2000  # the same, while output is off


class Controller:
    """Drives one unit over one link. Every message it sends has passed the guard.

    ``guard`` is for tests alone, which ask what the other fences hold without it.
    """

    def __init__(
        self, link: Link, clock: Clock, inbox: Inbox, dialect: Dialect, *, guard: Guard = clear
    ) -> None:
        self.clock = clock
        self.inbox = inbox
        self.link = link
        self.known = Knowledge(quiet=Quiet(leased=dialect.promises.stops_on_host_loss_ms is not None))
        self.alarms: list[Rule] = []  # raised so far, in order
        self.heard_bytes = 0
        self._recorded: tuple[object, ...] = ()  # of the report last recorded, what changes seldom
        self.failure = ""  # why the state is FAULT or UNCERTAIN
        self._guard = guard
        self._conversation = Conversation(dialect)
        self._machine = Stateful(self.known)
        self._watch = Watch()
        self._pace = Pace(self.known, self._conversation, self._watch, clock.now_ms())
        self._audience = Audience()
        self._attended = False
        self._begin_paused = False
        self.halted = False  # a person has asked to stop
        self.lost: LinkLost | None = None
        self._sight: Sight | None = None
        self.identity: Identity | None = None
        self.declared: Declaration | None = None

    # --- what others may ask ----------------------------------------------------------------------

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
        return self._pace.is_fresh(self._now())

    def add_watcher(self, watcher: Watcher) -> None:
        """Let ``watcher`` notice what happens, after it has."""
        self._audience.add(watcher)

    # --- verbs --------------------------------------------------------------------------------------

    def open(self, unit: Unit) -> None:
        """Take ``unit``, whose output is off, for the one on the cable.

        Raise `WrongUnit` when its dialect does not promise what the controller relies on.
        """
        check_promises(self._conversation.dialect.promises)
        self.known.unit = unit
        if self.state is State.OFFLINE:
            self._fire(Trigger.GREET)

    def testify_to(self, witness: Witness) -> None:
        """From here on nothing that matters leaves before ``witness`` has taken it down."""
        self._audience.witness = witness

    def take_up(self, plan: Plan, session: int, *, admission: Admission, attended: bool) -> None:
        """Load ``plan`` for a session that was admitted so.

        Raise `NoWay` when the plan is not within its limits, and `GuardRefused` when the guard cannot tell
        what may be given, when nothing records the session, or when the controller has had one.
        """
        unit = self._driven()
        if self._audience.witness is None:
            raise _misused("a session was begun that nothing records")
        if self.used:
            raise _misused("a controller is for one session, and this one has had it")
        self.known.take_up(plan, session, allow(unit.identity, unit.declared, admission))
        self._attended = attended
        self._sight = Sight(unit)
        self._fire(Trigger.ARM)
        if self._begin_paused:
            self.pause()

    def arm(self) -> None:
        """Ask the unit to take the session's ceilings. Arming again keeps its counts."""
        known, plan = self.known, self.known.plan
        if plan is None:
            raise _misused("the unit was to be armed for no plan")
        nonce = self._driven().identity.nonce
        self.say(Arm(nonce, known.session, known.level_max, plan.delivered_ms, known.energy_ceiling_mj))

    def start(self, step: Emit, for_ms: int) -> None:
        """Begin a step's output. This question is sent once; what became of it, a look will tell."""
        unit = self._driven()
        if self.report is None:
            raise _misused("output was to be started on a unit that has not reported")
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
            self.known.pause_asked = True
            self._end(Trigger.PAUSE)
        elif self.state is State.ARMED:
            self._fire(Trigger.PAUSE)
        elif not self.used:
            self._begin_paused = True

    def resume(self) -> None:
        """Go on from a pause: a person's act."""
        self._begin_paused = False
        if self.state is State.PAUSED:
            self.known.pause_asked = False
            self.known.quiet.rest()
            self._fire(Trigger.RESUME)

    def stop(self) -> None:
        """End the output and the session, from any state. Never refused."""
        self.known.pause_asked = False
        self._end(Trigger.STOP)

    def fail(self, why: str) -> None:
        """End the output and latch: a person must look."""
        self.failure = self.failure or why
        self.known.pause_asked = False
        self._end(Trigger.FAIL)

    def leave_fault(self) -> None:
        """Leave a fault whose cause has gone: a person's act. Raise `NoWay` while it has not."""
        self._fire(Trigger.CLEAR)
        self.failure = ""

    def break_off(self, why: str) -> None:
        """Pause when a person is there to resume, and fail when none is."""
        if self._attended:
            self.pause()
        else:
            self.fail(why)

    def abandon(self) -> None:
        """Silence the unit by every way there is, with nobody left to tell: the session has broken."""
        self._audience.witness = None
        self.fail("the session broke off")
        self.settle()

    def last_words(self) -> None:
        """Send a stop past the loop: the interpreter is on its way out."""
        if not self.known.quiet.proven:
            self.inbox.put(Act.STOP)
            self.say(Stop())

    def settle(self) -> Silence:
        """Turn until it is known whether the output is off, and say how it is known."""
        began_ms = self.clock.now_ms()
        while (silence := self.silence()) is None:
            self.turn(self.clock.now_ms() + STOP_MS)
        if silence is Silence.PROVEN and self.state in (State.SILENCING, State.UNCERTAIN):
            self.known.quiet.rest()
            self._fire(Trigger.SILENT)
        elif self.state is State.SILENCING:
            self._fire(Trigger.DOUBT)
        self.tell(Silenced(at_ms=self._now(), silence=silence, took_ms=self._now() - began_ms))
        return silence

    def silence(self) -> Silence | None:
        """What is known of the output being off; None while waiting may still tell."""
        return self.known.quiet.known(self._now(), reachable=self.lost is None)

    # --- the loop -----------------------------------------------------------------------------------

    def turn(self, until_ms: int) -> None:
        """One turn: send what is due, sleep until news or ``until_ms``, receive and decide."""
        due_ms = self._send_due()
        news = self.clock.wait(self.inbox, min(until_ms, due_ms))
        if isinstance(news, bytes):
            self.heard_bytes += len(news)
            for intent, answer in self._conversation.hear(news):
                self._receive(intent, answer)
        elif isinstance(news, LinkLost):
            self._lose(news)
        elif news is not None:
            self._act(news)
        self._doubt_the_missing()

    def _send_due(self) -> int:
        """Send what the state asks for if its time has come; the time of the next one."""
        now_ms = self._now()
        if self.lost or (self.state is State.OFFLINE and not self.known.quiet.stopping):
            return now_ms + LOOK_MS
        due_ms = self._pace.due_ms(self.state, now_ms)
        if now_ms >= due_ms:
            self.say(self._pace.what_is_due(self.state, now_ms))
            due_ms = self._pace.due_ms(self.state, self._now())
        return due_ms

    def say(self, intent: Intent) -> None:
        """The only way out: guard, witness, line. A stop waits for no witness: its end is told."""
        recorded = self._audience.witness is not None
        cleared = self._guard(intent, self.known.standing(self.state, recorded=recorded))
        now_ms = self._now()
        if isinstance(intent, Stop):
            self._send(self._conversation.ask(cleared, now_ms))
            return
        if isinstance(intent, SetOutput | Arm):
            self.tell(Commanded(at_ms=now_ms, intent=type(intent).__name__, values=asdict(intent)))
            if self.known.quiet.asked_ms is not None:
                return  # somebody who was told has stopped: nothing follows a stop
        if isinstance(intent, SetOutput | Renew):
            self._pace.granted_ms = self._now()  # not before: telling may have taken its time
            self.known.allow(intent, self._pace.heard_ms, self._pace.granted_ms)
        self._send(self._conversation.ask(cleared, now_ms))

    def _send(self, data: bytes) -> None:
        self._pace.sent_ms = self._now()
        if self.lost:
            return
        try:
            self.link.send(data)
        except LinkLost as error:
            self._lose(error)

    # --- deciding -----------------------------------------------------------------------------------

    def _receive(self, intent: Intent, answer: Answer) -> None:
        if not answers(intent, answer):
            self._receive_stray()
            return
        if isinstance(answer, Identity):
            self.identity = answer
            return
        if isinstance(answer, Declaration):
            self.declared = answer
            return
        self.known.hear(answer, self._now())
        if not self.known.is_from_the_unit(answer):
            self._meet_another()  # nothing else of what it says is looked at
            return
        self._pace.heard_ms = self._now()
        if answer.refusal and isinstance(intent, Arm | SetOutput):
            self.fail(
                f"the unit refused to {'arm' if isinstance(intent, Arm) else 'start'}: {answer.refusal}"
            )
        self._judge(answer)
        self._follow(answer)
        self._record_change(answer)

    def _record_change(self, report: Report) -> None:
        """Tell a report that differs in what a unit is told or decides; readings alone are in `Progress`."""
        changes = tuple(getattr(report, name) for name in RECORDED)
        if self.known.plan is not None and changes != self._recorded:
            self._recorded = changes
            self.tell(Reported(at_ms=self._now(), report=asdict(report)))

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

    def _judge(self, report: Report) -> None:
        plan = self.known.plan
        if plan is None or self._sight is None:
            return
        resting = self.state in (State.ARMED, State.PAUSED)
        belief = self.known.belief(report, plan, live=self.state in LIVE, resting=resting)
        raised, cleared = self._watch.judge(self._sight.see(report, self._now(), belief))
        for rule in raised:
            self._raise(rule, rule.what)
        for rule in cleared:
            self.tell(AlarmCleared(at_ms=self._now(), code=rule.code))

    def _raise(self, rule: Rule, what: str) -> None:
        if rule.breaks_lease:
            self.known.quiet.distrust_lease()
        if rule.effect is Effect.FAIL:
            self.fail(what)
        elif rule.effect is Effect.PAUSE:
            self.break_off(what)
        self._alarm(rule, what)

    def _alarm(self, rule: Rule, what: str) -> None:
        self.alarms.append(rule)
        self.tell(
            AlarmRaised(
                at_ms=self._now(),
                code=rule.code,
                priority=rule.priority,
                what=what,
                to_do=rule.to_do,
                report=asdict(self.report) if self.report else None,
            )
        )

    def _follow(self, report: Report) -> None:
        """Move as the unit has moved by itself."""
        if self.state is State.EMITTING and report.state is UnitState.HELD:
            self._fire(Trigger.LIFT)
        elif self.state is State.HELD and report.state is UnitState.EMITTING:
            self._fire(Trigger.TOUCH)
        elif self.state in LIVE and report.state is UnitState.READY and report.silent:
            self._fire(Trigger.FINISH)
        elif self.state in LIVE and report.state not in (
            UnitState.EMITTING,
            UnitState.HELD,
            UnitState.READY,
        ):
            self.fail(f"the unit is {report.state.value} by itself")
        elif self.state is State.SILENCING and self.known.pause_was_asked():
            self._fire(Trigger.HUSH)

    def _act(self, act: Act) -> None:
        if act is Act.TOGGLE:
            paused = self.state is State.PAUSED or self._begin_paused
            act = Act.RESUME if paused else Act.PAUSE
        if act is Act.STOP:
            self.halted = True
            self.stop()
        elif act is Act.PAUSE:
            self.pause()
        else:
            self.resume()
        self.tell(Acted(at_ms=self._now(), act=act))

    def _lose(self, error: LinkLost) -> None:
        if self.lost is None:
            self.lost = error
            self._raise(BY_CODE["COMM_LOST"], error.what)

    def _doubt_the_missing(self) -> None:
        """Answers that matter are overdue: before the lease is out, stop asking for more output."""
        if self.unit is None:
            return
        silent_for_ms = self._now() - self._pace.heard_ms
        if self.state in LIVE and silent_for_ms >= self.unit.lease_ms - OVERDUE_MS:
            self.failure = "the unit does not answer"
            self._end(Trigger.DOUBT)
            self._alarm(BY_CODE["COMM_LOST"], self.failure)
        elif self.state in (State.ARMED, State.PAUSED) and silent_for_ms >= QUIET_OVERDUE_MS:
            self._raise(BY_CODE["COMM_LOST"], "the unit does not answer")

    def _end(self, trigger: Trigger) -> None:
        """Send a stop at once, then move. Nothing stands between the asking and the sending."""
        before = self.state
        self.known.quiet.ask(self._now(), reachable=self.lost is None)
        if self.lost is None:
            self.say(Stop())
        if self.state is before:  # else the line went under the stop, and that has been seen to
            self._fire(trigger)

    # --- telling ------------------------------------------------------------------------------------

    def _fire(self, trigger: Trigger) -> None:
        before = self.state
        after = self._machine.fire(trigger)
        if after is not before:
            self.tell(
                StateChanged(at_ms=self._now(), state=after.value, before=before.value, trigger=trigger.value)
            )

    def tell(self, event: Event) -> None:
        """Let the witness take ``event`` down, then let the watchers notice it."""
        self._audience.tell(event)

    # --- small things -------------------------------------------------------------------------------

    def _driven(self) -> Unit:
        if self.unit is None:
            raise _misused("a unit was to be driven that has not made itself known")
        return self.unit

    def _now(self) -> int:
        return self.clock.now_ms()


def _misused(what: str) -> GuardRefused:
    return GuardRefused(what, "Nothing was sent. Report this with the journal.")
