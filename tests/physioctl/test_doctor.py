"""``physioctl doctor`` as a person types it, its table of findings, and the checks of the computer."""

from __future__ import annotations

import json
import os
import re
import signal
import string
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any, TypeVar

import pytest

from device.clock import SystemClock, VirtualClock
from device.link import Port
from physioctl import __version__
from physioctl.cli import call
from physioctl.cli.exits import Exit
from physioctl.doctor import computer, findings
from physioctl.doctor.examine import Wanted, examine
from physioctl.doctor.findings import KINDS, Finding, Mark, found
from physioctl.errors import InvalidUsage
from physioctl.settings import Settings
from physioctl.siblings import FOLDER
from tests.processes import LIMIT_S, begin, line_from
from tests.terminals import Terminal

T = TypeVar("T")
Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
SOURCES = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "physioctl" / "doctor").glob("*.py"))


@pytest.fixture(autouse=True)
def nobodys_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No journal and no settings but the test's."""
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv("PHYSIOCTL_PORT", raising=False)


NOTHING = Settings()


def today() -> VirtualClock:
    """A clock on virtual time: a simulated unit is calibrated a month before the real day."""
    return VirtualClock(datetime.now(UTC))


def sooner(*ports: str, said: Settings | Exception = NOTHING, **wanted: Any) -> dict[str, Finding]:
    """All findings by their codes, on virtual time but for what a port does."""

    def settings() -> Settings:
        if isinstance(said, Exception):
            raise said
        return said

    listed = [Port(name, "") for name in ports]
    every = examine(Wanted(**wanted), today(), system=lambda: listed, said=settings)
    return {finding.code: finding for finding in every}


# --- the command ----------------------------------------------------------------------------------------


def test_each_check_is_a_line_with_its_mark_in_words_and_what_to_do(tmp_path: Path, capsys: Capture) -> None:
    code = call(["doctor", "/dev/no-such-port", "--journal", str(tmp_path / "gone")])

    lines = capsys.readouterr().out.splitlines()
    assert code == 9  # the highest
    assert lines[0].startswith(f"[i] information: physioctl {__version__} in {FOLDER}; ")
    at = lines.index("[x] problem: there is no port /dev/no-such-port (port.missing)")
    assert lines[at + 1] == "    to do: Look at the plug, then: physioctl ports"
    assert any(line.startswith("[x] problem: --journal names the journal") for line in lines)
    assert any(line.startswith("[+] ok: the time of day went on evenly") for line in lines)
    assert re.fullmatch(r"[23] problems, \d warnings?\.", lines[-1])  # 3: on a busy computer


def test_where_all_is_well_it_says_so_and_begins_no_journal(tmp_path: Path, capsys: Capture) -> None:
    code = call(["doctor", "sim://us111", "--json"])

    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["event"] for row in rows[:-1]} == {"finding"}
    assert set(rows[0]) == {"event", "code", "mark", "what", "action", "figures"}
    assert [row["mark"] for row in rows[:-1] if row["code"] == "unit"] == ["ok"]
    assert rows[-1] == {
        "event": "doctor_ended",
        "problems": [row["mark"] for row in rows[:-1]].count("problem"),
        "warnings": [row["mark"] for row in rows[:-1]].count("warning"),
        "exit_code": code,
    }
    assert code in (0, 4)  # 4: on a computer that is busy with other tests
    assert list(tmp_path.iterdir()) == []


