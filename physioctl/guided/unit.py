"""The unit of a guided session: which one it is, and that it may be driven, before anybody is asked more.

The port is held only while the unit is asked: a person may then think for as long as they like, and the
serial number says afterwards whether it is still the same unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from queue import SimpleQueue

from device.clock import SystemClock
from device.control.driver import Driver
from device.control.fault_clearing import latched
from device.control.handshake import perform_handshake
from device.errors import UnitUnusable, WrongUnit
from device.link import Inbox, Port
from device.link import ports as system_ports
from device.models import MODELS, model
from device.unit import Unit
from physioctl.events import SessionReconciled
from physioctl.guided.terminal import Terminal, chosen
from physioctl.ports import dialect_for, held
from physioctl.probing import Answering, who_answers
from physioctl.reconcile import reconcile
from physioctl.record.journal import Journal
from physioctl.runner import check_calibration

Listed = Callable[[], Iterable[Port]]
Ask = Callable[[str, str | None], Answering]


@dataclass(frozen=True, slots=True)
class Ready:
    """A unit that may be driven, as it was when it was looked at."""

    port: str
    dialect: str
    unit: Unit
    simulated: bool
    settled: tuple[SessionReconciled, ...]  # sessions that had broken off on it


def choose_unit(
    terminal: Terminal,
    *,
    port: str | None = None,
    dialect: str | None = None,
    listed: Listed = system_ports,
    ask: Ask = who_answers,
) -> Answering:
    """Return the unit on ``port``, or the one that is found, or that a person chooses of several.

    Where none is found a simulated one may be chosen. Raise `UnitUnusable` when nobody answers on ``port``.
    """
    if port is not None:
        return _pinned(ask(port, dialect))
    while True:
        found = tuple(_found(terminal, dialect, listed, ask))
        if len(found) == 1:
            return found[0]
        if found:
            return _one_of(terminal, found)
        simulated = _none_found(terminal)
        if simulated is not None:
            return _pinned(ask(simulated, dialect))


def look_at(found: Answering, journal: Journal) -> Ready:
    """Perform the handshake with the unit, and settle what had broken off on it.

    Raise `WrongUnit`, `UnitFaulted` and what else the handshake raises when it cannot be used, and `Refused`
    when its calibration is too old.
    """
    spoken = dialect_for(found.port, found.dialect)
    inbox: Inbox = SimpleQueue()
    with held(found.port, inbox, line=spoken.promises.line) as (link, stops):
        driver = Driver(link, SystemClock(), inbox, spoken)
        driver.add_observer(stops)
        unit = driver.run(perform_handshake(driver.controller))
        if unit.identity.serial != found.identity.serial:
            raise WrongUnit(
                f"the unit on {found.port} is {unit.identity.serial} now, and it was {found.identity.serial}",
                "Leave the cable alone, and start again.",
            )
        check_calibration(unit, driver.clock.utc().date())
        settled = reconcile(journal, driver, unit)
        if fault := latched(driver.controller):
            raise fault
        return Ready(found.port, found.dialect, unit, link.simulated, settled)


def _found(terminal: Terminal, dialect: str | None, listed: Listed, ask: Ask) -> Iterable[Answering]:
    for each in listed():
        terminal.say(f"Looking on {each.name} …")
        try:
            yield ask(each.name, dialect)
        except UnitUnusable as error:
            terminal.say(f"  {error.what}")


def _one_of(terminal: Terminal, found: tuple[Answering, ...]) -> Answering:
    terminal.say("These units answer:")
    for number, each in enumerate(found, 1):
        said = each.identity
        terminal.say(f"  {number}  {said.model} {said.serial}, firmware {said.firmware}, on {each.port}")
    return chosen(terminal, "Which one?", {str(number): each for number, each in enumerate(found, 1)})


def _none_found(terminal: Terminal) -> str | None:
    """The address of a simulated unit, or None to look again."""
    terminal.say("No unit answers. Plug it in, switch it on, and look again: Enter.")
    terminal.say("A pseudo-terminal or a network address is named instead: physioctl start --port PORT")
    terminal.say("Or try the program, on nobody, on a unit made of software:")
    words: dict[str, str | None] = {"": None, "again": None}
    for number, id_ in enumerate(MODELS, 1):
        terminal.say(f"  {number}  a simulated {model(id_).name}")
        words[str(number)] = f"sim://{id_}"
    return chosen(terminal, "Which?", words, ", ".join(["Enter", *filter(str.isdigit, words)]))


def _pinned(found: Answering) -> Answering:
    """A simulated unit is another one each time its port is opened: name this one's serial number."""
    if not found.port.lower().startswith("sim://") or "serial=" in found.port:
        return found
    more = "&" if "?" in found.port else "?"
    return replace(found, port=f"{found.port}{more}serial={found.identity.serial}")
