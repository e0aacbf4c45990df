"""One story, played: a session of the whole stack on virtual time, and what the judge has to say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from device.controller import Controller
from device.events import Watcher
from device.guard import GuardRefused
from device.operator import Act
from physioctl.journal import Journal
from physioctl.record import sessions
from physioctl.runner import Request, run_session
from physioctl.verdict import verify
from protocols.errors import PhysioctlError, Refused
from simulator.faults import FaultKind
from simulator.rig import Rig
from simulator.storm.course import Course, course
from simulator.storm.hazards import (
    HOST_DEATH,
    HOST_FREEZE,
    PERIOD_MS,
    Figure,
    bound_ms,
    clock_slack_ms,
    kind_of,
    kind_of_act,
)
from simulator.storm.host import HostDied, HostHung, MortalClock, MortalLink
from simulator.storm.judge import Judge, OnChange, Rule, Violation
from simulator.storm.story import Story
from simulator.unit import SimulatedUnit

NOTHING = "nothing"  # befell a story
_PATIENCE_MS = 20_000  # after which the person who waits for an undisturbed session's end stops it
_END_MS = 15_000  # after that stop, within which there must be an end
_AFTER_MS = 3000  # beyond the lease, for a stop to have ended in silence
_COUNT_MS = 5  # between one count and another, of the same thing


@dataclass(frozen=True, slots=True)
class Parts:
    """The unit and the controller that a story is played with: by default the real ones."""

    unit: type[SimulatedUnit] = SimulatedUnit
    controller: type[Controller] = Controller


REAL = Parts()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a story."""

    story: Story
    ended: str  # how the session ended, or what ended it
    violations: tuple[Violation, ...]
    figures: tuple[Figure, ...]

    @property
    def kinds(self) -> set[str]:
        """What befell the story."""
        story = self.story
        found = {kind_of(fault) for fault in story.faults}
        found |= {kind_of_act(act) for _, act in story.acts if act is not Act.RESUME}
        found |= {HOST_FREEZE} if story.freezes else set()
        found |= {HOST_DEATH} if story.death_ms is not None else set()
        return found or {NOTHING}


def play(
    story: Story, parts: Parts = REAL, watchers: Sequence[Watcher] = (), on_change: OnChange | None = None
) -> Outcome:
    """Play ``story``; the same story has the same outcome every time."""
    return _Play(story, parts, on_change).played(watchers)


class _Play:
    """A story on its stage."""

    def __init__(self, story: Story, parts: Parts, on_change: OnChange | None) -> None:
        self._story = story
        self._course: Course = course(story.course, story.model)
        patience_ms = self._course.total_ms + _PATIENCE_MS
        self._clock = MortalClock(story.freezes, story.death_ms, patience_ms + _END_MS)
        clock = self._clock
        self._rig = Rig(
            story.model,
            seed=story.seed,
            faults=story.faults,
            acts=(*story.acts, (patience_ms, Act.STOP)),
            clock=clock,
            link=lambda cable, _, inbox: MortalLink(cable, clock, inbox),
            unit=parts.unit,
            controller=parts.controller,
        )
        self._judge = Judge(story, self._course, self._rig, clock, on_change)
        clock.add(self._judge)

    def played(self, watchers: Sequence[Watcher]) -> Outcome:
        """Play it, let the world go on for a while, and judge the end."""
        judge = self._judge
        with Journal.in_memory(self._clock, self._story.seed) as journal:
            ended = self._run(journal, watchers)
            self._clock.live_on(self._clock.now_ms() + bound_ms(self._story) + _AFTER_MS)
            self._judge_journal(journal)
        self._judge_end()
        alarms = frozenset(judge.alarms)
        figures = tuple(figure for hazard in judge.hazards for figure in hazard.ended(alarms))
        self._judge_times(figures)
        return Outcome(self._story, ended, tuple(judge.violations.values()), figures)

    def _run(self, journal: Journal, watchers: Sequence[Watcher]) -> str:
        request = Request.on_nobody(self._course.protocol, attended=self._story.attended)
        try:
            ended = run_session(request, self._rig.controller, journal, [self._judge, *watchers])
        except HostDied:
            return "host died"
        except HostHung:
            self._judge.broken(Rule.HUNG, "no end in sight")
            return "hung"
        except PhysioctlError as error:
            if isinstance(error, Refused | GuardRefused):
                self._judge.broken(Rule.ESCAPED, repr(error))
            return type(error).__name__
        except Exception as error:  # noqa: BLE001 - whatever it is: that it came this far is the finding
            self._judge.broken(Rule.ESCAPED, repr(error))
            return type(error).__name__
        return ended.outcome.value

    def _judge_end(self) -> None:
        unit, judge = self._rig.unit, self._judge
        if unit.silent_since_ms is None and not judge.during(FaultKind.STUCK_OUTPUT):
            judge.broken(Rule.STOP, f"{unit.output:.1f} goes out, long after the end")
        if unit.breaches:
            judge.broken(Rule.BREACH, str(unit.breaches[0]))
        if not judge.begun(FaultKind.STUCK_OUTPUT):
            self._judge_dose()
            judge.judge_times_given()

    def _judge_dose(self) -> None:
        """The true dose, against the plan: a clock that is off may stretch it until that can be told."""
        unit, judge, planned = self._rig.unit, self._judge, self._course
        slack_ms = PERIOD_MS + clock_slack_ms(self._story, self._clock.now_ms())
        if unit.delivered_ms > planned.delivered_ms + slack_ms:
            judge.broken(Rule.DOSE, f"{unit.delivered_ms} ms of {planned.delivered_ms}")
        if not planned.level_mj_ms:
            return
        most_mj = planned.energy_mj * 1.01 + 100 + planned.level_mj_ms * slack_ms
        if judge.begun(FaultKind.LYING_SENSOR) and judge.begun(FaultKind.AGEING):
            most_mj *= 2  # what cannot be measured cannot be metered
        if unit.energy_mj > most_mj:
            judge.broken(Rule.DOSE, f"{unit.energy_mj:.0f} mJ of {planned.energy_mj:.0f}")

    def _judge_journal(self, journal: Journal) -> None:
        verdict = verify(journal)
        if not verdict.whole:
            self._judge.broken(Rule.CHAIN, verdict.why)
            return
        told = self._judge.ended
        if told is None or told.outcome.value == "failed":
            return
        (kept,) = sessions(journal)
        if (kept.delivered_ms, kept.outcome) != (told.delivered_ms, told.outcome):
            self._judge.broken(Rule.RECORD, f"told {told}, and kept {kept}")
        if self._judge.begun(FaultKind.STUCK_OUTPUT, FaultKind.SLOW_CLOCK, FaultKind.FAST_CLOCK):
            return
        true_ms, least_ms = self._rig.unit.delivered_ms, kept.delivered_ms - _COUNT_MS
        if not least_ms <= true_ms <= kept.delivered_ms + bound_ms(self._story) + _COUNT_MS:
            self._judge.broken(Rule.RECORD, f"kept {kept.delivered_ms} ms, and {true_ms} ms were given")

    def _judge_times(self, figures: Sequence[Figure]) -> None:
        late = [figure for figure in figures if figure.late]
        late += [hazard.late for hazard in self._judge.hazards if hazard.late]
        if late:
            self._judge.broken(Rule.SLOW, f"{late[0].kind}: {late[0].took_ms} ms, {late[0].bound_ms} at most")
