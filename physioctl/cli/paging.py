"""Text that is longer than the screen goes to a pager: ``$PAGER``, or ``less``, as ``gh`` and ``git`` do it.

``PAGER=cat``, or an empty one, prints all of it. Where standard input or output is no terminal, the text is
short, or there is no such pager, it is printed as it is.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from itertools import chain, islice

import click

_LESS = "FRX"  # quits where all of it fits, passes bold on, and leaves the text on the screen; as gh has it


def paged(lines: Iterable[str]) -> None:
    """Show ``lines``, with a pager where they are more than the terminal has.

    They are asked for as the pager takes them.
    """
    lines = iter(lines)
    if not _may_page():
        click.echo("\n".join(lines))
        return
    begin = list(islice(lines, shutil.get_terminal_size().lines))
    if len(begin) < shutil.get_terminal_size().lines:
        click.echo("\n".join(begin))
        return
    os.environ.setdefault("LESS", _LESS)
    try:
        click.echo_via_pager(chain(["\n".join(begin)], (f"\n{line}" for line in lines)))
    except OSError:  # there is such a file, and it is no program: nothing has been asked for yet
        click.echo("\n".join(chain(begin, lines)))


def _may_page() -> bool:
    """Whether somebody is at a terminal who has not said that they want no pager."""
    if sys.stdin is None or not sys.stdin.isatty() or not sys.stdout.isatty():
        return False
    try:
        named = shlex.split(os.environ.get("PAGER", "less"))
    except ValueError:  # a quotation without its end
        return False
    return named not in ([], ["cat"])
