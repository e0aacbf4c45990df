"""What comes in by a file, a name or an address does nothing but what it is for."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from socket import create_server, socket
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.errors import WrongUnit
from device.models import model
from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import MAJOR, Family, Identity
from physioctl.cli import call
from physioctl.cli.printing import json_text
from physioctl.record.entries import all_of
from physioctl.record.history import session
from physioctl.record.journal_reading import reading
from protocols.errors import PhysioctlError
from protocols.library import find
from simulator.nameplate import UnknownModel, nameplate
from tests.processes import journal_at

Capture = pytest.CaptureFixture[str]
MARKUP = "[bold red]Calf[/] [link=file:///etc/passwd]x[/link]"
OBEYED = {"\x1b", "\x07", "\x7f", "\x9b", "\r"}  # what a terminal takes for a command
HOSTILE_WORD = "/no/such/\x1b]0;pwned\x07\x9b2J\udcff"
LEADS_OUT = (
    "../families",
    "../../etc/passwd",
    "/etc/passwd",
    "library/../../families",
    "unit-check/../unit-check",
)
HOSTILE = """format: 1
id: hostile
title: "{word}"
family: ultrasound
body_site: bench
side: none
purpose: "{word}"
evidence: {{grade: none, note: "{word}"}}
steps:
  - emit: {{intensity: 0.29 W/cm², duty: 100 %, carrier: 1 MHz}}
    for: 1 s
    ramp: 500 ms
    say: "{word}"
"""
# Each would make a file, if anybody carried it out.
EXECUTES = (
    "!!python/object/apply:os.system ['touch {made}']",
    "!!python/object/new:os.system ['touch {made}']",
    "!!python/object/apply:subprocess.check_call [[touch, {made}]]",
    "!!python/name:os.system ''",
    "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch {made}']",
    "{{ __import__('os').system('touch {made}') }}",
    "$(touch {made})",
)


def written(folder: Path, word: str) -> Path:
    """A protocol that says ``word`` wherever it may say anything."""
    path = folder / "hostile.yaml"
    path.write_text(HOSTILE.format(word=word), encoding="utf-8")
    return path


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    return written(tmp_path, MARKUP)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of one session of the hostile protocol, in a folder that was not there before."""
    folder = tmp_path_factory.mktemp("session")
    path = folder / "new" / "journal.sqlite"
    assert (
        call(
            [
                "run",
                str(written(folder, MARKUP)),
                "--port",
                "sim://us111",
                "--journal",
                str(path),
                "--new",
                "--json",
            ]
        )
        == 0
    )
    return path


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("protocols", "show", "FILE"),
    ("protocols", "plan", "FILE", "--unit", "us111"),
    ("protocols", "check", "FILE"),
    ("rehearse", "FILE", "--unit", "us111"),
    ("rehearse", "FILE", "--unit", "us111", "--json"),
)


@pytest.mark.hazard("H-23")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("word", ["\\e[2J", "\\a", "\\u009b31m", "\\r", "\\e]0;title\\a"])
def test_a_protocol_that_would_move_the_cursor_is_refused_and_not_obeyed(
    tmp_path: Path, capsys: Capture, command: tuple[str, ...], word: str
) -> None:
    path = written(tmp_path, word)

    code = call([str(path) if part == "FILE" else part for part in command])

    said = capsys.readouterr()
    assert code == 3
    assert not OBEYED & set(said.out + said.err)


@pytest.mark.hazard("H-23")
@pytest.mark.parametrize("command", COMMANDS)
def test_markup_in_a_protocol_is_text_to_every_command(
    hostile: Path, capsys: Capture, command: tuple[str, ...]
) -> None:
    code = call([str(hostile) if part == "FILE" else part for part in command])

    said = capsys.readouterr()
    assert code == 0, said.err
    assert not OBEYED & set(said.out)
    assert MARKUP in said.out or command[1] == "check"


@pytest.mark.hazard("H-23")
def test_markup_in_a_protocol_is_text_to_the_screen_of_a_session(
    hostile: Path, tmp_path: Path, capsys: Capture
) -> None:
    code = call(
        [
            "run",
            str(hostile),
            "--port",
            "sim://us111",
            "--journal",
            str(journal_at(tmp_path / "j")),
            "--plain",
        ]
    )

    said = capsys.readouterr()
    assert code == 0, said.err
    assert MARKUP in said.out


