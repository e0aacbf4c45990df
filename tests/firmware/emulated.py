"""Builds the images of the emulated boards, and starts the emulators."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.firmware.board import Atmega, Board, Lm3s, line_of

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
BOARDS = (Atmega.kind, Lm3s.kind)
_TOOLS = {
    "atmega328p": ("make", "cc", "avr-gcc", "avr-nm", "pkg-config"),
    "lm3s6965evb": ("make", "arm-none-eabi-gcc", "arm-none-eabi-nm", "qemu-system-arm"),
}


def missing(kind: str) -> str:
    """Why a board cannot be emulated here; empty when it can."""
    absent = [tool for tool in _TOOLS[kind] if shutil.which(tool) is None]
    if not absent and kind == "atmega328p":
        found = subprocess.run(["pkg-config", "--exists", "simavr", "libelf"], check=False)
        absent = [] if found.returncode == 0 else ["libsimavr-dev"]
    return f"the {kind} cannot be emulated: no {', '.join(absent)}; see .ci/toolchains" if absent else ""


def built(kind: str, folder: Path, model: str = "us111") -> Path:
    """The image of a board, and beside it in ``.sizes`` what the build has printed."""
    targets = [kind, "simavr"] if kind == "atmega328p" else [kind]
    command = ["make", "-s", "-C", str(FIRMWARE), *targets, f"UNIT={model}", f"BUILD={folder}"]
    command += ["LM3S_EXTRA=-DWATCHDOG_MS=250u"]  # QEMU's goes on while this computer lets QEMU wait
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    (folder / f"{kind}-{model}.sizes").write_text(said.stdout, encoding="utf-8")
    return folder / kind / f"{model}.elf"


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def _atmega(image: Path, folder: Path, line: str, seed: int) -> Iterator[Board]:
    log = folder / "board.log"
    harness = image.parents[1] / "simavr" / "harness"
    command = [str(harness), str(image), "--log", str(log), "--seed", str(seed)]
    command += ["--tcp", "0"] if line == "tcp" else []
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        yield Atmega(image, log, process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _lm3s(image: Path, folder: Path, line: str, seed: int) -> Iterator[Board]:
    log = folder / "board.log"
    port = f"socket://127.0.0.1:{_free_port()}"
    serial = "pty" if line == "pty" else f"tcp:{port.removeprefix('socket://')},server=on,wait=off,nodelay=on"
    command = [
        "qemu-system-arm",
        "-M",
        "lm3s6965evb",
        "-display",
        "none",
        "-monitor",
        "none",
    ]
    command += ["-kernel", str(image), "-serial", serial, "-serial", f"file:{log}"]
    # RAM after power has come holds anything: the number that restarts are counted from is made of it.
    for address, noise in ((0x2000FF00, seed), (0x2000FF04, os.getpid())):
        command += ["-device", f"loader,addr={address:#x},data={noise:#x},data-len=4"]
    with tempfile.TemporaryDirectory() as short:  # the name of a socket has to be
        command += ["-chardev", f"socket,id=gdb,path={short}/gdb,server=on,wait=off", "-gdb", "chardev:gdb"]
        command += ["-qmp", f"unix:{short}/qmp,server=on,wait=off"]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        kept = -1
        try:
            if line == "pty":
                _, port, _ = re.split(r"(/dev/\S+)", line_of(process.stdout))
                kept = os.open(port, os.O_RDWR | os.O_NOCTTY)  # or it looks only once a second for a host
            board = Lm3s(image, log, port, Path(short))
            try:
                yield board
            finally:
                board.debugger.close()
        finally:
            process.kill()
            process.communicate()
            if kept >= 0:
                os.close(kept)


@contextmanager
def emulated(image: Path, folder: Path, *, line: str = "tcp", seed: int = 1) -> Iterator[Board]:
    """A board that runs ``image``, for as long as the block lasts. ``line``: tcp or pty."""
    folder.mkdir(parents=True, exist_ok=True)
    start = _atmega if image.parent.name == "atmega328p" else _lm3s
    with start(image, folder, line, seed) as board:
        yield board
