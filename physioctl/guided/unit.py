"""The unit of a guided session: which one it is, and that it may be driven, before anybody is asked more.

The port is held only while the unit is asked: a person may then think for as long as they like, and the
serial number says afterwards whether it is still the same unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from queue import SimpleQueue

from device.address import is_simulated
from device.clock import SystemClock
from device.control.driver import Driver
from device.control.fault_clearing import latched
from device.control.handshake import perform_handshake
from device.errors import NoAnswer, UnitUnusable, WrongUnit
from device.link import Inbox, Port
from device.link import ports as system_ports
from device.models import MODELS, model
from device.unit import Unit
from physioctl.events import SessionReconciled
from physioctl.guided.terminal import Terminal, chosen
from physioctl.ports import dialect_for, held
from physioctl.reconcile import reconcile
from physioctl.record.journal import Journal
from physioctl.runner import check_calibration
from physioctl.unit_search import Found, answering, ask, search


@dataclass(frozen=True, slots=True)
class Ready:
    """A unit that may be driven, as it was when it was looked at."""

    port: str
    dialect: str
    unit: Unit
    simulated: bool
    settled: tuple[SessionReconciled, ...]  # sessions that had broken off on it


_AGAIN = "Nothing was output, and your answers are kept. Look for the unit again?"


class _Way(Enum):
    """What is done where no unit was found."""

    AGAIN = auto()
    NO_UNIT = auto()


def choose_unit(
    terminal: Terminal,
    port: str | None = None,
    dialect: str | None = None,
    *,
    listed: Callable[[], Iterable[Port]] = system_ports,
) -> Found | None:
    """Return the unit on ``port``, or the one that is found, or that a person chooses of several.

    Where none is found a simulated one may be chosen, or none: guidance alone needs no unit. Raise
    `UnitUnusable` when nobody answers on ``port``.
    """
    if port is not None:
        return _named(port, dialect)
    while True:
        terminal.say("Looking for a unit …")
        found = search(dialect, listed=listed)
        units = answering(found)
        if len(units) == 1:
            return units[0]
        if units:
            return _one_of(terminal, units)
        for each in found:
            terminal.say(f"  {each}")
        way = _none_found(terminal)
        if way is not _Way.AGAIN:
            return None if way is _Way.NO_UNIT else _named(way, dialect)


def look_at(found: Found, journal: Journal) -> Ready:
    """Perform the handshake with the unit, and settle what had broken off on it.

    Raise `WrongUnit`, `UnitFaulted` and what else the handshake raises when it cannot be used, and `Refused`
    when its calibration is too old.
    """
    spoken = dialect_for(found.port, found.dialect)
    inbox: Inbox = SimpleQueue()
    with held(found.port, inbox, line=spoken.promises.line) as (link, stops):
        driver = Driver(link, SystemClock(), inbox, spoken)
        driver.add_observer(stops)
        unit = driver.run(perform_handshake(driver.controller, allow_generic=True))
        before = None if found.identity is None else found.identity.serial
        if unit.identity.serial != before:
            raise WrongUnit(
                f"the unit on {found.port} is {unit.identity.serial} now, and it was {before}",
                "Leave the cable alone, and start again.",
            )
        check_calibration(unit, driver.clock.utc().date())
        settled = reconcile(journal, driver, unit)
        if fault := latched(driver.controller):
            raise fault
        return Ready(found.port, found.dialect, unit, link.simulated, settled)


def found_again(
    terminal: Terminal,
    ready: Ready,
    error: UnitUnusable,
    *,
    listed: Callable[[], Iterable[Port]] = system_ports,
) -> Ready:
    """Return the unit of ``ready``, at whichever port it answers now, once a person has put ``error`` right.

    Raise ``error`` when they give it up.
    """
    own = ready.unit.identity
    while True:
        terminal.say(f"error: {error.what}")
        terminal.say(f"  to do: {error.action}")
        if not chosen(terminal, _AGAIN, {"": True, "n": False, "no": False}, "Enter, n"):
            raise error
        for found in (ask(ready.port, ready.dialect), *search(ready.dialect, listed=listed)):
            there = found.identity
            if there is not None and (there.model, there.serial) == (own.model, own.serial):
                return replace(ready, port=found.port)
        error = NoAnswer(
            f"{own.model} {own.serial} does not answer on {ready.port}, nor on any serial port",
            "Switch it on, and see that its cable is in at both ends.",
        )


def _named(port: str, dialect: str | None) -> Found:
    """Who answers on ``port``; a simulated unit with its serial number, for each time that its port is opened
    it is another one."""
    found = ask(port, dialect)
    if found.identity is None:
        raise NoAnswer(found.why, found.action)
    if not is_simulated(port) or "serial=" in port:
        return found
    return replace(found, port=f"{port}{'&' if '?' in port else '?'}serial={found.identity.serial}")


def _one_of(terminal: Terminal, units: Sequence[Found]) -> Found:
    terminal.say("These units answer:")
    numbers = {str(number): each for number, each in enumerate(units, 1)}
    for number, each in numbers.items():
        terminal.say(f"  {number}  {each}")
    return chosen(terminal, "Which one?", numbers)


def _none_found(terminal: Terminal) -> _Way | str:
    """What is done where no unit was found; or the address of a simulated one."""
    terminal.say("No unit answers. Plug it in, switch it on, and look again: Enter.")
    terminal.say("A pseudo-terminal or a network address is named instead: physioctl start --port PORT")
    terminal.say("Guidance alone (stretching, exercise) needs no unit: g")
    terminal.say("Or try the program, on nobody, on a unit made of software:")
    words: dict[str, _Way | str] = {"": _Way.AGAIN, "g": _Way.NO_UNIT}
    for number, id_ in enumerate(MODELS, 1):
        terminal.say(f"  {number}  a simulated {model(id_).name}")
        words[str(number)] = f"sim://{id_}"
    return chosen(terminal, "Which?", words, ", ".join(["Enter", *filter(None, words)]))
