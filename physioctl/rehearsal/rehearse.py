"""A rehearsal: the whole stack on virtual time, and the simulated unit's own truth beside the record.

Nobody is treated, so nobody is screened. Everything else is as in a session: the guard, the lease, the
frames, and the journal, which is kept in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from device.events import Observer
from physioctl.events import SessionEnded
from physioctl.record.codec import to_json
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from protocols.model import Protocol

ENERGY_TOLERANCE_PCT = 1
TIME_TOLERANCE_MS = 10


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a rehearsal ended, and what the simulated unit itself says of it."""

    ended: SessionEnded
    unit_delivered_ms: int
    unit_energy_mj: int
    unit_silent: bool
    breaches: tuple[str, ...]
    alarms: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """The unit was asked nothing it should not have been, is silent, and counted as we did."""
        apart_mj = abs(self.ended.energy_mj - self.unit_energy_mj)
        return (
            not self.breaches
            and self.unit_silent
            and abs(self.ended.delivered_ms - self.unit_delivered_ms) <= TIME_TOLERANCE_MS
            and apart_mj * 100 <= ENERGY_TOLERANCE_PCT * max(self.unit_energy_mj, 100)
        )

    def as_json(self) -> dict[str, Any]:
        """The session's end with the unit's truth beside it."""
        return to_json(self.ended) | {
            "unit_delivered_ms": self.unit_delivered_ms,
            "unit_energy_mj": self.unit_energy_mj,
            "unit_silent": self.unit_silent,
            "breaches": list(self.breaches),
            "alarms": list(self.alarms),
            "agrees": self.agrees,
        }


def rehearse(protocol: Protocol, rig: Rig, *, seed: int = 0, watchers: Sequence[Observer] = ()) -> Rehearsal:
    """Run ``protocol`` on ``rig``; raise `Refused` when it may not be run on that unit.

    The session's id comes from ``seed``, as the rig does.
    """
    request = Request.on_nobody(protocol)
    with Journal.in_memory(rig.clock, seed) as journal:
        ended = run_session(request, rig.driver, journal, watchers)
    return Rehearsal(
        ended=ended,
        unit_delivered_ms=rig.unit.delivered_ms,
        unit_energy_mj=round(rig.unit.energy_mj),
        unit_silent=rig.unit.output == 0,
        breaches=tuple(map(str, rig.unit.breaches)),
        alarms=tuple(rule.code for rule in rig.controller.alarms),
    )
