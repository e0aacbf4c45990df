"""The watch: when a broken rule becomes an alarm, how long it stays, and what clears it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from device.events import Priority
from device.monitor.alarms import RULES, Effect, Rule
from device.monitor.watch import Watch
from tests.device.parts import STATUS, VIEW

SUSTAIN_MS = 300


def rule(code: str, *, sustain_ms: int = 0, latches: bool = False, effect: Effect = Effect.NOTE) -> Rule:
    """A rule that is broken while the head reads 99 degrees."""
    return Rule(
        code=code,
        breaks=lambda view: view.status.head_temp_ddeg_c == 990,
        sustain_ms=sustain_ms,
        priority=Priority.LOW,
        latches=latches,
        effect=effect,
        what="for a test",
        action="Nothing.",
    )


def seen(watch: Watch, now_ms: int, *, broken: bool) -> tuple[list[str], list[str]]:
    """What is raised and what is cleared by a report at ``now_ms``."""
    status = replace(STATUS, head_temp_ddeg_c=990) if broken else STATUS
    raised, ended = watch.judge(replace(VIEW, now_ms=now_ms, status=status))
    return [rule.code for rule in raised], [rule.code for rule in ended]


NOTHING: tuple[list[str], list[str]] = ([], [])


def test_a_rule_that_needs_no_time_is_raised_at_once_and_only_once() -> None:
    watch = Watch([rule("A")])

    assert seen(watch, 5, broken=True) == (["A"], [])
    assert seen(watch, 6, broken=True) == NOTHING


@pytest.mark.parametrize(("later_ms", "raised"), [(299, False), (300, True), (301, True)])
def test_a_rule_is_raised_once_it_has_been_broken_for_its_time(later_ms: int, raised: bool) -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS)])

    first = seen(watch, 7, broken=True)
    between = seen(watch, 8, broken=True)
    later = seen(watch, 7 + later_ms, broken=True)

    assert first == between == NOTHING
    assert later == ((["A"], []) if raised else NOTHING)


def test_a_rule_that_has_held_again_for_its_time_is_counted_from_the_start() -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS)])
    seen(watch, 0, broken=True)
    seen(watch, 200, broken=False)
    seen(watch, 500, broken=False)

    assert seen(watch, 550, broken=True) == NOTHING
    assert seen(watch, 849, broken=True) == NOTHING
    assert seen(watch, 850, broken=True) == (["A"], [])


@pytest.mark.hazard("H-11")
def test_what_comes_and_goes_is_broken_as_if_it_had_stayed() -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS)])
    for now_ms, broken in ((0, True), (10, False), (299, False), (299, True), (299, False)):
        assert seen(watch, now_ms, broken=broken) == NOTHING

    assert seen(watch, 598, broken=True) == (["A"], [])


def test_a_rule_has_to_hold_for_its_time_without_a_break_to_be_forgotten() -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS)])
    for now_ms, broken in ((0, True), (10, False), (20, True), (200, False), (310, False)):
        assert seen(watch, now_ms, broken=broken) == NOTHING

    assert seen(watch, 320, broken=True) == (["A"], [])


def test_an_alarm_that_latches_is_raised_once_however_often_its_rule_is_broken() -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS, latches=True)])
    seen(watch, 0, broken=True)

    assert seen(watch, 300, broken=True) == (["A"], [])
    assert seen(watch, 301, broken=False) == seen(watch, 700, broken=False) == NOTHING
    assert seen(watch, 800, broken=True) == seen(watch, 1100, broken=True) == NOTHING


def test_an_alarm_that_does_not_latch_clears_with_its_cause_and_can_come_again() -> None:
    watch = Watch([rule("A")])
    seen(watch, 0, broken=True)

    assert seen(watch, 1, broken=False) == ([], ["A"])
    assert seen(watch, 2, broken=False) == NOTHING
    assert seen(watch, 3, broken=True) == (["A"], [])


def test_an_alarm_that_latches_stays_when_its_cause_has_gone() -> None:
    watch = Watch([rule("A", latches=True)])
    seen(watch, 0, broken=True)

    assert seen(watch, 1, broken=False) == NOTHING
    assert seen(watch, 2, broken=True) == NOTHING


def test_what_was_never_raised_is_never_cleared() -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS)])
    seen(watch, 0, broken=True)

    assert seen(watch, 100, broken=False) == NOTHING


@pytest.mark.hazard("H-11")
@pytest.mark.parametrize(
    ("effect", "made_sure_of"), [(Effect.FAIL, True), (Effect.PAUSE, False), (Effect.NOTE, False)]
)
def test_what_would_end_the_session_is_being_made_sure_of_from_the_first_wrong_reading(
    effect: Effect, made_sure_of: bool
) -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS, effect=effect)])

    before = watch.making_sure
    seen(watch, 0, broken=True)
    meanwhile = watch.making_sure
    seen(watch, 299, broken=True)
    still = watch.making_sure
    seen(watch, 300, broken=True)

    assert (before, meanwhile, still) == (False, made_sure_of, made_sure_of)
    assert not watch.making_sure  # the alarm has been raised


def test_a_reading_that_is_right_again_needs_no_making_sure_of() -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS, effect=Effect.FAIL), rule("B")])
    seen(watch, 0, broken=True)

    seen(watch, 100, broken=False)

    assert not watch.making_sure


def test_one_reading_is_made_sure_of_whatever_the_other_rules_say() -> None:
    slow, quick = rule("A", sustain_ms=SUSTAIN_MS, effect=Effect.FAIL), rule("B", effect=Effect.FAIL)

    for rules in ([slow, quick], [quick, slow], [slow, replace(rule("C", sustain_ms=SUSTAIN_MS))]):
        watch = Watch(rules)
        seen(watch, 0, broken=True)
        assert watch.making_sure


def test_rules_are_counted_each_by_itself_and_told_in_their_order() -> None:
    watch = Watch([rule("A"), rule("B", sustain_ms=SUSTAIN_MS), rule("C", latches=True)])

    assert seen(watch, 0, broken=True) == (["A", "C"], [])
    assert seen(watch, 300, broken=True) == (["B"], [])
    assert seen(watch, 301, broken=False) == ([], ["A", "B"])


def test_a_rule_for_want_of_a_report_is_no_business_of_a_report() -> None:
    watch = Watch([replace(rule("A"), breaks=None)])

    assert seen(watch, 0, broken=True) == NOTHING
    assert seen(watch, 1, broken=False) == NOTHING


def test_the_watch_keeps_to_the_rules_there_are() -> None:
    assert Watch().rules is RULES


# --- the sum of short times ------------------------------------------------------------------------------


@pytest.mark.hazard("H-11")
def test_what_is_broken_a_fifth_of_the_time_is_found_however_long_it_holds_between() -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS, latches=True)])
    raised = [
        now_ms
        for now_ms in range(0, 10_000, 100)
        if seen(watch, now_ms, broken=now_ms % 1000 < 200) != NOTHING
    ]

    assert raised == [2100]  # 150 + 200 - 2 × 70, and 100 of the third time


def test_what_is_broken_for_less_than_a_tenth_of_the_time_is_forgiven() -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS)])

    for now_ms in range(0, 100_000, 50):
        assert seen(watch, now_ms, broken=now_ms % 1000 < 50) == NOTHING


def test_of_a_long_time_between_two_reports_only_the_usual_interval_counts() -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS)])

    for now_ms, broken in ((0, True), (299, True), (10_000, False), (20_000, False), (30_000, True)):
        assert seen(watch, now_ms, broken=broken) == NOTHING


def test_an_alarm_that_is_forgotten_or_cleared_is_counted_afresh() -> None:
    for latches in (True, False):
        watch = Watch([rule("A", sustain_ms=SUSTAIN_MS, latches=latches)])
        for now_ms in (0, 100, 200, 300):
            seen(watch, now_ms, broken=True)
        if latches:
            watch.forget("A")
        seen(watch, 400, broken=False)

        assert seen(watch, 500, broken=True) == NOTHING


@pytest.mark.parametrize(("held_ms", "raised"), [(90, True), (91, False)])
def test_what_is_broken_adds_up_to_the_millisecond_and_ten_that_hold_forgive_one(
    held_ms: int, raised: bool
) -> None:
    watch = Watch([rule("A", sustain_ms=SUSTAIN_MS, latches=True)])
    breaks_again_ms = 1200 + held_ms + 100
    for now_ms, broken in (
        *((0, False), (100, False)),
        *((200, True), (300, True), (400, False)),  # 50, 100 and 50 ms
        *((800, False), (900, False), (1000, False), (1100, False), (1200, False)),  # 50 of them are forgiven
        (1200 + held_ms, False),  # and 9
        *((breaks_again_ms, True), (breaks_again_ms + 100, True)),  # 50 and 100
    ):
        assert seen(watch, now_ms, broken=broken) == NOTHING

    assert seen(watch, breaks_again_ms + 109, broken=True) == ((["A"], []) if raised else NOTHING)


def test_an_alarm_that_latches_comes_again_once_it_has_been_forgotten() -> None:
    watch = Watch([rule("A", latches=True)])
    seen(watch, 0, broken=True)
    seen(watch, 100, broken=False)

    watch.forget("A")

    assert seen(watch, 200, broken=True) == (["A"], [])
