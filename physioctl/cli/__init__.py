"""The command line: what a person types, turned into calls, and what comes back into lines.

This file is what the installed script imports, so it imports next to nothing: until a command has been
imported, Ctrl-C ends the program from `_leave`, and not with a traceback from the middle of an import.
"""

from __future__ import annotations

import gc
import os
import select
import sys

from physioctl import siblings

TYPE_CHECKING = False  # as typing has it, without importing it
if TYPE_CHECKING:
    import signal
    from types import FrameType
    from typing import NoReturn
else:
    import _signal as signal  # the same without its enums, whose import is most of what Ctrl-C could hit here

_STOPPED = 6  # Exit.STOPPED, which is not imported yet
_due = _STOPPED  # the exit code if the program is ended now; what `call` finds out takes its place


def main() -> None:
    """Run the command line. Nothing a person can type ends in a traceback."""
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _leave)
        siblings.take_over()
        # pydantic would look into every installed distribution for plugins, and a damaged one ended it.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
        gc.disable()  # nothing of an import is thrown away again: to look for that takes a twentieth of it
        from physioctl.cli.streams import open_closed_descriptors

        open_closed_descriptors()
        code = call(sys.argv[1:])
    except KeyboardInterrupt:
        _leave(signal.SIGINT, None)
    # The code is known, and the interpreter is on its way out.
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _leave):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def call(arguments: list[str]) -> int:
    """Run the command line on ``arguments`` and return its exit code, whoever reads what it prints."""
    global _due
    import click

    from physioctl.cli.commands import cli
    from physioctl.cli.streams import standard_streams

    with standard_streams() as streams:
        try:
            result = cli.main(arguments, prog_name="physioctl", standalone_mode=False)
            code = result if isinstance(result, int) else 0
        except click.exceptions.Exit as done:
            code = done.exit_code
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - sorted by kind; any other is raised again
            from physioctl.cli.exits import code_of, report  # only a failing command pays for the error tree

            code = _due = int(code_of(error))
            if isinstance(error, KeyboardInterrupt | click.Abort):
                streams.limit_waiting()
            try:
                report(error)
            except KeyboardInterrupt:  # while it waited for a reader: the code is what it was
                streams.limit_waiting()
        if code:
            _due = int(code)
        try:
            streams.drain()
        except KeyboardInterrupt:  # while it waited for a reader
            code = code or _STOPPED
    return int(code)


def interrupts_raise() -> None:
    """From here on Ctrl-C raises `KeyboardInterrupt`, as a command expects: it has been imported."""
    gc.enable()
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the program, now: nothing is open. An exception may be lost in the middle of an import.

    Nothing is said where standard error would have to be waited for.
    """
    try:
        if sys.platform == "win32" or select.select([], [2], [], 0)[1]:
            os.write(2, b"stopped.\n")
    finally:
        os._exit(_due)
