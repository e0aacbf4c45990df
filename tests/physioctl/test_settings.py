"""The user's own settings: the usual port, its dialect and the journal; a mistake names the file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from physioctl.cli import call
from physioctl.cli.stop import usual_port
from physioctl.errors import InvalidUsage
from physioctl.settings import Settings, settings, settings_path


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which this test's user has their settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = settings_path()
    path.parent.mkdir(parents=True)
    return path


def test_there_need_not_be_a_file(tmp_path: Path) -> None:
    assert settings(tmp_path / "none" / "config.toml") == Settings()


def test_every_key_is_read_and_each_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        'port = "COM4"\ndialect = "modbus"\njournal = "/clinic/j"\ntexts = "/clinic/t"\noperator = "T-2"\n',
        encoding="utf-8",
    )
    assert settings(path) == Settings("COM4", "modbus", Path("/clinic/j"), Path("/clinic/t"), "t-2")

    path.write_text('port = "COM4"\n', encoding="utf-8")
    assert settings(path) == Settings("COM4")


def test_a_journal_in_the_home_folder_is_found_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "config.toml"
    path.write_text('journal = "~/j.sqlite"', encoding="utf-8")

    assert settings(path).journal == tmp_path / "j.sqlite"


MISTAKES = {
    'prot = "COM4"': ("'prot' is no setting", "Did you mean port?"),
    'colour = "red"': ("'colour' is no setting", "Choose from port, dialect, journal, texts, operator."),
    "port = 4": ("port: expected a text in quotes", ""),
    'port = ""': ("port: expected a text", ""),
    'port = "a\\u001bb"': ("port: expected a text", ""),
    'dialect = "nativ"': ("no dialect is called 'nativ'", "Choose from native, modbus"),
    'operator = "Mary Smith"': (
        "operator: 'Mary Smith' is not a person's reference: it has a space",
        "never",
    ),
    'journal = "here/j"': ("is not a whole path", ""),
    "port": ("", ""),
    'port = "a"\nport = "b"': ("", ""),
    '[port]\nname = "a"': ("port: expected a text", ""),
    f"port = {'[' * 20_000}": ("too deep", ""),
    f"port = {'1' * 5_000}": ("digits", ""),
}


@pytest.mark.parametrize("text", MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_refuses_the_file_and_names_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidUsage) as raised:
        settings(path)

    what, action = MISTAKES[text]
    assert raised.value.what.startswith(f"{path}: ")
    assert what in raised.value.what
    assert action in raised.value.action


@pytest.mark.parametrize("data", [b"\xff\xfe", b"#" * 70_000])
def test_a_file_that_is_no_settings_at_all_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)

    with pytest.raises(InvalidUsage, match=r"larger than|utf-8"):
        settings(path)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidUsage, match="cannot be read"):
        settings(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes are things of POSIX")
def test_a_pipe_in_its_place_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    os.mkfifo(path)

    with pytest.raises(InvalidUsage, match="is a device or a pipe"):
        settings(path)


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("text", ["port", "port = 4", f"port = {'[' * 20_000}", f"port = {'1' * 5_000}"])
def test_nothing_that_is_wrong_with_the_file_keeps_a_stop_from_being_sent(
    own: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own.write_text(text, encoding="utf-8")

    assert usual_port() is None
    assert f"error: {own}: " in capsys.readouterr().err


@pytest.mark.hazard("H-18")
def test_a_stop_is_sent_to_the_usual_port_but_for_a_simulated_one(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own.write_text('port = "/from/the/file"', encoding="utf-8")
    found = [usual_port()]
    monkeypatch.setenv("PHYSIOCTL_PORT", "/from/the/environment")
    found.append(usual_port())
    monkeypatch.setenv("PHYSIOCTL_PORT", "sim://us111")  # each time it is opened it is another unit, and off
    found.append(usual_port())

    assert found == ["/from/the/file", "/from/the/environment", None]
    assert "no unit that a stop could reach" in capsys.readouterr().err


def test_what_is_typed_goes_before_the_environment_and_that_before_the_file(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own.write_text('port = "/from/the/file"', encoding="utf-8")

    codes = [call(["clear"])]
    monkeypatch.setenv("PHYSIOCTL_PORT", "/from/the/environment")
    codes.append(call(["clear"]))
    codes.append(call(["clear", "--port", "/typed"]))

    assert codes == [5, 5, 5]
    refused = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert refused == [
        f"error: there is no port {port}" for port in ("/from/the/file", "/from/the/environment", "/typed")
    ]


def test_who_treats_may_be_named_by_the_environment_and_never_by_a_name(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own.write_text('operator = "T-2"', encoding="utf-8")
    monkeypatch.setenv("PHYSIOCTL_OPERATOR", "Mary Smith")

    codes = [call(["run", "unit-check", "--port", "sim://us111"])]
    codes.append(call(["run", "unit-check", "--port", "sim://us111", "--operator", "Tom Jones"]))

    assert codes == [2, 2]
    said = capsys.readouterr().err
    assert said.index("'Mary Smith' is not") < said.index("'Tom Jones' is not")


def test_a_mistake_in_the_file_is_exit_code_2_and_said_in_two_lines(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own.write_text('prot = "COM4"', encoding="utf-8")

    assert call(["clear"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: {own}: 'prot' is no setting",
        "  to do: Did you mean port?",
    ]


def test_a_mistake_in_the_file_keeps_no_help_from_being_shown(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own.write_text("port", encoding="utf-8")

    assert call(["run", "--help"]) == 0
    assert "Usage:" in capsys.readouterr().out


def test_a_usual_journal_is_the_one_that_is_read(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text(f'journal = "{own.parent / "mine.sqlite"}"', encoding="utf-8")

    for command in ("history", "show", "verify"):
        call([command])

        assert "mine.sqlite" in capsys.readouterr().err


def test_the_file_in_the_manual_is_one(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "manual.md").read_text(encoding="utf-8")
    shown = manual.split("```toml\n")[1].split("```")[0]
    path = tmp_path / "config.toml"
    path.write_text(shown, encoding="utf-8")

    journal, texts = Path("/home/clinic/journal.sqlite"), Path("/home/clinic/texts-de.toml")
    assert settings(path) == Settings("/dev/ttyUSB0", "native", journal, texts, "t-2")
