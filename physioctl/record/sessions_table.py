"""The table of sessions: derived from the entries, one row for each, so that admission is one look-up.

It holds nothing that the entries do not. `verify` makes it anew and compares; erasing a body takes its row.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

DERIVED_FROM = frozenset(
    ("session_started", "session_ended", "session_reconciled", "protocol_kept", "commanded", "progress")
)
_BODY_NEEDED = frozenset(("session_started", "session_ended", "protocol_kept"))
_CONFIRMED = "proven"


def unit_key(model: str, serial: str) -> str:
    """Return what a unit is looked up by: its model and its serial number."""
    return json.dumps([model, serial])


def needs_body(name: str) -> bool:
    """Whether a row follows from the body of an entry of this name, and not from the name alone."""
    return name in _BODY_NEEDED


def derive(
    connection: sqlite3.Connection, seq: int, session: str, name: str, body: Mapping[str, Any]
) -> None:
    """Bring the table up to date with an entry that has just been added."""
    if name not in DERIVED_FROM:
        return
    execute = connection.execute
    if name == "session_started":
        row = (
            session, seq, body["person"], body["body_site"], unit_key(body["model"], body["serial"]),
            body["rest_of"], int(body["simulated"]), 0, 0,
        )  # fmt: skip
        execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    elif name == "session_ended":
        settled = int(body["silence"] == _CONFIRMED)
        execute("UPDATE sessions SET ended = 1, settled = ? WHERE session = ?", (settled, session))
    elif name == "session_reconciled":
        execute("UPDATE sessions SET settled = 1 WHERE session = ? AND ended = 1", (session,))
    elif name == "protocol_kept":
        execute("INSERT OR IGNORE INTO protocols VALUES (?, ?)", (body["content_hash"], seq))
    else:  # it goes on: whoever called it ended was wrong
        execute("UPDATE sessions SET ended = 0, settled = 0 WHERE session = ? AND ended = 1", (session,))
