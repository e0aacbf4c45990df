"""Groups of commands: help where no command is named, and suggestions for an unknown one.

And what a group needs so that help pays for nothing it does not show.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from physioctl.cli import interrupts_raise

_USAGE = 2  # Exit.USAGE, whose module imports what no help needs


class Group(click.Group):
    """A group that shows its help when no command is named, and suggests one for a misspelt name."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **{"no_args_is_help": False} | attributes)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it, and the help where there is nothing to parse."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit(_USAGE)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named; raise `click.UsageError`, with what comes nearest, for none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from difflib import get_close_matches  # imported for a misspelt name only

            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not near:
                raise
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")


class DefaultGroup(click.Group):
    """A group that does what its command ``default`` does where the first word names none of its commands."""

    def __init__(self, *args: Any, default: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it, so that the options of the default command are not taken for the group's."""
        return super().parse_args(ctx, self._with_default(args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named, or the default one."""
        return super().resolve_command(ctx, self._with_default(args))

    def _with_default(self, args: list[str]) -> list[str]:
        return args if args and args[0] in self.commands else [self._default, *args]


class LateGroup(Group):
    """A group whose commands are imported when they are called.

    ``late`` holds for each its module, the name of its click command in it, and its line in ``--help``.
    """

    def __init__(self, *args: Any, late: Mapping[str, tuple[str, str, str]], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._late = late

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order a therapist meets them."""
        return list(self._late)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command, imported now. Once no more is to be imported, Ctrl-C raises."""
        if name not in self._late:
            return None
        module, attribute, _ = self._late[name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        if not isinstance(command, LateGroup):
            interrupts_raise()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in self._late.items()])
