"""The way to a unit, by the name a person gives it. Here the command line meets the simulator."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from functools import partial

from device.address import is_simulated, unit_port
from device.dialects.base import Dialect, Line
from device.dialects.registry import NAMES, UnknownDialect, added, make
from device.link import USUAL_LINE, Inbox, SerialLink, add_url_handlers
from physioctl.at_once import TookTooLong, at_once
from physioctl.cli.streams import limit_waiting
from physioctl.holder import StopService, listening

LOAD_MAX_MS = 2000  # for a dialect of another distribution, whose import may hang; this project's own figure


def dialect_for(port: str, name: str, *, load_max_ms: int = LOAD_MAX_MS) -> Dialect:
    """The dialect called ``name``, for the unit whose address ``port`` carries.

    One of another distribution has ``load_max_ms`` to be loaded and made. Raise `UnknownDialect`, or
    `AddressUnusable` when the dialect does not take the address.
    """
    address = unit_port(port).address
    if name in NAMES:
        return make(name, address)
    with _nothing_printed():
        ((_, made),) = at_once({name: partial(make, name, address)}, load_max_ms)
    if isinstance(made, TookTooLong):
        raise UnknownDialect(
            f"the dialect {name!r} has not been loaded in {load_max_ms / 1000:g} s",
            "Tell whoever made it, and name another: --dialect.",
        )
    if isinstance(made, Exception):
        raise made
    return made


def _nothing_printed() -> AbstractContextManager[object]:
    """Send to standard error what code of others prints: standard output may be read by a program.

    In the main thread alone, for it concerns all of them.
    """
    if threading.current_thread() is threading.main_thread():
        return redirect_stdout(sys.stderr)
    return nullcontext()


def dialects_of(port: str, name: str | None) -> Iterator[str]:
    """The dialects to try on ``port``, where a person has named ``name`` or None.

    Ours first; others are looked for once ours have been tried. Where the port carries a unit's address, all
    but the native one, which has none.
    """
    if name is not None:
        yield name
        return
    yield from NAMES if unit_port(port).address is None else NAMES[1:]
    yield from added()


def open_link(port: str, inbox: Inbox, *, exclusive: bool = True, line: Line = USUAL_LINE) -> SerialLink:
    """Open ``port``: a device path, a COM name, ``sim://``, ``socket://`` or ``rfc2217://``.

    The unit's address behind it is the dialect's and not looked at here. Raise `PortUnusable` with what to do
    about it. Who reads what is printed is no longer waited for.
    """
    if is_simulated(port):
        # pyserial swallows what an import of a handler raises; this one is imported where it shows.
        import simulator.protocol_sim

        add_url_handlers(simulator.protocol_sim.__package__ or "simulator")
    limit_waiting()
    return SerialLink(unit_port(port).port, inbox, exclusive=exclusive, line=line)


@contextmanager
def held(
    port: str, inbox: Inbox, *, line: Line = USUAL_LINE, service: StopService | None = None
) -> Iterator[tuple[SerialLink, StopService]]:
    """Hold ``port`` for as long as the block lasts, and let other programs ask for a stop meanwhile.

    The service has to be added to the driver's observers. ``service`` is used in place of one of its own.
    """
    link = open_link(port, inbox, line=line)
    service = service or StopService(inbox, port)
    try:
        with listening(link.reached, service):
            yield link, service
    finally:
        link.close()
        service.release()
