"""Groups of commands: help where no command is named, and suggestions for an unknown one."""

from __future__ import annotations

from typing import Any

import click

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
