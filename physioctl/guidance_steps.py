"""The steps of a session of guidance: their time, what a person does meanwhile, and what is told of both."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from device.clock import Clock
from device.control.delivery import PAUSE_MAX_MS, START_MAX_MS
from device.control.machine import State, Trigger
from device.errors import LinkLost
from device.events import (
    BACKLOG_MAX_MS,
    NOT_STARTED,
    PROGRESS_MS,
    ActionRefused,
    Event,
    LowerRefused,
    Moment,
    NoteTaken,
    Observer,
    OperatorActed,
    PainAsked,
    PainScored,
    Progress,
    StartAwaited,
    StateChanged,
    StepEnded,
    StepStarted,
    Written,
)
from device.link import Inbox
from device.operator import NOT_NOW, ActedBy, Lower, Note, OperatorAction, Pain, SessionAction, objection
from device.publisher import Publisher
from physioctl.errors import JournalUnusable
from physioctl.events import Outcome
from physioctl.screens.wording import GUIDING
from protocols.plan import Guide, Step


class Stage(StrEnum):
    """What a session of guidance is doing, as its events call it."""

    AWAITING_START = State.AWAITING_START.value
    GUIDING = GUIDING
    PAUSED = State.PAUSED.value
    OVER = State.IDLE.value  # its last step is: what is still asked is the pain score


_MOMENTS = {Stage.AWAITING_START: Moment.BEFORE, Stage.OVER: Moment.AFTER}


@dataclass(frozen=True, slots=True)
class Over:
    """How the session came to its end."""

    outcome: Outcome
    why: str = ""


class Loop:
    """The recorder, the observers and what arrives, for a session without a controller."""

    def __init__(self, clock: Clock, inbox: Inbox) -> None:
        self.clock = clock
        self.inbox = inbox
        self.publisher = Publisher()
        self.record_failure = ""  # why the disk was too slow for the session; empty where it was not
        self._recorded = 0
        self._unwritten: deque[int] = deque()  # when each event was recorded that is not on the disk yet

    def add_observer(self, observer: Observer) -> None:
        """Let ``observer`` be told of every event, after it has been handed to the recorder."""
        self.publisher.add_observer(observer)

    def publish_when_written(self, event: Event) -> None:
        """Record ``event``, and show it once it is on the disk; raise `JournalUnusable` if it never is."""
        publisher = self.publisher
        assert publisher.recorder is not None
        with publisher.unseen():
            publisher.publish(event)
        give_up_ms = self.clock.now_ms() + BACKLOG_MAX_MS
        while publisher.recorder.written < publisher.recorded:
            if self.clock.now_ms() >= give_up_ms:
                raise JournalUnusable("the end of the session is not in the journal", "See to the disk.")
            self.next_action(give_up_ms)
        publisher.show(event)

    def next_action(self, until_ms: int) -> OperatorAction | None:
        """The operator's next action, or None at ``until_ms`` or before. Raise what the recorder raised."""
        self._look_at_the_disk()
        due_ms = self._unwritten[0] + BACKLOG_MAX_MS if self._unwritten else until_ms
        news = self.clock.wait(self.inbox, min(until_ms, max(due_ms, self.clock.now_ms() + 1)))
        self._look_at_the_disk()
        if isinstance(news, Written):
            if news.error is not None:
                raise news.error
            return None
        return None if news is None or isinstance(news, bytes | LinkLost) else news

    def _look_at_the_disk(self) -> None:
        """Note that the disk is too slow: another program could take the session for dead."""
        publisher, now_ms = self.publisher, self.clock.now_ms()
        while self._recorded < publisher.recorded:
            self._recorded += 1
            self._unwritten.append(now_ms)
        written = 0 if publisher.recorder is None else publisher.recorder.written
        while len(self._unwritten) > self._recorded - written:
            self._unwritten.popleft()
        if self._unwritten and now_ms - self._unwritten[0] >= BACKLOG_MAX_MS:
            self.record_failure = (
                "the disk is too slow or has stopped: "
                f"what happened {BACKLOG_MAX_MS // 1000} s ago is not on the disk yet"
            )


