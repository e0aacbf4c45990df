"""The session's own errors, beside those of `protocols.errors` and `device.errors`."""

from __future__ import annotations

from device.errors import UnitUnusable
from protocols.errors import PhysioctlError


class JournalUnusable(PhysioctlError):
    """The record cannot be kept, so there is no output."""


class InvalidUsage(PhysioctlError):
    """What was typed does not make a session."""


class PortNotChosen(UnitUnusable):
    """No port was named, and there is none, or more than one, on which a unit answers."""
