"""Exit codes, and how an error reaches a person: one line what, one line what to do."""

from __future__ import annotations

import os
import sys
from enum import IntEnum

import click

from device.errors import SilenceNotProven, Stopped, UnitUnusable
from device.guard import GuardRefused
from physioctl.errors import JournalUnusable, UsageMistake
from protocols.errors import PhysioctlError, ProtocolInvalid, Refused


class Exit(IntEnum):
    """What the shell is told. Other programs rely on these."""

    DONE = 0
    USAGE = 2
    PROTOCOL_INVALID = 3
    REFUSED = 4
    UNIT_UNUSABLE = 5
    STOPPED = 6
    FAULT = 7
    SILENCE_NOT_PROVEN = 8
    JOURNAL_UNUSABLE = 9


_CODES: tuple[tuple[type[PhysioctlError], Exit], ...] = (
    (ProtocolInvalid, Exit.PROTOCOL_INVALID),
    (Refused, Exit.REFUSED),
    (UnitUnusable, Exit.UNIT_UNUSABLE),
    (SilenceNotProven, Exit.SILENCE_NOT_PROVEN),
    (Stopped, Exit.STOPPED),
    (GuardRefused, Exit.FAULT),
    (JournalUnusable, Exit.JOURNAL_UNUSABLE),
    (UsageMistake, Exit.USAGE),
)


def code_of(error: PhysioctlError) -> Exit:
    """The exit code for an error of ours."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.USAGE)


def report(error: BaseException) -> int:
    """Say ``error`` on standard error and return its exit code; raise it again if it is not one of ours."""
    match error:
        case PhysioctlError():
            click.echo(f"{click.style('error:', fg='red')} {error.what}", err=True)
            click.echo(f"  to do: {error.to_do}", err=True)
            return code_of(error)
        case click.ClickException():
            context = error.ctx if isinstance(error, click.UsageError) else None
            command = context.command_path if context else "physioctl"
            click.echo(f"{click.style('error:', fg='red')} {error.format_message()}", err=True)
            click.echo(f"  to do: see {command} --help", err=True)
            return Exit.USAGE
        case click.Abort() | KeyboardInterrupt():
            click.echo("stopped.", err=True)
            return Exit.STOPPED
        case BrokenPipeError():
            hush_stdout()
            return Exit.DONE
    raise error


def hush_stdout() -> None:
    """Whoever read our output has gone. Nothing more can be said there, not even by the interpreter."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