class Walk:
    """One run through the steps, and what is asked of a person before and after it."""

    def __init__(self, loop: Loop, steps: Sequence[Step], *, attended: bool) -> None:
        self._loop = loop
        self._steps = steps
        self._attended = attended
        self._stage = Stage.GUIDING
        self._step: Step | None = None  # the one that runs
        self._skips = False
        self._asks_pain = False
        self._over: Over | None = None

    def await_start(self) -> None:
        """Wait until a person starts the session; it ends where nobody does."""
        self._move(Stage.AWAITING_START, Trigger.AWAIT, before=State.IDLE.value)
        self._publish(StartAwaited(at_ms=self._now(), instruction=""))
        give_up_ms = self._now() + START_MAX_MS
        while self._stage is Stage.AWAITING_START and not self._has_ended():
            if self._now() >= give_up_ms:
                self._over = Over(Outcome.INTERRUPTED, NOT_STARTED)
            elif (action := self._loop.next_action(give_up_ms)) is not None:
                self._act(action)

    def ask_pain(self, for_ms: int) -> None:
        """Wait for a pain score, until it is given or declined, somebody stops, or ``for_ms`` have passed."""
        self._stage, self._asks_pain = Stage.OVER, True
        self._publish(PainAsked(at_ms=self._now(), moment=Moment.AFTER, for_ms=for_ms))
        give_up_ms = self._now() + for_ms
        while self._asks_pain and self._now() < give_up_ms:
            if (action := self._loop.next_action(give_up_ms)) is not None:
                self._act(action)

    def run(self) -> Over:
        """Guide through every step, unless the session has ended already; return how it ended."""
        if self._over is not None:
            return self._over
        for number, step in enumerate(self._steps, start=1):
            self._step = step
            self._publish(
                StepStarted(
                    at_ms=self._now(),
                    step=number,
                    steps=len(self._steps),
                    kind=step.kind,
                    say=step.say,
                    duration_ms=step.duration_ms,
                    may=self._may(),
                )
            )
            self._guide(number, step)
            if self._over is not None:
                return self._over
            self._publish(StepEnded(at_ms=self._now(), step=number, delivered_ms=0, skipped=self._skips))
        return Over(Outcome.COMPLETED)

    def _guide(self, number: int, step: Step) -> None:
        """Let the time of ``step`` pass, pauses not counted, until it is over, skipped or stopped."""
        later_ms = sum(each.duration_ms for each in self._steps[number:])
        left_ms, self._skips = step.duration_ms, False
        while left_ms > 0 and self._goes_on():
            self._publish(_progress(self._now(), number, left_ms, left_ms + later_ms, self._stage))
            began_ms = self._now()
            until_ms = began_ms + min(left_ms, PROGRESS_MS)
            while self._now() < until_ms and self._goes_on():
                if (action := self._loop.next_action(until_ms)) is not None:
                    at_ms = self._now()
                    self._act(action)
                    self._wait_while_paused()
                    paused_ms = self._now() - at_ms
                    began_ms, until_ms = began_ms + paused_ms, until_ms + paused_ms
            left_ms -= self._now() - began_ms

    def _goes_on(self) -> bool:
        return not self._skips and not self._has_ended()

    def _has_ended(self) -> bool:
        if self._loop.record_failure and self._over is None:
            self._over = Over(Outcome.INTERRUPTED, self._loop.record_failure)
        return self._over is not None

    def _wait_while_paused(self) -> None:
        give_up_ms = self._now() + PAUSE_MAX_MS
        while self._stage is Stage.PAUSED and not self._has_ended():
            if not self._attended:
                self._over = Over(Outcome.INTERRUPTED, "nobody is there to resume the session")
            elif self._now() >= give_up_ms:
                self._over = Over(Outcome.INTERRUPTED, "nobody has resumed the session")
            elif (action := self._loop.next_action(give_up_ms)) is not None:
                self._act(action)

    def _act(self, action: OperatorAction) -> None:
        at_ms = self._now()
        match action:
            case Lower():
                why = "there is no unit, and no output to lower"
                self._publish(LowerRefused(at_ms=at_ms, by=action.by, to_level=action.to_level, why=why))
            case SessionAction():
                self._operate(action)
            case ActedBy():
                self._operate(action.action, action.by)
            case _ if why := objection(action):
                self._refuse(action.name, why)
            case Note():
                self._publish(NoteTaken(at_ms=at_ms, text=action.text, by=action.by))
            case Pain():
                self._asks_pain = False
                moment = _MOMENTS.get(self._stage, Moment.DURING)
                self._publish(PainScored(at_ms=at_ms, score=action.score, moment=moment, by=action.by))

    def _may(self) -> tuple[str, ...]:
        """What a person may do now. As in a session on a unit, only a guided step is skipped, and no rest."""
        match self._stage:
            case Stage.AWAITING_START:
                return (SessionAction.START.value, SessionAction.STOP.value)
            case Stage.PAUSED:
                return (SessionAction.RESUME.value, SessionAction.STOP.value)
            case Stage.OVER:
                return ()
            case Stage.GUIDING:
                skips = (SessionAction.SKIP.value,) if isinstance(self._step, Guide) else ()
                return (SessionAction.PAUSE.value, *skips, SessionAction.STOP.value)

    def _operate(self, action: SessionAction, by: str = "operator") -> None:
        declines = action is SessionAction.SKIP and self._asks_pain
        does = declines or action.value in self._may()
        if action is SessionAction.PAUSE and self._stage is Stage.PAUSED:
            return  # a key that is held down asks for the same pause again
        if action in NOT_NOW and not does:
            self._refuse(action.value, NOT_NOW[action])
            return
        self._publish(OperatorActed(at_ms=self._now(), action=action, by=by))
        match action:
            case SessionAction.STOP:
                self._asks_pain = False
                self._over = self._over or Over(Outcome.STOPPED, "stopped by the operator")
            case SessionAction.START:
                self._move(Stage.GUIDING, Trigger.BEGIN)
            case SessionAction.SKIP if declines:
                self._asks_pain = False
            case SessionAction.SKIP:
                self._skips = True
            case SessionAction.PAUSE:
                self._move(Stage.PAUSED, Trigger.PAUSE)
            case SessionAction.RESUME:
                self._move(Stage.GUIDING, Trigger.RESUME)

    def _move(self, to: Stage, trigger: Trigger, *, before: str | None = None) -> None:
        came_from, self._stage = self._stage, to
        self._publish(
            StateChanged(
                at_ms=self._now(),
                state=to.value,
                before=before or came_from.value,
                trigger=trigger.value,
                may=self._may(),
            )
        )

    def _refuse(self, action: str, why: str) -> None:
        self._publish(ActionRefused(at_ms=self._now(), action=action, why=why))

    def _publish(self, event: Event) -> None:
        self._loop.publisher.publish(event)

    def _now(self) -> int:
        return self._loop.clock.now_ms()


def _progress(at_ms: int, number: int, step_ms: int, left_ms: int, stage: Stage) -> Progress:
    return Progress(
        at_ms=at_ms,
        step=number,
        remaining_ms=left_ms,
        state=stage.value,
        level_set=0,
        measured_level=0,
        delivered_ms=0,
        energy_mj=0,
        head_temp_ddeg_c=0,
        contact_pct=0,
        battery_pct=0,
        step_remaining_ms=step_ms,
    )
