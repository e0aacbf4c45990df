"""Exit codes, and how an error reaches a person: one line what, one line what to do."""

from __future__ import annotations

import errno
from enum import IntEnum

import click

from device.errors import GuardRefused, OutputNotConfirmedOff, Stopped, UnitUnusable
from physioctl.cli.printing import fitted
from physioctl.errors import InvalidUsage, JournalUnusable, PortNotChosen
from physioctl.text import clean
from protocols.errors import InstallationDamaged, PhysioctlError, ProtocolInvalid, Refused


class Exit(IntEnum):
    """Exit codes. Other programs rely on them."""

    DONE = 0
    USAGE = 2
    PROTOCOL_INVALID = 3
    REFUSED = 4
    UNIT_UNUSABLE = 5
    STOPPED = 6
    FAULT = 7
    OUTPUT_NOT_CONFIRMED_OFF = 8
    JOURNAL_UNUSABLE = 9


_CODES: tuple[tuple[type[PhysioctlError], Exit], ...] = (
    (ProtocolInvalid, Exit.PROTOCOL_INVALID),
    (Refused, Exit.REFUSED),
    (InstallationDamaged, Exit.REFUSED),
    (UnitUnusable, Exit.UNIT_UNUSABLE),
    (OutputNotConfirmedOff, Exit.OUTPUT_NOT_CONFIRMED_OFF),
    (Stopped, Exit.STOPPED),
    (GuardRefused, Exit.FAULT),
    (JournalUnusable, Exit.JOURNAL_UNUSABLE),
    (InvalidUsage, Exit.USAGE),
)

_NO_THREAD = "can't start new thread"  # all that Python says of it
_LISTS = (
    ProtocolInvalid,
    Refused,
    InstallationDamaged,
    InvalidUsage,
    PortNotChosen,
)  # may name several mistakes, one in each line


def code_of(error: BaseException) -> Exit:
    """The exit code for ``error``."""
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return Exit.STOPPED
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.USAGE)


def report(error: BaseException) -> None:
    """Say ``error`` on standard error; raise it again if it is not one that is known here."""
    match error:
        case PhysioctlError():
            _say(error.what, error.action, in_lines=isinstance(error, _LISTS))
        case click.ClickException():
            context = error.ctx if isinstance(error, click.UsageError) else None
            command = context.command_path if context else "physioctl"
            _say(error.format_message().expandtabs(), f"see {command} --help", in_lines=True)
        case click.Abort() | KeyboardInterrupt():
            click.echo("stopped.", err=True)
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            _say(
                "this program may not open as many files as it needs",
                "Raise the limit, such as: ulimit -n 256",
            )
        case RuntimeError() if _NO_THREAD in str(error):
            _say(
                "the system gives this program no further thread", "Raise the limit, such as: ulimit -u 4096"
            )
        case MemoryError():
            _say("there is too little memory", "End other programs, or raise the limit: ulimit -v")
        case OSError():
            _say(f"the operating system refuses: {error}", "See to that, then start it again.")
        case _:
            raise error


def _say(what: str, action: str, *, in_lines: bool = False) -> None:
    """Both may repeat what a person typed, or what a unit or a file says: none of it moves the cursor."""
    first, *more = map(clean, what.split("\n")) if in_lines else [clean(what)]
    error = click.style("error:", fg="red")
    said = fitted(f"error: {first}").removeprefix("error:")
    click.echo("\n".join([f"{error}{said}", *map(fitted, more)]), err=True)
    click.echo(fitted(f"  to do: {clean(action)}"), err=True)
