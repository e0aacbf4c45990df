"""What a person sees of a level that was lowered, or could not be."""

from __future__ import annotations

from device.events import LevelLowered, LowerRefused
from physioctl.screens.lines import Plain


def test_a_lower_level_and_a_refusal_are_shown_in_a_line_each() -> None:
    shown: list[str] = []
    screen = Plain(shown.append)

    screen.on_event(
        LevelLowered(at_ms=61_000, by="operator", before=440, after=396, quantity="intensity_mw_cm2")
    )
    screen.on_event(
        LowerRefused(at_ms=62_000, by="operator", to_level=200, why="the lowest level is 0.29 W/cm²")
    )

    assert [line.split("operator: ")[1] for line in shown] == [
        "level lowered to 0.396 W/cm² from 0.44 W/cm², for the rest of the session",
        "the level was not lowered: the lowest level is 0.29 W/cm²",
    ]
