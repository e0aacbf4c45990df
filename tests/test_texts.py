"""The texts for the operator: each rule and family has its own; what is wrong in their files is refused."""

from __future__ import annotations

import pytest

from device.monitor.alarm_texts import TEXTS
from device.monitor.alarms import RULES
from device.monitor.conditions import OUTPUT_TOLERANCE_PCT
from protocols.families import definition
from protocols.limits import Family
from tools.texts import tables

GOOD = '[CODE]\nwhat = "more than {output_tolerance_pct} %"\naction = "Stop."\n'


def test_every_alarm_has_a_text_and_every_text_an_alarm() -> None:
    assert list(TEXTS) == [rule.code for rule in RULES]
    assert all(rule.what and rule.action for rule in RULES)
    assert {(rule.code, rule.what, rule.action) for rule in RULES} == {
        (code, *texts) for code, texts in TEXTS.items()
    }


def test_every_family_says_what_has_to_be_so_before_it_starts() -> None:
    assert len({definition(family).before_start for family in Family if definition(family).before_start}) == 2


def test_a_figure_is_filled_in() -> None:
    said = tables(GOOD, ("what", "action"), "f.toml")

    assert said == {"CODE": (f"more than {OUTPUT_TOLERANCE_PCT} %", "Stop.")}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("Stop.", ""), "CODE: action is not one line of text"),
        (("Stop.", "Stop. "), "CODE: action is not one line of text"),
        (("Stop.", "Stop.\\u001b[2J"), "CODE: action is not one line of text"),
        (("Stop.", "Stop.\\nNow."), "CODE: action is not one line of text"),
        (('"Stop."', "1"), "CODE: action is not one line of text"),
        (("{output_tolerance_pct}", "{code.__class__}"), "no figure called code.__class__"),
        (("{output_tolerance_pct}", "{}"), "no figure called"),
        (("{output_tolerance_pct}", "{output_tolerance_pct"), "a brace without its other one"),
        (("action", "acton"), "CODE has to have what and action, and nothing else"),
        (("[CODE]", "more = 1\n[CODE]"), "more has to have what and action"),
    ],
)
def test_a_text_that_cannot_be_shown_is_refused_with_its_place(change: tuple[str, str], what: str) -> None:
    with pytest.raises(ValueError, match=r"f\.toml") as refused:
        tables(GOOD.replace(*change), ("what", "action"), "f.toml")

    assert what in str(refused.value)
