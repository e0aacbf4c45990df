"""One story told from the beginning to the end: what befell it, what the session said, what went out."""

from __future__ import annotations

from device.events import Event, Progress
from physioctl.rehearsal.storm.play import Outcome, play
from physioctl.rehearsal.storm.story import Story
from simulator.record import OutputChange


class Timeline:
    """Takes down everything that happens in a story."""

    def __init__(self, story: Story) -> None:
        self._lines = [
            *((f.at_ms, f"FAULT  {f.kind} for {f.for_ms} ms, {f.amount:g}") for f in story.faults),
            *((at_ms, f"PERSON {act}") for at_ms, act in story.acts),
            *(
                (f.at_ms, f"HOST   stalls for {f.for_ms} ms{', about to send' if f.sending else ''}")
                for f in story.freezes
            ),
            *(
                (asked.at_ms, f"OTHER  {'stops' if asked.stop else 'looks at'} the unit, seq {asked.seq}")
                for asked in story.elsewhere
            ),
        ]
        if story.death_ms is not None:
            self._lines.append((story.death_ms, "HOST   dies"))
        if story.disk is not None:
            self._lines.append((0, f"DISK   takes {story.disk.commit_ms} ms for each commit"))
            if story.disk.stops_ms is not None:
                self._lines.append((story.disk.stops_ms, "DISK   stops: no commit comes back"))

    def notice(self, event: Event) -> None:
        """Take down what the session tells."""
        if not isinstance(event, Progress):
            told = event.as_json()
            said = " ".join(f"{key}={value}" for key, value in told.items() if key not in {"event", "at_ms"})
            self._lines.append((event.at_ms, f"told   {event.name} {said}"))

    def change(self, at_ms: int, change: OutputChange) -> None:
        """Take down that the output changed."""
        self._lines.append((at_ms, f"UNIT   output {change.output}: {change.why.value}"))

    def lines(self) -> list[str]:
        """Everything, in order."""
        return [f"{at_ms:>7} ms  {what}" for at_ms, what in sorted(self._lines, key=lambda line: line[0])]


def told(story: Story) -> tuple[Outcome, list[str]]:
    """Play ``story`` and tell it."""
    timeline = Timeline(story)
    outcome = play(story, watchers=[timeline], on_change=timeline.change)
    return outcome, timeline.lines()
