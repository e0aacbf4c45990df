"""Links to units, over pyserial, whose errors are turned into those of `device.errors` here.

A link moves bytes and knows nothing of frames. Its reader thread reads the port and puts what arrives into
the inbox, a `LinkLost` included.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol, TypeAlias

import serial
from serial.tools import list_ports

from device.address import flaw, is_network, plain
from device.dialects.base import Line
from device.errors import LinkLost, PortUnusable
from device.events import Written
from device.operator import OperatorAction

News: TypeAlias = bytes | LinkLost | OperatorAction | Written
Inbox: TypeAlias = "SimpleQueue[News]"

READ_TIMEOUT_S = 0.05  # how long the reader may take to notice that it should end
WAITING_MAX = 64  # pieces in the inbox; a port that sends faster than they are dealt with has to wait
USUAL_LINE = Line(115200)  # 8N1; a dialect says its own
WRITE_TIMEOUT_S = 0.1  # a peer that does not read must not hold up the loop for a lease

# pyserial brings more kinds of address. They are for trying out pyserial, some pick a port by themselves or
# write files, and a typing error raises any of several exceptions: KeyError, re.error.
_SCHEMES = frozenset({"sim", "socket", "rfc2217"})

# What pyserial 3.5 raises on a port that is going or gone. TypeError: its file handle became None under it.
# ValueError: an ioctl that this kind of port does not know. termios.error is no OSError.
_GONE: tuple[type[Exception], ...] = (serial.SerialException, OSError, TypeError, ValueError)
if sys.platform != "win32":
    import termios

    _GONE = (*_GONE, termios.error)


class Link(Protocol):
    """A way to a unit. What comes back arrives in the inbox it was opened with."""

    name: str

    @property
    def simulated(self) -> bool:
        """Whether the unit is made in this process. What is behind a port counts as real."""

    def send(self, data: bytes) -> bool:
        """Send ``data``; False when the line did not take all of it. Raise `LinkLost` when it is gone."""

    def close(self) -> None:
        """Let go of the port. Closing twice does nothing."""


class SerialLink:
    """A pyserial port: a device, ``socket://``, ``rfc2217://`` or ``sim://``."""

    def __init__(self, name: str, inbox: Inbox, *, exclusive: bool = True, line: Line = USUAL_LINE) -> None:
        """Open the port called ``name``, set as ``line`` says; raise `PortUnusable` with what to do about it.

        ``exclusive=False`` is for stopping a unit whose port another program holds.
        """
        self.name = name
        self.simulated = name.lower().startswith("sim://")
        self._inbox = inbox
        self._port = _open(name, line, exclusive=exclusive)
        self.reached = _reached(name, self._port)  # a network address in numbers: the one that answered
        self._ending = threading.Event()
        self._writing = threading.Lock()  # a port is not closed, and its descriptor reused, under a write
        self._reader = threading.Thread(target=self._read, name=f"reader of {name}", daemon=True)
        try:
            self._reader.start()
        except RuntimeError as error:
            self._close_port()
            raise PortUnusable(
                f"{name} cannot be read: the system gives this program no further thread",
                "Raise the limit, such as: ulimit -u 4096",
            ) from error

    def send(self, data: bytes) -> bool:
        """Send ``data``. A frame begins with a delimiter, so a cut-off one before it costs nothing."""
        try:
            with self._writing:
                return self._port.write(data) == len(data)
        except serial.SerialTimeoutException:
            return False
        except _GONE as error:
            self._end_reading()  # and with that the port is closed
            raise self._lost() from error

    def set_line(self, line: Line) -> bool:
        """Set the open port as ``line`` says; False, and as it was, where the port cannot be set so.

        Neither direction is emptied, and the control lines stay as they are.
        """
        port = self._port
        before = Line(port.baudrate, port.parity, int(port.stopbits))
        with self._writing:
            try:
                _set(port, line)
            except _GONE:
                with contextlib.suppress(*_GONE):
                    _set(port, before)
                return False
            return bool(port.is_open)

    def close(self) -> None:
        """End the reader, which closes the port: closing the port first would make the reader fail."""
        self._end_reading()
        self._reader.join(timeout=1)
        if self._reader.is_alive():
            self._close_port()

    def _end_reading(self) -> None:
        self._ending.set()
        with contextlib.suppress(AttributeError, *_GONE):  # not every kind of port can cancel
            self._port.cancel_read()

    def _close_port(self) -> None:
        with self._writing, contextlib.suppress(*_GONE):
            self._port.close()

    def _lost(self) -> LinkLost:
        """What a person is told: what pySerial and the system say of it names neither cable nor unit."""
        if is_network(self.name):
            what = f"{self.name} is gone: the connection was closed, or the network is down"
            return LinkLost(what, "See to the network and look at the unit.")
        what = f"{self.name} is gone: the cable is out, or another program reads from it"
        return LinkLost(what, "Plug the cable in again and look at the unit.")

    def _read(self) -> None:
        """Read until told to end or until the port is gone, and close it.

        While a lost port is open, the system gives its name to no other: the cable that is plugged in again
        would become another port.
        """
        try:
            while not self._ending.is_set():
                data = self._port.read(1)
                if data:
                    self._take(data + self._port.read(self._port.in_waiting))
        except _GONE:
            if not self._ending.is_set():
                self._inbox.put(self._lost())
        self._close_port()

    def _take(self, data: bytes) -> None:
        """Put ``data`` into the inbox, unless so much waits there that a person's stop would have to wait."""
        while self._inbox.qsize() >= WAITING_MAX and not self._ending.is_set():
            self._ending.wait(READ_TIMEOUT_S / 10)
        self._inbox.put(data)


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port the system knows of."""

    name: str
    about: str
    usb_serial: str | None = None  # of the adapter; empty where it has none; None where it is not on USB


def ports() -> Iterator[Port]:
    """The serial ports the system lists. Pseudo-terminals are never among them."""
    for port in sorted(list_ports.comports()):
        about = "" if port.description in (None, "n/a") else port.description
        yield Port(port.device, about, None if port.vid is None else port.serial_number or "")


def add_url_handlers(package: str) -> None:
    """Let ``package`` bring a kind of port, as pyserial's ``protocol_<scheme>`` modules."""
    if package not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append(package)


