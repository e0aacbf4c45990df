"""Ports beyond this machine. Nothing on such a line says who is at either end.

``socket://`` and ``rfc2217://`` have no authentication: whoever reaches the address can drive the unit,
and whoever answers there is taken for it.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from physioctl.questions import treats
from protocols.errors import Refused
from protocols.model import Protocol

FLAG = "--unauthenticated-network"
_NETWORK = ("socket", "rfc2217")


def beyond_this_machine(port: str) -> bool:
    """Whether ``port`` is a network address other than ``localhost`` and the literal loopback addresses.

    No other name is resolved: what it means may change between the look and the session.
    """
    scheme, _, _ = port.partition("://")
    if scheme.lower() not in _NETWORK:
        return False
    try:
        host = urlsplit(port).hostname or ""
        return host != "localhost" and not ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name, or no address at all
        return True


def warning(port: str) -> str:
    """What is said before a session on such a port."""
    return (
        f"{port} is beyond this machine and has no authentication: whoever reaches it can drive the unit, "
        "and whoever answers there is taken for it."
    )


def refuse_unauthenticated(port: str, protocol: Protocol) -> None:
    """Raise `Refused` when ``protocol`` emits on a body site and ``port`` is beyond this machine."""
    if treats(protocol) and beyond_this_machine(port):
        raise Refused(
            warning(port), f"Use the unit's own cable, or a port of this machine; or accept it with {FLAG}."
        )