def test_a_port_with_escapes_in_it_moves_no_cursor(capsys: Capture) -> None:
    assert call(["doctor", "/dev/\x1b]0;x\x07\r\u202e"]) >= 5

    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.splitlines())
    assert r"/dev/\x1b]0;x\x07\r\u202e" in out


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a thing of POSIX")
def test_ctrl_c_ends_it_at_once_and_in_words(tmp_path: Path) -> None:
    far, near = os.openpty()
    try:
        process = begin(tmp_path, "doctor", os.ttyname(near))
        while "journal's disk took" not in line_from(process):
            pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT_S)
    finally:
        os.close(far)
        os.close(near)

    assert (process.returncode, err.strip()) == (6, "stopped.")


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a thing of POSIX")
def test_a_terminal_is_described(tmp_path: Path) -> None:
    its_own = {"COLUMNS": "", "LINES": ""}  # else it is as large as these say
    terminal = Terminal(tmp_path, "doctor", "/dev/no-such-port", size=(120, 40), set_to=its_own)
    try:
        assert terminal.ended() == 5
        shown = b" ".join((terminal.screen + terminal.piped).split()).decode()
    finally:
        terminal.close()

    said = shown[shown.index("a terminal at") :]
    assert said.startswith(
        "a terminal at input, output, errors; 120 × 40, enough for the full screen; no colour"
    )


# --- what is asked for ----------------------------------------------------------------------------------


def test_without_a_port_the_usual_one_and_all_others_are_looked_at() -> None:
    codes = sooner("sim://us111", said=Settings(port="/nowhere/tty"))

    assert codes["port.missing"].exit_code == 5
    assert codes["unit"].mark is Mark.OK


def test_a_mistake_in_the_settings_is_told_and_keeps_nothing_from_being_looked_at() -> None:
    codes = sooner(
        "sim://us111", said=InvalidUsage("config.toml: 'prot' is no setting", "Did you mean port?")
    )

    assert codes["settings.invalid"].exit_code == 2
    assert codes["settings.invalid"].action == "Did you mean port?"
    assert codes["unit"].mark is Mark.OK


def test_the_texts_and_who_treats_are_among_the_settings_and_the_texts_are_looked_at(tmp_path: Path) -> None:
    ours = Path(__file__).with_name("texts-for-tests.toml")

    codes = sooner("sim://us111", said=Settings(texts=ours, operator="t-2"))

    assert f"texts {ours}" in codes["settings"].what
    assert "operator t-2" in codes["settings"].what
    assert codes["texts"].mark is Mark.OK

    (tmp_path / "texts.toml").write_text("format = 1\nlanguage = 'de'\nquestion = 1\n", encoding="utf-8")
    for bad in (tmp_path / "none.toml", tmp_path / "texts.toml", tmp_path):
        codes = sooner("sim://us111", said=Settings(texts=bad))
        assert codes["texts.invalid"].exit_code == 2
        assert str(bad) in codes["texts.invalid"].what
        assert codes["texts.invalid"].action
        assert codes["unit"].mark is Mark.OK


def test_a_list_of_ports_that_cannot_be_had_is_told() -> None:
    def broken() -> Iterable[Port]:
        raise OSError("no such bus")

    every = list(examine(Wanted(), VirtualClock(), system=broken, said=Settings))

    assert {finding.code for finding in every} >= {"check.failed", "unit.none", "clock"}


class SetForward(VirtualClock):
    """A clock that somebody sets forward after half a second."""

    def utc(self) -> datetime:
        return super().utc() + timedelta(hours=1 if self.now_ms() > 500 else 0)


def test_a_clock_that_jumps_while_the_doctor_looks_is_told() -> None:
    every = examine(
        Wanted(port="/nowhere/tty"), SetForward(datetime.now(UTC)), system=lambda: (), said=Settings
    )
    codes = {finding.code: finding for finding in every}

    assert codes["clock.jumped"].figures["by_ms"] == 3_600_000
    assert codes["clock.jumped"].exit_code == 4


# --- the computer ---------------------------------------------------------------------------------------


class LateClock(VirtualClock):
    """A clock of a computer that comes back late from each wait."""

    late_ms = 0

    def wait(self, inbox: SimpleQueue[T], until_ms: int) -> T | None:
        return super().wait(inbox, until_ms + self.late_ms)


