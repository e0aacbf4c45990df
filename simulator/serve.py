"""A simulated unit for other programs, in real time: on a pty, or on a TCP port of this machine.

The unit lives on when its client goes, as a real one does. Nothing is printed here.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from ipaddress import ip_address

from device.clock import Clock, SystemClock
from simulator.live import Far, Live

try:  # Ptys exist on POSIX only. Elsewhere there is TCP; this has been tried on Linux only.
    import tty
except ImportError:
    _HAS_PTY = False
else:
    _HAS_PTY = hasattr(os, "openpty")

_CHUNK = 4096
_PATIENCE_S = 0.05  # how late a request to end may be noticed


class CannotServe(OSError):
    """The unit cannot be reached in the way that was asked for."""


def serve_pty(
    cable: Far, *, announce: Callable[[str], None], ended: Callable[[], bool], clock: Clock | None = None
) -> None:
    """Serve on a pty until ``ended()``; ``announce`` is given its path first."""
    if not _HAS_PTY:
        raise CannotServe("this system has no ptys; serve on TCP instead: --tcp 127.0.0.1:0")
    live = Live(cable, clock or SystemClock())
    with ExitStack() as stack:
        master, slave = os.openpty()
        stack.callback(os.close, master)
        # The far end is kept open, so that the line stays up while clients come and go.
        stack.callback(os.close, slave)
        tty.setraw(slave)
        os.set_blocking(master, False)
        announce(os.ttyname(slave))
        while not ended():
            readable, _, _ = select.select([master], [], [], live.wait_s(_PATIENCE_S))
            if readable:
                live.send(os.read(master, _CHUNK))
            live.advance()
            _write(master, live.take())


def serve_tcp(
    cable: Far,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    announce: Callable[[str], None],
    ended: Callable[[], bool],
    clock: Clock | None = None,
    beyond_this_machine: bool = False,
) -> None:
    """Serve on TCP until ``ended()``, one client at a time; ``announce`` is given the URL first."""
    listener = _listen(host, port, beyond_this_machine)
    live = Live(cable, clock or SystemClock())
    with ExitStack() as stack:
        stack.enter_context(closing(listener))
        announce(_url(listener))
        client: socket.socket | None = None
        while not ended():
            waiting = listener if client is None else client
            readable, _, _ = select.select([waiting], [], [], live.wait_s(_PATIENCE_S))
            if readable and client is None:
                client = stack.enter_context(closing(listener.accept()[0]))
                client.setblocking(False)
            elif readable and client is not None and not _receive(client, live):
                client.close()
                client = None
            live.advance()
            said = live.take()  # what is said while nobody listens is lost
            if client is not None and (live.pulled or not _send(client, said)):
                client.close()
                client = None


def _listen(host: str, port: int, beyond_this_machine: bool) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if not (beyond_this_machine or ip_address(address[0]).is_loopback):
            raise CannotServe(f"{host} can be reached from other machines; serve on 127.0.0.1")
        return socket.create_server((host, port), family=family, backlog=1)
    except CannotServe:
        raise
    except (OSError, OverflowError) as error:
        raise CannotServe(
            f"cannot listen on {host}:{port}: {error}; choose another port, or 0 for any"
        ) from None


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"socket://[{host}]:{port}" if ":" in host else f"socket://{host}:{port}"


def _receive(client: socket.socket, live: Live) -> bool:
    try:
        data = client.recv(_CHUNK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    live.send(data)
    return bool(data)


def _send(client: socket.socket, said: bytes) -> bool:
    try:
        client.sendall(said)
    except BlockingIOError:
        return True  # nobody reads: a serial line does not wait either
    except OSError:
        return False
    return True


def _write(master: int, said: bytes) -> None:
    try:
        os.write(master, said)
    except BlockingIOError:
        return  # nobody reads: a serial line does not wait either
