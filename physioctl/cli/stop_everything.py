"""``physioctl stop`` without a port: every session that listens on this computer, and every serial port.

All of them are told at once, each from a thread of its own: none waits for another, and one that fails takes
nothing from the others. What is said of each is printed as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from device.address import AddressUnusable, unit_port
from device.events import OffConfirmation
from device.link import Port, ports
from physioctl.at_once import at_once
from physioctl.cli.exits import Exit, code_of
from physioctl.cli.printing import aside, say
from physioctl.holder import Holder, ask_to_stop_at
from physioctl.local_socket import all_sockets, name_of
from physioctl.ports import dialects_of
from physioctl.screens.wording import OUTPUT_OFF
from physioctl.stopping import asked, stopped_in_turn, tell_the_others
from physioctl.terminal import stop_on_signals
from protocols.errors import PhysioctlError

LIMIT_MS = 10_000  # for all of it; this project's own figure: a port takes two seconds for each dialect
NO_EMERGENCY_STOP = (
    "This is no emergency stop: it needs this computer and the cable. The unit's own switch does not."
)


@dataclass(frozen=True, slots=True)
class _Told:
    """What came of one port or one session."""

    said: str
    code: Exit = Exit.DONE
    action: str = ""
    unanswered: bool = False  # nothing answers on a port that is part of the computer, as most have one


def stop_everything(
    dialect: str | None,
    *,
    folders: Iterable[Path] | None = None,
    listed: Callable[[], Iterable[Port]] = ports,
    usual: str | None = None,
    limit_ms: int = LIMIT_MS,
) -> int:
    """Stop every session and every unit there is; return the worst of their exit codes.

    ``folders`` is where sessions listen, ``listed`` what lists the serial ports, and ``usual`` one port more.
    """
    with stop_on_signals(SimpleQueue()):  # a further Ctrl-C asks for what is under way
        found = _found(listed)
        if usual is not None:
            found.setdefault(usual, Port(usual, "", ""))
        lines = _by_line(found.values())
        work: dict[str, Callable[[], Sequence[_Told]]] = {
            str(path): partial(_session, path, dialect)
            for path in all_sockets(folders)
            if path.name not in lines  # else it is asked with its port
        }
        work |= {of_it[0].name: partial(_line, of_it, dialect) for of_it in lines.values()}
        told = _all_at_once(work, limit_ms)
    say(NO_EMERGENCY_STOP)
    if not told:
        _show(
            _Told(
                "there is no session and no serial port to send a stop to",
                Exit.UNIT_UNUSABLE,
                "Switch the unit off at its own switch, or name its port: physioctl stop --port PORT",
            )
        )
        return Exit.UNIT_UNUSABLE
    confirmed = any(each.code is Exit.DONE for each in told)
    return max(Exit.DONE if each.unanswered and confirmed else each.code for each in told)


def _found(listed: Callable[[], Iterable[Port]]) -> dict[str, Port]:
    """The serial ports by name; none where the system cannot list them, which is said."""
    try:
        return {port.name: port for port in listed()}
    except Exception as error:  # noqa: BLE001 - the sessions are stopped all the same
        aside(f"the serial ports cannot be listed: {error}")
        return {}


def _by_line(found: Iterable[Port]) -> dict[str, list[Port]]:
    """The ports by their lines: those of one line are stopped one after the other.

    At once, each would set the line for its own dialect, and take the answers of the other. A unit that is
    named by its address comes first: what else is on its line takes longer to try.
    """
    lines: dict[str, dict[int | None, Port]] = {}
    for each in found:
        port, address = each.name, None
        with suppress(AddressUnusable):  # which is told with the stop itself
            named = unit_port(each.name)
            port, address = named.port, named.address
        name = None if "://" in port else name_of(port)  # a host's name is not looked up: that takes time
        lines.setdefault(name or port, {}).setdefault(address, each)
    return {
        line: [of_it[address] for address in sorted(of_it, key=lambda each: each is None)]
        for line, of_it in lines.items()
    }


def _line(of_it: Sequence[Port], dialect: str | None) -> Sequence[_Told]:
    """Stop whatever runs on each port of one line, one after the other."""
    return [_port_or_why_not(port, dialect) for port in of_it]


def _port_or_why_not(port: Port, dialect: str | None) -> _Told:
    try:
        return _port(port, dialect)
    except PhysioctlError as error:
        return _Told(f"{port.name}: {error.what}", code_of(error), error.action)
    except Exception as error:  # noqa: BLE001 - the others on the line are told all the same
        return _not_known(f"{port.name}: the stop broke off: {error}")


def _all_at_once(work: dict[str, Callable[[], Sequence[_Told]]], limit_ms: int) -> list[_Told]:
    """Do all of ``work`` and print what comes of each; what has not come of it in time is told as well."""
    told: list[_Told] = []
    for name, result in at_once(work, limit_ms):
        if isinstance(result, Exception):
            result = [_not_known(f"{name}: the stop broke off: {result}")]
        told += result
        for each in result:
            _show(each)
    return told


def _session(path: Path, dialect: str | None) -> Sequence[_Told]:
    """Stop the session that listens at ``path``; nothing is told when there is none any more."""
    holder = ask_to_stop_at(path)
    return [] if holder is None else [_of_session(holder, dialect)]


def _of_session(holder: Holder, dialect: str | None) -> _Told:
    """What came of a session that was told to stop."""
    if holder.output_off is not OffConfirmation.CONFIRMED:
        if not holder.port:
            return _not_known("a program that holds a port was told to stop and does not confirm it")
        try:
            return _port(Port(holder.port, "", ""), dialect)
        except PhysioctlError as error:
            return _not_known(
                f"{holder.port}: the program that holds it does not confirm a stop; {error.what}"
            )
    if dialect is not None and holder.port:
        tell_the_others(holder.port, dialect)
    return _Told(
        f"{holder.port or 'a port that is not named'}: the program that held it has stopped. "
        f"{OUTPUT_OFF[holder.output_off]}"
    )


def _port(port: Port, dialect: str | None) -> _Told:
    """Stop whatever runs on ``port``."""
    line = unit_port(port.name)
    if asked(line.port) and line.address is None:  # a holder drives one unit, and cannot tell of another
        if dialect is not None:
            tell_the_others(port.name, dialect)
        stopped = OUTPUT_OFF[OffConfirmation.CONFIRMED]
        return _Told(f"{port.name}: the program that held it has stopped. {stopped}")
    dialects = dialects_of(port.name, dialect)
    found = stopped_in_turn(port.name, dialects, asked_for=dialect is not None, named=True)
    beside = f" Besides, {found.beside}." if found.beside else ""
    if found.output_off is OffConfirmation.CONFIRMED:
        return _Told(f"{port.name}: {found.unit or 'a unit'}. {OUTPUT_OFF[found.output_off]}{beside}")
    if found.answered:
        known = f"a stop was sent. {OUTPUT_OFF[found.output_off]}{beside}"
        said = f"{port.name}: {found.unit or 'a unit'}: {known}"
        return _Told(said, Exit.OUTPUT_NOT_CONFIRMED_OFF, "Switch the unit off now.")
    return _Told(
        f"{port.name}: a stop was sent, and nothing answers{beside or '.'}",
        Exit.OUTPUT_NOT_CONFIRMED_OFF,
        "If a unit is on it, its output is NOT KNOWN to be off: switch it off at its own switch.",
        unanswered=port.usb_serial is None and not found.beside,
    )


def _not_known(said: str) -> _Told:
    unknown = OUTPUT_OFF[OffConfirmation.UNKNOWN]
    return _Told(f"{said}. {unknown}", Exit.OUTPUT_NOT_CONFIRMED_OFF, "Switch the unit off now.")


def _show(told: _Told) -> None:
    if told.code is Exit.DONE:
        say(told.said)
        return
    aside(told.said if told.unanswered else f"error: {told.said}")
    aside(f"  to do: {told.action}")
