"""Are the tests any good? Every small mistake made in the safety path has to make one of them fail.

``python -m tests.mutants [FILE...]`` makes each mistake of `tests.mutate` in turn, in memory only: a forked
child imports the mutated module in place of the file's, and runs the tests that concern it. A mutant
that survives is named with its line, unless `mutants-explained.toml` says why it changes nothing that
matters. Exit 1 when a survivor has no explanation, or an explanation no survivor.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

import pytest
from hypothesis import Phase, settings

from tests.mutate import Mutation, enums_in, mutations

ROOT = Path(__file__).parent.parent
EXPLAINED = Path(__file__).with_name("mutants-explained.toml")
AT_ONCE = 2
TIMEOUT_S = 120  # the tests of one target take seconds; a mutant that hangs is a mutant noticed
MEMORY_BYTES = 4 << 30
LEASE = frozenset(
    ("say", "_send_due", "_due_ms", "_what_is_due", "_doubt_the_missing", "_end", "open", "settle", "abandon")
)


@dataclass(frozen=True, slots=True)
class Target:
    """What is mutated, and the tests that have to notice, the likeliest first."""

    tests: tuple[str, ...]
    within: frozenset[str] = frozenset()  # the functions that matter; all of them when none is named


TARGETS = {
    "device/guard.py": Target(("device/test_guard.py",)),
    "device/machine.py": Target(("device/test_machine.py",)),
    "device/silence.py": Target(("device/test_silence.py",)),
    "device/knowledge.py": Target(("device/test_knowledge.py",)),
    "device/watch.py": Target(("device/test_watch.py",)),
    "device/alarms.py": Target(("device/test_alarms.py", "device/test_watch.py")),
    "device/unit.py": Target(("device/test_unit.py",), frozenset(("lease_ms", "known_unit"))),
    "device/conversation.py": Target(("device/test_conversation.py",)),
    "device/controller.py": Target(
        (
            "device/test_half_dead_line.py",
            "device/test_sessions_end.py",
            "device/test_sessions_guarded.py",
            "device/test_sessions_person.py",
            "device/test_sessions_faults.py",
        ),
        LEASE,
    ),
    "protocols/limits.py": Target(("protocols/test_limits.py",)),
}
KILLED = "device/test_mistakes_noticed.py"  # what was written because a mutant had survived
CALM = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # plug-ins were imported before the fork


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake in a file, as people read it."""

    file: str
    mutation: Mutation
    text: str  # the line it was made in

    @property
    def key(self) -> tuple[str, str, str]:
        """What an explanation names it by: line numbers wander."""
        return self.file, self.text, self.mutation.what

    def __str__(self) -> str:
        return f"{self.file}:{self.mutation.line}: {self.mutation.what}\n    {self.text}"


class _Hurry:
    """Takes up our profile once the suite's own has been."""

    def pytest_sessionstart(self) -> None:
        settings.load_profile("mutants")


class _Impostor(importlib.abc.MetaPathFinder):
    """Gives a mutated module for the one of that name."""

    def __init__(self, file: str, tree: ast.Module) -> None:
        self._name = file.removesuffix(".py").replace("/", ".")
        self._path = str(ROOT / file)
        self._code = compile(tree, self._path, "exec")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._path, self._code)
        return importlib.machinery.ModuleSpec(fullname, loader, origin=self._path)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, code: CodeType) -> None:
        super().__init__(fullname, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


def mutants_of(file: str) -> list[Mutant]:
    """Every mutant of ``file``."""
    source = (ROOT / file).read_text(encoding="utf-8")
    lines = source.splitlines()
    enums: dict[str, tuple[str, ...]] = {}
    for path in (*ROOT.glob("device/*.py"), ROOT / "protocols/limits.py"):
        enums |= enums_in(ast.parse(path.read_text(encoding="utf-8")))
    return [
        Mutant(file, mutation, lines[mutation.line - 1].strip())
        for mutation in mutations(source, enums, TARGETS[file].within)
    ]


def tests_for(file: str) -> list[str]:
    """The tests that have to notice a mistake in ``file``."""
    paths = [ROOT / "tests" / name for name in (*TARGETS[file].tests, KILLED)]
    return [str(path) for path in paths if path.exists()]


def _fork(mutant: Mutant | None, tests: Sequence[str]) -> int:
    """Run ``tests`` against ``mutant`` in a child; its process id."""
    child = os.fork()
    if child:
        return child
    signal.alarm(TIMEOUT_S)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    code = 1
    try:
        if mutant is not None:
            sys.meta_path.insert(0, _Impostor(mutant.file, mutant.mutation.tree))
        quiet = ["-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", *CALM]
        code = int(pytest.main([*quiet, *tests], plugins=[_Hurry()]))
    finally:
        os._exit(code)


def survivors_of(mutants: Sequence[Mutant], tests: Sequence[str]) -> list[Mutant]:
    """The mutants that no test noticed."""
    waiting, running, survived = list(reversed(mutants)), dict[int, Mutant](), []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            mutant = waiting.pop()
            running[_fork(mutant, tests)] = mutant
        child, status = os.wait()
        mutant = running.pop(child)
        if status == 0:
            survived.append(mutant)
    return survived


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
        here = [sys.executable, "-m", "tests.mutants", "--here", *arguments]
        return subprocess.run(here, cwd=copy, check=False).returncode


def judge(files: Sequence[str]) -> int:
    """Judge ``files``, or every target, in the tree this module stands in."""
    found = importlib.util.find_spec("device")
    assert found is not None
    assert Path(found.origin or "").is_relative_to(ROOT), "another tree than this one would be judged"
    # A mistake once noticed need not be made smaller, nor kept for another day.
    settings.register_profile(
        "mutants", database=None, derandomize=True, phases=(Phase.explicit, Phase.generate)
    )
    for name in ("transitions", "cobs.cobs", "serial", "pydantic", "ruamel.yaml"):
        importlib.import_module(name)  # once, here, and not in every child
    explained = Counter(
        (entry["file"], entry["line"], entry["mutation"])
        for entry in tomllib.loads(EXPLAINED.read_text(encoding="utf-8")).get("explained", [])
    )
    wrong = 0
    for file in files or TARGETS:
        tests, mutants = tests_for(file), mutants_of(file)
        _, status = os.waitpid(_fork(None, tests), 0)
        if status:
            _say(f"{file}: its tests do not pass unmutated (status {status}); nothing can be said")
            return 1
        survived = survivors_of(mutants, tests)
        named = Counter(mutant.key for mutant in survived)
        unexplained = [mutant for mutant in survived if mutant.key not in explained]
        stale = [key for key in explained if key[0] == file and key not in named]
        _say(f"{file}: {len(mutants)} mutants, {len(survived)} survived, {len(unexplained)} unexplained")
        for mutant in unexplained:
            _say(f"  {mutant}")
        for key in stale:
            _say(f"  explained, but it did not survive: {' | '.join(key)}")
        wrong += len(unexplained) + len(stale)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
