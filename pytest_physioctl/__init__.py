"""The pytest plugin: ``physio_rig``, ``physio_journal``, ``physio_scenario`` and ``physio_port``.

pytest imports this module in every project of an environment in which physioctl is installed. So it imports
nothing of physioctl's before a fixture is used: a package called ``device`` in that project remains its own.
It is a package of its own because importing ``physioctl`` takes those names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_physioctl.namesakes import namesake
from pytest_physioctl.port import NoPty, PhysioPort

if TYPE_CHECKING:
    from physioctl.record.journal import Journal
    from physioctl.testing.rig import PhysioRig
    from physioctl.testing.scenarios import PhysioScenario

_MARKERS = (
    "physio(model='us111', seed=0, dialect='native', host_loss=None, faults=(), journal='memory'): "
    "the unit of physio_rig and physio_port; journal='file' records to a file in tmp_path",
    "physio_scenarios(pattern): run the test once for each scenario file, beside the test's file",
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes ``physio_scenario`` once for each of its files, in the order of their names."""
    if "physio_scenario" not in metafunc.fixturenames:
        return
    patterns = [
        str(each) for mark in metafunc.definition.iter_markers("physio_scenarios") for each in mark.args
    ]
    folder = metafunc.definition.path.parent
    files = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    if not files:
        where = f"{metafunc.definition.nodeid}: no scenario file is there"
        raise pytest.UsageError(f"{where}; write @pytest.mark.physio_scenarios('scenarios/*.yaml')")
    names = [str(path.relative_to(folder)) for path in files]
    metafunc.parametrize("physio_scenario", files, ids=names, indirect=True)


@pytest.fixture
def physio_rig(request: pytest.FixtureRequest) -> Iterator[PhysioRig]:
    """A session on a simulated unit, in virtual time; see `physioctl.testing.rig.PhysioRig`."""
    _expect_no_namesake("physio_rig")
    from physioctl.testing.rig import PhysioRig

    options = _options(request)
    in_file = options.pop("journal", "memory") == "file"
    journal = Path(request.getfixturevalue("tmp_path")) / "journal.sqlite" if in_file else None
    with PhysioRig(**options, journal=journal) as rig:
        yield rig


@pytest.fixture
def physio_journal(physio_rig: PhysioRig) -> Journal:
    """The journal of ``physio_rig``: in memory, or in a file of ``tmp_path``."""
    return physio_rig.journal


@pytest.fixture
def physio_scenario(request: pytest.FixtureRequest) -> PhysioScenario:
    """One of the scenario files that ``@pytest.mark.physio_scenarios`` names."""
    _expect_no_namesake("physio_scenario")
    from physioctl.testing.scenarios import PhysioScenario
    from protocols.errors import ProtocolInvalid

    try:
        return PhysioScenario(request.param)
    except ProtocolInvalid as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def physio_port(request: pytest.FixtureRequest) -> Iterator[PhysioPort]:
    """A simulated unit on a pty, in real time and in a process of its own; POSIX only."""
    options = _options(request)
    options.pop("journal", None)
    try:
        port = PhysioPort(**options)
    except NoPty as error:
        pytest.skip(str(error))
    with port:
        yield port


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the markers say of the unit: the nearest one first."""
    options: dict[str, Any] = {}
    for mark in request.node.iter_markers("physio"):
        options = dict(mark.kwargs) | options
    return options


def _expect_no_namesake(fixture: str) -> None:
    """Fail where the project has a package with the name of one of physioctl's: one process can hold one."""
    found = namesake()
    if found is not None:
        name, where = found
        pytest.fail(
            f"{fixture} needs physioctl's own package {name!r} in this process, and there is another of that "
            f"name, in {where}. Use physio_port, whose unit is in a process of its own, or rename yours.",
            pytrace=False,
        )