@pytest.mark.hazard("H-23")
@pytest.mark.parametrize("command", ["show", "history"])
def test_markup_in_the_record_is_text(journal: Path, capsys: Capture, command: str) -> None:
    assert call([command, "--journal", str(journal)]) == 0

    said = capsys.readouterr().out
    assert MARKUP in said or command == "history"
    assert not OBEYED & set(said)


@contextmanager
def hostile_unit() -> Iterator[str]:
    """A unit whose name would clear the screen and forge a line, at an address of this machine."""
    hostile = Identity(MAJOR, 0, Family.ULTRASOUND, (1, 0, 0), 7, "US\x1b[2J\x7f", "1\n  to do: x", 2000)
    with create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=_say_who, args=(listener, hostile))
        server.start()
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}"
        server.join(5)


def _say_who(listener: socket, identity: Identity) -> None:
    decoder = Decoder()
    with listener.accept()[0] as peer:
        while heard := peer.recv(4096):
            for frame in decoder.feed(heard):
                assert isinstance(frame, Frame)
                peer.sendall(encode(Frame(Identity.TYPE, frame.seq, identity.pack())))


@pytest.mark.hazard("H-23")
@pytest.mark.parametrize("as_json", [False, True])
def test_a_unit_whose_name_would_move_the_cursor_is_named_and_not_obeyed(
    capsys: Capture, as_json: bool
) -> None:
    with hostile_unit() as port:
        code = call(["ports", port, *["--json"] * as_json])

    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    assert "US\\" in said.out
    assert said.out.count("\n") == 1
    assert not OBEYED & set(said.out)


@given(st.text())
def test_a_line_of_json_says_the_same_and_moves_no_cursor(text: str) -> None:
    said = StringIO()

    with redirect_stdout(said):
        json_text(json.dumps({text: [1.5, "W/cm²"]}, ensure_ascii=False))

    assert json.loads(said.getvalue()) == {text: [1.5, "W/cm²"]}
    assert said.getvalue().removesuffix("\n").isprintable()


@pytest.mark.hazard("H-23")
@pytest.mark.parametrize(
    "arguments",
    [
        ["stop", "--port", HOSTILE_WORD],
        ["clear", "--port", HOSTILE_WORD],
        ["ports", HOSTILE_WORD],
        ["ports", HOSTILE_WORD, "--no-ask", "--json"],
        ["run", "unit-check", "--port", HOSTILE_WORD],
        ["run", HOSTILE_WORD, "--port", "sim://us111"],
        ["run", "unit-check", "--port", "sim://us111", "--answers", HOSTILE_WORD],
        ["rehearse", "unit-check", "--unit", HOSTILE_WORD],
        ["rehearse", "unit-check", "--unit", "us111", "--scenario", HOSTILE_WORD],
        ["rehearse", "unit-check", "--unit", "us111", "--fault", HOSTILE_WORD],
        ["protocols", "check", HOSTILE_WORD],
        ["verify", "--journal", HOSTILE_WORD],
        ["storm", "--protocol", HOSTILE_WORD, "--unit", "us111"],
        ["simulate", "us111", "--log", HOSTILE_WORD],
        ["simulate", "us111", "--tcp", HOSTILE_WORD],
        ["simulate", "us111", "--fault", HOSTILE_WORD],
        [HOSTILE_WORD],
        ["stop", f"--{HOSTILE_WORD}"],
    ],
)
def test_what_a_person_types_is_repeated_and_not_obeyed(
    capsys: Capture, tmp_path: Path, arguments: list[str]
) -> None:
    journal = ["--journal", str(journal_at(tmp_path / "j"))] if arguments[0] == "run" else []

    call([*arguments, *journal])

    said = capsys.readouterr()
    assert "pwned" in said.out + said.err
    assert not OBEYED & set(said.out + said.err)


