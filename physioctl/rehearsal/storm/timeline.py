"""The trace of one scenario: faults, events of the session, and changes of output."""

from __future__ import annotations

from device.events import Event, Progress
from physioctl.record.codec import to_json
from physioctl.rehearsal.storm.play import Outcome, play
from physioctl.rehearsal.storm.scenario import Scenario
from simulator.record import OutputChange


class Timeline:
    """Collects everything that happens in a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self._lines = [
            *((f.at_ms, f"FAULT  {f.kind} for {f.for_ms} ms, {f.amount:g}") for f in scenario.faults),
            *((at_ms, f"PERSON {action}") for at_ms, action in scenario.actions),
            *([] if scenario.lower_ms is None else [(scenario.lower_ms, "PERSON lowers the level")]),
            *(
                (f.at_ms, f"HOST   stalls for {f.for_ms} ms{', about to send' if f.sending else ''}")
                for f in scenario.freezes
            ),
            *(
                (asked.at_ms, f"OTHER  {'stops' if asked.stop else 'looks at'} the unit, seq {asked.seq}")
                for asked in scenario.elsewhere
            ),
        ]
        if scenario.death_ms is not None:
            self._lines.append((scenario.death_ms, "HOST   dies"))
        if scenario.disk is not None:
            self._lines.append((0, f"DISK   takes {scenario.disk.commit_ms} ms for each commit"))
            if scenario.disk.stops_ms is not None:
                self._lines.append((scenario.disk.stops_ms, "DISK   stops: no commit comes back"))

    def on_event(self, event: Event) -> None:
        """Add an event of the session."""
        if not isinstance(event, Progress):
            values = to_json(event)
            said = " ".join(
                f"{key}={value}" for key, value in values.items() if key not in {"event", "at_ms"}
            )
            self._lines.append((event.at_ms, f"EVENT  {event.name} {said}"))

    def change(self, at_ms: int, change: OutputChange) -> None:
        """Add a change of output."""
        self._lines.append((at_ms, f"UNIT   output {change.output}: {change.why.value}"))

    def lines(self) -> list[str]:
        """Everything, in order."""
        return [f"{at_ms:>7} ms  {what}" for at_ms, what in sorted(self._lines, key=lambda line: line[0])]


def trace(scenario: Scenario) -> tuple[Outcome, list[str]]:
    """Play ``scenario``; return its outcome and its trace."""
    timeline = Timeline(scenario)
    outcome = play(scenario, observers=[timeline], on_change=timeline.change)
    return outcome, timeline.lines()
