"""A journal that was named and is not there: no session begins it unless somebody says so."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from physioctl.cli import call
from tests.processes import environment, finished, journal_at, short_protocol
from tests.terminals import Terminal


def session_of(protocol: object) -> tuple[object, ...]:
    return ("run", protocol, "--port", "sim://us111?seed=1", "--yes")


SESSION = session_of("unit-check")


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize("name", ["mistyped", "no/such/folder/j"])
@pytest.mark.parametrize("settings", [False, True])
def test_without_a_terminal_a_named_journal_that_is_not_there_is_refused(
    tmp_path: Path, name: str, settings: bool
) -> None:
    path = tmp_path / name
    if settings:
        (tmp_path / "physioctl").mkdir()
        (tmp_path / "physioctl" / "config.toml").write_text(f'journal = "{path}"\n', encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))

    done = finished(tmp_path, *SESSION, *(() if settings else ("--journal", path)))

    assert (done.returncode, done.stdout) == (9, "")
    assert f"there is no journal at {path}" in done.stderr
    assert f"--journal {path} --new" in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.hazard("H-03")
@pytest.mark.parametrize(("answer", "begun"), [("no", False), ("yes", True)])
@pytest.mark.parametrize("command", [SESSION, ("start", "--port", "sim://us111?seed=1")])
def test_at_a_terminal_it_is_asked_whether_to_begin_it(
    tmp_path: Path, command: tuple[str, ...], answer: str, begun: bool
) -> None:
    path = tmp_path / "folder" / "j"
    with closing(Terminal(tmp_path, *command, "--plain", "--journal", path)) as terminal:
        assert terminal.shows(lambda: b"[yes, no]" in terminal.screen)
        asked = " ".join(terminal.screen.decode().split())

        terminal.press(f"{answer}\n")

        if begun:
            assert terminal.shows(lambda: b"A new journal was begun" in terminal.screen)
            terminal.signal("SIGTERM")
        code = terminal.ended()

    assert "no folder" in asked
    assert "nothing counts that a body site has had before" in asked
    assert (code == 9) is not begun
    assert path.exists() is begun


@pytest.mark.parametrize("command", ["history", "show", "verify"])
def test_reading_a_named_journal_that_is_not_there_is_exit_code_9_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    code = call([command, "--journal", str(tmp_path / "folder" / "j")])

    out, err = capsys.readouterr()
    assert (code, out) == (9, "")
    assert "to do:" in err
    assert list(tmp_path.iterdir()) == []


def test_the_usual_journal_is_begun_by_the_first_session_and_that_is_said(tmp_path: Path) -> None:
    begun = finished(tmp_path, *session_of(short_protocol(tmp_path, 1)), "--plain")
    again = finished(tmp_path, "history")

    assert begun.returncode == 0
    assert begun.stderr.startswith("A new journal was begun: ")
    assert environment(tmp_path)["XDG_DATA_HOME"] in begun.stderr
    assert (again.returncode, again.stderr) == (0, "1 session\n")


def test_a_journal_that_is_there_is_used_without_a_question(tmp_path: Path) -> None:
    session = session_of(short_protocol(tmp_path, 1))
    done = finished(tmp_path, *session, "--plain", "--journal", journal_at(tmp_path / "j"))

    assert (done.returncode, done.stderr) == (0, "")


def test_for_the_rest_of_a_session_no_journal_is_begun(tmp_path: Path) -> None:
    options = ("--rest-of", "2026", "--journal", tmp_path / "j")
    with closing(Terminal(tmp_path, *SESSION, *options)) as terminal:
        assert terminal.ended() == 9
        assert b"there is no such file" in terminal.screen
        assert b"[yes, no]" not in terminal.screen
    assert not (tmp_path / "j").exists()


REFUSED = {
    "texts that are not there": (("unit-check", "--port", "sim://us111", "--yes"), "texts", 3),
    "a port that is not there": (("unit-check", "--port", "/nowhere/tty", "--yes"), "", 5),
    "an address that nobody listens at": (("unit-check", "--port", "socket://127.0.0.1:1", "--yes"), "", 5),
    "nobody named": (("calf-tightness-ultrasound", "--port", "sim://us111", "--side", "left"), "", 4),
    "a side that it is not for": (("unit-check", "--port", "sim://us111", "--side", "left"), "", 2),
    "nothing answered": (
        ("calf-tightness-ultrasound", "--port", "sim://us111", "--side", "left", "--person", "P-1"),
        "",
        4,
    ),
    "answers that are not there": (("unit-check", "--port", "sim://us111", "--answers", "none.yaml"), "", 3),
    "an operator who is no reference": (("unit-check", "--port", "sim://us111", "--operator", "a b"), "", 2),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("named", [True, False])
def test_what_is_refused_anyway_begins_no_journal(tmp_path: Path, case: str, named: bool) -> None:
    arguments, setting, code = REFUSED[case]
    if setting:
        (tmp_path / "physioctl").mkdir()
        (tmp_path / "physioctl" / "config.toml").write_text(f'{setting} = "/nowhere/t"\n', encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))

    done = finished(
        tmp_path, "run", *arguments, *(("--journal", tmp_path / "n" / "j", "--new") if named else ())
    )

    assert done.returncode == code, done.stderr
    assert "journal was begun" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
