"""What a unit or its dialect cannot promise: said before the start, and refused where it may not be given.

A unit whose output nothing but its own switch ends, once this computer is lost, is driven only while somebody
is there who has been told so and has said yes; and never for ultrasound on a body site.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from device.dialects.base import ReportField
from device.monitor.alarms import RULES
from device.unit import Unit
from physioctl.generic_unit import told_of_generic
from physioctl.questions import treats
from protocols.errors import Refused
from protocols.families import definition

if TYPE_CHECKING:  # whoever holds a protocol has paid for pydantic already
    from protocols.model import Protocol

_RECKONED = (ReportField.TIME, ReportField.ENERGY)  # see `device.control.reckoning`


def reckoned(unit: Unit) -> tuple[str, ...]:
    """What is counted by this computer because the unit does not report it."""
    return tuple(field.value for field in _RECKONED if field not in unit.declared.reports)


def limitations(unit: Unit) -> Iterator[str]:
    """What the unit cannot promise, in sentences; nothing for one that promises all of it."""
    if told := told_of_generic(unit):
        yield told
    if unit.policy.told:
        yield unit.policy.told
    if missing := reckoned(unit):
        yield f"the unit does not report {' and '.join(missing)}: this computer reckons what is shown of it"
    if rules := [rule.code for rule in RULES if not rule.needs <= unit.declared.reports]:
        yield f"these alarms cannot be judged: {', '.join(rules)}"
    if not unit.declared.holds_limits:
        yield "the unit holds no limits of its own: this program alone does"


def check_host_loss(
    unit: Unit, protocol: Protocol, *, attended: bool, confirm: Callable[[str], bool] | None
) -> None:
    """Raise `Refused` where the unit may not be driven for want of anything that ends its output without us.

    ``confirm`` tells a person so, and returns whether they go on. None: nobody can be asked.
    """
    if not unit.policy.attended_only or protocol.family is None:
        return
    if definition(protocol.family).needs_end and treats(protocol):
        raise Refused(
            f"{unit.policy.told}: it may give no {protocol.family} on a body site",
            "Use a unit with a lease or a timer of its own.",
        )
    if not attended or confirm is None:
        raise Refused(
            f"{unit.policy.told}: it is driven only while somebody is there, who is asked first",
            "Start the session at a terminal, within reach of the unit's switch.",
        )
    if not confirm(unit.policy.told):
        raise Refused(f"{unit.policy.told}, and that was not accepted", "Nothing was output.")
