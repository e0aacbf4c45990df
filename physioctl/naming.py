"""What a session is called: in the journal, and by the unit."""

from __future__ import annotations

import hashlib
import secrets

from device.clock import Clock


def new_session_id(clock: Clock) -> str:
    """A name for a session: when, and four letters so that two of one second differ."""
    return f"{clock.utc():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def session_number(session: str) -> int:
    """The number the unit knows the session by: never 0, and the same for the same id."""
    return int.from_bytes(hashlib.sha256(session.encode()).digest()[:4]) | 1
