"""How long output goes on in each step, and how steeply it rises: the unit's truth against the course.

It counts true milliseconds and true levels. It knows the course and the clocks that are off, and nothing of
what the unit counts or the host believes.
"""

from __future__ import annotations

from collections.abc import Iterator

from physioctl.rehearsal.storm.course import Course, Stage
from physioctl.rehearsal.storm.hazards import clock_slack_ms
from physioctl.rehearsal.storm.kinds import kind_called
from physioctl.rehearsal.storm.loss import Loss
from physioctl.rehearsal.storm.story import Story
from simulator.faults import FaultKind

_COUNT_MS = 5  # between one count and another, of the same thing
RECKONED_MS = 600  # at each end of an output: a report, or a few that were lost
_LEAP_MS = 2  # a clock that gains may leap over a millisecond


class Given:
    """The time given in each step, and the ramp at hand."""

    def __init__(self, story: Story, course: Course, resume_ramp_ms: int, loss: Loss) -> None:
        self._story = story
        self._loss = loss
        self._told = kind_called(story.dialect, story.host_loss).told
        self._stages = course.stages
        self._resume_ramp_ms = resume_ramp_ms
        self._fast = 1 + max((f.amount for f in story.faults if f.kind is FaultKind.FAST_CLOCK), default=0.0)
        self._given_ms = [0] * (len(course.stages) + 1)
        self._ends = [0] * (len(course.stages) + 1)  # of output, in each step
        self._step = 0
        self._step_ramp_ms = 0.0  # of the start at hand
        self._ran_ms = 0  # since that start, with output on
        self._ramp_ms = 0.0
        self._ramp_since_ms = 0

    def begin(self, step: int) -> None:
        """A step of the plan, from 1 up, has begun."""
        self._step = step

    def ran(self, for_ms: int) -> None:
        """Output was on for so long."""
        self._given_ms[self._step] += for_ms
        self._ran_ms += for_ms

    def ended(self) -> None:
        """Output has ended, for whatever reason."""
        self._ends[self._step] += 1

    def started(self, now_ms: int) -> None:
        """Output has been started: over the step's ramp, or over what is left of the step."""
        left_ms = self._stage.duration_ms - self._given_ms[self._step] * self._fast - _COUNT_MS
        left_ms = max(left_ms - self._reckoned_ms(self._step), 0)
        self._step_ramp_ms, self._ran_ms = min(self._stage.ramp_ms, left_ms), 0
        self._ramp_since_ms, self._ramp_ms = now_ms, self._step_ramp_ms

    def came_back(self, now_ms: int) -> None:
        """Output is back with contact: over what is left of its ramp, and not at once."""
        left_ms = self._step_ramp_ms - self._ran_ms * self._fast - _COUNT_MS
        self._ramp_since_ms, self._ramp_ms = now_ms, max(self._resume_ramp_ms, left_ms)

    def share(self, now_ms: int) -> float:
        """How much of the step's level the ramp at hand may have reached by now."""
        gone_ms = (now_ms - self._ramp_since_ms) * self._fast + _LEAP_MS
        return 1.0 if gone_ms >= self._ramp_ms else gone_ms / self._ramp_ms

    def too_long(self, now_ms: int) -> str:
        """What is to be said of a step at hand that has gone on for too long; nothing if it has not."""
        given_ms, planned_ms = self._given_ms[self._step], self._stage.duration_ms
        if given_ms <= planned_ms + self._slack_ms(now_ms):
            return ""
        return f"{given_ms} ms in step {self._step}, of {planned_ms}"

    def too_short(self, now_ms: int) -> Iterator[str]:
        """What is to be said of the steps of a completed session that have not been given in full."""
        for step, (stage, given_ms) in enumerate(zip(self._stages, self._given_ms[1:], strict=True), start=1):
            least_ms = stage.duration_ms - self._slack_ms(now_ms) - self._reckoned_ms(step)
            if stage.level and given_ms < least_ms:
                yield f"{given_ms} ms of a step of {stage.duration_ms}, and it was completed"

    @property
    def _stage(self) -> Stage:
        return self._stages[max(self._step, 1) - 1]

    def _reckoned_ms(self, step: int) -> int:
        """By how much the host may have counted too much in ``step``, because the unit does not count."""
        return 0 if self._told else self._ends[step] * RECKONED_MS + self._loss.slack_ms()

    def _slack_ms(self, now_ms: int) -> int:
        return _COUNT_MS + clock_slack_ms(self._story, now_ms) + self._loss.slack_ms()
