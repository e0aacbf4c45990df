"""The core in C under sanitizers and under a fuzzer; what a stale header does to a build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware.c_unit import FIRMWARE, built, compiler
from tests.processes import environment

ROOT = FIRMWARE.parent
FUZZ_RUNS, FUZZ_LIMIT_S = 2000, 20
LIVES = """
from tests.firmware.lockstep import library, life

core = library()
print(sum(1 for seed in (2, 3) for _ in life(seed, core)))
"""


def under_sanitizers(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python whose units are built with both sanitizers."""
    cc = compiler()
    asan = subprocess.run(
        [cc, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout
    if not Path(asan.strip()).is_absolute():
        pytest.skip(f"{cc} has no address sanitizer here")
    env = environment(folder) | {
        "LD_PRELOAD": os.path.realpath(asan.strip()),
        "ASAN_OPTIONS": "detect_leaks=0",
        "FIRMWARE_VARIANT": "sanitized",
    }
    return subprocess.run(
        [sys.executable, *arguments], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_vectors_hold_under_the_sanitizers(tmp_path: Path) -> None:
    tests = [f"tests/firmware/{name}.py" for name in ("test_core_vectors", "test_core")]

    run = under_sanitizers(tmp_path, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests)

    assert run.returncode == 0, run.stdout + run.stderr


def test_the_lockstep_holds_under_the_sanitizers(tmp_path: Path) -> None:
    run = under_sanitizers(tmp_path, "-c", LIVES)

    assert run.returncode == 0, run.stdout + run.stderr
    assert int(run.stdout) > 900


@pytest.mark.hazard("H-08")
def test_no_bytes_of_a_fuzzer_lead_to_output_without_a_valid_set(tmp_path: Path) -> None:
    if shutil.which("clang") is None:
        pytest.skip("no clang here: it brings the fuzzer")
    target = built("fuzz", "fuzz/us111")
    subprocess.run([sys.executable, FIRMWARE / "fuzz/corpus.py", tmp_path / "vectors"], check=True)
    (tmp_path / "corpus").mkdir()

    run = subprocess.run(
        [target, f"-runs={FUZZ_RUNS}", "-seed=1", "-max_len=600", "corpus", "vectors"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr[-4000:]
    assert f"Done {FUZZ_RUNS} runs" in run.stderr


def test_a_header_that_is_not_of_the_table_ends_the_build(tmp_path: Path) -> None:
    """A message that is added to the table, and the header not made anew."""
    compiler()
    for name in ("firmware", "device/wire"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("build", "__pycache__"))
    table = tmp_path / "device/wire/table.toml"
    table.write_text(
        table.read_text(encoding="utf-8") + '\n[[message]]\nname = "Pause"\ntype = 0x0A\nfields = []\n',
        encoding="utf-8",
    )

    run = subprocess.run(["make", "-C", tmp_path / "firmware"], capture_output=True, text=True, check=False)

    assert run.returncode != 0
    assert "run python -m tools.generate" in run.stderr


def test_a_request_that_the_core_does_not_know_ends_the_build(tmp_path: Path) -> None:
    """A message that is added to the table and to the header, and not to the core."""
    cc = compiler()
    shutil.copytree(FIRMWARE, tmp_path / "firmware", ignore=shutil.ignore_patterns("build"))
    header = tmp_path / "firmware/physioctl_wire.h"
    text = header.read_text(encoding="utf-8")
    assert "#define PW_REQUESTS 9" in text
    header.write_text(text.replace("#define PW_REQUESTS 9", "#define PW_REQUESTS 10"), encoding="utf-8")

    run = subprocess.run(
        [cc, "-std=c11", "-I.", "-Inameplates", '-DNAMEPLATE="us111.h"', "-fsyntax-only", "core/requests.c"],
        cwd=tmp_path / "firmware",
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode != 0
    assert "a request of the table is not known to the core" in run.stderr
