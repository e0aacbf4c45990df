"""What may not be run: one line what, one line what to do, its exit code, and never a traceback."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from physioctl.cli import call
from tests.processes import LIMIT_S, begin, finished, journal_at, short_protocol

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys and flock are things of POSIX")

GOOD = """format: 1
id: mine
title: Mine
family: ultrasound
body_site: bench
side: none
purpose: For a test.
evidence: {grade: none, note: Nothing.}
steps:
- {emit: {intensity: 0.29 W/cm², duty: 100 %, carrier: 1 MHz}, for: 5 min}
"""
NOBODY = 65534


class Said:
    """What a command put on its two streams, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def is_a_refusal(self, code: int, *words: str) -> None:
        """Exactly what, and exactly one line what to do."""
        told = [line for line in self.err.splitlines() if not line.startswith("A new journal was begun: ")]
        what, *more, action = told
        assert self.code == code, self.err
        assert what.startswith("error: ")
        assert action.startswith("  to do: ")
        assert not any(line.startswith(("error:", "  to do:")) for line in more)
        assert "Traceback" not in self.err + self.out
        for word in words:
            assert word in self.err


Typed = Callable[..., Said]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Typed:
    """Run a session on a simulated unit, unless the arguments say otherwise."""

    def type_(protocol: object, port: str = "sim://us111", journal: Path | None = None, *more: str) -> Said:
        kept = str(journal or journal_at(tmp_path / "j"))
        arguments = ["run", str(protocol), "--port", port, "--journal", kept, *more]
        code = call(arguments)
        return Said(code, *capsys.readouterr())

    return type_


# --- the file -------------------------------------------------------------------------------------------

LEVEL = "intensity: 0.29 W/cm²"
FILES: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "a missing unit": (GOOD.replace(LEVEL, "intensity: 0.29"), 3, ("intensity", "W/cm²")),
    "a wrong unit": (GOOD.replace(LEVEL, "intensity: 0.29 W"), 3, ("intensity",)),
    "a time in watts": (GOOD.replace("for: 5 min", "for: 5 W/cm²"), 3, ("for",)),
    "not a number": (GOOD.replace(LEVEL, "intensity: .nan"), 3, ("intensity",)),
    "not a number with a unit": (GOOD.replace(LEVEL, "intensity: NaN W/cm²"), 3, ("intensity",)),
    "infinity": (GOOD.replace(LEVEL, "intensity: .inf"), 3, ("intensity",)),
    "a negative": (GOOD.replace(LEVEL, "intensity: -0.29 W/cm²"), 3, ("intensity",)),
    "a negative time": (GOOD.replace("for: 5 min", "for: -5 min"), 3, ("for",)),
    "more than a unit of the family may give": (GOOD.replace(LEVEL, "intensity: 3.5 W/cm²"), 3, ("3 W/cm²",)),
    "more than this unit gives": (GOOD.replace(LEVEL, "intensity: 1.5 W/cm²"), 4, ("intensity",)),
    "a duplicate key": (GOOD + "title: Again\n", 3, ("title",)),
    "an unknown key": (GOOD + "colour: red\n", 3, ("colour",)),
    "another format": (GOOD.replace("format: 1", "format: 2"), 3, ("format",)),
    "nothing": ("", 3, ()),
    "not YAML": ("steps: [", 3, ()),
    "a list": ("- 1\n- 2\n", 3, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_may_not_be_run_is_refused(typed: Typed, tmp_path: Path, name: str) -> None:
    text, code, words = FILES[name]
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")

    said = typed(path)

    said.is_a_refusal(code, *words)
    assert said.out == ""


def test_the_file_they_are_made_from_is_good(typed: Typed, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace("5 min", "100 ms"), encoding="utf-8")

    assert typed(path).code == 0


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200 * 1024 * 1024)


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 16)


