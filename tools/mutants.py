"""Are the tests any good? Every small mistake made in the safety path has to make one of them fail.

``python -m tools.mutants [FILE...]`` makes each mistake in turn: those of `tools.mutate` in a module, those
of `tools.mutate_data` in a table. A forked child imports the mutated module, or reads the mutated table, in
place of the file's, and runs the tests that concern it, those first that notice much in little time. A mutant
that survives them all is named with its place, unless `mutants-explained.toml` says why it changes nothing
that matters. Exit 1 when a survivor has no explanation, or an explanation no survivor.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.machinery
import importlib.util
import io
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from itertools import islice
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tools.mutate import Mutation, enums_in, mutations
from tools.mutate_data import DataMutation, data_mutations, unmutated

ROOT = Path(__file__).parent.parent
EXPLAINED = Path(__file__).with_name("mutants-explained.toml")
AT_ONCE = os.cpu_count() or 1
SPIN_S = 60  # of work, before there is a first test; a mutant that hangs is a mutant noticed
SLEEP_S = 600  # in all, for one that waits and does no work; the machine may be busy
MEMORY_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class Target:
    """What is mutated, and the tests that have to notice, the likeliest first."""

    tests: tuple[str, ...]
    within: frozenset[str] = frozenset()  # the functions that matter; all of them when none is named


_GUARD = ("device/test_guard.py", "device/test_content.py")
_SESSIONS = (  # those that take no longer than a second: whole sessions take minutes and notice little more
    "device/test_controller.py",
    "device/test_controller_states.py",
    "device/test_controller_alarms.py",
    "device/test_controller_lower.py",
    "device/test_controller_notes.py",
    "device/test_controller_timing.py",
    "device/test_sessions_leased.py",
    "device/test_fault_clearing.py",
    "device/test_half_dead_line.py",
    "device/test_handshake.py",
    "device/test_sessions_guarded.py",
    "device/test_reports_kept.py",
    "device/test_stopped_elsewhere.py",
)
_HANDSHAKE = ("device/test_handshake_asking.py", "device/test_handshake.py", "device/test_fault_clearing.py")
_TRENDS = ("device/test_trends.py", "device/test_watch.py", "device/test_alarms.py")
_ADMISSION = (
    "physioctl/test_check_rest.py",
    "physioctl/test_checked_side.py",
    "physioctl/test_admit.py",
    "physioctl/test_admission.py",
    "physioctl/test_at_the_door.py",
    "physioctl/test_runner.py",
)
_TABLES = Target(("protocols/test_tables.py", "test_generated.py"))
_QUESTIONS = Target(
    ("protocols/test_contraindications.py", "physioctl/test_screening.py", "test_generated.py")
)
_NAMEPLATES = Target(("device/test_models.py", "device/test_ceilings.py", "device/test_unit.py"))
_ADDED = Target(("device/test_models_of_others.py", "physioctl/test_generic_unit.py"))
TARGETS = {  # the most important first
    "device/control/guard.py": Target(_GUARD),
    "device/control/allowed.py": Target((*_GUARD, "device/test_fences.py")),
    "device/control/families.py": Target(("protocols/test_families.py", *_GUARD, "device/test_ceilings.py")),
    "device/dialects/families.py": Target(("device/test_native.py",)),
    "device/control/output_off.py": Target(("device/test_output_off.py", "device/test_another_unit.py")),
    "device/control/controller.py": Target((*_SESSIONS, "device/test_sessions_lower.py")),
    "device/control/actions.py": Target((*_SESSIONS, "device/test_delivery_start.py")),
    "device/control/reports.py": Target(_SESSIONS),
    "device/control/overdue.py": Target(_SESSIONS),
    "device/control/host_delays.py": Target(_SESSIONS),
    "device/control/starting.py": Target(_SESSIONS),
    "device/control/outbox.py": Target(_SESSIONS),
    "device/control/driver.py": Target(
        (
            *("device/test_driver_loop.py", "device/test_driver.py", "device/test_sessions_guarded.py"),
            "physioctl/test_observers.py",
        )
    ),
    "device/publisher.py": Target(
        (
            *("device/test_driver_loop.py", "device/test_driver.py", "physioctl/test_observers.py"),
            "physioctl/test_guidance.py",
        )
    ),
    "device/monitor/watch.py": Target(("device/test_watch.py",)),
    "device/monitor/alarms.py": Target(("device/test_alarms.py", "device/test_watch.py")),
    "device/monitor/conditions.py": Target(
        ("device/test_alarms.py", "device/test_metering.py", "device/test_warming.py")
    ),
    "device/monitor/contact.py": Target(("device/test_contact_trend.py",)),
    "device/monitor/ramp.py": Target(("device/test_ramp.py",)),
    "device/control/state.py": Target(
        ("device/test_state.py", "device/test_state_lower.py", "device/test_state_starts.py")
    ),
    "device/control/machine.py": Target(("device/test_machine.py",)),
    "protocols/limits.py": Target(("protocols/test_limits.py",)),
    "protocols/compile.py": Target(("protocols/test_compile.py", "protocols/test_content.py")),
    "tools/tables.py": _TABLES,
    "protocols/shipped_limits.py": _TABLES,
    # Tables: each has a test in which its numbers and codes stand a second time, written by hand.
    "protocols/families.toml": _TABLES,
    "protocols/sites.toml": _TABLES,
    "device/added_models.py": _ADDED,
    "device/nameplate_files.py": _ADDED,
    "physioctl/generic_unit.py": Target(("physioctl/test_generic_unit.py",)),
    "device/nameplates/us111.toml": _NAMEPLATES,
    "device/nameplates/ultragun.toml": _NAMEPLATES,
    "device/nameplates/ultragun_pro.toml": _NAMEPLATES,
    "protocols/contraindications.toml": _QUESTIONS,
    "protocols/shipped_questions.py": _QUESTIONS,
    "device/control/handshake.py": Target(_HANDSHAKE),
    "device/control/delivery.py": Target(
        (
            "device/test_delivery.py",
            "device/test_delivery_ends.py",
            "device/test_delivery_start.py",
            *_SESSIONS,
            "device/test_sessions_person.py",
            "device/test_host_loss.py",
        )
    ),
    "device/control/fault_clearing.py": Target(_HANDSHAKE),
    "device/control/policy.py": Target(
        ("device/test_policy.py", "device/test_host_loss.py", "physioctl/test_host_loss.py")
    ),
    "device/control/reckoning.py": Target(("device/test_reckoning.py",)),
    "device/control/requests.py": Target(("device/test_requests.py",)),
    "device/control/schedule.py": Target(("device/test_schedule.py",)),
    "device/control/ceilings.py": Target(
        ("device/test_ceilings.py", "device/test_models_of_others.py", "physioctl/test_generic_unit.py")
    ),
    "device/control/content.py": Target(("device/test_content.py",)),
    "device/dialects/promises.py": Target(("device/test_handshake.py",)),
    "device/dialects/modbus.py": Target(
        ("device/test_modbus.py", "device/test_modbus_wire.py", "device/test_lower_modbus.py")
    ),
    "device/monitor/trends.py": Target(_TRENDS),
    "device/monitor/metering.py": Target(("device/test_metering.py",)),
    "device/monitor/warming.py": Target(("device/test_warming.py",)),
    "device/monitor/host_time.py": Target(("device/test_host_time.py",)),
    "device/unit.py": Target(
        ("device/test_unit.py", "physioctl/test_generic_unit.py"),
        frozenset(
            ("lease_ms", "suspension_max_ms", "area_mm2", "known_unit", "_model_of", "_differs", "_above")
        ),
    ),
    "physioctl/host_loss.py": Target(("physioctl/test_host_loss.py",)),
    "physioctl/daily_limit.py": Target(("physioctl/test_daily_limit.py", "physioctl/test_admission.py")),
    "physioctl/wall_clock.py": Target(
        (
            "physioctl/test_counted_from.py",
            "physioctl/test_boot_reference.py",
            "physioctl/test_last_elsewhere.py",
            "physioctl/test_wall_clock.py",
            "physioctl/test_admission.py",
        )
    ),
    "physioctl/reconcile.py": Target(("physioctl/test_two_programs.py", "physioctl/test_admission.py")),
    "physioctl/admission.py": Target(_ADMISSION),
    "physioctl/record/writer.py": Target(("physioctl/test_writer_parts.py", "physioctl/test_writer.py")),
    "physioctl/questions.py": Target(("physioctl/test_screening.py",)),
    "physioctl/screening.py": Target(("physioctl/test_screening.py",)),
    "physioctl/network.py": Target(("physioctl/test_network.py",)),
}
OURS = ("device", "physioctl", "protocols", "simulator", "tests")
THEIRS = (
    *("transitions", "cobs.cobs", "serial", "pydantic", "ruamel.yaml", "hypothesis.stateful"),
    *("hypothesis.strategies", "zoneinfo", "sqlite3"),
)
KILLED = "device/test_defects_found.py"  # what was written because a mutant had survived
PYTEST_OPTIONS = ("-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", "--assert=plain")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake in a file, as people read it."""

    file: str
    mutation: Mutation | DataMutation
    text: str  # the line it was made in; in a table, the way to it

    @property
    def key(self) -> tuple[str, str, str]:
        """What an explanation names it by: line numbers wander."""
        return self.file, self.text, self.mutation.what

    def __str__(self) -> str:
        line = f":{self.mutation.line}" if isinstance(self.mutation, Mutation) else ""
        return f"{self.file}{line}: {self.mutation.what}\n    {self.text}"


