"""The table of hazards has no gap: every hazard has tests, every marker a hazard, and the page is fresh."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import LONG
from tools.hazards import hazards, marked


def test_every_hazard_has_a_test_and_every_marker_a_hazard() -> None:
    assert sorted(marked()) == [hazard.id for hazard in hazards()]


def test_every_hazard_has_a_test_that_make_test_runs() -> None:
    files = {id_: {Path(test.partition("::")[0]).stem for test in tests} for id_, tests in marked().items()}

    assert [id_ for id_, stems in files.items() if stems <= LONG] == []


def test_hazards_are_numbered_without_a_gap() -> None:
    assert [hazard.id for hazard in hazards()] == [
        f"H-{number:02}" for number in range(1, len(hazards()) + 1)
    ]


def test_nothing_about_a_hazard_is_left_unsaid() -> None:
    for hazard in hazards():
        assert all(
            (
                hazard.hazard,
                hazard.cause,
                hazard.harm,
                hazard.control,
                hazard.requirement,
                hazard.single_fault,
            )
        )
