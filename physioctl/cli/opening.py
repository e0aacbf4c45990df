"""The way to a unit, by the name a person gives it. Here the command line meets the simulator."""

from __future__ import annotations

from device.link import Inbox, SerialLink, add_url_handlers


def open_link(port: str, inbox: Inbox, *, exclusive: bool = True) -> SerialLink:
    """Open ``port``: a device path, a COM name, ``sim://``, ``socket://`` or ``rfc2217://``.

    Raise `PortUnusable` with what to do about it.
    """
    if port.lower().startswith("sim://"):
        # pyserial swallows what an import of a handler raises; this one is imported where it shows.
        import simulator.protocol_sim

        add_url_handlers(simulator.protocol_sim.__package__ or "simulator")
    return SerialLink(port, inbox, exclusive=exclusive)
