"""What a session was admitted with, as its opening entry in the journal holds it."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.limits import Block, Bound
from protocols.plan import Plan


@dataclass(frozen=True, slots=True)
class Admission:
    """The part of the opening entry by which the guard judges what may be given.

    ``bounds`` and ``blocks`` are the person's and the operator's. ``given_ms`` and ``given_mj`` are what the
    sessions whose rest this is have delivered; 0 for a session that begins anew.
    """

    content: str  # the protocol's canonical text: JSON with the keys of a protocol file
    content_hash: str  # SHA-256 of ``content`` in UTF-8
    side: str
    bounds: tuple[Bound, ...] = ()
    blocks: tuple[Block, ...] = ()
    given_ms: int = 0
    given_mj: int = 0
    generic: bool = False  # a person has confirmed that the unit's model is not known


@dataclass(frozen=True, slots=True)
class SessionLoad:
    """What a controller is loaded with: a plan, and the session that it is given in."""

    plan: Plan
    session: int  # the number by which the unit knows it
    admission: Admission
    attended: bool = False  # a person is there to resume
    awaits_start: bool = False  # only a person lets it begin
