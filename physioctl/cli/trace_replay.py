"""``physioctl trace replay``: drive the controller with a trace, or stand in for its unit."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from device.clock import SystemClock
from physioctl.cli.exits import Exit
from physioctl.cli.printing import say
from physioctl.errors import InvalidUsage
from physioctl.trace.decoding import in_words
from physioctl.trace.reading import Trace, read_trace


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--serve", is_flag=True, help="Stand in for the unit on a pty; its path is printed first.")
def replay_(file: Path, serve: bool) -> int:
    """Drive the controller with the trace in FILE, without a port, and say where the bytes differ.

    With --serve, answer another program on a pty as the unit did, for as long as it sends the same bytes.
    Ctrl-C ends that. The exit code is 0 where all bytes are the same, and 7 where they differ.

    \b
    Examples:
      physioctl trace replay session.trace
      physioctl trace replay session.trace --serve
    """
    trace = read_trace(file)
    return _serve(trace) if serve else _drive(trace)


def _drive(trace: Trace) -> Exit:
    from physioctl.trace.replay import replay

    found = replay(trace)
    if found.difference is None:
        say(f"The same: {found.sendings} sendings, byte for byte.")
        return Exit.DONE
    at = found.difference
    place = f"{trace.file}:{at.number}" if at.number is not None else f"{trace.file}, after its end"
    say(f"Different at {at.ms / 1000:.3f} s ({place}), after {found.sendings} sendings that are the same.")
    _say_both(trace, at.expected, at.sent)
    if at.why:
        say(f"  why       {at.why}")
    return Exit.FAULT


def _serve(trace: Trace) -> Exit:
    from physioctl.trace.standing_in import StandIn
    from simulator.serve import CannotServe, serve_pty

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    unit = StandIn(trace)
    try:
        serve_pty(
            unit, announce=click.echo, ended=lambda: ended.is_set() or unit.may_leave, clock=SystemClock()
        )
    except CannotServe as error:
        raise InvalidUsage(f"cannot stand in for the unit: {error}", "Replay it without --serve.") from error
    if unit.differed is not None:
        say(f"Different after {unit.sendings} sendings that are the same; the unit answers nothing more.")
        _say_both(trace, *unit.differed)
        return Exit.FAULT
    if not unit.over:
        say(f"Ended after {unit.sendings} sendings, all the same; {unit.left} more are in the trace.")
        return Exit.STOPPED
    say(f"The same: {unit.sendings} sendings, byte for byte.")
    return Exit.DONE


def _say_both(trace: Trace, expected: bytes | None, sent: bytes | None) -> None:
    for name, data in (("trace", expected), ("now", sent)):
        if data is None:
            say(f"  {name:<8}  nothing is sent")
        else:
            say(f"  {name:<8}  {in_words(trace.header, data)}")
            say(f"  {'':<8}  {data.hex()}")
