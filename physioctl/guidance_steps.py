"""The steps of a session of guidance: their time, what a person does meanwhile, and what is told of both."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from device.clock import Clock
from device.control.controller import BACKLOG_MAX_MS
from device.control.delivery import PAUSE_MAX_MS, PROGRESS_MS, START_MAX_MS
from device.control.driver import ObserverFailed, described, name_of
from device.control.machine import State, Trigger
from device.errors import LinkLost
from device.events import (
    ActionRefused,
    Event,
    LowerRefused,
    Moment,
    NoteTaken,
    Observer,
    ObserverDropped,
    OperatorActed,
    PainAsked,
    PainScored,
    Progress,
    Recorder,
    StartAwaited,
    StateChanged,
    StepEnded,
    StepStarted,
    Written,
)
from device.link import Inbox
from device.operator import NOTE_MAX, PAIN_MAX, Lower, Note, OperatorAction, Pain, SessionAction
from physioctl.errors import JournalUnusable
from physioctl.events import Outcome
from physioctl.screens.wording import GUIDING
from protocols.plan import Step

WRITTEN_MS = 30_000  # for the end to be on the disk; this project's own figure, as for a session on a unit


class Stage(StrEnum):
    """What a session of guidance is doing, as its events call it."""

    AWAITING_START = State.AWAITING_START.value
    GUIDING = GUIDING
    PAUSED = State.PAUSED.value
    OVER = State.IDLE.value  # its last step is: what is still asked is the pain score


_MAY: Mapping[Stage, tuple[str, ...]] = {
    Stage.AWAITING_START: (SessionAction.START.value, SessionAction.STOP.value),
    Stage.GUIDING: (SessionAction.PAUSE.value, SessionAction.SKIP.value, SessionAction.STOP.value),
    Stage.PAUSED: (SessionAction.RESUME.value, SessionAction.STOP.value),
    Stage.OVER: (),
}
_NOT_KEPT = {  # as in a session on a unit: what counts in its moment alone, and why it is refused
    SessionAction.START: "no session waits for a start",
    SessionAction.SKIP: "no step runs that could be skipped",
}
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
        self.recorder: Recorder | None = None
        self.record_failure = ""  # why the disk was too slow for the session; empty where it was not
        self._recorded = 0
        self._unwritten: deque[int] = deque()  # when each event came that is not on the disk yet
        self._observers: list[Observer] = []
        self._dropped: list[ObserverDropped] = []  # not published yet

    def add_observer(self, observer: Observer) -> None:
        """Let ``observer`` be told of every event, after it has been handed to the recorder."""
        self._observers.append(observer)

    def publish(self, event: Event) -> None:
        """Record ``event`` and show it. That an observer was dropped is published before the next event."""
        dropped, self._dropped = self._dropped, []
        for each in (*dropped, event):
            self._record(each)
            self._show(each)

    def publish_when_written(self, event: Event) -> None:
        """Record ``event``, and show it once it is on the disk; raise `JournalUnusable` if it never is."""
        assert self.recorder is not None
        self._record(event)
        give_up_ms = self.clock.now_ms() + WRITTEN_MS
        while self.recorder.written < self._recorded:
            if self.clock.now_ms() >= give_up_ms:
                raise JournalUnusable("the end of the session is not in the journal", "See to the disk.")
            self.next_action(give_up_ms)
        self._show(event)

    def next_action(self, until_ms: int) -> OperatorAction | None:
        """The operator's next action, or None at ``until_ms`` or before. Raise what the recorder raised."""
        due_ms = self._unwritten[0] + BACKLOG_MAX_MS if self._unwritten else until_ms
        news = self.clock.wait(self.inbox, min(until_ms, max(due_ms, self.clock.now_ms() + 1)))
        self._look_at_the_disk()
        if isinstance(news, Written):
            if news.error is not None:
                raise news.error
            return None
        return None if news is None or isinstance(news, bytes | LinkLost) else news

    def _record(self, event: Event) -> None:
        if self.recorder is not None:
            self.recorder.record(event)
            self._recorded += 1
            self._unwritten.append(self.clock.now_ms())

    def _look_at_the_disk(self) -> None:
        """Note that the disk is too slow: another program could take the session for dead."""
        written = self._recorded if self.recorder is None else self.recorder.written
        while len(self._unwritten) > self._recorded - written:
            self._unwritten.popleft()
        if self._unwritten and self.clock.now_ms() - self._unwritten[0] >= BACKLOG_MAX_MS:
            self.record_failure = (
                "the disk is too slow or has stopped: "
                f"what happened {BACKLOG_MAX_MS // 1000} s ago is not on the disk yet"
            )

    def _show(self, event: Event) -> None:
        for observer in tuple(self._observers):
            try:
                observer.on_event(event)
            except Exception as error:  # noqa: BLE001 - whatever a screen trips over, the session goes on
                self._observers.remove(observer)
                what = str(error) if isinstance(error, ObserverFailed) else described(error)
                self._dropped.append(
                    ObserverDropped(at_ms=event.at_ms, observer=name_of(observer), error=what)
                )


