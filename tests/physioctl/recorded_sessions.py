"""Sessions on the rig, recorded as a unit behind a port is: what tests of reports and exports read back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from device.clock import VirtualClock
from device.dialects.native import Native
from device.operator import Lower, Note, OperatorAction, Pain, SessionAction
from physioctl.events import SessionEnded
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import CableLink, Rig, Speaking
from physioctl.runner import Request, run_session
from protocols.library import find
from protocols.model import Protocol
from simulator.faults import parse
from simulator.unit import SimulatedUnit
from tests.support import CountedLink, screened

CALF = find("calf-tightness-ultrasound")
# Guidance for a minute, and output for two.
SHORT = CALF.model_copy(
    update={"steps": (CALF.steps[0], CALF.steps[2].model_copy(update={"duration_ms": 120_000}))}
)

# Within the second step of `SHORT`: a pause, a lowering, and a head that is lifted off.
EVENTFUL: tuple[tuple[int, OperatorAction], ...] = (
    (1_000, Pain(6)),
    (2_000, SessionAction.START),
    (80_000, Note("Skin warm, no redness")),
    (90_000, SessionAction.PAUSE),
    (100_000, SessionAction.RESUME),
    (130_000, Lower(352)),
    (135_000, Lower(200)),  # refused: the unit gives no such level
    (260_000, Pain(3)),
)
LIFTED = ("lift_off@110s+8s=0.0",)


def record_session(
    journal: Journal | Path,
    protocol: Protocol = SHORT,
    *,
    actions: Iterable[tuple[int, OperatorAction]] = EVENTFUL,
    faults: Sequence[str] = LIFTED,
    model: str = "us111",
    simulated: bool = False,
    speaks: Speaking | None = None,
    at: datetime | None = None,
    person: str = "P-017",
    side: str | None = "left",
    **request: Any,
) -> SessionEnded:
    """Run a session of ``protocol`` on virtual time, with somebody there; return its end."""
    if isinstance(journal, Path):
        with Journal.open(journal, VirtualClock() if at is None else VirtualClock(at)) as opened:
            return record_session(
                opened, protocol, actions=actions, faults=faults, model=model, simulated=simulated,
                speaks=speaks, person=person, side=side, **request,
            )  # fmt: skip
    clock = journal.clock
    assert isinstance(clock, VirtualClock)
    rig = Rig(
        model,
        faults=[parse(fault) for fault in faults],
        actions=actions,
        clock=clock,
        link=CableLink if simulated else CountedLink,
        unit=speaks.unit if speaks else SimulatedUnit,
        dialect=speaks.dialect if speaks else Native,
    )
    asked = Request(
        protocol,
        side,
        person,
        answers=screened(protocol, on=clock.utc().astimezone().date(), person=person),
        attended=True,
        awaits_start=True,
        asks_pain=lambda: True,
        treated_by="T-2",
    )
    return run_session(replace(asked, **request), rig.driver, journal)
