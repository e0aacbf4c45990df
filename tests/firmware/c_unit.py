"""The firmware's core in C, as a shared library: a test gives it its time, bytes and readings.

It is built once for each model, by `firmware/Makefile`, and again when a source has changed; workers that
run at the same time wait for each other. Each unit is a copy of the library, because its state is static.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tools import wire

FIRMWARE = wire.TABLE.parents[2] / "firmware"
VARIANT = os.environ.get("FIRMWARE_VARIANT", "")  # of `firmware/Makefile`: "sanitized", "coverage"
NEEDS = ("make", "sha256sum")
WHY = ("not set", "step", "ceiling", "lease", "contact", "suspension", "stop", "fault", "memory")


def compiler() -> str:
    """The C compiler; without one the test is skipped, and says so."""
    found = shutil.which(os.environ.get("CC", "cc"))
    if found is None:
        pytest.skip("no C compiler here (cc)")
    for tool in NEEDS:
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} here")
    return found


@cache
def built(target: str, path: str, *variables: str) -> Path:
    """The path below ``firmware/build`` that ``make target`` makes; raise AssertionError when it does not."""
    cc = compiler()
    build = FIRMWARE / "build"
    build.mkdir(exist_ok=True)
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(
            ["make", "-C", str(FIRMWARE), target, f"CC={cc}", f"VARIANT={VARIANT}", *variables],
            capture_output=True,
            text=True,
            check=False,
        )
    assert made.returncode == 0, made.stdout + made.stderr
    return build / VARIANT / path


def program(model: str = "us111") -> Path:
    """The POSIX board: a program that stands for a unit."""
    return built("posix", f"posix/{model}", f"UNIT={model}")


class _Sensors(ctypes.Structure):
    _fields_ = (
        ("measured_level", ctypes.c_uint16),
        ("head_temp_ddeg_c", ctypes.c_int16),
        ("contact_pct", ctypes.c_uint8),
        ("battery_pct", ctypes.c_uint8),
        ("force_n", ctypes.c_uint16),
        ("causes", ctypes.c_uint16),
    )


class _Change(ctypes.Structure):
    _fields_ = (
        ("ms", ctypes.c_uint32),
        ("level", ctypes.c_uint16),
        ("duty_pct", ctypes.c_uint8),
        ("why", ctypes.c_uint8),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A change of what goes out, in the unit's own milliseconds."""

    ms: int
    level: int
    why: str


class CUnit:
    """A unit of the C core, from its start on."""

    def __init__(
        self,
        nonce: int = 0xDEADBEEF,
        *,
        model: str = "us111",
        serial: str = "SIM-0001",
        calibrated: int = 2131,
        start_ms: int = 0,
        library: Path | None = None,
    ) -> None:
        path = library or built("test-board", f"test/{model}.so", f"UNIT={model}")
        with tempfile.NamedTemporaryFile(suffix=".so") as copy:
            shutil.copyfile(path, copy.name)
            self._c = ctypes.CDLL(copy.name)
        self._c.test_output.restype = ctypes.c_uint16
        self._sent = ctypes.create_string_buffer(1 << 16)
        self._changes = (_Change * (1 << 16))()
        self._sensors = _Sensors(0, 300, 92, 100, 0, 0)
        self._serial, self._calibrated = serial.encode("ascii"), calibrated
        self.start(nonce, start_ms)

    def start(self, nonce: int, start_ms: int = 0) -> None:
        """Switch it on, again."""
        self.now_ms = start_ms
        self._c.test_sensors(ctypes.byref(self._sensors))
        self._c.test_start(
            ctypes.c_uint32(start_ms), ctypes.c_uint32(nonce), self._serial, ctypes.c_uint16(self._calibrated)
        )

    def move_to(self, to_ms: int) -> None:
        """Let time pass, with one pass of the loop in each millisecond."""
        if to_ms > self.now_ms:
            self._c.test_advance(ctypes.c_uint32(to_ms - self.now_ms))
            self.now_ms = to_ms

    def held_up(self, ms: int) -> None:
        """Let time pass, with one pass of the loop at its end."""
        self._c.test_late(ctypes.c_uint32(ms))
        self.now_ms += ms

    def one_more_pass(self) -> None:
        """Another pass of the loop in the same millisecond."""
        self._c.test_advance(ctypes.c_uint32(0))

    def hear(self, data: bytes) -> bytes:
        """The answers to the bytes that have arrived now."""
        self._c.test_receive(data, ctypes.c_uint32(len(data)))
        return self.sent()

    def sent(self) -> bytes:
        """What it has sent since it was asked last."""
        count = self._c.test_sent(self._sent)
        return self._sent.raw[:count]

    def line_error(self) -> None:
        """A framing error or an overrun, now."""
        self._c.test_line_error()

    def send_room(self, count: int) -> None:
        """How many bytes the line takes until `sent` is called."""
        self._c.test_send_room(ctypes.c_uint32(count))

    def read(
        self,
        *,
        contact_pct: int | None = None,
        head_temp_ddeg_c: int | None = None,
        causes: int | None = None,
    ) -> None:
        """From now on the sensors read so."""
        if contact_pct is not None:
            self._sensors.contact_pct = contact_pct
        if head_temp_ddeg_c is not None:
            self._sensors.head_temp_ddeg_c = head_temp_ddeg_c
        if causes is not None:
            self._sensors.causes = causes
        self._c.test_sensors(ctypes.byref(self._sensors))
        self.one_more_pass()

    def stuck(self, level: int) -> None:
        """Output that is measured whether it is driven or not."""
        self._c.test_stuck(ctypes.c_uint16(level))

    @property
    def output(self) -> int:
        """What goes out now, as both pins have it."""
        return int(self._c.test_output())

    @property
    def kicks(self) -> int:
        """How often the watchdog was kicked since the start."""
        return int(self._c.test_kicks())

    def changes(self) -> list[Change]:
        """The changes of what goes out since this was asked last."""
        count = self._c.test_changes(self._changes)
        return [Change(c.ms, c.level, WHY[c.why]) for c in self._changes[:count]]

    @property
    def control_size(self) -> int:
        """How many bytes decide about output."""
        return int(self._c.test_control_size())

    @property
    def counts_size(self) -> int:
        """How many of them, the first, are counts."""
        return int(self._c.test_counts_size())

    def flip_in_pass(self, byte: int, bit: int) -> None:
        """Let a pass run in which one bit of them changes after the state was checked."""
        self._c.test_flip_in_pass(ctypes.c_uint32(byte), ctypes.c_uint8(bit))

    def flip(self, byte: int, bit: int) -> None:
        """Change one bit of them."""
        self._c.test_flip(ctypes.c_uint32(byte), ctypes.c_uint8(bit))