class Walk:
    """One run through the steps, and what is asked of a person before and after it."""

    def __init__(self, loop: Loop, steps: Sequence[Step], *, attended: bool) -> None:
        self._loop = loop
        self._steps = steps
        self._attended = attended
        self._stage = Stage.GUIDING
        self._asks_pain = False
        self._skips = False
        self._over: Over | None = None

    def await_start(self) -> None:
        """Wait until a person starts the session; it ends where nobody does."""
        self._move(Stage.AWAITING_START, Trigger.AWAIT, before=State.IDLE.value)
        self._loop.publish(StartAwaited(at_ms=self._now(), instruction=""))
        give_up_ms = self._now() + START_MAX_MS
        while self._stage is Stage.AWAITING_START and not self._has_ended():
            if self._now() >= give_up_ms:
                self._over = Over(Outcome.INTERRUPTED, "nobody has started the session")
            elif (action := self._loop.next_action(give_up_ms)) is not None:
                self._act(action)

    def ask_pain(self, for_ms: int) -> None:
        """Wait for a pain score, until it is given or declined, somebody stops, or ``for_ms`` have passed."""
        self._stage, self._asks_pain = Stage.OVER, True
        self._loop.publish(PainAsked(at_ms=self._now(), moment=Moment.AFTER, for_ms=for_ms))
        give_up_ms = self._now() + for_ms
        while self._asks_pain and self._now() < give_up_ms:
            if (action := self._loop.next_action(give_up_ms)) is not None:
                self._act(action)

    def run(self) -> Over:
        """Guide through every step, unless the session has ended already; return how it ended."""
        if self._over is not None:
            return self._over
        for number, step in enumerate(self._steps, start=1):
            self._loop.publish(
                StepStarted(
                    at_ms=self._now(),
                    step=number,
                    steps=len(self._steps),
                    kind=step.kind,
                    say=step.say,
                    duration_ms=step.duration_ms,
                    may=_MAY[self._stage],
                )
            )
            self._guide(number, step)
            if self._over is not None:
                return self._over
            self._loop.publish(StepEnded(at_ms=self._now(), step=number, delivered_ms=0, skipped=self._skips))
        return Over(Outcome.COMPLETED)

    def _guide(self, number: int, step: Step) -> None:
        """Let the time of ``step`` pass, pauses not counted, until it is over, skipped or stopped."""
        later_ms = sum(each.duration_ms for each in self._steps[number:])
        left_ms, self._skips = step.duration_ms, False
        while left_ms > 0 and self._goes_on():
            self._loop.publish(_progress(self._now(), number, left_ms, left_ms + later_ms, self._stage))
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
        match action:
            case Lower():
                why = "there is no unit, and no output to lower"
                self._loop.publish(
                    LowerRefused(at_ms=self._now(), by=action.by, to_level=action.to_level, why=why)
                )
            case Note():
                if action.text.isprintable() and 0 < len(action.text) <= NOTE_MAX:
                    self._loop.publish(NoteTaken(at_ms=self._now(), text=action.text, by=action.by))
                else:
                    self._refuse("note", f"an observation has 1 to {NOTE_MAX} printable characters")
            case Pain():
                if 0 <= action.score <= PAIN_MAX:
                    self._asks_pain = False
                    score, moment = action.score, _MOMENTS.get(self._stage, Moment.DURING)
                    self._loop.publish(
                        PainScored(at_ms=self._now(), score=score, moment=moment, by=action.by)
                    )
                else:
                    self._refuse("pain", f"pain is scored from 0 to {PAIN_MAX}")
            case SessionAction():
                self._operate(action)

    def _operate(self, action: SessionAction) -> None:
        declines = action is SessionAction.SKIP and self._asks_pain
        does = action.value in _MAY[self._stage]
        if action in _NOT_KEPT and not does and not declines:
            self._refuse(action.value, _NOT_KEPT[action])
            return
        self._loop.publish(OperatorActed(at_ms=self._now(), action=action))
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
            case SessionAction.PAUSE if does:
                self._move(Stage.PAUSED, Trigger.PAUSE)
            case SessionAction.RESUME if does:
                self._move(Stage.GUIDING, Trigger.RESUME)

    def _move(self, to: Stage, trigger: Trigger, *, before: str | None = None) -> None:
        came_from, self._stage = self._stage, to
        self._loop.publish(
            StateChanged(
                at_ms=self._now(),
                state=to.value,
                before=before or came_from.value,
                trigger=trigger.value,
                may=_MAY[to],
            )
        )

    def _refuse(self, action: str, why: str) -> None:
        self._loop.publish(ActionRefused(at_ms=self._now(), action=action, why=why))

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
