"""The session's own errors, beside those of `protocols.errors` and `device.errors`."""

from __future__ import annotations

from device.errors import UnitUnusable
from protocols.errors import PhysioctlError


class JournalUnusable(PhysioctlError):
    """The record cannot be kept, so there is no output."""


class DiskTooSlow(JournalUnusable):
    """The record is not on the disk within its bound. What it says names no file, so that it can be kept."""

    def __init__(self, what: str) -> None:
        super().__init__(what, "Name a journal on a faster disk with --journal FILE.")


class InvalidUsage(PhysioctlError):
    """What was typed does not make a session."""


class PortNotChosen(UnitUnusable):
    """No port was named, and there is none, or more than one, on which a unit answers."""
