"""What a site has had today, as a layer of limits: it can only lower."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from physioctl.daily import SESSIONS_MAX, day_layer
from protocols.limits import Bound, Family, Layer, Limits, Quantity

LONGEST_MS = 600_000
STANDING = Limits([Bound(Quantity.DELIVERED_MS, Layer.MODEL, "for a test", at_most=LONGEST_MS)])


def test_two_sessions_a_day_are_enough() -> None:
    assert day_layer(Family.ULTRASOUND, 0, 0, STANDING).blocked(Family.ULTRASOUND) is None
    assert day_layer(Family.ULTRASOUND, 1, 0, STANDING).blocked(Family.ULTRASOUND) is None

    block = day_layer(Family.ULTRASOUND, 2, 0, STANDING).blocked(Family.ULTRASOUND)

    assert block is not None
    assert block.layer is Layer.PERSON
    assert "24 hours" in block.reason


def test_a_block_is_on_its_own_family_only() -> None:
    assert day_layer(Family.ULTRASOUND, 9, 0, STANDING).blocked(Family.PERCUSSION) is None


def test_a_day_without_any_bound_on_time_adds_none() -> None:
    assert day_layer(Family.PERCUSSION, 1, 5, Limits()).bounds == ()


@given(sessions=st.integers(0, 5), delivered_ms=st.integers(0, 4 * LONGEST_MS))
def test_what_is_left_of_a_day_never_raises_a_limit(sessions: int, delivered_ms: int) -> None:
    day = day_layer(Family.ULTRASOUND, sessions, delivered_ms, STANDING)

    left_ms = day.at_most(Quantity.DELIVERED_MS)
    assert left_ms is not None
    assert 0 <= left_ms <= LONGEST_MS
    if sessions < SESSIONS_MAX:
        assert left_ms == min(LONGEST_MS, max(0, 2 * LONGEST_MS - delivered_ms))
