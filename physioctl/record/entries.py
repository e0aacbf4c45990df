"""Rows of the journal read back as typed entries. A row that does not fit is damage, named by its number.

Whatever a column holds, nothing here raises anything but `Damaged`.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from device.events import Event
from physioctl.record.journal_schema import body_hash, chained
from protocols.errors import shorten

E = TypeVar("E", bound=StrEnum)

WHOLE_MAX = 2**53  # this project's own: what every reader of JSON reads exactly
BODY_MAX = 4_000_000  # characters; this project's own, far above any protocol's text
DEPTH_MAX = 16  # of values in values; this project's own
_DIGITS_MAX = len(str(WHOLE_MAX))
_HASH = re.compile("[0-9a-f]{64}")
_SALT = re.compile("(?:[0-9a-f]{2}){8,64}")
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
_SESSION = re.compile(r"[A-Za-z0-9._-]{0,64}")  # empty: the entry belongs to no session
_NAME = re.compile("[a-z][a-z0-9_]{0,63}")
_YEARS = range(1970, 9000)  # a computer without a clock of its own begins in 1970

COLUMNS = (
    "SELECT entries.seq, session, utc, at_ms, name, body_hash, prev, hash, salt, body "
    "FROM entries LEFT JOIN bodies ON bodies.seq = entries.seq"
)


class Damaged(Exception):
    """A row that is not as it was written, or that no sound program wrote."""

    def __init__(self, seq: object, why: str) -> None:
        super().__init__(f"entry {seq}: {why}" if isinstance(seq, int) else why)
        self.seq = seq if isinstance(seq, int) else None
        self.why = why
        self.session: str | None = None  # where it is known


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the journal. Its body is empty once it has been erased."""

    session: str
    seq: int
    utc: datetime
    at_ms: int
    name: str
    body: Mapping[str, Any]
    hash: str
    erased: bool = False

    def as_json(self) -> dict[str, Any]:
        """The entry as the event's own JSON line, with its place in the journal."""
        utc = self.utc.isoformat(timespec="milliseconds")
        erased = {"erased": True} if self.erased else {}
        own = {"event": self.name, "at_ms": self.at_ms}
        return own | {key: value for key, value in self.body.items() if key not in own} | erased | {
            "seq": self.seq, "utc": utc
        }  # fmt: skip

    def event(self) -> Event:
        """Return the event that was told; raise `Damaged` when its body is not that event's, or is erased."""
        from physioctl.record.codec import NotAnEvent, from_json  # pydantic is slow to import

        try:
            return from_json({"event": self.name, "at_ms": self.at_ms, **self.body})
        except NotAnEvent as error:
            raise Damaged(self.seq, f"its body is not that of an event: {shorten(str(error), 200)}") from None

    # --- typed fields of the body -------------------------------------------------------------------

    def text(self, key: str) -> str:
        """Return a text of the body."""
        value = self.body.get(key)
        if not isinstance(value, str):
            raise Damaged(self.seq, f"its {key} is not a text")
        if not _is_utf_8(value):  # JSON can write half a character; a session that was told has none
            raise Damaged(self.seq, f"its {key} is not UTF-8")
        return value

    def text_or_none(self, key: str) -> str | None:
        """Return a text of the body, or None where it says none."""
        return None if self.body.get(key) is None else self.text(key)

    def whole(self, key: str) -> int:
        """Return a whole number of the body, 0 or more."""
        value = self.body.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= WHOLE_MAX:
            raise Damaged(self.seq, f"its {key} is not a whole number")
        return value

    def whole_or_none(self, key: str) -> int | None:
        """Return a whole number of the body, or None where it says none."""
        return None if self.body.get(key) is None else self.whole(key)

    def moment(self, key: str) -> datetime:
        """Return a time of the body, written as an entry's own is."""
        text = self.text(key)
        if not _UTC.fullmatch(text):
            raise Damaged(self.seq, f"its {key} is no time")
        return _moment(self.seq, text)

    def flag(self, key: str) -> bool:
        """Return a yes or no of the body."""
        value = self.body.get(key)
        if not isinstance(value, bool):
            raise Damaged(self.seq, f"its {key} is neither true nor false")
        return value

    def one_of(self, key: str, kind: type[E]) -> E:
        """Return a value of the body that is one of ``kind``."""
        try:
            return kind(self.text(key))
        except ValueError:
            raise Damaged(self.seq, f"its {key} is none of: {', '.join(kind)}") from None


