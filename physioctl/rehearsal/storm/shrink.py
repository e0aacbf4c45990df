"""From a story that fails to the shortest of its kin that still does: one thing is left out at a time."""

from __future__ import annotations

from collections.abc import Callable

from physioctl.rehearsal.storm.story import Story


def shrink(story: Story, fails: Callable[[Story], bool]) -> Story:
    """The shortest story found in which nothing can be left out without it passing."""
    while (shorter := next(filter(fails, story.shorter()), None)) is not None:
        story = shorter
    return story
