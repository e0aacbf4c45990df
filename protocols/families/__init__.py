"""The families of units, one module each, and the way from a `Family` to what is known of it."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from protocols.families.base import FamilyDefinition
from protocols.families.percussion import PERCUSSION, Percussion
from protocols.families.ultrasound import ULTRASOUND, Ultrasound
from protocols.limits import Family

Setting: TypeAlias = Ultrasound | Percussion


def definition(family: Family) -> FamilyDefinition:
    """Everything about ``family`` that does not depend on a protocol or a unit."""
    match family:
        case Family.ULTRASOUND:
            return ULTRASOUND
        case Family.PERCUSSION:
            return PERCUSSION
    assert_never(family)
