"""What a person writes as PORT: a unit's address behind it, and network addresses.

Where several units share a line, PORT names one of them: ``/dev/ttyUSB0#17``, ``socket://HOST:PORT#17``.

One unit has many addresses: its host has a name and numbers, and pySerial passes over a user name, a path and
leading zeros. What two programs have to agree on is therefore made from the numbers alone.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from protocols.errors import PhysioctlError

SCHEMES = ("socket", "rfc2217")
LOOPBACK = ("127.0.0.1", "::1")
_DIGITS_MAX = 5  # of a unit's address


class AddressUnusable(PhysioctlError):
    """A unit's address that is none, or that its dialect does not take."""


@dataclass(frozen=True, slots=True)
class UnitPort:
    """A port, and which of the units on its line is meant."""

    port: str
    address: int | None = None  # None where the dialect's usual one is meant, or it has none


def unit_port(name: str) -> UnitPort:
    """What ``name`` says; raise `AddressUnusable` when no whole number stands behind its ``#``."""
    port, has_address, address = name.rpartition("#")
    if not has_address:
        return UnitPort(name)
    if not (port and address.isascii() and address.isdecimal() and len(address) <= _DIGITS_MAX):
        raise AddressUnusable(
            f"{name} names no unit: {address!r} is not a unit's address", "Write it as /dev/ttyUSB0#17"
        )
    return UnitPort(port, int(address))


@dataclass(frozen=True, slots=True)
class Numbers:
    """A host as its numeric address, and a port."""

    host: str
    port: int


def is_simulated(name: str) -> bool:
    """Whether ``name`` is the address of a unit that is made in this process, and counts for nobody."""
    return name.lower().startswith("sim://")


def is_network(name: str) -> bool:
    """Whether ``name`` is a network address, right or wrong."""
    scheme, is_address, _ = name.lower().partition("://")
    return bool(is_address) and scheme in SCHEMES


def flaw(name: str) -> str | None:
    """What is wrong with the network address ``name``, or None. Nothing but a host and a port is taken."""
    try:
        split = urlsplit(name)
        host, port = split.hostname, split.port
    except ValueError as error:  # of the port, or of brackets
        return "a port is a number from 1 to 65535" if "ort" in str(error) else "it is not well formed"
    if not host:
        return "it names no host"
    if not port:
        return "it names no port" if port is None else "a port is a number from 1 to 65535"
    if split.query or split.fragment or split.username is not None or split.path not in ("", "/"):
        return "options, user names and paths are not taken"
    return None


def numbers_of(name: str) -> Iterator[Numbers]:
    """Where a connection to ``name`` may lead, in the order in which it is tried; nothing where it cannot.

    A host's name is looked up, which can take as long as the network likes.
    """
    try:
        split = urlsplit(name)
        host, port = split.hostname, split.port
        if not host or port is None:
            return
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError):  # UnicodeError, of a name that cannot be one, is a ValueError
        return
    for *_, address in found:
        yield plain(str(address[0]), int(address[1]))


def plain(host: str, port: int) -> Numbers:
    """One form for what leads to one place: mapped addresses, and the unspecified one, which is this host.

    ``host`` is numeric, as the system tells it.
    """
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return Numbers(host.lower(), port)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_unspecified:
        found = ipaddress.ip_address(LOOPBACK[found.version == 6])
    return Numbers(str(found), port)
