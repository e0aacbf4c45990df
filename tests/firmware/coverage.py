"""Which lines and branches of the core the tests have reached: ``python -m tests.firmware.coverage``.

It runs the tests of the core on a build for gcov, and adds up what gcov says of each build of the US111.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.firmware.c_unit import FIRMWARE

TESTS = ("test_core_vectors", "test_core", "test_core_lockstep")
BUILD = FIRMWARE / "build/coverage/test"


def main() -> int:
    """Return what pytest has returned."""
    for old in BUILD.glob("*.gcda"):
        old.unlink()
    tests = [str(Path(__file__).with_name(f"{name}.py")) for name in TESTS]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests],
        env=os.environ | {"FIRMWARE_VARIANT": "coverage"},
        check=False,
    )
    lines: dict[tuple[str, int], int] = defaultdict(int)
    branches: dict[tuple[str, int, int], int] = defaultdict(int)
    for data in sorted(BUILD.glob("us111*.gcda")):
        for file in _counted(data):
            name = file["file"]
            if not name.startswith("core/"):
                continue
            for line in file["lines"]:
                lines[name, line["line_number"]] += line["count"]
                for place, branch in enumerate(line["branches"]):
                    branches[name, line["line_number"], place] += branch["count"]
    for name in sorted({name for name, _ in lines}):
        of_lines = {place[1]: count for place, count in lines.items() if place[0] == name}
        of_branches = [count for place, count in branches.items() if place[0] == name]
        missed = [number for number, count in of_lines.items() if not count]
        sys.stdout.write(
            f"{name}: {_share(list(of_lines.values()))} of lines, {_share(of_branches)} of branches"
            f"{f'; lines not reached: {missed}' if missed else ''}\n"
        )
    sys.stdout.write(f"core: {_share(list(lines.values()))} of lines, ")
    sys.stdout.write(f"{_share(list(branches.values()))} of branches\n")
    return run.returncode


def _counted(data: Path) -> list[dict[str, Any]]:
    said = subprocess.run(
        ["gcov", "--json-format", "--stdout", "--branch-probabilities", data],
        cwd=FIRMWARE,
        capture_output=True,
        text=True,
        check=True,
    )
    files: list[dict[str, Any]] = json.loads(said.stdout)["files"]
    return files


def _share(counts: list[int]) -> str:
    return f"{100 * sum(1 for count in counts if count) / len(counts):.1f} %" if counts else "none"


if __name__ == "__main__":
    sys.exit(main())
