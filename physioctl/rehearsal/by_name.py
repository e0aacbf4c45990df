"""A rehearsal by the names of its parts: what ``physioctl.rehearse`` is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from device.events import Observer
from device.operator import OperatorAction
from physioctl.errors import InvalidUsage
from physioctl.rehearsal import rehearse as rehearsing
from physioctl.rehearsal.rehearse import Rehearsal
from physioctl.rehearsal.rig import Rig, speaking
from protocols.library import find
from protocols.model import Protocol
from simulator.faults import parse
from simulator.nameplate import UnknownModel


def rehearse(
    protocol: Protocol | Path | str,
    *,
    model: str = "us111",
    seed: int = 0,
    faults: Sequence[str] = (),
    dialect: str = "native",
    actions: Iterable[tuple[int, OperatorAction]] = (),
    attended: bool = False,
    observers: Sequence[Observer] = (),
) -> Rehearsal:
    """Run ``protocol``, a file or the id of a bundled one, on a simulated unit in virtual time, on nobody.

    ``faults`` are such as ``lift_off@4s+2s``; ``actions`` are an operator's, each with its time in
    milliseconds; ``attended`` says that a person is there to resume. The same arguments give the same
    rehearsal. Raise `Refused` when the protocol may not be run on that model, and `InvalidUsage` for a
    model, a fault or a dialect that is none.

    >>> rehearse("unit-check", seed=7, faults=["lift_off@4s+2s"]).alarms
    ('CONTACT_LOST',)
    """
    found = protocol if isinstance(protocol, Protocol) else find(protocol)
    try:
        spoken = speaking(dialect)
        rig = Rig(
            model,
            seed=seed,
            faults=[parse(text) for text in faults],
            actions=actions,
            unit=spoken.unit,
            dialect=spoken.dialect,
        )
    except (UnknownModel, ValueError) as problem:
        raise InvalidUsage(str(problem), "See: physioctl rehearse --help") from problem
    return rehearsing.rehearse(found, rig, seed=seed, attended=attended, observers=observers)
