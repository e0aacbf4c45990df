"""How a unit that breaks a promise is made, and found by the promise's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from device.wire.frame import Damage, Frame, Received
from device.wire.messages import (
    Capabilities,
    Identity,
    Status,
    read,
)
from simulator.flaws import FlawedFirmware
from simulator.replay_cache import ReplayCache
from simulator.unit import SimulatedUnit

_Firmware = type[FlawedFirmware]
_Changed = Callable[[Any, Any], Mapping[str, Any]]

BROKEN: dict[str, type[SimulatedUnit]] = {}  # of units that speak the native dialect
PROGRAMS: dict[str, _Firmware] = {}  # that they run
CHANGED: dict[str, _Changed] = {}  # what they change in their statuses


def runs(promise: str) -> Callable[[_Firmware], _Firmware]:
    """A unit that runs the firmware below, by the name of the promise that it breaks."""

    def add(program: _Firmware) -> _Firmware:
        PROGRAMS[promise] = program
        BROKEN[promise] = type(f"Breaks {promise}", (SimulatedUnit,), {"firmware": program})
        return program

    return add


def is_unit(promise: str) -> Callable[[type[SimulatedUnit]], type[SimulatedUnit]]:
    """The unit below, by the name of the promise that it breaks."""

    def add(unit: type[SimulatedUnit]) -> type[SimulatedUnit]:
        BROKEN[promise] = unit
        return unit

    return add


class Says(FlawedFirmware):
    """Changes its answers on their way out."""

    def hear(self, received: Received, own_ms: int) -> Frame | None:
        """Answer as a sound unit does, but for what is changed."""
        answer = super().hear(received, own_ms)
        if answer is None or isinstance(received, Damage):
            return answer
        said = read(answer.type, answer.body)
        assert isinstance(said, Identity | Capabilities | Status)
        return Frame(answer.type, answer.seq, replace(said, **self._changed(said)).pack())

    def _changed(self, said: Identity | Capabilities | Status) -> dict[str, Any]:
        raise NotImplementedError


def says(promise: str, changed: _Changed) -> None:
    """A unit whose statuses differ by what ``changed`` makes of its program and the status."""
    CHANGED[promise] = changed

    class Program(Says):
        def _changed(self, said: Identity | Capabilities | Status) -> dict[str, Any]:
            return dict(changed(self, said)) if isinstance(said, Status) else {}

    runs(promise)(Program)


def remembers(promise: str, cache: type[ReplayCache]) -> None:
    """A unit that remembers what it was asked in another way."""

    class Program(FlawedFirmware):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self._replay_cache = cache()

    runs(promise)(Program)
