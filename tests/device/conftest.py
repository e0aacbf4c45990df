"""The rigs of whole-session tests. Each is looked over on its way out, so that no test has to remember to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from device.operator import SessionAction
from physioctl.rehearsal.rig import Rig
from simulator.faults import parse
from tests.support import MakeRig


@pytest.fixture
def make_rig() -> Iterator[MakeRig]:
    """Make rigs. Whatever a test does to one, it must leave the unit's output off and not once asked too
    much."""
    made: list[Rig] = []

    def make(
        model: str = "us111", *faults: str, actions: Iterable[tuple[int, SessionAction]] = (), seed: int = 0
    ) -> Rig:
        made.append(Rig(model, seed=seed, faults=[parse(fault) for fault in faults], actions=actions))
        return made[-1]

    yield make
    for rig in made:
        assert rig.unit.breaches == []
        assert rig.unit.output == 0


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """A sound US111 on a sound cable."""
    return make_rig()