@pytest.mark.parametrize(("late_ms", "code"), [(0, "machine"), (149, "machine"), (150, "machine.slow")])
def test_a_computer_too_slow_for_the_lease_is_told_in_figures(late_ms: int, code: str) -> None:
    clock = LateClock()
    clock.late_ms = late_ms

    finding = computer.speed(clock)

    assert (finding.code, finding.figures["worst_ms"], finding.figures["bound_ms"]) == (code, late_ms, 150)
    assert f"{late_ms} ms late (bound 150 ms, lease 500 ms)" in finding.what


def test_a_real_computer_is_measured() -> None:
    assert computer.speed(SystemClock(), waits=2).figures["worst_ms"] >= 0


def test_packages_that_are_our_own_are_well() -> None:
    (finding,) = computer.packages([FOLDER])

    assert finding.mark is Mark.OK


@pytest.mark.parametrize("inside", ["__init__.py", "notes.txt"])
def test_other_packages_of_these_names_on_the_path_are_told_with_their_folder(
    tmp_path: Path, inside: str
) -> None:
    for name in ("device", "simulator"):
        (tmp_path / name).mkdir()
        (tmp_path / name / inside).touch()

    (finding,) = computer.packages([str(tmp_path), FOLDER])

    assert (finding.code, finding.mark) == ("packages.shadowed", Mark.WARNING)
    assert f"other packages called device, simulator are on Python's path, in {tmp_path}" in finding.what


def test_a_package_that_was_taken_from_elsewhere_is_a_problem(tmp_path: Path) -> None:
    foreign = ModuleType("device")
    foreign.__file__ = str(tmp_path / "device" / "__init__.py")

    (finding,) = computer.packages([FOLDER], {"device": foreign})

    assert (finding.code, finding.mark, finding.exit_code) == ("packages.foreign", Mark.PROBLEM, 4)
    assert str(tmp_path / "device") in finding.what


# --- the table of findings ------------------------------------------------------------------------------


def test_each_kind_of_finding_is_used_and_each_that_is_used_is_in_the_table() -> None:
    used = set(re.findall(r'found\(\s*"([\w.]+)"', SOURCES))

    assert used == {kind.code for kind in KINDS}
    assert len(KINDS) == len(used)


def test_each_kind_of_finding_happens_in_a_test() -> None:
    here = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_doctor*.py"))

    assert [kind.code for kind in KINDS if f'"{kind.code}"' not in here] == []


def test_each_kind_of_finding_says_what_to_do_in_one_line() -> None:
    for kind in KINDS:
        assert kind.action, kind.code
        assert "\n" not in kind.what + kind.action
        assert (kind.exit_code > 0) is (kind.mark is Mark.PROBLEM), kind.code


def test_the_manual_shows_a_finding_as_it_is_printed() -> None:
    manual = (ROOT / "docs" / "manual.md").read_text(encoding="utf-8")
    finding = found("port.denied", port="/dev/ttyUSB0", owner="root", group="dialout")

    assert f"[x] problem: {finding.what} (port.denied)\n    to do: {finding.action}\n" in manual


def test_exit_codes_are_those_of_the_command_line() -> None:
    assert (findings.SETTINGS, findings.REFUSED, findings.UNIT, findings.JOURNAL) == (
        Exit.USAGE,
        Exit.REFUSED,
        Exit.UNIT_UNUSABLE,
        Exit.JOURNAL_UNUSABLE,
    )


def test_nothing_that_is_filled_in_is_filled_in_again_or_moves_the_cursor() -> None:
    finding = found("port.missing", port="{port}\x1b[2J\n{0}")

    assert finding.what == r"there is no port {port}\x1b[2J\n{0}"


def test_what_is_filled_in_has_a_name() -> None:
    for kind in KINDS:
        names = [name for _, name, _, _ in string.Formatter().parse(kind.what + kind.action)]
        assert "" not in names, kind.code
