"""The way to a unit, by the name a person gives it. Here the command line meets the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from device.link import Inbox, SerialLink, add_url_handlers
from physioctl.cli.streams import limit_waiting
from physioctl.holder import StopService, listening


def open_link(port: str, inbox: Inbox, *, exclusive: bool = True) -> SerialLink:
    """Open ``port``: a device path, a COM name, ``sim://``, ``socket://`` or ``rfc2217://``.

    Raise `PortUnusable` with what to do about it. Who reads what is printed is no longer waited for.
    """
    if port.lower().startswith("sim://"):
        # pyserial swallows what an import of a handler raises; this one is imported where it shows.
        import simulator.protocol_sim

        add_url_handlers(simulator.protocol_sim.__package__ or "simulator")
    limit_waiting()
    return SerialLink(port, inbox, exclusive=exclusive)


@contextmanager
def held(port: str, inbox: Inbox) -> Iterator[tuple[SerialLink, StopService]]:
    """Hold ``port`` for as long as the block lasts, and let other programs ask for a stop meanwhile.

    The service has to be added to the controller's watchers.
    """
    link = open_link(port, inbox)
    service = StopService(inbox)
    try:
        with listening(link.reached, service):
            yield link, service
    finally:
        link.close()
        service.release()
