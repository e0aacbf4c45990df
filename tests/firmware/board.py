"""The emulated boards while they run: their logs, and what is done to them as in a laboratory.

Nothing that disturbs a board goes over its line: the ATmega328P is changed by the harness around libsimavr,
the Cortex-M3 through the emulator's debugger and its machine protocol.
"""

from __future__ import annotations

import json
import random
import re
import select
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Any

from tests.firmware.gdb import PC, Debugger

LIMIT_S = 30.0
GLANCE_S = 0.005
DIP_S = 0.3
_GLANCE = threading.Event()  # never set: what is waited on between two looks


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a board's log: what its output pins give from then on."""

    ms: float  # of the unit's own clock
    enable: bool
    pwm: int
    why: str
    passes: int  # of its loop so far; 0 where the board does not tell
    since_pass_ms: float  # by which the emulator may have been kept from running

    @property
    def output(self) -> int:
        """The level as a PWM duty; 0 when the second pin is low."""
        return self.pwm if self.enable else 0


class Board:
    """What the two boards have in common: a line, a log, and the image's symbols."""

    kind = ""
    nm = ""
    cannot_show: frozenset[str] = frozenset()  # clauses of the conformance suite
    data_at = 0  # where the tools say that the data space begins

    def __init__(self, image: Path, log: Path) -> None:
        self.port = ""
        self.image = image
        self._log = log
        self._symbols: dict[str, int] = {}

    def changes(self) -> list[Change]:
        """The whole log so far."""
        found = []
        for line in self._log.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]:
            with suppress(ValueError):  # half a line, where the processor was stopped in it
                said: dict[str, Any] = json.loads(line)
                passes, since_ms = said.get("pass", 0), said.get("since_pass_us", 0) / 1000
                enable = bool(said["enable"])
                found.append(Change(said["ms"], enable, said["pwm"], said["why"], passes, since_ms))
        return found

    def output(self) -> int:
        """What its output pins give now."""
        said = self.changes()
        return said[-1].output if said else 0

    def symbol(self, name: str) -> int:
        """The address of a variable or function of the image."""
        if not self._symbols:
            said = subprocess.run([self.nm, self.image], check=True, capture_output=True, text=True).stdout
            for address, found in re.findall(r"^([0-9a-f]+) \w (\w+)\S*$", said, re.MULTILINE):
                self._symbols[found] = int(address, 16) - self.data_at
        return self._symbols[name]

    def hang(self, *, dead: bool = False) -> float:
        """Let the loop go round in one place for ever; ``dead``: with interrupts off.

        Returns when that was, by the clock of its log.
        """
        raise NotImplementedError

    def flip(self, rng: random.Random) -> str:
        """Change one bit of RAM or of a register; say which."""
        raise NotImplementedError

    def reset(self, rng: random.Random) -> None:
        """Let the supply dip, so that the processor begins anew."""
        raise NotImplementedError

    def set_uptime(self, ms: int) -> int:
        """Let the unit's clock stand at ``ms``.

        Returns how far it is from then on ahead of the log's, modulo 2**32.
        """
        raise NotImplementedError

    def move_head(self) -> None:
        """Lift the head, or put it back."""
        raise NotImplementedError

    def dip_supply(self) -> None:
        """Open the interlock loop, which carries the output stage's supply, for 300 ms."""
        raise NotImplementedError

    def switch_off_and_on(self) -> None:
        """Begin anew, as after power has come."""
        raise NotImplementedError


class Atmega(Board):
    """The harness around libsimavr, which takes commands on its standard input."""

    kind, nm, data_at = "atmega328p", "avr-nm", 0x800000

    def __init__(self, image: Path, log: Path, process: subprocess.Popen[str]) -> None:
        super().__init__(image, log)
        self._process = process
        self._lifted = False
        self.at_ms = 0.0  # when the latest command was carried out
        self.port = line_of(process.stdout)
        assert waited(lambda: self.stats()["passes"] > 0), "the board has not started"

    def command(self, said: str) -> str:
        """Give the harness a command; its answer, without the unit's time."""
        assert self._process.stdin is not None
        self._process.stdin.write(said + "\n")
        self._process.stdin.flush()
        answer, _, at_ms = line_of(self._process.stdout).rpartition("at ")
        self.at_ms = float(at_ms)
        return answer.strip()

    def stats(self) -> dict[str, int]:
        """What the harness has counted."""
        counted: dict[str, int] = json.loads(self.command("stats"))
        return counted

    def hang(self, *, dead: bool = False) -> float:
        self.command("hang dead" if dead else "hang")
        return self.at_ms

    def flip(self, rng: random.Random) -> str:
        bit = rng.randrange(8)
        place = rng.choices(["RAM", "stack", "register", "pins", "pc"], [10, 4, 4, 2, 1])[0]
        if place == "pc":
            self.command(f"flip-pc {rng.randrange(14)}")
            return "pc"
        address = {
            "RAM": lambda: rng.randrange(0x100, self.symbol("__bss_end")),
            "stack": lambda: rng.randrange(0x8FF - 40, 0x900),
            "register": lambda: rng.randrange(0, 32),
            "pins": lambda: rng.choice([0x24, 0x25, 0x80, 0x81, 0x88]),  # DDRB, PORTB, TCCR1A, TCCR1B, OCR1AL
        }[place]()
        self.command(f"flip {address} {bit}")
        return f"{place} {address:#x} bit {bit}"

    def reset(self, rng: random.Random) -> None:
        self.command(f"reset {rng.choice(['brownout', 'power'])}")

    def set_uptime(self, ms: int) -> int:
        raw = struct.pack("<II", ms, ms ^ 0xFFFFFFFF)
        self.command(f"poke {self.symbol('uptime')} " + " ".join(map(str, raw)))
        return (ms - int(self.at_ms)) % 0x100000000

    def move_head(self) -> None:
        self._lifted = not self._lifted
        self.command(f"contact {int(not self._lifted)}")

    def dip_supply(self) -> None:
        self.command("interlock 0")
        pause(DIP_S)
        self.command("interlock 1")

    def switch_off_and_on(self) -> None:
        self.command("reset power")


