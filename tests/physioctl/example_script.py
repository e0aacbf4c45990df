"""Scripts that are left at each line, or at each bytecode by Ctrl-C, all in one program, which goes on."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import TypeAlias

import physioctl
from tests.processes import LIMIT_S

Point: TypeAlias = tuple[CodeType, int]  # a bytecode: the code it is of, and where it stands there
Visitor: TypeAlias = "Callable[[Callable[[Point], None]], Seen]"


def example(journal: Path, protocol: Path) -> None:
    """What a script does with a unit, as the issue and the documentation have it."""
    with physioctl.connect("sim://us111", dialect="native", journal=journal) as unit:
        session = unit.start(protocol, answers=None, attended=True)
        for event in session.events():
            if isinstance(event, physioctl.StateChanged) and event.state == "emitting":
                break
        session.lower()
        session.pause()
        session.resume(operator="T-02")
        session.stop()
        session.result()


def left_running(journal: Path, protocol: Path) -> None:
    """A script that leaves the block while output is on."""
    with physioctl.connect("sim://us111", dialect="native", journal=journal) as unit:
        for event in unit.start(protocol, answers=None).events():
            if isinstance(event, physioctl.StateChanged) and event.state == "emitting":
                break


_UNIT = physioctl.ConnectedUnit
_START = _UNIT.start.__code__
_EVERY_BYTECODE = frozenset(
    each.__code__ for each in (left_running, _UNIT.start, _UNIT.__exit__, _UNIT.close, _UNIT._end_session)
)
_EVERY_LINE = frozenset([example.__code__])


class Seen:
    """Tells ``see`` of each bytecode of ``codes`` that the main thread runs, once `start` has been called.

    With ``lines``, of the first of each line, from the beginning. It is what `sys.settrace` calls.
    """

    def __init__(self, codes: frozenset[CodeType], see: Callable[[Point], None], *, lines: bool) -> None:
        self._codes = codes
        self._see = see
        self._what = "line" if lines else "opcode"
        self._begun = lines

    def __call__(self, frame: FrameType, what: str, _: object) -> Seen | None:
        """Look at what ``frame`` is about to do."""
        self._begun = self._begun or frame.f_code is _START
        if frame.f_code not in self._codes:
            return None
        frame.f_trace_opcodes = True
        if what == self._what and self._begun:
            self._see((frame.f_code, frame.f_lasti))
        return self


def traced(run: Callable[[], None], seen: Seen) -> None:
    """``run()``, while ``seen`` looks."""
    sys.settrace(seen)
    try:
        run()
    finally:
        sys.settrace(None)


def running_session() -> bool:
    """Whether a session goes on although it was given time to end."""
    threads = [each for each in threading.enumerate() if each.name.startswith("session on")]
    for thread in threads:
        thread.join(LIMIT_S)
    return any(each.is_alive() for each in threads)


def left_at_each(
    run: Callable[[], None], leave: Callable[[], None], expected: type[BaseException], look: Visitor
) -> int:
    """``run()`` once for each point, where ``leave`` raises ``expected``; return at how many.

    Break off where something else comes out of it, or a session goes on.
    """
    points: dict[Point, None] = {}
    traced(run, look(lambda point: points.setdefault(point)))
    for point in points:

        def see(seen: Point, at: Point = point) -> None:
            if seen == at:
                sys.settrace(None)
                leave()

        code, offset = point
        try:
            traced(run, look(see))
        except expected:
            pass
        else:
            sys.exit(f"nothing came out of {code.co_qualname}, bytecode {offset}")
        if running_session():
            sys.exit(f"a session goes on after {expected.__name__} in {code.co_qualname}, bytecode {offset}")
    return len(points)


def interrupt() -> None:
    """Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def fail() -> None:
    """A mistake of the script's."""
    raise ValueError


def main() -> None:
    """Leave the scripts at each point. Write how often: by Ctrl-C at a bytecode, and at a line in any way."""
    journal, protocol = map(Path, sys.argv[1:])
    bytecodes = partial(Seen, _EVERY_BYTECODE, lines=False)
    lines = partial(Seen, _EVERY_LINE, lines=True)
    left = partial(left_running, journal, protocol)
    shown = partial(example, journal, protocol)
    at_bytecodes = left_at_each(left, interrupt, KeyboardInterrupt, bytecodes)
    at_lines = [
        left_at_each(shown, leave, expected, lines)
        for leave, expected in ((interrupt, KeyboardInterrupt), (fail, ValueError), (sys.exit, SystemExit))
    ]
    sys.stdout.write(json.dumps([at_bytecodes, at_lines]))
