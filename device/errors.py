"""What a cable or a unit can do to us, as one small tree.

Everything pyserial and the operating system raise becomes one of these in one place, `device.link`.
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
    """The port is open and nobody, or nobody we know, answers."""


class WrongUnit(UnitUnusable):
    """Something answers that may not be driven: another version, family or model than expected."""


class NameplateInvalid(UnitUnusable):
    """The nameplate of a model cannot be relied on: no unit of the model may be driven by it."""


class UnitFaulted(UnitUnusable):
    """The unit has latched a fault of its own: it gives no output until that is cleared."""


class Stopped(PhysioctlError):
    """A person has asked to stop before there was any output."""


class GuardRefused(PhysioctlError):
    """A message was on its way that may not leave. That is a fault of this program: nothing was sent."""


class SilenceNotProven(PhysioctlError):
    """A stop was sent, and the unit has not reported that its output is off."""