@pytest.mark.parametrize("name", LEADS_OUT)
def test_a_name_of_a_protocol_leads_to_no_other_file(name: str) -> None:
    with pytest.raises(PhysioctlError):
        find(name)


@pytest.mark.parametrize("name", ["../us111", "us111.toml", "/etc/passwd", "", "us111\0"])
def test_a_name_of_a_model_leads_to_no_other_file(name: str) -> None:
    with pytest.raises(WrongUnit):
        model(name)
    with pytest.raises(UnknownModel):
        nameplate(name)


@pytest.mark.parametrize("id_", ["../../etc/passwd", "%", "_", "' OR '1'='1", "\x1b[2J"])
def test_an_id_of_a_session_is_looked_up_and_never_a_path_or_a_pattern(
    journal: Path, capsys: Capture, id_: str
) -> None:
    code = call(["show", id_, "--journal", str(journal)])

    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert not OBEYED & set(said.err)


@pytest.mark.hazard("H-22")
@pytest.mark.parametrize("text", EXECUTES)
@pytest.mark.parametrize("field", ["title", "purpose", "steps"])
def test_nothing_in_a_protocol_is_carried_out(tmp_path: Path, capsys: Capture, text: str, field: str) -> None:
    made = tmp_path / "made"
    path = tmp_path / "hostile.yaml"
    lines = HOSTILE.format(word="x").splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith(field))
    path.write_text(
        "\n".join([*lines[:at], f"{field}: {text.format(made=made)}", *lines[at + 1 :]]), encoding="utf-8"
    )

    call(["protocols", "check", str(path)])
    call(["rehearse", str(path), "--unit", "us111"])

    assert not made.exists()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.hazard("H-22")
@pytest.mark.parametrize("text", EXECUTES)
def test_nothing_in_an_answers_file_or_a_scenario_is_carried_out(
    tmp_path: Path, capsys: Capture, text: str
) -> None:
    made, path = tmp_path / "made", tmp_path / "answers.yaml"
    path.write_text(f"pregnancy: {text.format(made=made)}\n", encoding="utf-8")
    journal = str(journal_at(tmp_path / "journal.sqlite"))

    asked = call(
        [
            "run",
            "unit-check",
            "--port",
            "sim://us111",
            "--answers",
            str(path),
            "--journal",
            journal,
        ]
    )
    struck = call(["rehearse", "unit-check", "--unit", "us111", "--scenario", str(path)])

    assert (asked, struck) != (0, 0)
    assert not made.exists()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.7:0"])
def test_a_unit_is_served_to_this_machine_alone_unless_told_otherwise(capsys: Capture, address: str) -> None:
    code = call(["simulate", "us111", "--tcp", address])

    assert code == 2
    assert "127.0.0.1" in capsys.readouterr().err


def test_the_journal_of_a_session_is_the_users_alone(journal: Path) -> None:
    assert stat.S_IMODE(journal.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in journal.parent.iterdir()} == {0o600}


@pytest.mark.hazard("H-21")
def test_the_hash_of_what_the_protocol_says_is_shown_at_the_start(hostile: Path, capsys: Capture) -> None:
    digest = hashlib.sha256(find(hostile).canonical_text().encode()).hexdigest()

    call(["rehearse", str(hostile), "--unit", "us111"])
    first_line = capsys.readouterr().out.splitlines()[0]
    call(["rehearse", str(hostile), "--unit", "us111", "--json"])
    first_event = json.loads(capsys.readouterr().out.splitlines()[0])

    assert digest[:12] in first_line
    assert (first_event["event"], first_event["content_hash"]) == ("session_started", digest)


@pytest.mark.hazard("H-21")
def test_the_protocols_text_and_its_hash_are_in_the_record(journal: Path) -> None:
    protocol = find(journal.parent.parent / "hostile.yaml")
    text, digest = protocol.canonical_text(), hashlib.sha256(protocol.canonical_text().encode()).hexdigest()

    assert session(journal).summary.content_hash == digest == hashlib.sha256(text.encode()).hexdigest()
    with reading(journal) as connection:
        (kept,) = all_of(connection, "WHERE name = 'protocol_kept'")
    assert (kept.body["content_hash"], kept.body["text"]) == (digest, text)
