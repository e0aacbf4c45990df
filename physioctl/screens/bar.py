"""A progress bar at a terminal, with what a person has to read above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from device.events import (
    ActionRefused,
    AlarmEnded,
    AlarmRaised,
    Event,
    LevelLowered,
    LowerRefused,
    NoteTaken,
    OperatorActed,
    PainScored,
    Progress,
    StepEnded,
    StepStarted,
)
from physioctl.events import Outcome, Screened, SessionEnded, SessionStarted, SleepNotPrevented
from physioctl.screens.prompts import Prompts
from physioctl.screens.wording import line, readings
from physioctl.text import clean, minutes
from protocols.limits import Family

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


_PRINTED = (
    AlarmEnded,
    OperatorActed,
    ActionRefused,
    NoteTaken,
    PainScored,
    StepEnded,
    LevelLowered,
    LowerRefused,
    SleepNotPrevented,
)


SHOWN_MAX = 20  # characters of what is being typed: the end of it, beside the readings


class Typing:
    """What is being typed. It is read when the bar is drawn, so that whoever types waits for no screen."""

    def __init__(self) -> None:
        self.text = ""

    def __format__(self, _spec: str) -> str:
        return clean(self.text)[-SHOWN_MAX:]


class BarScreen:
    """A progress bar with the step, the time left, level, energy, head temperature and contact.

    ``keys`` says that somebody is at the keys, who is shown them.
    """

    def __init__(self, *, keys: bool = False, sounds: bool = True) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        self._console = Console(highlight=False)
        self._bar: Bar = Bar(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[left]}"),
            TextColumn("[dim]{task.fields[readings]}"),
            TextColumn("{task.fields[typing]}", markup=False),
            console=self._console,
            redirect_stdout=False,  # what the main thread prints must not wait for this screen
            redirect_stderr=False,
        )
        self.typing = Typing()
        self._prompts = Prompts(self._say, sounds=sounds) if keys else None
        self._task: TaskID | None = None
        self._total_ms = 0
        self._family: Family | None = None
        self._of = ""
        self._guided = False  # the step that runs is an instruction with a time

    def on_event(self, event: Event) -> None:
        """Move the bar, and print above it what a person has to read. It stands while the session runs."""
        try:
            self._show(event)
            if self._prompts is not None:
                self._prompts.on_event(event)
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
                left=self._left(event),
                readings=readings(event, self._family),
                description=f"{self._of} {event.state.replace('_', ' ')}",
            )
        elif isinstance(event, StepStarted):
            self._of, self._guided = f"{event.step}/{event.steps}", event.kind == "guide"
            self._print(event, "cyan")
        elif isinstance(event, AlarmRaised):
            self._print(event, "red" if event.priority != "low" else "yellow")
        elif isinstance(event, Screened) and event.acknowledged:
            self._print(event, "yellow")
        elif isinstance(event, _PRINTED):
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
        self._task = self._bar.add_task(
            "starting", total=max(1, event.total_ms), left="", readings="", typing=self.typing
        )
        self._bar.start()
        self._print(event, "bold")

    def _left(self, event: Progress) -> str:
        left = f"{minutes(event.remaining_ms)} left"
        if not self._guided or event.step_remaining_ms is None:
            return left
        return f"this step {minutes(event.step_remaining_ms // 1000 * 1000)} · {left}"

    def _print(self, event: Event, style: str) -> None:
        if said := clean(line(event)):
            self._console.print(said, style=style, markup=False)

    def _say(self, text: str) -> None:
        self._console.print(clean(text), style="bold", markup=False)
