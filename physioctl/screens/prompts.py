"""What a person at the keys has to see: what is waited for, and which keys work now."""

from __future__ import annotations

from device.control.machine import State
from device.events import Event, LevelLowered, PainAsked, StartAwaited, StateChanged, StepStarted
from physioctl.events import SessionEnded
from physioctl.keys import keys_now
from physioctl.screens.lines import Say
from physioctl.screens.wording import line

_PASSING = (State.PAUSING.value, State.FINISHING.value)
_OVER = (State.IDLE.value, State.STOPPING.value, State.UNCERTAIN.value, State.FAULT.value)


class Prompts:
    """A line for each change of the keys that work, and for each thing that is waited for."""

    def __init__(self, say: Say, *, sounds: bool = True) -> None:
        self._say = say
        self._sounds = sounds
        self._shown: tuple[str, ...] = ()

    def on_event(self, event: Event) -> None:
        """Say what has changed for the person at the keys."""
        match event:
            case StartAwaited() | PainAsked():
                self._say(line(event))
            case StateChanged(state=state) if state in _OVER + _PASSING:
                return
            case StateChanged(may=may) | StepStarted(may=may) | LevelLowered(may=may):
                self._show(may)
            case SessionEnded():
                self._shown = ()

    def _show(self, may: tuple[str, ...]) -> None:
        if may == self._shown:
            return
        if not self._shown and not self._sounds:
            self._say("Sounds are off (--quiet): look at the screen.")
        self._shown = may
        self._say(f"Keys  {keys_now(may)}")