@dataclass(slots=True)
class Worth:
    """What is known of the tests of a file: how long each takes, and how many mutants it has noticed."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    noticed: Counter[str] = field(default_factory=Counter)

    def cost(self, test: str) -> float:
        """The time it takes for each mutant it may be expected to notice."""
        return self.seconds.get(test, 0) / (1 + self.noticed[test])


@dataclass(slots=True, eq=False)
class Run:
    """Has pytest run the tests of a file, the cheapest first and none for ever, and keeps what came of it."""

    worth: Worth
    failed: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def pytest_sessionstart(self) -> None:
        settings.load_profile("mutants")  # once the suite's own has been taken up

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self.worth.cost(item.nodeid))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        signal.setitimer(signal.ITIMER_PROF, 5 + 20 * self.worth.seconds.get(nodeid, 1))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration
        if report.failed:
            self.failed = report.nodeid


class _Impostor(importlib.machinery.SourceFileLoader):
    """Gives a mutated module for the one of that name."""

    def __init__(self, file: str, tree: ast.Module) -> None:
        super().__init__(file.removesuffix(".py").replace("/", "."), str(ROOT / file))
        self._code = compile(tree, self.path, "exec")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, origin=str(self.path)) if fullname == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        return self._code


def _read_instead(file: Path, other: Path) -> None:
    """Give ``other`` to whoever opens ``file`` in this process from here on."""
    sound = open

    def opened(name: Any, *arguments: Any, **named: Any) -> Any:
        is_it = isinstance(name, str | os.PathLike) and Path(os.fsdecode(name)) == file
        return sound(other if is_it else name, *arguments, **named)

    for module in (builtins, io):  # pathlib knows it by the second
        setattr(module, "open", opened)  # noqa: B010 - the name that is read by everybody


def mutants_of(file: str) -> list[Mutant]:
    """Every mutant of ``file``."""
    source = (ROOT / file).read_text(encoding="utf-8")
    if not file.endswith(".py"):
        return [Mutant(file, mutation, mutation.where) for mutation in data_mutations(source)]
    lines = source.splitlines()
    enums: dict[str, tuple[str, ...]] = {}
    for path in (*ROOT.glob("device/**/*.py"), *ROOT.glob("protocols/*.py"), ROOT / "physioctl/events.py"):
        enums |= enums_in(ast.parse(path.read_text(encoding="utf-8")))
    return [
        Mutant(file, mutation, lines[mutation.line - 1].strip())
        for mutation in mutations(source, enums, TARGETS[file].within)
    ]


def tests_for(file: str) -> list[str]:
    """The tests that have to notice a mistake in ``file``."""
    return [str(ROOT / "tests" / name) for name in (*TARGETS[file].tests, KILLED)]


def runs_of(
    file: str, problems: Iterable[Mutation | DataMutation | None], worth: Worth
) -> Iterator[tuple[int, Run]]:
    """Run the tests of ``file`` with each of ``mistakes`` made; the number of each, as it comes to an end."""
    waiting, running = enumerate(problems), dict[int, int]()
    with tempfile.TemporaryDirectory() as folder:
        while True:
            for number, problem in islice(waiting, AT_ONCE - len(running)):
                running[_fork(file, problem, worth, folder)] = number
            if not running:
                return
            child, status = os.wait()
            answer = Path(folder, str(child))
            died = Run(worth, f"status {status}")
            yield running.pop(child), died if status else pickle.loads(answer.read_bytes())


def _fork(file: str, problem: Mutation | DataMutation | None, worth: Worth, folder: str) -> int:
    """Run the tests of ``file`` in a child, which leaves a `Run` in ``folder``; its process id."""
    child = os.fork()
    if child:
        return child
    signal.alarm(SLEEP_S)
    signal.setitimer(signal.ITIMER_PROF, SPIN_S)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    code = 1
    try:
        run = Run(worth)
        if isinstance(problem, Mutation):
            sys.meta_path.insert(0, _Impostor(file, problem.tree()))
        elif problem is not None:
            other = Path(folder, f"{os.getpid()}.toml")
            other.write_text(problem.text, encoding="utf-8")
            _read_instead(ROOT / file, other)
        said = pytest.main([*PYTEST_OPTIONS, *tests_for(file)], plugins=[run])
        run.failed = run.failed or ("" if said == pytest.ExitCode.OK else str(said))
        Path(folder, str(os.getpid())).write_bytes(pickle.dumps(run))
        code = 0
    finally:
        os._exit(code)


def survivors_of(file: str, mutants: Sequence[Mutant]) -> list[Mutant] | None:
    """The mutants that no test noticed; None when a test fails all the same."""
    source = (ROOT / file).read_text(encoding="utf-8")
    [(_, sound)] = runs_of(file, [None if file.endswith(".py") else unmutated(source)], Worth())
    if sound.failed:
        _say(f"{file}: its tests do not pass unmutated ({sound.failed}); nothing can be said")
        return None
    survived, worth = [], Worth(sound.seconds)
    for number, run in runs_of(file, (mutant.mutation for mutant in mutants), worth):
        worth.noticed[run.failed] += 1
        if not run.failed:
            survived.append(number)
    return [mutants[number] for number in sorted(survived)]


def _import_for(file: str) -> None:
    """Import once, here and not in every child, what the tests of ``file`` need and what does not rest on it.

    A module that rests on it all the same is read unmutated: its mutants survive, and that is seen.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    ours: tuple[str, ...] = ()
    if file.startswith(("device/control/", "device/monitor/")):
        ours = ("protocols.model", "protocols.contraindications", "simulator.unit", "simulator.cable")
    for name in (*THEIRS, *ours):
        importlib.import_module(name)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # it takes minutes, and somebody is waiting


