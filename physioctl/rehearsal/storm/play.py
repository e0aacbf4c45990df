"""Playing one scenario: a session of the whole stack on virtual time, and the judge's result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from sys import maxsize

from device.control.controller import Controller
from device.control.driver import Driver, MakeController
from device.control.guard import GuardRefused
from device.dialects.base import Dialect
from device.events import Observer, OffConfirmation, Recorder
from device.operator import Lower, Note, OperatorAction, Pain, SessionAction
from physioctl.errors import JournalUnusable
from physioctl.record.history import sessions
from physioctl.record.journal import Journal, SessionLog
from physioctl.record.summary import Summary
from physioctl.record.verify import verify
from physioctl.rehearsal.rig import Rig, speaking
from physioctl.rehearsal.storm.delivered import RECKONED_MS
from physioctl.rehearsal.storm.expected_run import ExpectedRun, expected_run
from physioctl.rehearsal.storm.fences import Fence, Obeying, compile_anything, permit_anything, unchecked
from physioctl.rehearsal.storm.host import HostDied, HostHung, MortalClock, MortalDisk, MortalLink
from physioctl.rehearsal.storm.judge import Judge, OnChange, Rule, Violation
from physioctl.rehearsal.storm.kinds import kind_called
from physioctl.rehearsal.storm.scenario import Scenario
from physioctl.rehearsal.storm.second_program import SecondProgram
from physioctl.rehearsal.storm.time_to_safe import (
    DISK_STOPPED,
    ENDING,
    HOST_DEATH,
    HOST_FREEZE,
    LOOKED_AT_ELSEWHERE,
    OVER_PCT,
    PERIOD_MS,
    SLOW_DISK,
    STOPPED_ELSEWHERE,
    Figure,
    bound_ms,
    clock_slack_ms,
    clock_stretch,
    kind_of,
    kind_of_action,
    must_be_refused,
    patience_ms,
)
from physioctl.runner import Request, run_session
from protocols.errors import PhysioctlError, Refused
from simulator.dialects import Maker
from simulator.faults import FaultKind
from simulator.unit import SimulatedUnit

NOTHING = "nothing"  # no fault in a scenario
_PATIENCE_MS = 20_000  # after which the person who waits for an undisturbed session's end stops it
_SUSPENSION_PATIENCE_MS = 120_000  # more of it, for one that waits for contact for ever
_END_MS = 15_000  # after that stop, within which there must be an end
_AFTER_MS = 3000  # beyond the lease, for a stop to have ended with output off
_METER_PCT = 20  # as far as a meter may be off
_METERED_STEP_MS = 800  # of each start, in which a meter that is off cannot be told from one that is not
_METERED_MS = 3000  # of output at another duty cycle, before it has been told
_RAMP_MAX_MS = 2000  # of any expected run
_COUNT_MS = 5  # between one count and another, of the same thing


@dataclass(frozen=True, slots=True)
class Parts:
    """The unit and the controller that a scenario is played with: by default the real ones."""

    unit: type[SimulatedUnit] | None = None  # None: of the scenario's kind
    controller: MakeController = Controller
    driver: type[Driver] = Driver
    disk: type[MortalDisk] = MortalDisk
    dialect: Callable[[], Dialect] | None = None  # None: the scenario's


REAL = Parts()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a scenario."""

    scenario: Scenario
    ended: str  # how the session ended, or what ended it
    violations: tuple[Violation, ...]
    figures: tuple[Figure, ...]

    @property
    def kinds(self) -> set[str]:
        """The kinds of faults and actions in the scenario."""
        scenario = self.scenario
        found = {kind_of(fault) for fault in scenario.faults}
        found |= {kind_of_action(action) for _, action in scenario.actions if action in ENDING}
        found |= {HOST_FREEZE} if scenario.freezes else set()
        found |= {HOST_DEATH} if scenario.death_ms is not None else set()
        if scenario.disk is not None:
            found.add(SLOW_DISK if scenario.disk.stops_ms is None else DISK_STOPPED)
        found |= {STOPPED_ELSEWHERE if asked.stop else LOOKED_AT_ELSEWHERE for asked in scenario.elsewhere}
        return found or {NOTHING}


