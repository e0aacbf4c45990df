"""Format 2 of the journal: its tables and their rules, and how an entry is hashed.

`entries` is the chain. An entry's hash covers the salted hash of its body and not the body, so that a body
can be erased later and the chain still be verified: everything that belongs to a person is in `bodies`.
`sessions` is derived from the bodies, is looked things up in, and can be made anew from them. Its own indexes
are part of the format, and are not relied on: see `sessions_table`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from typing import TypeAlias

FORMAT = 3
APPLICATION_ID = 0x70637464  # "pctd": how a file of this format says that it is ours
BEFORE_THE_FIRST = "0" * 64

# The rules are in the file itself, so that no other program breaks them by accident. `head` tells where the
# chain ends: without it, cutting off the last entries would leave a shorter chain without a fault.
SCHEMA = f"""
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY, session TEXT NOT NULL, utc TEXT NOT NULL, at_ms INTEGER NOT NULL,
    name TEXT NOT NULL, body_hash TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE TABLE bodies (seq INTEGER PRIMARY KEY, salt TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL);
CREATE TABLE sessions (
    session TEXT PRIMARY KEY, seq INTEGER NOT NULL, person TEXT, body_site TEXT NOT NULL, unit TEXT NOT NULL,
    rest_of TEXT, simulated INTEGER NOT NULL, ended INTEGER NOT NULL, settled INTEGER NOT NULL
);
CREATE TABLE protocols (content_hash TEXT PRIMARY KEY, seq INTEGER NOT NULL);
CREATE INDEX entries_by_session ON entries (session, name, seq);
CREATE UNIQUE INDEX one_start_of_a_session ON entries (session) WHERE name = 'session_started';
CREATE INDEX starts ON entries (seq) WHERE name = 'session_started';
CREATE INDEX clock_confirmations ON entries (seq) WHERE name = 'clock_confirmed';
CREATE INDEX erasures ON entries (seq) WHERE name = 'bodies_erased';
CREATE INDEX sessions_of_a_person ON sessions (person, body_site, simulated, seq);
CREATE INDEX sessions_to_settle ON sessions (unit, simulated, seq) WHERE settled = 0;
CREATE INDEX rests ON sessions (rest_of) WHERE rest_of IS NOT NULL;
CREATE TRIGGER entries_follow_the_head BEFORE INSERT ON entries
    WHEN NEW.seq <> (SELECT seq + 1 FROM head) OR NEW.prev <> (SELECT hash FROM head)
    BEGIN SELECT RAISE(ABORT, 'an entry is added at the end'); END;
CREATE TRIGGER entries_move_the_head AFTER INSERT ON entries
    BEGIN UPDATE head SET seq = NEW.seq, hash = NEW.hash; END;
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'an entry is never removed'); END;
CREATE TRIGGER bodies_belong_to_the_last_entry BEFORE INSERT ON bodies
    WHEN NEW.seq <> (SELECT seq FROM head)
    BEGIN SELECT RAISE(ABORT, 'a body is added with its entry'); END;
CREATE TRIGGER bodies_never_change BEFORE UPDATE ON bodies
    BEGIN SELECT RAISE(ABORT, 'a body is never changed'); END;
CREATE TRIGGER bodies_go_only_when_an_entry_says_so BEFORE DELETE ON bodies
    WHEN (SELECT name FROM entries ORDER BY seq DESC LIMIT 1) <> 'bodies_erased'
    BEGIN SELECT RAISE(ABORT, 'a body is removed only after an entry that says so'); END;
CREATE TRIGGER head_never_goes BEFORE DELETE ON head
    BEGIN SELECT RAISE(ABORT, 'the head is never removed'); END;
INSERT INTO head VALUES (1, 0, '{BEFORE_THE_FIRST}');
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};
"""  # noqa: S608 - made of constants

Schema: TypeAlias = frozenset[tuple[str, str | None]]

canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def body_hash(salt: str, body: str) -> str:
    """Return SHA-256 over the salt's bytes and the body's. The salt is in hexadecimal digits."""
    return sha256(bytes.fromhex(salt) + body.encode()).hexdigest()


def chained(seq: int, session: str, utc: str, at_ms: int, name: str, body_hash: str, prev: str) -> str:
    """Return an entry's hash: SHA-256 over the canonical JSON array of everything else in it."""
    return sha256(canonical((seq, session, utc, at_ms, name, body_hash, prev)).encode()).hexdigest()


def schema_of(connection: sqlite3.Connection) -> Schema:
    """Return the tables, indexes and rules of a database, as it keeps them."""
    return frozenset(connection.execute("SELECT name, sql FROM sqlite_master"))


@cache
def schema_expected() -> Schema:
    """Return the tables, indexes and rules of a journal of this format."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(SCHEMA)
        return schema_of(connection)
    finally:
        connection.close()


def marks_of(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return what a database says it is: its application id, and its format."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version


def earlier_format(connection: sqlite3.Connection) -> int | None:
    """Return the format of a journal that an earlier version wrote; None where it is no such journal.

    Format 1 had its bodies in the entries and no application id; format 2 had other names of its fields.
    """
    application, version = marks_of(connection)
    if application == APPLICATION_ID and 1 < version < FORMAT:
        return version
    tables = {name for name, _ in schema_of(connection)}
    if (application, version) != (0, 1) or not {"entries", "head"} <= tables:
        return None
    columns = {row[1] for row in connection.execute("PRAGMA table_info(entries)")}
    return 1 if "body" in columns else None


def statements(script: str) -> Iterator[str]:
    """Split ``script`` into its statements. `executescript` would commit a transaction under way."""
    held = ""
    for line in script.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            yield held.strip()
            held = ""