def main(arguments: Sequence[str]) -> int:
    """Judge the files named, or every target, in a copy of the tree that nobody can change under way.

    A mutant of one moment among modules of the next dies of the difference, and would count as noticed.
    """
    if arguments[:1] == ["--here"]:
        return judge(arguments[1:])
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "dist", "__pycache__"))
        here = [sys.executable, "-m", "tools.mutants", "--here", *arguments]
        return subprocess.run(here, cwd=copy, check=False).returncode


def judge(files: Sequence[str]) -> int:
    """Judge ``files``, or every target, in the tree this module stands in."""
    found = importlib.util.find_spec("device")
    assert found is not None
    assert Path(found.origin or "").is_relative_to(ROOT), "another tree than this one would be judged"
    # A mistake once noticed need not be made smaller, nor kept for another day; nor is a slow test one.
    settings.register_profile(
        "mutants",
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        phases=(Phase.explicit, Phase.generate),
    )
    sys.dont_write_bytecode = False  # nearly all that is imported is the same in every child
    explained = Counter(
        (entry["file"], entry["line"], entry["mutation"])
        for entry in tomllib.loads(EXPLAINED.read_text(encoding="utf-8")).get("explained", [])
    )
    totals = Counter[str]()
    for file in files or TARGETS:
        if file not in files and not (ROOT / file).is_file():
            _say(f"{file}: is not there")
            continue
        began, mutants = time.monotonic(), mutants_of(file)
        _import_for(file)
        survived = survivors_of(file, mutants)
        if survived is None:
            return 1
        keys = {mutant.key for mutant in survived}
        unexplained = [mutant for mutant in survived if mutant.key not in explained]
        stale = [key for key in explained if key[0] == file and key not in keys]
        said = f"{len(mutants)} mutants, {len(survived)} survived, {len(unexplained)} unexplained"
        _say(f"{file}: {said}, {time.monotonic() - began:.0f} s")
        for mutant in unexplained:
            _say(f"  {mutant}")
        for key in stale:
            _say(f"  explained, but it did not survive: {' | '.join(key)}")
        known = len(survived) - len(unexplained)
        totals.update(mutants=len(mutants), survived=len(survived), explained=known)
        totals.update(unexplained=len(unexplained), stale=len(stale))
    _say("in all: " + ", ".join(f"{count} {what}" for what, count in totals.items()))
    return 1 if totals["unexplained"] or totals["stale"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