def _obeying(scenario: Scenario) -> Maker:
    """What makes a unit of the scenario's kind that refuses nothing for its limits."""
    if scenario.dialect == "native":
        return Obeying
    from physioctl.rehearsal.storm.modbus_fences import OBEYING

    return OBEYING[scenario.host_loss or ""]


def play(
    scenario: Scenario,
    parts: Parts = REAL,
    observers: Sequence[Observer] = (),
    on_change: OnChange | None = None,
) -> Outcome:
    """Play ``scenario``; the same scenario has the same outcome every time."""
    return _Play(scenario, parts, on_change).played(observers)


class _Play:
    """One scenario being played."""

    def __init__(self, scenario: Scenario, parts: Parts, on_change: OnChange | None) -> None:
        self._scenario = scenario
        self._parts = parts
        self._expected_run: ExpectedRun = expected_run(scenario.protocol, scenario.model)
        self._kind = kind_called(scenario.dialect, scenario.host_loss)
        self._alone_ms = ceil(self._kind.timer_ms * clock_stretch(scenario))
        disk_ms, disk_end_ms = patience_ms(
            scenario, self._expected_run.starts(self._kind.timer_ms or maxsize)
        )
        stop_ms = self._expected_run.total_ms + _PATIENCE_MS + disk_ms
        if any(fault.kind is FaultKind.ENDLESS_SUSPENSION for fault in scenario.faults):
            stop_ms += _SUSPENSION_PATIENCE_MS
        self._clock = MortalClock(
            scenario.freezes, scenario.death_ms, stop_ms + _END_MS + disk_end_ms + self._alone_ms
        )
        clock = self._clock
        actions: list[tuple[int, OperatorAction]] = [*scenario.actions, (stop_ms, SessionAction.STOP)]
        if scenario.lower_ms is not None:
            actions.append((scenario.lower_ms, Lower()))
        actions += [(at_ms, Pain(score)) for at_ms, score in scenario.pain]
        actions += [(at_ms, Note("as observed")) for at_ms in scenario.notes_ms]
        spoken = speaking(scenario.dialect, scenario.host_loss)
        self._rig = Rig(
            scenario.model,
            seed=scenario.seed,
            faults=scenario.faults,
            actions=actions,
            clock=clock,
            link=lambda cable, _, inbox: MortalLink(cable, clock, inbox),
            unit=_obeying(scenario) if scenario.down is Fence.UNIT else parts.unit or spoken.unit,
            dialect=parts.dialect or spoken.dialect,
            controller=partial(Controller, guard=permit_anything)
            if scenario.down is Fence.GUARD
            else parts.controller,
            driver=parts.driver,
        )
        self._judge = Judge(scenario, self._expected_run, self._rig, clock, on_change)
        clock.add(SecondProgram(scenario.elsewhere, self._rig.cable, spoken.dialect()))
        clock.add(self._judge)

    def played(self, observers: Sequence[Observer]) -> Outcome:
        """Play it, run virtual time on for a while, and judge the end."""
        judge = self._judge
        with Journal.in_memory(self._clock, self._scenario.seed) as journal:
            judge.journal = journal
            ended = self._run(journal, observers)
            self._live_on()
            self._judge_journal(journal)
        self._judge_end()
        alarms = frozenset(judge.alarms)
        figures = tuple(figure for timed in judge.times_to_safe for figure in timed.ended(alarms))
        self._judge_times(figures)
        return Outcome(self._scenario, ended, tuple(judge.violations.values()), figures)

    def _run(self, journal: Journal, observers: Sequence[Observer]) -> str:
        protocol = self._expected_run.protocol
        if self._scenario.down is Fence.FILE:
            protocol = unchecked(protocol)
        request = Request.on_nobody(protocol, attended=self._scenario.attended)
        request = replace(request, awaits_start=self._scenario.awaits_start)
        observers = [self._judge, *observers]
        compiler = compile_anything if self._scenario.down is Fence.PLAN else None
        try:
            ended = run_session(
                request,
                self._rig.driver,
                journal,
                observers,
                recorder=None if self._scenario.disk is None else self._recorder,
                compiler=compiler,
            )
        except HostDied:
            return "host died"
        except HostHung:
            self._judge.broken(Rule.HUNG, "no end in sight")
            return "hung"
        except PhysioctlError as error:
            refused = must_be_refused(self._scenario, self._rig.unit.plate.sensors)
            if (
                isinstance(error, GuardRefused)
                or (isinstance(error, Refused) and not refused)
                or (isinstance(error, JournalUnusable) and not self._disk_stops)
            ):
                self._judge.broken(Rule.ESCAPED, repr(error))
            return type(error).__name__
        except Exception as error:  # noqa: BLE001 - whatever it is: that it came this far is the finding
            self._judge.broken(Rule.ESCAPED, repr(error))
            return type(error).__name__
        return ended.outcome.value

    def _live_on(self) -> None:
        """Let time pass until the unit has had all of it to end its output by itself."""
        self._clock.live_on(self._clock.now_ms() + bound_ms(self._scenario) + _AFTER_MS)
        until_ms = self._clock.now_ms() + self._alone_ms
        while self._rig.unit.output_off_since_ms is None and self._clock.now_ms() < until_ms:
            self._clock.live_on(min(until_ms, self._clock.now_ms() + 1000))

    def _recorder(self, log: SessionLog) -> Recorder:
        assert self._scenario.disk is not None
        return self._parts.disk(log, self._clock, self._rig.inbox, self._scenario.disk)

    @property
    def _disk_stops(self) -> bool:
        return self._scenario.disk is not None and self._scenario.disk.stops_ms is not None

    @property
    def _drove_another(self) -> bool:
        """Whether the session was given by a unit that had been put on the cable before it began."""
        return any(other.changes for other in self._rig.cable.others)

    def _judge_end(self) -> None:
        unit, judge = self._rig.unit, self._judge
        now_ms = self._clock.now_ms()
        excused = self._kind.goes_on_ms is None and judge.loss.lost(now_ms)
        if unit.output_off_since_ms is None and not judge.during(FaultKind.STUCK_OUTPUT) and not excused:
            judge.broken(Rule.STOP, f"{unit.output:.1f} goes out, long after the end")
        if not judge.begun(FaultKind.STUCK_OUTPUT) and not self._drove_another:
            self._judge_dose()
            judge.judge_times_delivered()

    def _judge_dose(self) -> None:
        """The true dose, against the plan: a clock that is off may stretch it until that can be told."""
        unit, judge, planned = self._rig.unit, self._judge, self._expected_run
        slack_ms = PERIOD_MS + clock_slack_ms(self._scenario, self._clock.now_ms()) + judge.loss.slack_ms()
        if unit.delivered_ms > planned.delivered_ms + slack_ms:
            judge.broken(Rule.DOSE, f"{unit.delivered_ms} ms of {planned.delivered_ms}")
        if not planned.level_mj_ms:
            return
        if judge.begun(FaultKind.WRONG_DUTY, FaultKind.LYING_DUTY):
            slack_ms += _METERED_MS
        most_mj = planned.energy_mj * 1.01 + 100 + planned.level_mj_ms * slack_ms
        if judge.begun(FaultKind.LYING_SENSOR) and judge.begun(FaultKind.AGEING):
            most_mj *= 2  # what cannot be measured cannot be metered
        if not self._kind.told:
            most_mj *= OVER_PCT / 100  # it holds no ceiling, and output is too high from there on
        if unit.energy_mj > most_mj:
            judge.broken(Rule.DOSE, f"{unit.energy_mj:.0f} mJ of {planned.energy_mj:.0f}")

    def _judge_journal(self, journal: Journal) -> None:
        verification = verify(journal)
        if not verification.whole:
            self._judge.broken(Rule.CHAIN, verification.why)
            return
        ended = self._judge.ended
        if ended is None or ended.outcome.value == "failed":
            return
        (kept,) = sessions(journal)
        if (kept.delivered_ms, kept.outcome) != (ended.delivered_ms, ended.outcome):
            self._judge.broken(Rule.RECORD, f"told {ended}, and kept {kept}")
        clocks = (FaultKind.SLOW_CLOCK, FaultKind.FAST_CLOCK)
        if self._drove_another or self._judge.begun(FaultKind.STUCK_OUTPUT, *clocks):
            return
        self._judge_counts(kept, known_off=ended.output_off is OffConfirmation.CONFIRMED)
        if not self._judge.begun(FaultKind.LYING_SENSOR):
            self._judge_energy(kept.energy_mj, known_off=ended.output_off is OffConfirmation.CONFIRMED)

    def _judge_counts(self, kept: Summary, *, known_off: bool) -> None:
        """The time in the record, against the truth: what the host reckons is at least what was given."""
        unstoppable_ms = self._judge.loss.unstoppable_ms()
        slack_ms = _COUNT_MS + clock_slack_ms(self._scenario, self._clock.now_ms(), unstoppable_ms)
        more_ms = 0 if known_off else max(bound_ms(self._scenario), self._alone_ms)  # nobody could hear it
        if self._judge.begun(FaultKind.LYING_SESSION):  # its counts are not taken for the session's
            more_ms += unstoppable_ms
        less_ms = 0
        if self._kind.told:
            more_ms = max(more_ms, bound_ms(self._scenario))
        else:
            more_ms += 0 if known_off else self._judge.loss.slack_ms()
            less_ms = RECKONED_MS * (self._ends + 1) + self._judge.loss.slack_ms()
        true_ms = self._rig.unit.delivered_ms
        if not kept.delivered_ms - slack_ms - less_ms <= true_ms <= kept.delivered_ms + more_ms + slack_ms:
            self._judge.broken(Rule.RECORD, f"kept {kept.delivered_ms} ms, and {true_ms} ms were given")

    @property
    def _ends(self) -> int:
        """How often output has ended."""
        return sum(change.output == 0 for change in self._rig.unit.changes)

    def _judge_energy(self, kept_mj: int, *, known_off: bool) -> None:
        """The energy in the record, against the truth: a fifth of it, and what no meter can tell."""
        true_mj, planned = self._rig.unit.energy_mj, self._expected_run
        slack_ms = (
            _METERED_STEP_MS * planned.starts() + bound_ms(self._scenario) + self._judge.loss.slack_ms()
        )
        if not known_off:  # nobody could hear of it
            slack_ms += self._alone_ms
        if not self._kind.told:  # a ramp counts as its end, and what was on at either end counts whole
            slack_ms += (_RAMP_MAX_MS + RECKONED_MS) * (self._ends + 1)
        slack_mj = max(kept_mj, true_mj) * _METER_PCT / 100 + planned.level_mj_ms * slack_ms + 100
        if planned.level_mj_ms and abs(kept_mj - true_mj) > slack_mj:
            self._judge.broken(Rule.RECORD, f"kept {kept_mj} mJ, and {true_mj:.0f} mJ were given")

    def _judge_times(self, figures: Sequence[Figure]) -> None:
        late = [figure for figure in figures if figure.late]
        late += [timed.late for timed in self._judge.times_to_safe if timed.late]
        if late:
            self._judge.broken(Rule.SLOW, f"{late[0].kind}: {late[0].took_ms} ms, {late[0].bound_ms} at most")
