"""The parts of the full screen: each draws its part of a `ViewState`, as plain text without markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.widgets import Static

from physioctl.screens.tui.letters import HEIGHT, drawable, enlarged, large
from physioctl.screens.tui.view import Aspect, Reading, Stretch, ViewState
from physioctl.terminal import FULL_SCREEN

SHAPES: Mapping[Aspect, tuple[str, str, str]] = {
    Aspect.WAITING: ("         ", "▄▄ ▄▄ ▄▄ ", "▀▀ ▀▀ ▀▀ "),
    Aspect.OUTPUT: ("██▄▄     ", "██████▄▄ ", "██▀▀     "),
    Aspect.OFF: ("█▀▀▀▀█   ", "█    █   ", "▀▀▀▀▀▀   "),
    Aspect.CONTACT: ("▀▀▀▀▀▀▀▀ ", "         ", "▄▄▄▄▄▄▄▄ "),
    Aspect.PAUSED: ("██  ██   ", "██  ██   ", "▀▀  ▀▀   "),
    Aspect.ALARM: ("   ▄▄    ", " ▄█  █▄  ", "███▄▄███ "),
    Aspect.ENDED: ("██████   ", "██████   ", "▀▀▀▀▀▀   "),
}
_SHADES = {"emit": "█", "guide": "▒", "rest": "░"}
STOP_LOOK = "bold #ffffff on #b34e00"  # vermilion, darkened: five times the contrast
STOP_KEYS = "s  q  Esc  Ctrl-C"
STOP_KEYS_TYPING = "Esc  Ctrl-C"  # while text is typed


class Part(Static):
    """A part of the screen. It is drawn anew when it has another size: what fits may be something else."""

    shown: ViewState | None = None

    def show(self, state: ViewState) -> None:
        """Draw ``state``."""
        self.shown = state
        self.update(self.drawing(state))

    def on_resize(self) -> None:
        """Draw the same at the new size."""
        if self.shown is not None:
            self.show(self.shown)

    def drawing(self, state: ViewState) -> Text:
        """What is drawn of ``state``."""
        raise NotImplementedError

    @property
    def scale(self) -> int:
        """How large its large letters are."""
        return 2 if self.screen.has_class("large") else 1

    @property
    def columns(self) -> int:
        """How many columns it has."""
        return self.content_size.width or FULL_SCREEN[0] - 4


class Head(Part):
    """What the session is, and for whom."""

    def drawing(self, state: ViewState) -> Text:
        """Draw the title, and the person, the site and the unit below it."""
        return Text(f" {state.title}\n {state.about}", no_wrap=True, overflow="ellipsis")


class Banner(Part):
    """The state, as a shape and a word."""

    def drawing(self, state: ViewState) -> Text:
        """Draw the shape and the word of the state's kind."""
        shape = enlarged(SHAPES[state.aspect], self.scale)
        word = large(state.word, self.scale) if drawable(state.word) else (state.word,)
        self.set_classes(state.aspect.value)
        return Text("\n".join(f"{left} {right}" for left, right in zip(shape, word, strict=False)))


class Instruction(Part):
    """What the person or the operator does now."""

    def drawing(self, state: ViewState) -> Text:
        """Draw what is being typed, else the instruction."""
        return Text(state.typing or state.instruction, overflow="fold")


class Clock(Part):
    """A time, or a level, in large digits below its name."""

    def drawing(self, state: ViewState) -> Text:
        """Draw what this one shows."""
        name, value = self._content(state)
        digits = large(value, self.scale) if drawable(value) else (value,)
        return Text("\n".join((name, *digits)), no_wrap=True, overflow="crop")

    def _content(self, state: ViewState) -> tuple[str, str]:
        raise NotImplementedError


class StepClock(Clock):
    """The time that the step has left."""

    def _content(self, state: ViewState) -> tuple[str, str]:
        return f"{state.step} left" if state.step_left else state.step, state.step_left


class SessionClock(Clock):
    """The time that the session has left."""

    def _content(self, state: ViewState) -> tuple[str, str]:
        return "session left", state.session_left


class Level(Clock):
    """The level that is measured."""

    def _content(self, state: ViewState) -> tuple[str, str]:
        if not state.readings:
            return "", ""
        value, _, unit = state.readings[0].value.partition(" ")
        return f"{state.readings[0].label} {unit}", value


class Readings(Part):
    """The other readings, in columns."""

    def drawing(self, state: ViewState) -> Text:
        """Draw them in three columns, or, where there is room, in large digits beside each other."""
        form = in_columns if self.scale == 1 else beside
        rows = form(state.readings[1:], self.columns)
        return Text("\n".join(rows), no_wrap=True, overflow="crop")


