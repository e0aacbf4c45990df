"""``sim://MODEL?seed=7&fault=lift_off@30s+2s``: a simulated unit behind a pyserial URL, in real time.

Each opening switches on another unit: its serial number is drawn, unless ``serial=SIM-7`` asks for one, and
so is its boot nonce.

pyserial finds this module once ``simulator`` is among its ``protocol_handler_packages``. There is no thread:
the unit catches up with the clock whenever the port is touched, and its own timers count as if it had been
watched. Each port has a unit of its own, which lives on while that port object is closed and opened again.
"""

from __future__ import annotations

from datetime import date, timedelta
from threading import Condition
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from serial.serialutil import PortNotOpenError, SerialBase, SerialException

from device.clock import SystemClock
from simulator.cable import Cable
from simulator.faults import Fault, parse
from simulator.identity import drawn_boot, drawn_serial
from simulator.live import Live
from simulator.nameplate import UnknownModel, calibration_days, nameplate
from simulator.unit import SimulatedUnit

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_SHAPE = "sim://MODEL?seed=N&serial=TEXT&fault=KIND@WHEN+HOW_LONG=AMOUNT"
_CALIBRATED_AGO = timedelta(days=30)
_LONG_S = 3600.0


class Serial(SerialBase):
    """A port with a simulated unit on it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._clock = SystemClock()
        self._changed = Condition()
        self._cancelled = False
        self._live: Live | None = None
        self._url = ""
        super().__init__(*args, **kwargs)

    def open(self) -> None:
        """Switch the unit on, if it is not on already, and take hold of its cable."""
        if self.is_open:
            raise SerialException("the port is open already; close it first")
        if self.port is None:
            raise SerialException(f"no port is named; write {_SHAPE}")
        self._reconfigure_port()
        if self._live is None or self._url != self.port:
            self._live = Live(_cable(self.port, self._clock.utc().date()), self._clock)
            self._url = self.port
        self._live.advance()
        self._live.take()
        self._cancelled = False
        self.is_open = True

    def close(self) -> None:
        """Let go of the cable; the unit stays on, and its lease runs out."""
        with self._changed:
            self.is_open = False
            self._changed.notify_all()

    @property
    def in_waiting(self) -> int:
        """How many bytes can be read at once."""
        with self._changed:
            live = self._joined()
            live.advance()
            return len(live.arrived)

    def read(self, size: int = 1, /) -> bytes:
        """Read ``size`` bytes, or fewer once the timeout has passed or the read is cancelled."""
        until_ms = None if self.timeout is None else self._clock.now_ms() + round(self.timeout * 1000)
        with self._changed:
            live = self._joined()
            live.advance()
            while len(live.arrived) < size and not self._cancelled and self.is_open:
                self._check_plug(live)
                left_s = _LONG_S if until_ms is None else (until_ms - self._clock.now_ms()) / 1000
                if left_s <= 0:
                    break
                self._changed.wait(live.wait_s(left_s))
                live.advance()
            self._cancelled = False
            return live.take(size)

    def write(self, data: ReadableBuffer, /) -> int:
        """Send ``data`` to the unit."""
        raw = bytes(data)
        with self._changed:
            live = self._joined()
            live.send(raw)
            self._check_plug(live)
            self._changed.notify_all()
        return len(raw)

    def cancel_read(self) -> None:
        """Let a read that waits, or the next one, return what there is."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def reset_input_buffer(self) -> None:
        """Forget what has arrived."""
        with self._changed:
            live = self._joined()
            live.advance()
            live.take()

    def reset_output_buffer(self) -> None:
        """Do nothing: what was written is on its way."""
        self._joined()

    def _joined(self) -> Live:
        if not self.is_open or self._live is None:
            raise PortNotOpenError
        return self._live

    def _check_plug(self, live: Live) -> None:
        if live.pulled:
            raise SerialException(
                "the cable of the simulated unit is pulled; plug it in and open the port again"
            )

    def _reconfigure_port(self) -> None:
        """Take any setting: the simulated line has one speed."""

    _update_break_state = _update_rts_state = _update_dtr_state = _reconfigure_port


def _cable(url: str, today: date) -> Cable:
    try:
        model, seed, faults, serial = _read(url)
        unit = SimulatedUnit(
            model,
            seed=seed,
            faults=faults,
            boots=drawn_boot(),  # a port opened anew is a unit started anew: its boot nonce must be another
            calibrated=calibration_days(today - _CALIBRATED_AGO),
            serial=drawn_serial(nameplate(model).model) if serial is None else serial,
        )
    except (UnknownModel, ValueError) as error:
        raise SerialException(f"{url}: {error}; the address is written {_SHAPE}") from None
    return Cable(unit, seed=seed, faults=faults)


def _read(url: str) -> tuple[str, int, tuple[Fault, ...], str | None]:
    parts = urlsplit(url)
    seed, serial = 0, None
    faults: list[Fault] = []
    for option in filter(None, parts.query.split("&")):
        # Not parse_qs: there a plus sign is a space, and here it is a plus sign.
        name, _, value = option.partition("=")
        if name == "seed":
            seed = _whole(value)
        elif name == "serial":
            serial = unquote(value)
        elif name == "fault":
            faults.append(parse(unquote(value)))
        else:
            raise ValueError(f"nothing is called {name!r} here; use seed, serial and fault")
    return parts.netloc + parts.path.rstrip("/"), seed, tuple(faults), serial


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number; write seed=7") from None