def flaw(row: tuple[Any, ...]) -> str | None:
    """Return what is wrong with a row by itself, or None: its types, its hashes, its forms."""
    seq, session, utc, at_ms, name, hash_of_body, prev, hash_, salt, body = row
    if not all(isinstance(value, int) for value in (seq, at_ms)):
        return "its content does not agree with its hash: a number is not a number"
    texts = [session, utc, name, hash_of_body, prev, hash_, *((salt, body) if body is not None else ())]
    if not all(isinstance(value, str) for value in texts):
        return "its content does not agree with its hash: a text is not a text"
    if not all(map(_is_utf_8, texts)):
        return "its text is not UTF-8"
    if hash_ != chained(seq, session, utc, at_ms, name, hash_of_body, prev):
        return "its content does not agree with its hash"
    if body is not None and (not _SALT.fullmatch(salt) or hash_of_body != body_hash(salt, body)):
        return "its content does not agree with its hash: the body is another"
    forms = ((_SESSION, session), (_UTC, utc), (_NAME, name), (_HASH, hash_of_body))
    if not all(form.fullmatch(value) for form, value in forms) or not 0 <= at_ms <= WHOLE_MAX:
        return "it is of a form that no entry has"
    return None


def is_session(text: object) -> bool:
    """Whether ``text`` has the form of a session's id."""
    return isinstance(text, str) and text != "" and _SESSION.fullmatch(text) is not None


def read(row: tuple[Any, ...], *, erased: bool = False) -> Entry:
    """Return the entry a row is. Raise `Damaged` when it is none; ``erased`` allows it to have no body."""
    if what := flaw(row):
        raise Damaged(row[0], what)
    return content(row, erased=erased)


def content(row: tuple[Any, ...], *, erased: bool = False) -> Entry:
    """Return the entry that a row without a `flaw` is; raise `Damaged` when its body cannot be read."""
    seq, session, utc, at_ms, name, _, _, hash_, _, body = row
    if body is None and not erased:
        raise Damaged(seq, "its body is missing")
    told = {} if body is None else parse_body(seq, body)
    return Entry(session, seq, _moment(seq, utc), at_ms, name, told, hash_, body is None)


def parse_body(seq: int, text: str) -> dict[str, Any]:
    """Return the object that a body is; raise `Damaged` when it is none that is written here."""
    if len(text) > BODY_MAX:
        raise Damaged(seq, "its body is too long")
    try:
        told = json.loads(text, parse_int=_whole, parse_float=_number, parse_constant=_number)
    except (ValueError, RecursionError):
        raise Damaged(seq, "its body cannot be read") from None
    may_be_deep = text.count("{") + text.count("[") > DEPTH_MAX
    if not isinstance(told, dict) or (may_be_deep and not _is_shallow(told, DEPTH_MAX)):
        raise Damaged(seq, "its body is not an object of plain values")
    return told


def all_of(connection: sqlite3.Connection, where: str, values: tuple[object, ...] = ()) -> list[Entry]:
    """Return the entries that ``where`` (a clause of our own) selects; raise `Damaged` at a bad one."""
    return read_all(connection, connection.execute(f"{COLUMNS} {where}", values).fetchall())


def each_of(
    connection: sqlite3.Connection, where: str, values: tuple[object, ...] = ()
) -> list[Entry | Damaged]:
    """Return what ``where`` (a clause of our own) selects: each entry, or what is wrong with it."""
    return _entries(connection, connection.execute(f"{COLUMNS} {where}", values).fetchall())


def read_all(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[Entry]:
    """Return the entries that ``rows`` are; raise `Damaged` at a bad one."""
    found = _entries(connection, rows)
    if damage := next((each for each in found if isinstance(each, Damaged)), None):
        raise damage
    return [each for each in found if isinstance(each, Entry)]


def _entries(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[Entry | Damaged]:
    missing = any(row[-1] is None for row in rows)
    gone = erased_in(connection) if missing else frozenset()
    found: list[Entry | Damaged] = []
    for row in rows:
        try:
            found.append(read(row, erased=row[0] in gone))
        except Damaged as damage:
            damage.session = row[1] if is_session(row[1]) else None
            found.append(damage)
    return found


def erased_in(connection: sqlite3.Connection) -> frozenset[int]:
    """Return the numbers of the entries whose bodies have been erased, as the chain itself says."""
    rows = connection.execute(f"{COLUMNS} WHERE name = 'bodies_erased'").fetchall()
    return frozenset(number for row in rows for number in erased_by(read(row)))


def erased_by(entry: Entry) -> frozenset[int]:
    """Return the numbers that a `bodies_erased` entry names: only of entries before it."""
    numbers = entry.body.get("seqs")
    if not isinstance(numbers, list) or not all(isinstance(n, int) and 0 < n < entry.seq for n in numbers):
        raise Damaged(entry.seq, "it does not say which bodies were erased")
    return frozenset(numbers)


def _moment(seq: int, utc: str) -> datetime:
    try:
        moment = datetime.fromisoformat(utc)
    except ValueError:
        raise Damaged(seq, "its time is no time") from None
    if moment.year not in _YEARS:
        raise Damaged(seq, "its time is no time")
    return moment.astimezone(UTC)


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS_MAX + 1:
        raise ValueError("a number with too many digits")
    return int(digits)


def _number(text: str) -> float:
    value = float(text)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("not a finite number")
    return value


def _is_utf_8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_shallow(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inside = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(item, levels - 1) for item in inside)
