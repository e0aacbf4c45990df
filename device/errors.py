"""The errors of links and units.

`device.link` turns every error of pyserial and of the operating system into one of these.
"""

from __future__ import annotations

from protocols.errors import PhysioctlError


class UnitUnusable(PhysioctlError):
    """The unit or its port cannot be used: the operator has to see to it."""


class PortUnusable(UnitUnusable):
    """The port cannot be opened: it is missing, busy, not permitted, or not a port."""


class LinkLost(UnitUnusable):
    """The port was open and is gone."""


class NoAnswer(UnitUnusable):
    """The port is open, and nothing answers in a known dialect."""


class WrongUnit(UnitUnusable):
    """Something answers that may not be driven: another version, family or model than expected."""


class NameplateInvalid(UnitUnusable):
    """The nameplate of a model cannot be relied on: no unit of the model may be driven by it."""


class UnitFaulted(UnitUnusable):
    """The unit has latched a fault of its own: it gives no output until that is cleared."""


class Stopped(PhysioctlError):
    """A person asked to stop before there was any output."""


class GuardRefused(PhysioctlError):
    """The guard refused a message. That is a defect of this program; nothing was sent."""


class OutputNotConfirmedOff(PhysioctlError):
    """A stop was sent, and the unit has not reported that its output is off."""