class Lm3s(Board):
    """The Cortex-M3 that QEMU emulates, with its debugger and machine protocol on sockets."""

    kind, nm = "lm3s6965evb", "arm-none-eabi-nm"
    cannot_show = frozenset(["contact", "fault"])
    _LOOP_AT = 0x2000F000  # unused RAM
    _LOOP = bytes.fromhex("72b6fee7")  # cpsid i; b .

    def __init__(self, image: Path, log: Path, port: str, sockets: Path) -> None:
        super().__init__(image, log)
        self.port = port
        self._sockets = sockets
        assert waited(lambda: bool(log.exists() and self.changes())), "the board has not started"
        self.debugger = Debugger(sockets / "gdb")

    def hang(self, *, dead: bool = False) -> float:
        with self.debugger as at:
            at.write(self._LOOP_AT, self._LOOP)
            at.set_register(PC, self._LOOP_AT if dead else self._LOOP_AT + 2)
            return float(int.from_bytes(at.read(self.symbol("uptime"), 4), "little"))

    def flip(self, rng: random.Random) -> str:
        with self.debugger as at:
            place = rng.choices(["RAM", "stack", "register"], [10, 4, 7])[0]
            if place == "register":
                number, bit = rng.randrange(16), rng.randrange(32)
                at.set_register(number, at.register(number) ^ 1 << bit)
                return f"r{number} bit {bit}"
            bit, stack_top = rng.randrange(8), self.symbol("stack_top")
            bounds = (stack_top - 200, stack_top) if place == "stack" else (stack_top, self.symbol("bss_end"))
            address = rng.randrange(*bounds)
            while self.symbol("queue") <= address < self.symbol("queue") + 512:
                address = rng.randrange(*bounds)  # not what it is about to write into its log
            at.write(address, bytes([at.read(address, 1)[0] ^ 1 << bit]))
            return f"{place} {address:#x} bit {bit}"

    def reset(self, rng: random.Random) -> None:
        with self.debugger as at:  # some of what it held is lost
            for _ in range(16):
                at.write(0x20000000 + rng.randrange(0x1000), rng.randbytes(1))
        self.switch_off_and_on()

    def switch_off_and_on(self) -> None:
        self._machine("system_reset")

    def move_head(self) -> None:
        """Nothing: no input pin of this emulated board can be moved while it runs in real time."""

    def dip_supply(self) -> None:
        """Nothing, for the same reason."""

    def _machine(self, command: str, **arguments: str) -> Any:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(LIMIT_S)
        line.connect(str(self._sockets / "qmp"))
        with line, line.makefile("rw", encoding="utf-8") as said:
            said.readline()  # what it begins with
            for execute, given in (("qmp_capabilities", {}), (command, arguments)):
                said.write(json.dumps({"execute": execute, "arguments": given}) + "\n")
                said.flush()
                while "return" not in (answer := json.loads(said.readline())):
                    assert "event" in answer, answer
        return answer["return"]

    def set_uptime(self, ms: int) -> int:
        with self.debugger as at:
            at.write(self.symbol("uptime"), struct.pack("<II", ms, ms ^ 0xFFFFFFFF))
        return 0


def waited(happened: Callable[[], bool], limit_s: float = LIMIT_S) -> bool:
    """Look every few milliseconds until it has happened, or it has taken too long."""
    ends = monotonic() + limit_s
    while monotonic() < ends:
        if happened():
            return True
        _GLANCE.wait(GLANCE_S)
    return happened()


def pause(seconds: float) -> None:
    """Let an emulated board run in real time."""
    _GLANCE.wait(seconds)


def line_of(stream: IO[str] | None) -> str:
    """The next line that an emulator prints."""
    assert stream is not None
    readable, _, _ = select.select([stream], [], [], LIMIT_S)
    assert readable, "the emulator says nothing"
    return stream.readline().strip()
