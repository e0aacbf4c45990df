"""The steps of a session of guidance: their time, what a person does meanwhile, and what is told of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from device.clock import Clock
from device.control.delivery import PAUSE_MAX_MS, PROGRESS_MS
from device.control.overdue import BACKLOG_MAX_MS
from device.errors import LinkLost
from device.events import (
    ActionRefused,
    Event,
    LowerRefused,
    Moment,
    NoteTaken,
    Observer,
    OperatorActed,
    PainScored,
    Progress,
    StateChanged,
    StepEnded,
    StepStarted,
    Written,
)
from device.link import Inbox
from device.operator import NOT_NOW, Lower, Note, OperatorAction, Pain, SessionAction, objection
from device.publisher import Publisher
from physioctl.errors import JournalUnusable
from physioctl.events import Outcome
from physioctl.screens.wording import GUIDING
from protocols.plan import Guide, Step


class Stage(StrEnum):
    """What a session of guidance is doing, as its events call it."""

    GUIDING = GUIDING
    PAUSED = "paused"


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
        news = self.clock.wait(self.inbox, until_ms)
        if isinstance(news, Written):
            if news.error is not None:
                raise news.error
            return None
        return None if news is None or isinstance(news, bytes | LinkLost) else news


class Walk:
    """One run through the steps."""

    def __init__(self, loop: Loop, steps: Sequence[Step], *, attended: bool) -> None:
        self._loop = loop
        self._steps = steps
        self._attended = attended
        self._stage = Stage.GUIDING
        self._step: Step | None = None  # the one that runs
        self._skips = False
        self._over: Over | None = None

    def run(self) -> Over:
        """Guide through every step; return how it ended."""
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
        return not self._skips and self._over is None

    def _wait_while_paused(self) -> None:
        give_up_ms = self._now() + PAUSE_MAX_MS
        while self._stage is Stage.PAUSED and self._over is None:
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
            case _ if why := objection(action):
                self._refuse(action.name, why)
            case Note():
                self._publish(NoteTaken(at_ms=at_ms, text=action.text, by=action.by))
            case Pain():
                self._publish(PainScored(at_ms=at_ms, score=action.score, moment=Moment.DURING, by=action.by))

    def _may(self) -> tuple[str, ...]:
        """What a person may do now. As in a session on a unit, only a guided step is skipped, and no rest."""
        if self._stage is Stage.PAUSED:
            return (SessionAction.RESUME.value, SessionAction.STOP.value)
        skips = (SessionAction.SKIP.value,) if isinstance(self._step, Guide) else ()
        return (SessionAction.PAUSE.value, *skips, SessionAction.STOP.value)

    def _operate(self, action: SessionAction) -> None:
        if action in NOT_NOW and action.value not in self._may():
            self._refuse(action.value, NOT_NOW[action])
            return
        if action is SessionAction.PAUSE and self._stage is Stage.PAUSED:
            return  # a key that is held down asks for the same pause again
        self._publish(OperatorActed(at_ms=self._now(), action=action))
        match action:
            case SessionAction.STOP:
                self._over = Over(Outcome.STOPPED, "stopped by the operator")
            case SessionAction.SKIP:
                self._skips = True
            case SessionAction.PAUSE:
                self._move(Stage.PAUSED, action)
            case SessionAction.RESUME:
                self._move(Stage.GUIDING, action)

    def _move(self, to: Stage, trigger: SessionAction) -> None:
        before, self._stage = self._stage, to
        at_ms, may = self._now(), self._may()
        self._publish(
            StateChanged(at_ms=at_ms, state=to.value, before=before.value, trigger=trigger.value, may=may)
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
