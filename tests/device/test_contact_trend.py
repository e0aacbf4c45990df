"""Contact as the unit says it is, and what it makes of it: what adds up and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from device.dialects.base import UnitState
from device.monitor.contact import ContactTrend, ContactWatch
from tests.device.parts import EMITTING, STATUS

LOST: dict[str, Any] = {"contact_pct": 49}
GOOD: dict[str, Any] = {"contact_pct": 50}
SUSPENDED: dict[str, Any] = {"state": UnitState.SUSPENDED, "measured_level": 0}
OFF: dict[str, Any] = {"state": STATUS.state, "measured_level": 0}


def follow(*reports: dict[str, Any], steady: bool = True, apart_ms: int = 100) -> ContactTrend:
    """What is said after these reports: each what differs from one of output in contact."""
    watch, trend = ContactWatch(), ContactTrend(0, 0)
    for changes in reports:
        trend = watch.follow(replace(EMITTING, **changes), apart_ms, steady=steady)
    return trend


def test_output_without_contact_adds_up_and_output_with_contact_counts_against_it() -> None:
    assert follow(LOST, LOST, LOST).ignored_ms == 250
    assert follow(LOST, LOST, LOST, GOOD).ignored_ms == 300
    assert follow(LOST, LOST, LOST, GOOD, GOOD, GOOD).ignored_ms == 100
    assert follow(GOOD, GOOD, LOST).ignored_ms == 50
    assert follow(GOOD, GOOD).ignored_ms == 0


@pytest.mark.parametrize(("output", "ignored_ms"), [(239, 0), (240, 150)])
def test_in_a_ramp_contact_is_judged_from_a_level_on(output: int, ignored_ms: int) -> None:
    seen = LOST | {"measured_level": output}

    assert follow(seen, seen, steady=False).ignored_ms == ignored_ms
    assert follow(seen, seen).ignored_ms == 150


@pytest.mark.parametrize("between", [{}, GOOD])
def test_a_suspension_with_contact_adds_up_however_often_output_comes_between(
    between: dict[str, Any],
) -> None:
    assert (
        follow(SUSPENDED | GOOD, SUSPENDED | GOOD, between, SUSPENDED | GOOD).suspended_without_cause_ms
        == 250
    )


@pytest.mark.parametrize("end", [LOST, SUSPENDED | LOST, OFF])
def test_a_suspension_has_a_cause_once_contact_is_seen_to_be_lost(end: dict[str, Any]) -> None:
    assert follow(SUSPENDED | GOOD, SUSPENDED | GOOD, end).suspended_without_cause_ms == 0


def test_of_a_gap_between_two_reports_only_so_much_counts() -> None:
    assert follow(LOST, LOST, apart_ms=9000).ignored_ms == 300
