"""Shorten a failing scenario: leave out one thing at a time while it still fails."""

from __future__ import annotations

from collections.abc import Callable

from physioctl.rehearsal.storm.scenario import Scenario


def shrink(scenario: Scenario, fails: Callable[[Scenario], bool]) -> Scenario:
    """Return the shortest scenario found that still fails."""
    while (shorter := next(filter(fails, scenario.shorter()), None)) is not None:
        scenario = shorter
    return scenario
