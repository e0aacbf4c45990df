"""The command that gives the rest of a session which broke off, ready to paste."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from device.dialects.registry import NAMES
from physioctl.cli.printing import own_name
from protocols.library import bundled


@dataclass(frozen=True, slots=True)
class Typed:
    """What a session was asked for with, as far as its rest has to be asked for with the same.

    The person and the side are in the record.
    """

    protocol: str  # an id, or a file
    answers: Path | None = None
    operator: str | None = None
    journal: Path | None = None
    unauthenticated_network: bool = False


def rest_command(typed: Typed, session: str, port: str, dialect: str) -> str:
    """The whole command, for the shell that people have here. Files are named by their whole paths."""
    words = ["run", _whole(typed.protocol), "--rest-of", session, "--port", port]
    if dialect != NAMES[0]:
        words += ["--dialect", dialect]
    for option, path in (("--answers", typed.answers), ("--journal", typed.journal)):
        if path is not None:
            words += [option, str(path.absolute())]
    if typed.operator is not None:
        words += ["--operator", typed.operator]
    if typed.unauthenticated_network:
        words.append("--unauthenticated-network")
    quoted = subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
    return f"{own_name()} {quoted}"


def _whole(protocol: str) -> str:
    return protocol if protocol in bundled() else str(Path(protocol).absolute())
