"""The duration and the ramp of the output in each step: the simulated unit's true values against the expected
run.

It counts true milliseconds and true levels. It does not use what the unit counts or the host computes.
"""

from __future__ import annotations

from collections.abc import Iterator

from physioctl.rehearsal.storm.expected_run import ExpectedRun, Stage
from physioctl.rehearsal.storm.kinds import kind_called
from physioctl.rehearsal.storm.loss import Loss
from physioctl.rehearsal.storm.scenario import Scenario
from physioctl.rehearsal.storm.time_to_safe import clock_slack_ms
from simulator.faults import FaultKind

_COUNT_MS = 5  # between one count and another, of the same thing
RECKONED_MS = 600  # at each end of an output: a report, or a few that were lost
_LEAP_MS = 2  # a clock that gains may leap over a millisecond


class Delivered:
    """The time delivered in each step, and the present ramp."""

    def __init__(
        self, scenario: Scenario, expected_run: ExpectedRun, resume_ramp_ms: int, loss: Loss
    ) -> None:
        self._scenario = scenario
        self._loss = loss
        self._told = kind_called(scenario.dialect, scenario.host_loss).told
        self._stages = expected_run.stages
        self._resume_ramp_ms = resume_ramp_ms
        self._fast = 1 + max(
            (f.amount for f in scenario.faults if f.kind is FaultKind.FAST_CLOCK), default=0.0
        )
        self._delivered_ms = [0] * (len(expected_run.stages) + 1)
        self._ends = [0] * (len(expected_run.stages) + 1)  # of output, in each step
        self._step = 0
        self._step_ramp_ms = 0.0  # of the present start
        self._ran_ms = 0  # since that start, with output on
        self._ramp_ms = 0.0
        self._ramp_since_ms = 0

    def begin(self, step: int) -> None:
        """A step of the plan, from 1 up, has begun."""
        self._step = step

    def ran(self, for_ms: int) -> None:
        """Output was on for so long."""
        self._delivered_ms[self._step] += for_ms
        self._ran_ms += for_ms

    def ended(self) -> None:
        """Output has ended, for whatever reason."""
        self._ends[self._step] += 1

    def started(self, now_ms: int) -> None:
        """Output has been started: over the step's ramp, or over what is left of the step."""
        left_ms = self._stage.duration_ms - self._delivered_ms[self._step] * self._fast - _COUNT_MS
        left_ms = max(left_ms - self._reckoned_ms(self._step), 0)
        self._step_ramp_ms, self._ran_ms = min(self._stage.ramp_ms, left_ms), 0
        self._ramp_since_ms, self._ramp_ms = now_ms, self._step_ramp_ms

    def came_back(self, now_ms: int) -> None:
        """Output is back with contact: over what is left of its ramp, and not at once."""
        left_ms = self._step_ramp_ms - self._ran_ms * self._fast - _COUNT_MS
        self._ramp_since_ms, self._ramp_ms = now_ms, max(self._resume_ramp_ms, left_ms)

    def share(self, now_ms: int) -> float:
        """How much of the step's level the present ramp may have reached by now."""
        gone_ms = (now_ms - self._ramp_since_ms) * self._fast + _LEAP_MS
        return 1.0 if gone_ms >= self._ramp_ms else gone_ms / self._ramp_ms

    def too_long(self, now_ms: int) -> str:
        """A description of the present step if it has lasted too long; empty otherwise."""
        delivered_ms, planned_ms = self._delivered_ms[self._step], self._stage.duration_ms
        if delivered_ms <= planned_ms + self._slack_ms(now_ms):
            return ""
        return f"{delivered_ms} ms in step {self._step}, of {planned_ms}"

    def too_short(self, now_ms: int) -> Iterator[str]:
        """A description of each step of a completed session that was not delivered in full."""
        for step, (stage, delivered_ms) in enumerate(
            zip(self._stages, self._delivered_ms[1:], strict=True), start=1
        ):
            least_ms = stage.duration_ms - self._slack_ms(now_ms) - self._reckoned_ms(step)
            if stage.level and delivered_ms < least_ms:
                yield f"{delivered_ms} ms of a step of {stage.duration_ms}, and it was completed"

    @property
    def _stage(self) -> Stage:
        return self._stages[max(self._step, 1) - 1]

    def _reckoned_ms(self, step: int) -> int:
        """By how much the host may have counted too much in ``step``, because the unit does not count."""
        return 0 if self._told else self._ends[step] * RECKONED_MS + self._loss.slack_ms()

    def _slack_ms(self, now_ms: int) -> int:
        return _COUNT_MS + clock_slack_ms(self._scenario, now_ms) + self._loss.slack_ms()