def in_columns(readings: Sequence[Reading], width: int) -> Iterator[str]:
    """``readings`` in three columns, row by row."""
    wide = width // 3
    cells = [set_cell_size(f"{each.label} {each.value} {each.note}".strip(), wide - 1) for each in readings]
    for first in range(0, len(cells), 3):
        yield " ".join(cells[first : first + 3])


def beside(readings: Sequence[Reading], width: int) -> Iterator[str]:
    """``readings`` beside each other: the name of each, and its number in large digits below."""
    wide = width // max(1, len(readings))
    numbers = [each.value.partition(" ") for each in readings]
    names = [f"{each.label} {unit} {each.note}" for each, (_, _, unit) in zip(readings, numbers, strict=True)]
    yield " ".join(set_cell_size(name, wide - 1) for name in names)
    drawn_large = [large(number) if drawable(number) else (number, "", "") for number, _, _ in numbers]
    for line in range(HEIGHT):
        yield " ".join(set_cell_size(each[line], wide - 1) for each in drawn_large)


class Timeline(Part):
    """Every step in its length, and where the session is now."""

    def drawing(self, state: ViewState) -> Text:
        """Draw the steps, and a mark below them."""
        width = self.columns
        bar, now = drawn(state.timeline, state.gone_ms, width)
        if not bar:
            return Text("")
        mark = " " * now + "▲" + (" now" if now + 5 <= width else "")
        return Text(f"{bar}\n{mark}", no_wrap=True, overflow="crop")


def drawn(timeline: Sequence[Stretch], gone_ms: int, width: int) -> tuple[str, int]:
    """The timeline in ``width`` cells, and the cell that is now."""
    total_ms = sum(each.duration_ms for each in timeline)
    if total_ms <= 0:
        return "", 0
    bar, until_ms = "", 0
    for number, each in enumerate(timeline):
        until_ms += each.duration_ms
        cells = until_ms * width // total_ms - len(bar)
        last = number == len(timeline) - 1
        between = "" if last or cells < 2 else " "
        bar += _SHADES.get(each.kind, "░") * (cells - len(between)) + between
    return bar, min(width - 1, gone_ms * width // total_ms)


class Alarms(Part):
    """The last alarms, each with what to do, and what else a person has to read."""

    def drawing(self, state: ViewState) -> Text:
        """Draw them, the newest first."""
        text = Text(overflow="fold")
        for alarm in state.alarms:
            mark = "over:" if alarm.over else f"▲ {alarm.priority.upper()}:"
            text.append(f"{mark} {alarm.what}. ", "" if alarm.over else "bold")
            text.append(f"{alarm.action}\n")
        text.append(state.remark)
        return text


class Keys(Part):
    """The keys that work now. That of the stop is the largest, and always there."""

    def drawing(self, state: ViewState) -> Text:
        """Draw the stop, and the other keys beside it."""
        stop = large("STOP", self.scale)
        wide = cell_len(stop[0]) + 4
        hints = [f"{hint.key}  {hint.does}" for hint in state.keys]
        rows = len(stop) + 1
        beside = list(_stacked(hints, rows, max(1, self.columns - wide - 2)))
        text = Text(no_wrap=True, overflow="crop")
        for number, line in enumerate((*stop, STOP_KEYS_TYPING if state.typing else STOP_KEYS)):
            text.append(f"  {line}".ljust(wide), STOP_LOOK)
            text.append(f"  {beside[number] if number < len(beside) else ''}\n", "bold")
        return text


def _stacked(hints: Sequence[str], rows: int, width: int) -> Iterator[str]:
    """``hints`` in columns of ``rows``, row by row."""
    count = -(-len(hints) // rows) or 1
    wide = width // count
    for row in range(rows):
        yield " ".join(set_cell_size(hint, wide - 1) for hint in hints[row::rows])


class Lines(Part):
    """The same in a few lines, where there is no room for more."""

    def drawing(self, state: ViewState) -> Text:
        """Draw as much as fits, the most needed first."""
        height = max(1, self.size.height)
        return Text("\n".join(list(in_lines(state))[:height]))


def in_lines(state: ViewState) -> Iterator[str]:
    """``state`` in lines, the most needed first."""
    left = f" {state.step_left} left" if state.step_left else ""
    yield f"[{'Esc' if state.typing else 's'}] STOP  {state.word}{left}"
    if state.typing:
        yield state.typing
    for alarm in state.alarms[:1]:
        if not alarm.over:
            yield f"▲ {alarm.what}"
            yield f"  {alarm.action}"
    yield state.instruction
    yield f"{state.step}, session {state.session_left} left"
    for reading in state.readings:
        yield f"{reading.label} {reading.value} {reading.note}".strip()
    for hint in state.keys:
        yield f"[{hint.key}] {hint.does}"
    yield state.remark
