"""A session, or several, as data for other programs: CSV and JSON.

A spreadsheet takes a cell that begins with one of ``= + - @`` for a formula, and may do so where spaces, or
what is not seen, come before it. A text that does gets an apostrophe before it, and so does one that begins
with an apostrophe or a quotation mark: without the first apostrophe each is the text that was recorded. Half
a character (a lone surrogate) is written out, as ``\\ud800``. Numbers are written as they are.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from physioctl.record.account import Account, Reading
from physioctl.record.summary import Summary
from protocols.families import definition

FORMAT = 1  # of the JSON object
_FORMULA = frozenset("=+-@\u2212")  # U+2212: a minus sign
_MARKED = ("'", '"', "\t", "\r", "\n")
_BEGINNING = 256  # characters in which the first that is seen is looked for; this project's own figure
_LEVELS = ("level_set", "measured_level")


def readings_csv(account: Account) -> str:
    """The readings of a session over time, one row for each report of the unit, about once a second.

    Times count from the session's start. An empty cell is a value that the unit does not report.
    """
    names = [field.name for field in fields(Reading)]
    family = account.summary.family
    suffix = "" if family is None else f"_{definition(family).level.suffix}"
    header = ["session", "utc", *(f"{name}{suffix}" if name in _LEVELS else name for name in names)]
    rows = (
        [account.summary.id, account.at(reading.at_ms).isoformat(timespec="milliseconds"),
         *(getattr(reading, name) for name in names)]
        for reading in account.readings
    )  # fmt: skip
    return csv_text(header, rows)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file (RFC 4180) in which no text is a formula."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(header)
    table.writerows([_cell(value) for value in row] for row in rows)
    return written.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.encode("utf-8", "backslashreplace").decode()
    return f"'{text}" if text.startswith(_MARKED) or _may_be_a_formula(text) else text


def _may_be_a_formula(text: str) -> bool:
    """Whether the first character that is seen may begin a formula.

    Full-width and small forms are taken for what they are forms of. Where none is seen for long, it may.
    """
    beginning = unicodedata.normalize("NFKC", text[:_BEGINNING])
    first = next((char for char in beginning if char.isprintable() and not char.isspace()), None)
    return first in _FORMULA or (first is None and len(text) > _BEGINNING)


def account_json(account: Account) -> str:
    """All of an account as one JSON object."""
    doses = {"dose_mj_cm2": account.dose_mj_cm2, "planned_dose_mj_cm2": account.planned_dose_mj_cm2}
    return json_text({"format": FORMAT, **plain(account), **doses})


def json_text(value: object) -> str:
    """One JSON object, in lines."""
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"


def plain(value: Any) -> Any:
    """A value as JSON has it: objects, lists, texts, numbers."""
    match value:
        case Summary():
            return {key: each for key, each in value.as_json().items() if key != "event"}
        case Enum():
            return value.value
        case datetime():
            return value.isoformat(timespec="milliseconds")
        case Mapping():
            return {key: plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case _ if is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value
