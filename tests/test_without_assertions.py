"""The safety tests under ``python -O``: whatever must not happen is raised, and asserted nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SAFETY = ("test_guard", "test_handshake", "test_sessions_guarded", "test_sessions_leased")
# Pytest rewrites the assertions of test modules into code that -O leaves alone; it warns of all others.
OPTIMISED = (sys.executable, "-O", "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider")
WARNED = ("-W", "ignore:assertions not in test modules")


def run(*tests: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*OPTIMISED, *WARNED, *tests], cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.hazard("H-15")
def test_the_safety_tests_pass_without_assertions() -> None:
    done = run(*(f"tests/device/{name}.py" for name in SAFETY))

    assert done.returncode == 0, done.stdout[-3000:]


def test_a_test_that_fails_fails_without_assertions_too(tmp_path: Path) -> None:
    spoilt = "def test_it() -> None:\n    assert not __debug__\n    assert 1 == 2\n"
    (tmp_path / "test_spoilt.py").write_text(spoilt, encoding="utf-8")

    done = run("test_spoilt.py", cwd=tmp_path)

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "assert 1 == 2" in done.stdout
