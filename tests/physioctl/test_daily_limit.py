"""What a site may have in a day: what was delivered counts, a session and its rests are one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physioctl.daily_limit import SESSIONS_MAX, Asked, Had, check_day
from protocols.errors import Refused
from protocols.limits import Bound, Family, Layer

LONGEST_MS = 600_000
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def had(first: str = "s", delivered_ms: int = LONGEST_MS, *, hours_ago: float = 0, **other: bool) -> Had:
    last = NOON - timedelta(hours=hours_ago)
    return Had(first, LONGEST_MS, delivered_ms, other.get("is_open", False), last)


def asked(
    delivered_ms: int = LONGEST_MS, *, rest_of: str | None = None, longest_ms: int | None = LONGEST_MS
) -> Asked:
    return Asked(Family.ULTRASOUND, delivered_ms, longest_ms, rest_of)


def allowed(*already: Had, now: Asked = asked()) -> bool:  # noqa: B008 - a frozen value
    try:
        check_day(already, now)
    except Refused:
        return False
    return True


@pytest.mark.hazard("H-03")
def test_two_sessions_a_day_are_enough() -> None:
    assert allowed()
    assert allowed(had("a"))
    assert not allowed(had("b"), had("a"))
    assert not allowed(had("b"), had("a"), now=asked(1000, longest_ms=None))


def test_two_attempts_of_half_a_minute_do_not_close_a_site() -> None:
    assert allowed(had("b", 30_000), had("a", 30_000))


def test_what_short_attempts_delivered_counts_against_the_time_all_the_same() -> None:
    attempts = [had(str(number), 290_000) for number in range(3)]

    assert allowed(*attempts[:2])
    assert not allowed(*attempts)


@pytest.mark.parametrize(("delivered_ms", "counts"), [(299_999, False), (300_000, True)])
def test_a_session_counts_from_half_of_what_it_was_to_give(delivered_ms: int, counts: bool) -> None:
    assert allowed(had("b", delivered_ms), had("a", 300_000), now=asked(1000)) is not counts


def test_a_session_and_its_rests_are_one() -> None:
    assert allowed(had("a", 200_000), had("a", 200_000), had("a", 200_000))
    assert not allowed(had("b"), had("a", 200_000), had("a", 200_000), now=asked(1000))


def test_a_rest_of_a_session_that_was_counted_takes_no_further_place() -> None:
    assert not allowed(had("b", 500_000), had("a", 500_000), now=asked(100_000))
    assert allowed(had("b", 500_000), had("a", 500_000), now=asked(100_000, rest_of="a"))
    assert allowed(had("b", 500_000), had("a", 500_000), now=asked(100_000, rest_of="b"))
    assert not allowed(had("b"), had("a"), now=asked(100_000, rest_of="a"))


@pytest.mark.hazard("H-03")
def test_a_rest_of_a_session_that_was_not_counted_needs_a_place_as_a_new_one_does() -> None:
    short = had("a", 100_000)

    assert allowed(had("b", 400_000), short, now=asked(200_000, rest_of="a"))
    assert not allowed(had("c", 400_000), had("b", 400_000), short, now=asked(200_000, rest_of="a"))
    assert not allowed(short, had("c", 400_000), had("b", 400_000), now=asked(200_000, rest_of="a"))


def test_a_session_that_is_open_counts_whatever_it_has_told() -> None:
    assert not allowed(had("b", 0, is_open=True), had("a", 0, is_open=True), now=asked(1000))


def test_a_refusal_says_when_the_site_is_free_again() -> None:
    free = (NOON + timedelta(hours=4)).astimezone()

    with pytest.raises(Refused) as refused:
        check_day([had("b", hours_ago=1), had("a", hours_ago=20)], asked())

    assert refused.value.action == f"The site is free again at {free:%Y-%m-%d %H:%M}."


def test_a_refusal_names_a_session_that_is_open_and_in_the_way() -> None:
    with pytest.raises(Refused) as refused:
        check_day([had("b", is_open=True), had("a", is_open=True)], asked())

    assert refused.value.action.endswith("counts whole until it is settled on its own unit.")


def test_a_refusal_says_how_much_time_the_site_has_had_and_how_much_there_is() -> None:
    with pytest.raises(Refused) as refused:
        check_day([had("b", 240_000), had("a", 900_000)], asked(120_000))

    assert refused.value.what == (
        "this site has had 19 min of ultrasound or more in the last 24 hours; "
        "with 2 min it would be above 20 min"
    )


def test_a_session_that_was_to_give_nothing_counts_once_it_has_given_something() -> None:
    nothing, something = (Had(first, 0, given_ms, False, NOON) for first, given_ms in (("a", 0), ("b", 1)))

    assert allowed(nothing, had("c"), now=asked(1000, longest_ms=None))
    assert not allowed(something, had("c"), now=asked(1000, longest_ms=None))


def test_without_a_bound_on_one_session_nothing_is_left_to_bound() -> None:
    assert check_day([had("a")], asked(longest_ms=None)) is None


def test_no_more_of_the_record_is_read_than_is_needed() -> None:
    read = iter([had("c"), had("b"), had("a")])

    with pytest.raises(Refused):
        check_day(read, asked())

    assert [each.first for each in read] == ["a"]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2 * LONGEST_MS)), max_size=6),
    st.sampled_from([None, *"abcd"]),
)
def test_no_day_has_more_than_two_of_the_longest(already: list[tuple[str, int]], rest_of: str | None) -> None:
    given_ms = sum(delivered_ms for _, delivered_ms in already)
    now = asked(100_000, rest_of=rest_of)

    if allowed(*(had(first, delivered_ms) for first, delivered_ms in already), now=now):
        left = check_day([had(first, delivered_ms) for first, delivered_ms in already], now)
        assert isinstance(left, Bound)
        assert left.layer is Layer.PERSON
        assert left.at_most == SESSIONS_MAX * LONGEST_MS - given_ms >= now.delivered_ms