def _open(name: str, line: Line, *, exclusive: bool) -> serial.Serial:
    scheme, is_address, _ = name.lower().partition("://")
    if is_address and scheme not in _SCHEMES:
        raise PortUnusable(
            f"{name} is no kind of port that is spoken here",
            "Name a device path, a COM name, or a sim://, socket:// or rfc2217:// address.",
        )
    if is_network(name) and (what := flaw(name)):  # pySerial would raise a Python error instead
        raise PortUnusable(
            f"{name} is no address: {what}", f"Write {scheme}://HOST:PORT, such as {scheme}://127.0.0.1:4001"
        )
    try:
        port: serial.Serial = serial.serial_for_url(name, do_not_open=True)
        port.baudrate, port.parity, port.stopbits = line.baud, line.parity, line.stop_bits
        port.timeout = READ_TIMEOUT_S
        if scheme != "rfc2217":  # has no write timeout: it takes the setting, and then refuses to open
            port.write_timeout = WRITE_TIMEOUT_S
        if exclusive and sys.platform != "win32":  # advisory on POSIX; on Windows always so
            port.exclusive = True
        _open_with_parity(port)
    except _GONE as error:
        raise _unusable(name, error) from error
    return port


def _set(port: serial.Serial, line: Line) -> None:
    """Set the open ``port``. What is as it should be is left alone: each setting takes effect by itself."""
    for name, value in (("parity", line.parity), ("stopbits", line.stop_bits), ("baudrate", line.baud)):
        if getattr(port, name) != value:
            setattr(port, name, value)


def _open_with_parity(port: serial.Serial) -> None:
    """Open ``port``; without parity where it knows none, as a pseudo-terminal does."""
    try:
        port.open()
    except _GONE as error:
        if port.parity == serial.PARITY_NONE or error_number(error) != errno.EINVAL:
            raise
        port.parity = serial.PARITY_NONE
        port.open()


def _reached(name: str, port: serial.Serial) -> str:
    """The address that was connected to; ``name`` itself where pySerial, which keeps it private, has none."""
    line = getattr(port, "_socket", None)
    if not is_network(name) or not isinstance(line, socket.socket):
        return name
    try:
        peer = plain(*line.getpeername()[:2])
    except OSError:
        return name
    return f"socket://[{peer.host}]:{peer.port}" if ":" in peer.host else f"socket://{peer.host}:{peer.port}"


def _unusable(name: str, error: Exception) -> PortUnusable:
    """What the operating system meant, and what to do about it."""
    match error_number(error):
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return PortUnusable(f"there is no port {name}", "See what there is with: physioctl ports")
        case errno.EACCES | errno.EPERM:
            return PortUnusable(
                f"you may not use {name}",
                "Join the group that owns it (often: sudo usermod -aG dialout $USER), then log in again.",
            )
        case errno.EBUSY | errno.EAGAIN:
            return PortUnusable(
                f"{name} is in use by another program",
                "End that program first. To end its output all the same: physioctl stop --port " + name,
            )
        case errno.ECONNREFUSED | errno.EHOSTUNREACH | errno.ETIMEDOUT | errno.ENETUNREACH:
            return PortUnusable(
                f"nobody is listening at {name}", "Check the address, and that the unit is served."
            )
        case errno.EMFILE | errno.ENFILE:
            return PortUnusable(
                f"{name} cannot be opened: this program may not open as many files as it needs",
                "Raise the limit, such as: ulimit -n 256",
            )
        case errno.ENOTTY | errno.EISDIR | errno.EINVAL:
            return PortUnusable(f"{name} is not a serial port", "See what there is with: physioctl ports")
    return PortUnusable(
        f"{name} cannot be opened: {_why(name, error)}", "See what there is with: physioctl ports"
    )


def _why(name: str, error: Exception) -> str:
    """What the system says of it; of a simulated unit, what its own address says."""
    if name.lower().startswith("sim://"):
        return str(error)
    number = error_number(error)
    return "the system gives no reason" if number is None else os.strerror(number)


def error_number(error: BaseException | None) -> int | None:
    """The system's own number for what happened, however deep pyserial has wrapped it."""
    while error is not None:
        number = getattr(error, "errno", None) or (error.args[0] if error.args else None)
        if isinstance(number, int):
            return number
        error = error.__cause__ or error.__context__
    return None
