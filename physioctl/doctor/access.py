"""Whether a port may be opened: what it is, whose it is, and who has it. It is not opened here."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from physioctl.doctor.findings import Finding, found
from physioctl.doctor.holders import programs_with
from physioctl.holder import holding

if sys.platform != "win32":
    import grp
    import pwd

NAMED_MAX = 3  # programs that are named; this project's own figure
OTHER_DEVICE = "a device of another kind"
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISREG, "a file"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a disk"),
)
_NEVER_SERIAL = (
    1,
    10,
)  # Linux: memory, such as /dev/null, and what is alone of its kind, such as /dev/watchdog
_GROUP_MAY = stat.S_IRGRP | stat.S_IWGRP


@dataclass(frozen=True, slots=True)
class Account:
    """Whoever runs this program: what this login has, and what the system's list of groups says."""

    groups: frozenset[int]  # of this login
    listed: frozenset[int]  # of the next one

    @classmethod
    def current(cls) -> Account:
        """The account of this process. On Windows it has no groups."""
        if sys.platform == "win32":
            return cls(frozenset(), frozenset())
        held = frozenset((*os.getgroups(), os.getegid()))
        try:
            me = pwd.getpwuid(os.geteuid())
        except KeyError:  # a user that the system has no name for
            return cls(held, frozenset())
        return cls(held, frozenset(os.getgrouplist(me.pw_name, me.pw_gid)))


def hindrance(name: str, port: str, account: Account | None = None) -> Finding | None:
    """Why the device ``port``, which a person calls ``name``, may not be opened now; None where it may."""
    try:
        status = os.stat(port)  # noqa: PTH116 - a port is a string, and need not be a path
    except (FileNotFoundError, NotADirectoryError):
        return found("port.missing", port=name)
    except PermissionError:
        return found(
            "port.unusable",
            why=f"you may not look into the folder of {name}",
            todo="Ask whoever looks after this computer.",
        )
    except (OSError, ValueError) as error:  # as for links that lead to each other
        return found("port.unusable", why=f"{name}: {error}", todo="See what there is with: physioctl ports")
    for is_kind, kind in _KINDS:
        if is_kind(status.st_mode):
            return found("port.not_serial", port=name, kind=kind)
    if sys.platform == "linux" and os.major(status.st_rdev) in _NEVER_SERIAL:
        return found("port.not_serial", port=name, kind=OTHER_DEVICE)
    if sys.platform != "win32" and not _may_use(port):
        return denial(name, port, status, account or Account.current())
    others = programs_with(port)
    named = ", ".join(map(str, others[:NAMED_MAX])) + (", and more" if others[NAMED_MAX:] else "")
    if holding(port):
        return found("port.session", port=name, who=f" ({named})" if others else "", path=shlex.quote(name))
    if others:
        return found("port.held", port=name, who=named, pid=others[0].pid)
    return None


def _may_use(port: str) -> bool:
    return os.access(port, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def denial(name: str, port: str, status: os.stat_result, account: Account) -> Finding:
    """Why the account may not use the port, and which command changes that."""
    owner, group = account_name(status.st_uid), _group(status.st_gid)
    joining_helps = status.st_mode & _GROUP_MAY == _GROUP_MAY and status.st_gid != 0
    if not joining_helps or status.st_gid in account.groups:
        return found(
            "port.denied_to_group",
            port=name,
            owner=owner,
            group=group,
            mode=f"{stat.S_IMODE(status.st_mode):03o}",
            path=shlex.quote(port),
        )
    if status.st_gid in account.listed:
        return found("port.login_older", port=name, group=group)
    return found("port.denied", port=name, owner=owner, group=group)


def account_name(uid: int) -> str:
    """The name of an account of this computer, or its number where it has none."""
    with suppress(KeyError):
        if sys.platform != "win32":
            return pwd.getpwuid(uid).pw_name
    return str(uid)


def _group(gid: int) -> str:
    with suppress(KeyError):
        if sys.platform != "win32":
            return grp.getgrgid(gid).gr_name
    return str(gid)
