"""What a person, or another program, sees of a session while it runs.

Screens are observers: they get events afterwards, in threads of their own, and one that fails is dropped.
None of them can reach the unit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

from device.events import (
    AlarmEnded,
    AlarmRaised,
    Event,
    EventsSkipped,
    LevelLowered,
    LowerRefused,
    ObserverDropped,
    OffConfirmation,
    OperatorActed,
    Progress,
    StateChanged,
    StepStarted,
    StopOutcome,
)
from physioctl.events import (
    Outcome,
    Screened,
    SessionEnded,
    SessionReconciled,
    SessionStarted,
    UnitLimitations,
)
from physioctl.text import clean, minutes
from protocols.families import definition
from protocols.families.base import Reading
from protocols.limits import Family

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

Say = Callable[[str], None]
PROGRESS_EVERY_MS = 30_000  # in a log; a bar moves with every report

OUTPUT_OFF = {
    OffConfirmation.CONFIRMED: "The unit reports that its output is off.",
    OffConfirmation.PRESUMED: "Its lease or its timer is over: output should be off. It has not said so: "
    "look at it.",
    OffConfirmation.UNKNOWN: "Whether output is off is NOT KNOWN. Switch the unit off at its own switch now.",
}


class JsonLines:
    """One JSON object a line, for other programs."""

    def __init__(self, say: Say) -> None:
        from physioctl.record.codec import to_json  # pydantic is slow to import, and a stop may not wait

        self._say = say
        self._to_json = to_json

    def on_event(self, event: Event) -> None:
        """Print ``event``."""
        self._say(json.dumps(self._to_json(event), ensure_ascii=False, separators=(", ", ": ")))


class Plain:
    """One line for each thing worth saying, for a log or a pipe."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._next_ms = 0  # when the next progress is due

    def on_event(self, event: Event) -> None:
        """Print ``event`` if a person would want to read it."""
        if isinstance(event, Progress):
            if event.at_ms < self._next_ms:
                return
            self._next_ms = event.at_ms + PROGRESS_EVERY_MS
        line = _line(event)
        if line:
            self._say(f"{minutes(event.at_ms // 1000 * 1000)}  {line}")


class DropNotices:
    """A line for each observer that was dropped, where it is seen though that was the screen."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def on_event(self, event: Event) -> None:
        """Say ``event`` if it is one."""
        if isinstance(event, ObserverDropped):
            self._say(_line(event))


class BarScreen:
    """A progress bar with the step, the time left, level, energy, head temperature and contact."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        self._console = Console(highlight=False)
        self._bar: Bar = Bar(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[left]}"),
            TextColumn("[dim]{task.fields[readings]}"),
            console=self._console,
            redirect_stdout=False,  # what the main thread prints must not wait for this screen
            redirect_stderr=False,
        )
        self._task: TaskID | None = None
        self._total_ms = 0
        self._family: Family | None = None
        self._of = ""

    def on_event(self, event: Event) -> None:
        """Move the bar, and print above it what a person has to read. It stands while the session runs."""
        try:
            self._show(event)
        except BaseException:
            self._bar.stop()  # or the terminal would be left without its cursor
            raise

    def _show(self, event: Event) -> None:
        if isinstance(event, SessionStarted):
            self._begin(event)
        elif isinstance(event, Progress) and self._task is not None:
            self._bar.update(
                self._task,
                completed=self._total_ms - event.remaining_ms,
                left=f"{minutes(event.remaining_ms)} left",
                readings=readings(event, self._family),
                description=f"{self._of} {event.state}",
            )
        elif isinstance(event, StepStarted):
            self._of = f"{event.step}/{event.steps}"
            self._print(event, "cyan")
        elif isinstance(event, AlarmRaised):
            self._print(event, "red" if event.priority != "low" else "yellow")
        elif isinstance(event, Screened) and event.acknowledged:
            self._print(event, "yellow")
        elif isinstance(event, AlarmEnded | OperatorActed | LevelLowered | LowerRefused):
            self._print(event, "dim")
        elif isinstance(event, SessionEnded) and self._task is not None:
            done_ms = float(self._total_ms) if event.outcome is Outcome.COMPLETED else None
            self._bar.update(
                self._task, completed=done_ms, description=event.outcome.value, left="", readings=""
            )
            self._bar.stop()  # what is said of the session from here on stands below it

    def _begin(self, event: SessionStarted) -> None:
        self._total_ms = event.total_ms
        self._family = None if event.family is None else Family(event.family)
        self._task = self._bar.add_task("starting", total=max(1, event.total_ms), left="", readings="")
        self._bar.start()
        self._print(event, "bold")

    def _print(self, event: Event, style: str) -> None:
        self._console.print(clean(_line(event)), style=style, markup=False)


