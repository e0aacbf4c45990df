"""Whoever reads what a command prints, or does not, changes neither what it does nor its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from physioctl.cli import call
from physioctl.cli.streams import PATIENCE_S, Output
from tests.forked import Forked
from tests.physioctl.test_cli_record import ended, started, tell
from tests.processes import (
    LIMIT_S,
    PHYSIOCTL,
    command,
    environment,
    finished,
    journal_at,
    served_unit,
    short_protocol,
    waited_for,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these descriptors are things of POSIX")

NO_JOURNAL = "not-a-journal"  # a file that is no journal: exit code 9 is due
# Every command that prints, with the exit code that is due; FOLDER is a folder of the test's own.
COMMANDS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (0, ("--help",)),
    (0, ("--version",)),
    (0, ("demo",)),
    (0, ("ports", "--no-ask")),
    (0, ("ports", "sim://us111")),
    (0, ("protocols", "list")),
    (0, ("protocols", "show", "unit-check")),
    (0, ("protocols", "plan", "unit-check", "--unit", "us111", "--explain")),
    (0, ("rehearse", "unit-check", "--unit", "us111")),
    (7, ("rehearse", "unit-check", "--unit", "us111", "--fault", "brown_out@5s", "--json")),
    (0, ("stop", "--port", "sim://us111")),
    (8, ("stop", "--port", "sim://us111?fault=half_open@0s%2B1h=1")),
    (0, ("clear", "--port", "sim://us111")),
    (9, ("history", "--journal", "FOLDER/no-journal")),
    (9, ("verify", "--journal", f"FOLDER/{NO_JOURNAL}")),
    (9, ("verify", "--journal", f"FOLDER/{NO_JOURNAL}", "--json")),
    (0, ("storm", "--count", "1", "--jobs", "1")),
    (2, ("no-such-command",)),
    (3, ("protocols", "check", f"FOLDER/{NO_JOURNAL}")),
)
# What becomes of the two streams: closed, full, a pipe whose reader has gone.
STREAMS = (">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>/dev/full", "| true")


def shell(folder: Path, line: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``line`` in bash with ``arguments`` as "$@", and standard error kept beside the exit code."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}", "bash", *map(str, arguments)],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    (folder / NO_JOURNAL).write_text("nothing\n", encoding="utf-8")
    return folder


def in_folder(folder: Path, arguments: Sequence[str]) -> list[str]:
    return [part.replace("FOLDER", str(folder)) for part in arguments]


def full_pipe() -> tuple[int, int]:
    """Both ends of a pipe that takes nothing more until somebody reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    return reading, writing


class Reader:
    """A stream that fails as asked, as a pipe or a disk does."""

    encoding = "latin-1"

    def __init__(self, error: Exception | None = None) -> None:
        self.taken = ""
        self._error = error

    def write(self, text: str) -> int:
        if self._error is not None:
            raise self._error
        text.encode(self.encoding)
        self.taken += text
        return len(text)

    def flush(self) -> None:
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize("code", [0, 9])
def test_the_exit_code_is_the_same_whatever_becomes_of_the_streams(
    folder: Path, streams: str, code: int
) -> None:
    commands = [in_folder(folder, each) for due, each in COMMANDS if due == code][-1:]

    for arguments in commands:
        done = shell(folder, f'"$@" {streams}', *command(*arguments))
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), (arguments, done.stderr)


@pytest.mark.parametrize(("code", "arguments"), COMMANDS, ids=str)
def test_every_command_ends_with_the_code_that_is_due_though_nobody_reads(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdout", Reader(BrokenPipeError(32, "Broken pipe")))
    monkeypatch.setattr(sys, "stderr", Reader(BrokenPipeError(32, "Broken pipe")))

    assert call(in_folder(folder, arguments)) == code


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("it has been closed")])
def test_streams_that_fail_otherwise_change_no_exit_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(sys, "stdout", Reader(error))
    monkeypatch.setattr(sys, "stderr", Reader(error))

    assert call(["verify", "--journal", str(folder / NO_JOURNAL), "--json"]) == 9


def test_a_full_standard_output_is_said_on_standard_error(folder: Path) -> None:
    done = shell(folder, '"$@" >/dev/full', *command("protocols", "list"))

    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "error: standard output cannot be written: No space left on device",
        "  to do: Make room there, or send it elsewhere.",
    ]


def test_a_report_or_an_export_that_is_cut_off_by_a_full_disk_does_not_end_as_done(tmp_path: Path) -> None:
    tell(tmp_path / "j", "s", started("s"), ended(session="s"))
    for asked in (("report", "--format", "csv"), ("export", "--fhir", "r4b")):
        arguments = command(*asked, "s", "--journal", tmp_path / "j", "--output", "-")

        full = shell(tmp_path, '"$@" >/dev/full', *arguments)
        enough = shell(tmp_path, '"$@" | head -c 1', *arguments)

        assert full.returncode == 2
        assert full.stderr.count("error: standard output cannot be written: No space left on device") == 1
        assert (enough.returncode, enough.stderr) == (0, "")


def test_a_character_that_the_terminal_lacks_is_written_out() -> None:
    reader = Reader()
    output = Output(reader)  # type: ignore[arg-type]

    output.write("1 Ω·cm²\n")
    output.flush()

    assert reader.taken == "1 \\u03a9·cm²\n"
    assert output.error is None


