"""Files that are no traces, or that want to be something else: each is refused with its file and line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physioctl.cli import call
from physioctl.trace.decoding import Decoding
from physioctl.trace.lines import Header, Received, Sent
from physioctl.trace.reading import LINES_MAX, SIZE_MAX, TraceInvalid, parse_trace
from physioctl.trace.replay import replay
from tests.cases import each

HEADER = (
    '{"ms": 0, "kind": "trace", "format": 1, "physioctl": "0.1.0", "dialect": "native", "port": "serial"}\n'
)
WAKE = '{"ms": 5, "kind": "wake"}\n'
RUN = '{"ms": 0, "kind": "run", "script": "perform_handshake"}\n'
TRACE = Path(__file__).parents[1] / "traces" / "native.trace"
GOLDEN = b"".join(TRACE.read_bytes().splitlines(keepends=True)[:120])  # its beginning, with output on


def refused(data: str | bytes, place: str) -> str:
    raw = data.encode() if isinstance(data, str) else data
    with pytest.raises(TraceInvalid) as raised:
        parse_trace(raw, "x.trace")
    assert raised.value.what.startswith(f"x.trace:{place}:"), raised.value.what
    assert raised.value.what.isprintable()
    return raised.value.what


@each(
    ("line", "said"),
    [
        ("{", "JSON"),
        ("[1]", "object"),
        ("null", "object"),
        ('{"ms": 5}', "kind"),
        ('{"ms": 5, "kind": "fire"}', "kind"),
        ('{"ms": -1, "kind": "wake"}', "ms"),
        ('{"ms": 5.5, "kind": "wake"}', "ms"),
        ('{"ms": true, "kind": "wake"}', "ms"),
        ('{"ms": "5", "kind": "wake"}', "ms"),
        ('{"ms": 1e999, "kind": "wake"}', "ms"),
        ('{"ms": NaN, "kind": "wake"}', "ms"),
        (f'{{"ms": {10**400}, "kind": "wake"}}', "ms"),
        ('{"ms": 5, "kind": "wake", "more": true}', "more"),
        ('{"ms": 5, "kind": "sent", "bytes": "0"}', "bytes"),
        ('{"ms": 5, "kind": "sent", "bytes": ""}', "bytes"),
        ('{"ms": 5, "kind": "sent", "bytes": "GG"}', "bytes"),
        ('{"ms": 5, "kind": "sent", "bytes": ["00"]}', "bytes"),
        ('{"ms": 5, "kind": "action", "action": "fire"}', "action"),
        ('{"ms": 5, "kind": "run", "script": "../../etc"}', "script"),
        ("[" * 100_000, ""),
        ('{"a":' * 100_000, ""),
        ('{"ms": 5, "kind": "\x1b[2Jwake"}', "control character"),
        ('{"ms": 5, "kind": "\\u001b[2Jwake"}', "kind"),
    ],
)
def test_a_line_that_is_none_is_refused_at_its_place(line: str, said: str) -> None:
    assert said in refused(HEADER + WAKE + line + "\n" + WAKE, "3")


def test_a_first_line_that_is_no_header_is_refused() -> None:
    refused("", "1")
    refused("# a comment\n" + HEADER, "1")
    refused(WAKE, "1")
    refused(HEADER.replace("serial", "bluetooth"), "1")
    refused(HEADER.replace("native", "../native"), "1")
    assert "format 2" in refused(HEADER.replace('"format": 1', '"format": 2'), "1")
    assert "format 1" in refused(HEADER.replace('"format": 1', '"format": 2'), "1")


def test_times_that_go_back_and_lines_behind_the_end_are_refused() -> None:
    assert "goes back" in refused(HEADER + WAKE + '{"ms": 4, "kind": "wake"}\n', "3")
    assert "behind the end" in refused(HEADER + '{"ms": 4, "kind": "end"}\n' + WAKE, "3")


def test_what_is_too_large_or_cut_off_or_binary_is_refused() -> None:
    refused(HEADER + WAKE.rstrip(), "2")
    refused(HEADER.encode() + b"\xff\xfe\n", "2")
    refused(HEADER.encode() + b"\0\n", "2")
    refused(HEADER + "\n" * LINES_MAX, str(LINES_MAX + 1))
    with pytest.raises(TraceInvalid, match="MB"):
        parse_trace(b" " * (SIZE_MAX + 1), "x.trace")


def test_comments_and_empty_lines_are_left_out() -> None:
    trace = parse_trace((HEADER + "# what follows\n\n" + WAKE).encode(), "x.trace")

    assert [entry.number for entry in trace.entries] == [4]


def test_what_a_trace_says_moves_no_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.trace"
    path.write_text(
        HEADER + WAKE + '{"ms": 9, "kind": "end", "why": "\\u001b[2J\\u202e"}\n', encoding="utf-8"
    )

    assert call(["trace", "show", str(path)]) == 0

    out = capsys.readouterr().out
    assert "\\x1b[2J\\u202e" in out
    assert out.strip("\n").replace("\t", "").isprintable()


def test_what_is_no_file_is_not_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for path in (str(pipe), "/dev/zero", str(tmp_path), str(tmp_path / "none")):
        assert call(["trace", "show", path]) == 2
        assert call(["trace", "replay", path]) == 2
    assert "Traceback" not in capsys.readouterr().err


@each(
    "change",
    [
        {"protocol": "{}"},
        {"content_hash": "0" * 64},
        {"bounds": [{"quantity": "courage", "layer": "person", "at_most": 1}]},
        {"bounds": [{"quantity": "step_ms", "layer": "person"}]},
        {"bounds": [{"quantity": "step_ms", "layer": "operator", "at_least": 2, "at_most": 1}]},
    ],
)
def test_a_session_that_cannot_be_is_refused_with_its_line(change: dict[str, object]) -> None:
    lines = GOLDEN.decode().splitlines()
    at = next(number for number, line in enumerate(lines) if '"kind": "session"' in line)
    lines[at] = json.dumps(json.loads(lines[at]) | change)
    trace = parse_trace("\n".join([*lines, ""]).encode(), "x.trace")

    with pytest.raises(TraceInvalid, match=f"x.trace:{at + 1}:"):
        replay(trace)


@given(st.binary(min_size=1, max_size=300), st.booleans(), st.sampled_from(["native", "modbus", "other"]))
def test_any_bytes_can_be_shown(data: bytes, to_unit: bool, dialect: str) -> None:
    decoding = Decoding(Header(ms=0, format=1, physioctl="0", dialect=dialect, port="serial"))
    kind = Sent if to_unit else Received

    shown = list(decoding.show(kind(ms=1, bytes=data.hex())))

    assert all(row.said.name.isprintable() for row in shown)


@given(st.lists(st.integers(min_value=0, max_value=GOLDEN.count(b"\n") - 1), min_size=1, max_size=20))
def test_lines_that_are_left_out_end_a_replay_and_raise_nothing_else(numbers: list[int]) -> None:
    lines = GOLDEN.decode().splitlines(keepends=True)
    kept = [line for number, line in enumerate(lines) if number == 0 or number not in numbers]

    try:
        replayed = replay(parse_trace("".join(kept).encode(), "x.trace"))
    except TraceInvalid:
        return

    assert replayed.sendings <= sum('"sent"' in line for line in lines)
