"""What is generated is fresh."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tools import generate

MADE = generate.files()


@pytest.mark.parametrize("file", MADE)
def test_what_is_generated_is_fresh(file: str) -> None:
    on_disk = (generate.ROOT / file).read_text(encoding="utf-8")

    assert on_disk == MADE[file], f"{file} is stale: run python -m tools.generate"


def test_nothing_is_found_stale_from_the_command_line() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tools.generate", "--check"],
        cwd=generate.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
