"""Reads a trace, which may come from anybody: what is not one is refused with the file and the line."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from physioctl.errors import InvalidUsage
from physioctl.text import clean
from physioctl.trace.lines import BODY, FORMAT, End, Header, TraceLine
from protocols.errors import shorten

# This project's own figures: a session of half an hour takes some 150,000 lines and 15 MB.
SIZE_MAX = 32 << 20  # bytes of a trace
LINES_MAX = 400_000
LINE_MAX = 2 << 20  # bytes: the protocol's text stands in one line
COMMENT = "#"
_SAID_MAX = 200  # characters of what is said of a line, for that may repeat the file


class TraceInvalid(InvalidUsage):
    """A file that is no trace, or that holds what no trace does."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a trace, and its place in the file."""

    number: int
    line: TraceLine


@dataclass(frozen=True, slots=True)
class Trace:
    """What a file holds. Comments are left out."""

    file: str
    header: Header
    entries: tuple[Entry, ...]

    @property
    def end(self) -> End | None:
        """Its last line; None where the trace was cut off."""
        last = self.entries[-1].line if self.entries else None
        return last if isinstance(last, End) else None


def read_trace(path: Path) -> Trace:
    """Read the trace in ``path``; raise `TraceInvalid`, with the line, where it is none."""
    return parse_trace(_bytes_of(path), str(path))


def parse_trace(data: bytes, file: str) -> Trace:
    """Read the trace in ``data``, which came from ``file``; raise `TraceInvalid` where it is none."""
    if len(data) > SIZE_MAX:
        raise _invalid(file, None, f"has more than {SIZE_MAX >> 20} MB")
    if data and not data.endswith(b"\n"):
        raise _invalid(file, data.count(b"\n") + 1, "the last line has no end: the file was cut off in it")
    raw = data.split(b"\n")[:-1]
    if len(raw) > LINES_MAX:
        raise _invalid(file, LINES_MAX + 1, f"has more than {LINES_MAX} lines")
    texts = [(number, _text(line, file, number)) for number, line in enumerate(raw, 1)]
    said = [(number, text) for number, text in texts if text and not text.startswith(COMMENT)]
    if not said or said[0][0] != 1:
        raise _invalid(file, 1, "is no trace: its first line is not a trace's header")
    header = _header(said[0][1], file)
    entries = tuple(Entry(number, _line(text, file, number)) for number, text in said[1:])
    _check_order(header, entries, file)
    return Trace(file, header, entries)


def _bytes_of(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise TraceInvalid(f"{path} is no file", "Name the file that --trace has written.")
        with path.open("rb") as file:
            return file.read(SIZE_MAX + 1)
    except FileNotFoundError:
        raise TraceInvalid(f"there is no file {path}", "Name the file that --trace has written.") from None
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise TraceInvalid(f"{path} cannot be read: {why}", "See to that, or name another file.") from None


def _text(line: bytes, file: str, number: int) -> str:
    if len(line) > LINE_MAX:
        raise _invalid(file, number, f"the line has more than {LINE_MAX >> 20} MB")
    try:
        text = line.decode().strip(" \r\t")
    except UnicodeDecodeError:
        raise _invalid(file, number, "the line is not text in UTF-8") from None
    if not text.isprintable():
        raise _invalid(file, number, "the line has a control character in it")
    return text


def _header(text: str, file: str) -> Header:
    try:
        return Header.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["loc"] == ("format",) and type(first["input"]) is int:
            what = f"is a trace of format {first['input']}, and this program reads format {FORMAT}"
            raise _invalid(file, 1, what) from None
        raise _invalid(file, 1, f"is no trace's header: {_said(error)}") from None


def _line(text: str, file: str, number: int) -> TraceLine:
    try:
        return BODY.validate_json(text)
    except ValidationError as error:
        raise _invalid(file, number, _said(error)) from None


def _said(error: ValidationError) -> str:
    """What is wrong with a line, by the first thing that is."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def _check_order(header: Header, entries: Sequence[Entry], file: str) -> None:
    before_ms = header.ms
    for entry in entries:
        if entry.line.ms < before_ms:
            raise _invalid(
                file, entry.number, f"the time goes back, from {before_ms} ms to {entry.line.ms} ms"
            )
        before_ms = entry.line.ms
    for entry, after in pairwise(entries):
        if isinstance(entry.line, End):
            raise _invalid(file, after.number, "stands behind the end of the trace")


def _invalid(file: str, number: int | None, what: str) -> TraceInvalid:
    place = file if number is None else f"{file}:{number}"
    return TraceInvalid(
        f"{place}: {shorten(clean(what), _SAID_MAX)}", "Name a file as --trace has written it."
    )
