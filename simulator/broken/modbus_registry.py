"""How a Modbus unit that breaks a promise is made, in any kind that makes it, and found by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from device.wire import modbus_map as wire
from simulator.flaws import FlawedFirmware
from simulator.modbus_firmware import LeaseFirmware
from simulator.modbus_unit import KINDS, ModbusUnit
from simulator.unit import SimulatedUnit

PROGRAMS: dict[str, type[FlawedFirmware]] = {}
UNITS: dict[str, type[SimulatedUnit]] = {}
_Program = TypeVar("_Program", bound=type[FlawedFirmware])
_Unit = TypeVar("_Unit", bound=type[SimulatedUnit])


def names() -> frozenset[str]:
    """Every promise that a Modbus unit of some kind can be made to break."""
    return frozenset((*PROGRAMS, *UNITS))


def broken(promise: str, host_loss: str = "lease") -> type[ModbusUnit]:
    """A unit of a kind of `KINDS` that breaks ``promise``, one of `names`, if that kind makes it."""
    sound, name = KINDS[host_loss], f"Breaks {promise}"
    if promise in UNITS:
        return type(name, (UNITS[promise], sound), {})
    program = type(name, (PROGRAMS[promise], sound.firmware), {})
    return type(name, (sound,), {"firmware": program})


def runs(promise: str) -> Callable[[_Program], _Program]:
    """Units that run the firmware below over that of their kind, by the promise that they break."""

    def add(program: _Program) -> _Program:
        PROGRAMS[promise] = program
        return program

    return add


def is_unit(promise: str) -> Callable[[_Unit], _Unit]:
    """Units like the one below, by the promise that they break."""

    def add(unit: _Unit) -> _Unit:
        UNITS[promise] = unit
        return unit

    return add


def says(promise: str, changed: Callable[[Any, Any], Mapping[str, Any]]) -> None:
    """Units whose statuses differ by what ``changed`` makes of their program and the status."""

    class Program(LeaseFirmware):
        def report(self, *args: Any) -> wire.Status:
            said = super().report(*args)
            return replace(said, **changed(self, said))

    runs(promise)(Program)
