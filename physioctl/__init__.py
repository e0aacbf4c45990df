"""Timed therapy sessions from protocol files, inside their limits, with a record.

This is what integrators import. Each name is loaded when it is first used, so that importing the
package costs nothing. The packages ``device``, ``protocols`` and ``simulator`` are taken from beside it
(`physioctl.siblings`), so import it before anything else of such a name.
"""

from __future__ import annotations

import importlib

from physioctl import siblings

siblings.install()

TYPE_CHECKING = False  # as typing has it, without importing it
if TYPE_CHECKING:
    from typing import Any

    from device.clock import SystemClock, VirtualClock
    from device.control.controller import Controller
    from device.dialects.native import Native
    from device.events import Event, Observer, OffConfirmation
    from device.link import SerialLink
    from device.operator import Lower, Note, Pain, SessionAction
    from physioctl.answers import read_answers
    from physioctl.events import Outcome, SessionEnded, SessionStarted
    from physioctl.questions import questions_of
    from physioctl.record.journal import Journal
    from physioctl.record.verify import verify
    from physioctl.runner import Request, run_session
    from physioctl.screening import Answer, Answers, answered
    from protocols.errors import PhysioctlError, ProtocolInvalid, Refused
    from protocols.library import bundled, find

__version__ = "0.1.0"

_HOMES = {
    "device.clock": ("SystemClock", "VirtualClock"),
    "device.control.controller": ("Controller",),
    "device.events": ("Event", "OffConfirmation", "Observer"),
    "device.link": ("SerialLink",),
    "device.dialects.native": ("Native",),
    "device.operator": ("SessionAction", "Lower", "Note", "Pain"),
    "physioctl.events": ("Outcome", "SessionEnded", "SessionStarted"),
    "physioctl.record.journal": ("Journal",),
    "physioctl.answers": ("read_answers",),
    "physioctl.questions": ("questions_of",),
    "physioctl.runner": ("Request", "run_session"),
    "physioctl.screening": ("Answer", "Answers", "answered"),
    "physioctl.record.verify": ("verify",),
    "protocols.errors": ("PhysioctlError", "ProtocolInvalid", "Refused"),
    "protocols.library": ("bundled", "find"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "SessionAction",
    "Answer",
    "Answers",
    "Controller",
    "Event",
    "Journal",
    "Lower",
    "Native",
    "Note",
    "Outcome",
    "Pain",
    "PhysioctlError",
    "ProtocolInvalid",
    "Refused",
    "Request",
    "SerialLink",
    "SessionEnded",
    "SessionStarted",
    "OffConfirmation",
    "SystemClock",
    "VirtualClock",
    "Observer",
    "answered",
    "bundled",
    "find",
    "questions_of",
    "read_answers",
    "run_session",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    siblings.require()
    return getattr(importlib.import_module(_HOME_OF[name]), name)
