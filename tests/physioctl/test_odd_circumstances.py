"""What a person types, when Ctrl-C comes, and an odd environment: what and what to do, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from physioctl.cli import run
from tests.processes import LIMIT_S, command, environment

Capture = pytest.CaptureFixture[str]
DEEP = 100_000


@pytest.mark.parametrize(
    "story",
    ["[" * DEEP, '{"seed":' * DEEP, "9" * 5000, "²", "null", "[]", "1.5", '{"faults": 1}', '{"faults": [1]}']
    + [f'{{"seed":1,"model":{model},"course":{course},"faults":[],"acts":[],"freezes":[]}}'
       for model, course in (("5", '"x"'), ('"us111"', "5"), ("[]", "[]"), ("{}", '"steady"'))],
    ids=lambda story: story[:20],
)  # fmt: skip
def test_what_is_no_story_is_a_mistake_in_use(capsys: Capture, story: str) -> None:
    code = run(["storm", "--story", story])

    said = capsys.readouterr().err.splitlines()
    assert code == 2
    assert said[0].startswith("error: this is no story: ")
    assert said[-1] == "  to do: Give a story's seed, or its JSON as a storm printed it."


def test_a_scenario_that_is_nested_too_deeply_is_a_mistake_in_use(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(f"fault = {'[' * 10_000}", encoding="utf-8")

    assert run(["rehearse", "unit-check", "--unit", "us111", "--scenario", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {path}: not TOML: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["history", "--limit", "9" * 23],
        ["history", "--limit", "9" * 5000],
        ["storm", "--jobs", "9" * 6],
        ["storm", "--seed", "9" * 5000],
        ["rehearse", "unit-check", "--unit", "us111", "--seed", "9" * 5000],
    ],
    ids=lambda arguments: f"{arguments[0]} {arguments[-2]} {len(arguments[-1])}",
)
def test_a_number_that_is_too_large_is_a_mistake_in_use(capsys: Capture, arguments: list[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error: Invalid value for '{arguments[-2]}'")


# Runs physioctl in this process, and interrupts it at its so many-th call of a function, whatever that is.
INTERRUPTED = """
import os, signal, sys
from physioctl.cli import main
calls = 0
def count(frame, event, argument):
    global calls
    calls += event == "call"
    if calls == int(os.environ["AT"]):
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGINT)
sys.setprofile(count)
main()
"""


@pytest.mark.hazard("H-18")
@pytest.mark.skipif(sys.platform == "win32", reason="signals are a thing of POSIX")
@pytest.mark.parametrize("at", [2, 5, 100, 1000, 10_000])
def test_ctrl_c_while_the_program_is_being_loaded_ends_it_with_one_line(tmp_path: Path, at: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "run", "no-such-protocol", "--port", "/dev/no-such-port"],
        env=environment(tmp_path) | {"AT": str(at)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert (done.returncode, done.stderr.strip()) == (6, "stopped.")


ODD = (
    {"LANG": "C", "LC_ALL": "C", "TERM": "dumb"},
    {"PYTHONIOENCODING": "ascii"},
    {"TMPDIR": "/no/such/folder", "XDG_RUNTIME_DIR": "/no/such/folder"},
    {"XDG_RUNTIME_DIR": "not absolute", "TERM": "", "COLUMNS": "x"},
)


@pytest.mark.parametrize("odd", ODD, ids=" ".join)
def test_an_odd_environment_is_no_traceback(tmp_path: Path, odd: dict[str, str]) -> None:
    done = subprocess.run(
        command("run", "unit-check", "--port", "sim://us111?fault=brown_out@0s"),
        env=environment(tmp_path) | odd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert (done.returncode, b"Traceback" in done.stderr) in ((5, False), (7, False))


def test_no_home_is_no_traceback(tmp_path: Path) -> None:
    bare = {"PYTHONPATH": environment(tmp_path)["PYTHONPATH"], "PATH": os.defpath}

    done = subprocess.run(
        command("history"), env=bare, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )

    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 9)  # whoever runs this may have a journal of an older format


@pytest.mark.skipif(sys.platform == "win32", reason="limits are a thing of POSIX")
@pytest.mark.parametrize("files", [6, 7])
def test_too_few_files_are_said_to_be_too_few(tmp_path: Path, files: int) -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    master, terminal = os.openpty()
    arguments = ("stop", "--port", os.ttyname(terminal))
    done = subprocess.run(
        command(*arguments),
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        preexec_fn=limit,
        check=False,
    )

    os.close(master)
    os.close(terminal)
    assert done.returncode == 5
    assert done.stderr.splitlines() == [
        f"error: {arguments[-1]} cannot be opened: this program may not open as many files as it needs",
        "  to do: Raise the limit, such as: ulimit -n 256",
    ]