def test_a_session_on_a_latin_1_terminal_shows_every_line(tmp_path: Path) -> None:
    protocol = short_protocol(tmp_path, 1)
    protocol.write_text(protocol.read_text(encoding="utf-8").replace("Short,", "1 Ω"), encoding="utf-8")

    done = shell(
        tmp_path,
        'PYTHONIOENCODING=latin-1 "$@" | iconv -f latin1 -t utf8',
        *command("run", protocol, "--port", "sim://us111", "--journal", tmp_path / "j", "--new"),
    )

    assert (done.returncode, done.stderr) == (0, f"A new journal was begun: {tmp_path / 'j'}\n")
    assert "1 \\u03a9" in done.stdout
    assert any(line.startswith("  record") for line in done.stdout.splitlines())


@pytest.mark.hazard("H-18")
def test_a_reader_that_never_reads_delays_neither_a_stop_nor_the_end(tmp_path: Path) -> None:
    with served_unit(tmp_path) as unit:
        reading, writing = full_pipe()
        arguments = (
            "run",
            short_protocol(tmp_path, 60),
            "--port",
            unit.port,
            "--journal",
            journal_at(tmp_path / "j"),
        )
        environ = environment(tmp_path)
        process = Forked(PHYSIOCTL, *arguments, "--json", env=environ, stdout=writing, stderr=writing)
        os.close(writing)
        try:
            assert waited_for(unit.gives_output)
            process.send_signal(signal.SIGTERM)
            code = process.wait(LIMIT_S)
        finally:
            process.kill()
            process.wait()
            os.close(reading)

    assert code == 6
    assert [line.why for line in unit.rest()] == ["set", "stop"]


@pytest.mark.hazard("H-18")
def test_a_terminal_that_stands_still_delays_neither_a_stop_nor_the_end(tmp_path: Path) -> None:
    master, terminal = os.openpty()
    with served_unit(tmp_path) as unit:
        options = ("--port", unit.port, "--journal", journal_at(tmp_path / "j"), "--yes")
        arguments = ("run", short_protocol(tmp_path, 60), *options)
        process = subprocess.Popen(
            command(*arguments), env=environment(tmp_path), stdin=terminal, stdout=terminal, stderr=terminal
        )
        try:
            assert waited_for(unit.gives_output)
            termios.tcflow(terminal, termios.TCOOFF)
            process.send_signal(signal.SIGTERM)
            code = process.wait(LIMIT_S)
        finally:
            process.kill()
            process.wait()
            os.close(master)
            os.close(terminal)

    assert code == 6
    assert [line.why for line in unit.rest()] == ["set", "stop"]


@pytest.mark.hazard("H-18")
def test_stop_ends_though_nobody_reads_what_it_says(tmp_path: Path) -> None:
    reading, writing = full_pipe()

    process = Forked(
        *(PHYSIOCTL, "stop", "--port", "sim://us111"),
        env=environment(tmp_path), stdout=writing, stderr=writing,
    )  # fmt: skip
    os.close(writing)
    try:
        code = process.wait(2 * PATIENCE_S + LIMIT_S)
    finally:
        process.kill()
        os.close(reading)

    assert code == 0


def test_a_listing_waits_for_its_reader_until_it_is_interrupted(tmp_path: Path) -> None:
    reading, writing = full_pipe()
    process = Forked(PHYSIOCTL, "protocols", "list", env=environment(tmp_path), stdout=writing)
    os.close(writing)
    try:
        assert waited_for(lambda: len(list(Path(f"/proc/{process.pid}/task").iterdir())) > 1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
        os.close(reading)

    assert (process.returncode, said.strip()) == (6, "stopped.")


def test_a_closed_descriptor_is_not_taken_by_a_port_or_a_journal(tmp_path: Path) -> None:
    look = "import os, sys; from physioctl.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    look += (
        "print(*[os.readlink(f'/proc/self/fd/{n}') for n in range(3)], file=open(os.environ['SEEN'], 'w'))"
    )
    seen = tmp_path / "seen"

    done = shell(tmp_path, f'SEEN={seen} "$@" <&- >&- 2>&-', sys.executable, "-c", look, "--version")

    assert done.returncode == 0
    assert seen.read_text().split() == ["/dev/null"] * 3


def test_a_pipe_that_is_not_to_block_gets_every_line(tmp_path: Path) -> None:
    reading, writing = full_pipe()
    os.set_blocking(writing, False)
    shown = ("protocols", "show", "unit-check", "--json")
    process = Forked(PHYSIOCTL, *shown, env=environment(tmp_path), stdout=writing)
    os.close(writing)
    try:
        assert waited_for(lambda: len(list(Path(f"/proc/{process.pid}/task").iterdir())) > 1)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read().lstrip(b"\0").decode()
        code, errors = process.wait(LIMIT_S), process.communicate()[1]
    finally:
        process.kill()

    assert (code, errors) == (0, "")
    assert said == finished(tmp_path, *shown).stdout


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("interrupts", [1, 2])
def test_an_interrupt_changes_no_code_that_is_known_and_waits_for_no_reader(
    tmp_path: Path, interrupts: int
) -> None:
    reading, writing = full_pipe()
    unanswered = ("stop", "--port", "sim://us111?fault=half_open@0s%2B1h=1", "--dialect", "native")
    with_ctrl_c = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {PHYSIOCTL}"
    process = Forked(
        *(with_ctrl_c, *unanswered),
        env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=writing,
    )  # fmt: skip
    os.close(writing)
    try:
        assert waited_for(lambda: stands_in_a_write(process.pid))
        for _ in range(interrupts):
            process.send_signal(signal.SIGINT)
        code = process.wait(LIMIT_S)
    finally:
        process.kill()
        process.wait()
        os.close(reading)

    assert code == 8


def stands_in_a_write(pid: int) -> bool:
    """Whether a thread of ``pid`` waits for room in a pipe."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return any("pipe_write" in (task / "wchan").read_text() for task in tasks)
