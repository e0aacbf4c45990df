"""A rehearsal: the whole stack on virtual time, and the simulated unit's own truth beside the record.

Nobody is treated, so nobody is screened. Everything else is as in a session: the guard, the lease, the
frames, and the journal, which is kept in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from queue import SimpleQueue
from typing import Any

from device.clock import VirtualClock
from device.control.policy import STOP_WITHIN_MS
from device.events import Observer
from physioctl.events import SessionEnded
from physioctl.guidance import run_guidance
from physioctl.guidance_steps import Loop
from physioctl.host_loss import reckoned
from physioctl.record.codec import to_json
from physioctl.record.journal import Journal
from physioctl.rehearsal.cues import Cues
from physioctl.rehearsal.expectations import Happened, Held, compare
from physioctl.rehearsal.rig import Rig
from physioctl.rehearsal.scenario_model import Scenario
from physioctl.runner import Request, run_session
from protocols.model import Protocol

RECKONED_MS = STOP_WITHIN_MS + 100  # of each start: the stop that ends it, and a status period
ENERGY_TOLERANCE_PCT = 1
TIME_TOLERANCE_MS = 10


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a rehearsal ended, and what the simulated unit itself says of it."""

    ended: SessionEnded
    unit_delivered_ms: int
    unit_energy_mj: int
    unit_output_off: bool
    breaches: tuple[str, ...]
    alarms: tuple[str, ...]
    starts: int  # of output
    reckoned: bool  # time and energy, by the host
    expectations: tuple[Held, ...] = ()  # of the scenario

    @property
    def as_expected(self) -> bool:
        """Every expectation of the scenario has held."""
        return all(each.held for each in self.expectations)

    @property
    def agrees(self) -> bool:
        """The unit was asked nothing it should not have been, its output is off, and the record agrees."""
        return not self.breaches and self.unit_output_off and self.record_agrees

    @property
    def record_agrees(self) -> bool:
        """The record counted as the unit truly gave. What the host has reckoned is at most too high."""
        apart_ms = self.ended.delivered_ms - self.unit_delivered_ms
        apart_mj = self.ended.energy_mj - self.unit_energy_mj
        if self.reckoned:
            # Of a massage gun, whose energy follows from no setting, none is reckoned.
            energy_agrees = apart_mj >= 0 or self.ended.planned_energy_mj is None
            return energy_agrees and 0 <= apart_ms <= self.starts * RECKONED_MS
        tolerance_mj = ENERGY_TOLERANCE_PCT * max(self.unit_energy_mj, 100) / 100
        return abs(apart_ms) <= TIME_TOLERANCE_MS and abs(apart_mj) <= tolerance_mj

    def as_json(self) -> dict[str, Any]:
        """The session's end with the unit's truth beside it."""
        return to_json(self.ended) | {
            "unit_delivered_ms": self.unit_delivered_ms,
            "unit_energy_mj": self.unit_energy_mj,
            "unit_output_off": self.unit_output_off,
            "breaches": list(self.breaches),
            "alarms": list(self.alarms),
            "agrees": self.agrees,
            "expectations": [asdict(each) for each in self.expectations],
        }


def rehearse(
    protocol: Protocol,
    rig: Rig,
    *,
    seed: int = 0,
    attended: bool = False,
    scenario: Scenario | None = None,
    observers: Sequence[Observer] = (),
) -> Rehearsal:
    """Run ``protocol`` on ``rig``; raise `Refused` when it may not be run on that unit.

    The session's id comes from ``seed``, as the rig does. ``attended`` says that somebody is within reach of
    the unit's switch: without, a unit that nothing else ends is refused. ``scenario`` says what happens
    meanwhile, and what must be true after; where an operator acts in it, the session is attended. Raise
    `ScenarioImpossible` for one that cannot happen to this unit.
    """
    cues = Cues(rig)
    if scenario is not None:
        cues.play(scenario)
        attended = attended or bool(scenario.operator)
    request = Request.on_nobody(protocol, attended=attended)
    with Journal.in_memory(rig.clock, seed) as journal:
        ended = run_session(request, rig.driver, journal, [*observers, cues])
    rehearsal = _rehearsal(ended, rig)
    if scenario is None or scenario.expect is None:
        return rehearsal
    return replace(rehearsal, expectations=compare(scenario.expect, _happened(rehearsal, rig, cues)))


def _happened(rehearsal: Rehearsal, rig: Rig, cues: Cues) -> Happened:
    """What the session on ``rig`` came to, for a scenario's expectations."""
    return Happened(
        outcome=rehearsal.ended.outcome,
        output_off=rehearsal.ended.output_off,
        alarms=rehearsal.alarms,
        delivered_ms=rehearsal.unit_delivered_ms,
        highest_level=max((change.output for change in rig.unit.changes), default=0),
        output=rig.unit.output,
        breaches=tuple(str(breach) for unit in rig.units for breach in unit.breaches),
        never_began=cues.never_began,
        record_agrees=rehearsal.record_agrees,
    )


def _rehearsal(ended: SessionEnded, rig: Rig) -> Rehearsal:
    return Rehearsal(
        ended=ended,
        unit_delivered_ms=rig.unit.delivered_ms,
        unit_energy_mj=round(rig.unit.energy_mj),
        unit_output_off=rig.unit.output == 0,
        breaches=tuple(map(str, rig.unit.breaches)),
        alarms=tuple(rule.code for rule in rig.controller.alarms),
        starts=rig.controller.known.start.number if rig.controller.known.start else 0,
        reckoned=rig.controller.unit is not None and bool(reckoned(rig.controller.unit)),
    )


def rehearse_guidance(
    protocol: Protocol, *, seed: int = 0, observers: Sequence[Observer] = ()
) -> SessionEnded:
    """Run ``protocol``, which is guidance alone, on virtual time and on nobody."""
    clock = VirtualClock()
    with Journal.in_memory(clock, seed) as journal:
        request = Request.on_nobody(protocol)
        return run_guidance(request, Loop(clock, SimpleQueue()), journal, observers, rehearsed=True)