def bomb(path: Path) -> None:
    levels = [f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    path.write_text("\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *levels]), encoding="utf-8")


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def nested(path: Path) -> None:
    path.write_text("[" * 100_000, encoding="utf-8")


@pytest.mark.parametrize("make", [huge, binary, bomb, folder, pipe, nested])
def test_a_file_that_is_no_protocol_at_all_is_refused(
    typed: Typed, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "mine.yaml"
    make(path)

    typed(path).is_a_refusal(3)


@pytest.mark.parametrize("name", ["no-such-protocol", "./no/such/file.yaml", "", "unit-chek", "\x00"])
def test_a_protocol_that_is_not_there_is_refused(typed: Typed, name: str) -> None:
    said = typed(name)

    assert said.code in (2, 3)
    said.is_a_refusal(said.code)


def test_a_protocol_of_the_other_family_is_refused(typed: Typed) -> None:
    typed("unit-check-percussion").is_a_refusal(4)
    typed("unit-check", "sim://ultragun").is_a_refusal(4)


@pytest.mark.hazard("H-14")
def test_output_on_the_abdomen_is_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace("bench", "abdomen"), encoding="utf-8")

    code = call(["rehearse", str(path), "--unit", "us111"])

    Said(code, *capsys.readouterr()).is_a_refusal(4, "abdomen")


@pytest.mark.hazard("H-16")
def test_questions_that_nobody_answers_refuse_the_session(typed: Typed) -> None:
    typed("calf-tightness-ultrasound", "sim://us111", None, "--side", "left").is_a_refusal(4)


def test_answers_and_scenarios_that_are_no_files_are_refused_and_not_waited_for(
    typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe(tmp_path / "pipe")

    typed("unit-check", "sim://us111", None, "--answers", str(tmp_path / "pipe")).is_a_refusal(3)
    code = call(["rehearse", "unit-check", "--unit", "us111", "--scenario", str(tmp_path / "pipe")])

    Said(code, *capsys.readouterr()).is_a_refusal(3, "not a file")


def test_a_journal_that_is_begun_is_told_at_once_even_when_the_session_is_refused(
    typed: Typed, tmp_path: Path
) -> None:
    of_another_family = ("unit-check", "sim://ultragun", tmp_path / "clinc")  # which the unit has to say

    first, second = typed(*of_another_family, "--json", "--new"), typed(*of_another_family, "--json")

    assert first.code == 4
    assert first.err.splitlines()[0] == f"A new journal was begun: {tmp_path / 'clinc'}"
    assert "begun" not in first.out + second.out + second.err


def test_a_side_that_is_not_said_is_a_mistake_in_use(typed: Typed) -> None:
    typed("calf-tightness-ultrasound").is_a_refusal(2, "--side")


# --- the port -------------------------------------------------------------------------------------------


@contextmanager
def a_pty(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """A pty on which somebody answers whatever is heard."""
    master, slave = os.openpty()
    ended = Event()

    def talk() -> None:
        while not ended.is_set():
            if select.select([master], [], [], 0.02)[0]:
                os.write(master, answer(os.read(master, 4096)))

    talker = Thread(target=talk)
    talker.start()
    try:
        yield os.ttyname(slave)
    finally:
        ended.set()
        talker.join()
        os.close(master)
        os.close(slave)


def output_off(_: bytes) -> bytes:
    """Listen, and say nothing."""
    return b""


def test_a_port_that_is_not_there_is_refused(typed: Typed, tmp_path: Path) -> None:
    for port in (str(tmp_path / "ttyUSB9"), "/dev/null", str(tmp_path), "COM99", "sim://us999", "sim://"):
        typed("unit-check", port).is_a_refusal(5)


@pytest.mark.parametrize(
    "port",
    [
        "",
        "socket://",
        "socket://127.0.0.1",
        "socket://127.0.0.1:x",
        "rfc2217://",
        "nonsense://x",
        "loop://?x",
        "hwgrep://(",
        "\x00",
        "a\nb",
        "/dev/\udcff",
    ],
)
def test_a_port_that_is_written_wrong_is_refused(typed: Typed, port: str) -> None:
    said = typed("unit-check", port)

    assert said.code in (2, 5)
    said.is_a_refusal(said.code)


def test_an_address_where_nobody_listens_is_refused(typed: Typed) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = f"socket://127.0.0.1:{listener.getsockname()[1]}"

    typed("unit-check", address).is_a_refusal(5, "nobody is listening")


@pytest.mark.hazard("H-19")
def test_a_port_that_another_program_holds_is_refused(typed: Typed) -> None:
    with a_pty(output_off) as port:
        holder = os.open(port, os.O_RDWR | os.O_NOCTTY)
        fcntl.flock(holder, fcntl.LOCK_EX)
        said = typed("unit-check", port)
        os.close(holder)

    said.is_a_refusal(5, "in use", "physioctl stop")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may open everything: be somebody else meanwhile."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)


def test_a_port_that_is_not_permitted_is_refused(typed: Typed) -> None:
    with a_pty(output_off) as port, tempfile.TemporaryDirectory() as open_to_all:
        folder = Path(open_to_all)
        folder.chmod(0o777)
        # Somebody else may not be let into the folder that this program stands in.
        protocol = str(short_protocol(folder, 10))
        typed(protocol, "/dev/nowhere")  # so that nothing has to be imported as somebody else
        Path(port).chmod(0)
        with as_nobody():
            said = typed(protocol, port, folder / "j", "--new")

    said.is_a_refusal(5, "you may not use", "dialout")


# What is at the other end of a line, and what is said of it.
NO_UNITS: dict[str, tuple[Callable[[bytes], bytes], tuple[str, ...]]] = {
    "nothing": (output_off, ("nobody answers",)),
    "rubbish": (lambda _: b"OK\r\n" + bytes(range(256)) * 4, ("not in this dialect",)),
    "an echo": (lambda heard: heard, ()),
}


def test_a_port_that_answers_nothing_or_rubbish_or_sends_back_what_it_gets_is_refused(tmp_path: Path) -> None:
    with ExitStack() as lines:  # beside each other, for each is waited for
        running = {
            name: begin(
                tmp_path, "run", "unit-check", "--port", port, "--journal", journal_at(tmp_path / name)
            )
            for name, (answer, _) in NO_UNITS.items()
            for port in (lines.enter_context(a_pty(answer)),)
        }
        said = {name: process.communicate(timeout=LIMIT_S) for name, process in running.items()}

    for name, (_, words) in NO_UNITS.items():
        Said(running[name].returncode, *said[name]).is_a_refusal(5, *words)


# --- the journal, and mistakes in use -------------------------------------------------------------------


def test_a_journal_that_cannot_be_kept_refuses_the_session(typed: Typed, tmp_path: Path) -> None:
    other = tmp_path / "not-a-journal"
    other.write_text("Dear diary", encoding="utf-8")

    pipe(tmp_path / "pipe")
    for path in (other, tmp_path, other / "j", tmp_path / "pipe"):
        typed("unit-check", "sim://us111", path).is_a_refusal(9)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["clear", "--port"],
        ["run", "unit-check", "--port"],
        ["run", "unit-check", "--port", "sim://us111", "--side", "up"],
        ["rehearse", "unit-check"],
        ["rehearse", "unit-check", "--unit", "us999"],
        ["rehearse", "unit-check", "--unit", "us111", "--seed", "-1"],
        ["simulate"],
        ["simulate", "us999"],
        ["stop", "--port"],
        ["nonsense"],
    ],
)
def test_a_mistake_in_use_is_exit_code_2_and_no_traceback(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    code = call(arguments)

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["us111", "--tcp", "nonsense"],
        ["us111", "--tcp", "0.0.0.0:0"],
        ["us111", "--tcp", "127.0.0.1:99999"],
        ["us111", "--fault", "stall@3s"],
        ["us111", "--fault", "nonsense"],
        ["us111", "--log", "/no/such/folder/log"],
        ["us111", "--log", "/tmp"],
    ],
)
def test_a_unit_that_cannot_be_simulated_is_exit_code_2_and_no_traceback(
    tmp_path: Path, arguments: list[str]
) -> None:
    done = finished(tmp_path, "simulate", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr
