"""``sim://MODEL?seed=7&fault=lift_off@30s+2s``: a simulated unit behind a pyserial URL, in real time.

``dialect=modbus`` makes it speak Modbus, with ``host_loss=lease``, ``timer`` or ``none``, at ``address=17``,
and ``beside=ultragun@18`` puts another unit on its line.

Each opening switches on another unit: its serial number is drawn, unless ``serial=SIM-7`` asks for one, and
so is its boot nonce.

pyserial finds this module once ``simulator`` is among its ``protocol_handler_packages``. There is no thread:
the unit catches up with the clock whenever the port is touched, and its own timers count as if it had been
watched. Each port has a unit of its own, which lives on while that port object is closed and opened again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from threading import Condition
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from serial.serialutil import PortNotOpenError, SerialBase, SerialException

from device.clock import SystemClock
from simulator.cable import Cable
from simulator.dialects import maker, neighbours
from simulator.faults import Fault, parse
from simulator.identity import drawn_boot, drawn_serial
from simulator.live import Live
from simulator.nameplate import UnknownModel, calibration_days, nameplate

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_SHAPE = "sim://MODEL?seed=N&serial=TEXT&dialect=NAME&fault=KIND@WHEN+HOW_LONG=AMOUNT"
_SINGLE = ("seed", "serial", "dialect", "host_loss", "address")
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
        asked = _read(url)
        seed, address = _whole(asked.one.get("seed", "0")), asked.one.get("address")
        make = maker(
            asked.one.get("dialect", "native"),
            asked.one.get("host_loss"),
            None if address is None else _whole(address),
        )
        calibrated = calibration_days(today - _CALIBRATED_AGO)
        unit = make(
            asked.model,
            seed=seed,
            faults=asked.faults,
            boots=drawn_boot(),  # a port opened anew is a unit started anew: its boot nonce must be another
            calibrated=calibrated,
            serial=asked.one.get("serial", drawn_serial(nameplate(asked.model).model)),
        )
        beside = neighbours(asked.beside, unit, seed=seed, calibrated=calibrated, drawn=True)
    except (UnknownModel, ValueError) as error:
        raise SerialException(f"{url}: {error}; the address is written {_SHAPE}") from None
    return Cable(unit, seed=seed, faults=asked.faults, neighbours=beside)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address says."""

    model: str
    one: dict[str, str]  # what is said once
    faults: tuple[Fault, ...]
    beside: tuple[str, ...]


def _read(url: str) -> _Asked:
    parts = urlsplit(url)
    one: dict[str, str] = {}
    faults: list[Fault] = []
    beside: list[str] = []
    for option in filter(None, parts.query.split("&")):
        # Not parse_qs: there a plus sign is a space, and here it is a plus sign.
        name, _, value = option.partition("=")
        if name in _SINGLE:
            one[name] = unquote(value)
        elif name == "fault":
            faults.append(parse(unquote(value)))
        elif name == "beside":
            beside.append(unquote(value))
        else:
            raise ValueError(f"nothing is called {name!r} here; use {', '.join(_SINGLE)}, fault and beside")
    return _Asked(parts.netloc + parts.path.rstrip("/"), one, tuple(faults), tuple(beside))


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number; write seed=7 or address=17") from None