def readings(event: Progress, family: Family | None) -> str:
    """The readings of a moment, as a person reads them; nothing for guidance, which has none."""
    if family is None:
        return ""
    said = definition(family)
    return " · ".join(
        [said.show_output(event.measured_level), *(_reading(which, event) for which in said.readings)]
    )


def _reading(which: Reading, event: Progress) -> str:
    match which:
        case Reading.ENERGY:
            return f"{event.energy_mj / 1000:.0f} J"
        case Reading.HEAD_TEMPERATURE:
            return f"{event.head_temp_ddeg_c / 10:.1f} °C"
        case Reading.CONTACT:
            return f"contact {event.contact_pct} %"
        case Reading.BATTERY:
            return f"battery {event.battery_pct} %"
    assert_never(which)


def summary(ended: SessionEnded) -> list[str]:
    """What was delivered, by the unit's own count, and how it ended."""
    planned = f" of {ended.planned_energy_mj / 1000:.1f} J" if ended.planned_energy_mj is not None else ""
    return [
        f"{ended.outcome.value}{': ' + ended.why if ended.why else ''}",
        f"  delivered  {minutes(ended.delivered_ms)} of {minutes(ended.planned_ms)}",
        f"  energy     {ended.energy_mj / 1000:.1f} J{planned}",
        f"  took       {minutes(ended.duration_ms)}",
        f"  {OUTPUT_OFF[ended.output_off]}",
        f"  record     {ended.session}",
    ]


_THAT_IS_OFF = {
    OffConfirmation.CONFIRMED: "Its output is off.",
    OffConfirmation.PRESUMED: "Its output should be off.",
    OffConfirmation.UNKNOWN: "Whether its output has ended is NOT KNOWN: look at every such unit.",
}


def unfinished(found: SessionReconciled) -> str:
    """What became of a session that broke off, and how its rest can be given."""
    restarted = found.output_off is not OffConfirmation.CONFIRMED
    since = "restarted" if restarted else "been used"
    by = "by the unit's own count" if found.counted else f"as last heard; the unit has {since} since"
    if found.doubt:
        by = f"the whole of it is counted as given, for {found.doubt}"
    line = (
        f"session {found.session} ({found.protocol}) had broken off: {minutes(found.delivered_ms)} of "
        f"{minutes(found.planned_ms)} delivered, {by}. {_THAT_IS_OFF[found.output_off]}"
    )
    if found.delivered_ms < found.planned_ms:
        line += f" To give the rest: physioctl run {found.protocol} --rest-of {found.session} --port …"
    return line


def _line(event: Event) -> str:
    match event:
        case SessionStarted():
            return (
                f"{event.title} [{event.protocol}, {event.content_hash[:12]}] on {event.model} {event.serial}"
                f"{' (assumed profile)' if event.assumed else ''}"
                f"{', simulated: counts for nobody' if event.simulated and event.person else ''}"
            )
        case SessionReconciled():
            return unfinished(event)
        case StepStarted():
            return (
                f"step {event.step}/{event.steps}  {event.say or event.kind}  ({minutes(event.duration_ms)})"
            )
        case AlarmRaised():
            return f"{event.priority.value} alarm {event.code}: {event.what}. {event.action}"
        case StopOutcome():
            return OUTPUT_OFF[event.output_off]
        case Progress():
            left = minutes(event.remaining_ms)
            return f"{event.state}, {left} left, {event.delivered_ms / 1000:.0f} s delivered"
    return _aside(event)


def _aside(event: Event) -> str:
    match event:
        case AlarmEnded():
            return f"alarm {event.code} is over"
        case ObserverDropped():
            return f"{event.observer} was dropped and shows nothing more: {event.error}"
        case EventsSkipped():
            return f"{event.count} events are not shown here: they came faster than they were read"
        case OperatorActed():
            return f"operator: {event.action}"
        case UnitLimitations():
            return "; ".join(event.limitations)
        case LevelLowered():
            return f"{event.by}: level {event.after} instead of {event.before}, for the rest of the session"
        case LowerRefused():
            return f"{event.by}: the level was not lowered: {event.why}"
        case Screened() if event.acknowledged:
            return "; ".join(f"{code} acknowledged by {by}" for code, by in event.acknowledged.items())
        case StateChanged(state=state) if state in ("paused", "suspended", "uncertain", "fault"):
            return f"now {state}"
    return ""
