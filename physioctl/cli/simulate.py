"""``physioctl simulate``: a simulated unit for other programs, on a pty or a TCP port of this machine."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from contextlib import ExitStack
from datetime import date
from functools import partial
from io import FileIO
from pathlib import Path

import click

from device.clock import SystemClock
from physioctl.cli.simulated import DIALECT, FAULTS, HOST_LOSS, MODEL, seed_option
from physioctl.errors import InvalidUsage
from simulator.cable import Cable
from simulator.dialects import Maker, maker, neighbours
from simulator.faults import parse
from simulator.identity import drawn_boot, drawn_serial
from simulator.nameplate import UnknownModel
from simulator.record import OutputChange
from simulator.serve import CannotServe, serve_pty, serve_tcp

_EPOCH = date(2020, 1, 1)
_GLANCE_S = 0.05  # how soon it is noticed that a pipe has a reader
_GLANCES = 40  # how often one is looked for
_UNREAD = "nobody reads it"


@click.command()
@click.argument("model", metavar="MODEL", type=MODEL)
@click.option("--tcp", metavar="HOST:PORT", help="Serve on TCP instead of a pty; port 0 for any.")
@click.option("--beyond-this-machine", is_flag=True, help="Let --tcp bind an address others can reach.")
@seed_option("unit")
@FAULTS
@click.option("--serial", metavar="TEXT", help="The unit's serial number; drawn when left out.")
@DIALECT
@HOST_LOSS
@click.option("--address", metavar="N", type=click.IntRange(1, 247), help="Its address on the line (modbus).")
@click.option(
    "--beside", multiple=True, metavar="MODEL@ADDRESS", help="Another unit on its line (modbus); repeatable."
)
@click.option("--breaks", metavar="CLAUSE", help="Break the promise of this clause of physioctl conform.")
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="One JSON line here for each change of output.",
)
def simulate(
    model: str,
    tcp: str | None,
    beyond_this_machine: bool,
    seed: int,
    faults: tuple[str, ...],
    serial: str | None,
    dialect: str,
    host_loss: str | None,
    address: int | None,
    beside: tuple[str, ...],
    breaks: str | None,
    log: Path | None,
) -> int:
    """Serve a simulated unit. The address of its port is printed first; Ctrl-C ends it.

    MODEL is us111, ultragun, ultragun_pro, or an added one.

    \b
    Examples:
      physioctl simulate us111
      physioctl simulate ultragun --tcp 127.0.0.1:0 \\
        --fault stall@20s --log unit.jsonl
      physioctl simulate us111 --dialect modbus \\
        --host-loss timer --address 17
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with ExitStack() as stack:
        stream = stack.enter_context(_opened(log, ended)) if log else None
        clock = SystemClock()
        today = (clock.utc().date() - _EPOCH).days
        make = partial(
            _made(dialect, host_loss, address, breaks),
            model,
            seed=seed,
            on_change=lambda change: _write(stream, change),
            boots=drawn_boot(),
            calibrated=today,
            serial=_drawn(model) if serial is None else serial,
        )
        cable = _cable(make, seed, faults, beside, today)
        try:
            if tcp is None:
                serve_pty(cable, announce=click.echo, ended=ended.is_set, clock=clock)
            else:
                host, port = _address(tcp)
                serve_tcp(
                    cable,
                    host=host,
                    port=port,
                    announce=click.echo,
                    ended=ended.is_set,
                    clock=clock,
                    beyond_this_machine=beyond_this_machine,
                )
        except CannotServe as error:
            raise InvalidUsage(f"cannot serve the unit: {error}", "Choose another --tcp address.") from error
    return 0


def _opened(log: Path, ended: threading.Event) -> FileIO:
    """The log, open so that nothing ever waits for whoever reads it: it may be a pipe."""
    for _ in range(_GLANCES):
        try:
            return FileIO(log, "wb", opener=_without_waiting)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise _unwritable(log, error.strerror) from error
        if ended.wait(_GLANCE_S):
            break
    raise _unwritable(log, _UNREAD)


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def _write(stream: FileIO | None, change: OutputChange) -> None:
    """One line, at once: a reader may be waiting for it. A log with a gap in it would be none."""
    if stream is None:
        return
    line = f"{json.dumps(change.as_json())}\n".encode()
    try:
        written = stream.write(line)
    except OSError as error:
        raise _unwritable(stream.name, error.strerror) from error
    if written != len(line):
        raise _unwritable(stream.name, _UNREAD)


def _unwritable(log: object, why: str | None) -> InvalidUsage:
    return InvalidUsage(f"cannot write the log {log}: {why}", "Choose another --log.")


def _drawn(model: str) -> str:
    try:
        return drawn_serial(model)
    except (UnknownModel, ValueError) as problem:
        raise InvalidUsage(str(problem), "See physioctl simulate --help.") from problem


def _made(dialect: str, host_loss: str | None, address: int | None, breaks: str | None) -> Maker:
    try:
        return maker(dialect, host_loss, address, breaks)
    except ValueError as problem:
        raise InvalidUsage(str(problem), "See physioctl simulate --help.") from problem


def _cable(make: Maker, seed: int, texts: tuple[str, ...], beside: tuple[str, ...], today: int) -> Cable:
    try:
        struck = tuple(map(parse, texts))
        unit = make(faults=struck)
        others = neighbours(beside, unit, seed=seed, calibrated=today, drawn=True)
        return Cable(unit, seed=seed, faults=struck, neighbours=others)
    except (UnknownModel, ValueError) as problem:
        raise InvalidUsage(str(problem), "See physioctl simulate --help.") from problem


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidUsage(f"{text!r} is not HOST:PORT", "Write it as 127.0.0.1:4001, or port 0 for any.")
    return host.strip("[]"), int(port)
