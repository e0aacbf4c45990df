"""What a person types, when Ctrl-C comes, and an odd environment: what and what to do, and no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from device.clock import SystemClock
from physioctl.cli import call
from physioctl.record.journal import Journal
from tests.processes import LIMIT_S, begin, command, environment, waited_for

Capture = pytest.CaptureFixture[str]
DEEP = 100_000


@pytest.mark.parametrize(
    "scenario",
    ["[" * DEEP, '{"seed":' * DEEP, "9" * 5000, "²", "null", "[]", "1.5", '{"faults": 1}', '{"faults": [1]}']
    + [f'{{"seed":1,"model":{model},"protocol":{expected_run},"faults":[],"actions":[],"freezes":[]}}'
       for model, expected_run in (("5", '"x"'), ('"us111"', "5"), ("[]", "[]"), ("{}", '"steady"'))],
    ids=lambda scenario: scenario[:20],
)  # fmt: skip
def test_what_is_no_scenario_is_a_mistake_in_use(capsys: Capture, scenario: str) -> None:
    code = call(["storm", "--scenario", scenario])

    said = capsys.readouterr().err.splitlines()
    assert code == 2
    assert said[0].startswith("error: this is no scenario: ")
    assert said[-1] == "  to do: Give a scenario's seed, or its JSON as a storm printed it."


def test_a_scenario_that_is_nested_too_deeply_is_a_mistake_in_its_file(
    capsys: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(f"format: 1\nhappens: {'[' * 10_000}", encoding="utf-8")

    assert call(["rehearse", "unit-check", "--unit", "us111", "--scenario", str(path)]) == 3
    assert str(path) in capsys.readouterr().err


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
    assert call(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error: Invalid value for '{arguments[-2]}'")


@pytest.mark.parametrize(
    ("typed", "meant"), [("rn", "run"), ("histori", "history"), ("protocols lst", "list")]
)
def test_a_problem_of_the_pen_in_a_command_is_told_what_comes_nearest(
    capsys: Capture, typed: str, meant: str
) -> None:
    assert call(typed.split()) == 2
    said = capsys.readouterr().err.splitlines()[0]
    assert said == f"error: No such command {typed.split()[-1]!r}. Did you mean {meant!r}?"


@pytest.mark.parametrize("group", [[], ["protocols"]], ids=str)
def test_a_group_without_a_command_prints_its_help_and_is_a_mistake_in_use(
    capsys: Capture, group: list[str]
) -> None:
    assert call([*group, "--help"]) == 0
    help_text = capsys.readouterr().out

    assert call(group) == 2
    assert capsys.readouterr() == (help_text, "")


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


WITHOUT_THREADS = """
import sys, threading
threading.stack_size(1 << 46)  # more than there are addresses
from physioctl.cli import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there the size of a stack is no limit")
@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ("protocols", "list")),
        (5, ("run", "unit-check", "--port", "sim://us111")),
        (5, ("stop", "--port", "sim://us111")),
    ],
    ids=str,
)
def test_a_thread_that_cannot_be_started_is_said_in_two_lines(
    tmp_path: Path, code: int, arguments: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THREADS, *arguments],
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("A new journal was begun")]
    assert len(lines) == (0 if code == 0 else 2)
    assert done.stdout or code


@pytest.mark.skipif(sys.platform == "win32", reason="limits are a thing of POSIX")
def test_a_journal_that_is_one_file_too_many_is_said_to_be_that(tmp_path: Path) -> None:
    made = tmp_path / "j"
    with Journal.open(made, SystemClock(), new=True):
        pass
    limited = "import resource, sys\nfrom pathlib import Path\nimport physioctl.record.history as history\n"
    limited += "import physioctl.record.journal\n"
    limited += "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
    limited += "try: history.sessions(Path(sys.argv[1]))\nexcept Exception as error: print(error)\n"
    done = subprocess.run(
        [sys.executable, "-c", limited, str(made)],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert "too many files are open" in done.stdout, (done.stdout, done.stderr)


def has_begun_workers(pid: int, count: int) -> bool:
    """Whether ``pid`` has so many processes of its own that run Python."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes() for child in children) >= count


@pytest.mark.skipif(sys.platform != "linux", reason="the processes are found in /proc")
@pytest.mark.parametrize("interrupts", [1, 3])
def test_an_interrupted_storm_ends_without_a_traceback_of_its_workers(
    tmp_path: Path, interrupts: int
) -> None:
    process = subprocess.Popen(
        command("storm", "--count", "400", "--jobs", "2"),
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        assert waited_for(lambda: has_begun_workers(process.pid, 2))
        for _ in range(interrupts):
            os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()

    assert (process.returncode, said.strip()) == (6, "stopped.")


@pytest.mark.skipif(sys.platform != "linux", reason="the processes are found in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_workers_of_a_storm_end_with_it(tmp_path: Path, number: signal.Signals) -> None:
    process = begin(tmp_path, "storm", "--count", "100000", "--jobs", "2")
    try:
        assert waited_for(lambda: has_begun_workers(process.pid, 2))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(number)
        process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()

    assert waited_for(lambda: not any(map(runs, children)))
    assert process.returncode == -number


@pytest.mark.skipif(sys.platform != "linux", reason="the processes are found in /proc")
@pytest.mark.parametrize("after_ms", [0, 10, 20])
def test_a_storm_interrupted_while_it_begins_its_workers_ends_without_a_traceback(
    tmp_path: Path, after_ms: int
) -> None:
    process = subprocess.Popen(
        command("storm", "--count", "400", "--jobs", "2"),
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
    )
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        assert waited_for(lambda: children.read_text() != "")  # the first that it begins
        threading.Event().wait(after_ms / 1000)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()

    assert (process.returncode, said.strip()) == (6, "stopped.")


def interruptible() -> None:
    """Take Ctrl-C, also where the tests themselves were begun in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def runs(pid: str) -> bool:
    """Whether there is a process ``pid`` that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
