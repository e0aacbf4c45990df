"""The table of sessions: derived from the entries, one row for each, to look things up in.

It holds nothing that the entries do not, and no hash covers it: `differs` holds its rows against the entries
before they are relied on, and no index of it is. `verify` makes it anew and compares; erasing a body takes
its row.
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
_CONFIRMED = "confirmed"


# A row for each start that has a body, and the same in both. It goes by the number of the entry, and by no
# index but the one that counts the starts: a struck bit there, or in a row, does not go unnoticed.
_ROWS_BESIDE_THEIR_STARTS = """
FROM sessions AS row NOT INDEXED
LEFT JOIN entries NOT INDEXED ON entries.seq = row.seq LEFT JOIN bodies ON bodies.seq = row.seq
"""
_ALIKE = """
    entries.name IS 'session_started' AND entries.session IS row.session
    AND row.person IS json_extract(body, '$.person')
    AND row.body_site IS json_extract(body, '$.body_site')
    AND row.simulated IS json_extract(body, '$.simulated')
    AND row.rest_of IS json_extract(body, '$.rest_of')
    AND json_extract(row.unit, '$[0]') IS json_extract(body, '$.model')
    AND json_extract(row.unit, '$[1]') IS json_extract(body, '$.serial')
"""
_UNLIKE = f"SELECT 1 {_ROWS_BESIDE_THEIR_STARTS} WHERE NOT ({_ALIKE}) LIMIT 1"
# Each of them, whatever stands there: JSON is looked into only where it is some. And starts without a row.
_ALL_UNLIKE = f"""
SELECT row.session {_ROWS_BESIDE_THEIR_STARTS}
WHERE NOT CASE WHEN json_valid(body) AND json_valid(row.unit) THEN {_ALIKE} ELSE 0 END
UNION
SELECT session FROM entries NOT INDEXED JOIN bodies USING (seq)
WHERE name = 'session_started' AND (seq, session) NOT IN (SELECT seq, session FROM sessions NOT INDEXED)
"""  # noqa: S608 - made of constants
_ROWS = "SELECT count(*), count(DISTINCT seq) FROM sessions NOT INDEXED"
_STARTS = "SELECT count(*) FROM entries WHERE name = 'session_started'"
_STARTS_KEPT = "SELECT count(*) FROM entries JOIN bodies USING (seq) WHERE name = 'session_started'"


def differs(connection: sqlite3.Connection) -> bool:
    """Whether the table does not hold what the entries say of the sessions that were started.

    Whether they ended is left to `verify`: nothing that is decided relies on that column alone.
    """
    (rows, numbers), (starts,) = connection.execute(_ROWS).fetchone(), connection.execute(_STARTS).fetchone()
    if rows != numbers or (rows != starts and (rows,) != connection.execute(_STARTS_KEPT).fetchone()):
        return True
    try:
        return connection.execute(_UNLIKE).fetchone() is not None
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname == "SQLITE_ERROR":  # a body or a unit that is no JSON
            return True
        raise


def unlike(connection: sqlite3.Connection) -> tuple[object, ...]:
    """Return the ids of the sessions of which the table does not hold what the entries say."""
    return tuple(session for (session,) in connection.execute(_ALL_UNLIKE))


def counted_starts(connection: sqlite3.Connection, person: str, body_site: str) -> tuple[object, ...]:
    """Return the numbers of the entries that began sessions of a person's site, the newest first.

    Sessions on simulated units count for nobody, and are not among them.
    """
    found = (
        "SELECT seq FROM sessions NOT INDEXED "
        "WHERE person = ? AND body_site = ? AND simulated = 0 ORDER BY seq DESC"
    )
    return tuple(seq for (seq,) in connection.execute(found, (person, body_site)))


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
        settled = int(body["output_off"] == _CONFIRMED)
        execute("UPDATE sessions SET ended = 1, settled = ? WHERE session = ?", (settled, session))
    elif name == "session_reconciled":
        execute("UPDATE sessions SET settled = 1 WHERE session = ? AND ended = 1", (session,))
    elif name == "protocol_kept":
        execute("INSERT OR IGNORE INTO protocols VALUES (?, ?)", (body["content_hash"], seq))
    else:  # it goes on: whoever called it ended was wrong
        execute("UPDATE sessions SET ended = 0, settled = 0 WHERE session = ? AND ended = 1", (session,))
