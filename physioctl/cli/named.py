"""Options and arguments that take one of a few names, as a person or a screen writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import click
from click.shell_completion import CompletionItem

_SHOWN_MAX = 4  # names that a line of help lists by itself
_LENGTH_MAX = 100  # of a name for which a near one is looked for


class Named(click.ParamType[str]):
    """One of a few names: case, spaces, - and _ make no difference.

    ``names`` may be a function, where they are slow to make out. ``titles`` are further names, such as a
    screen shows, each with the one that it stands for.
    """

    def __init__(
        self,
        what: str,
        names: Iterable[str] | Callable[[], Iterable[str]],
        titles: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.name = what
        self._names = names
        self._titles = titles

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name that is meant; raise `click.BadParameter`, with what comes nearest, for none."""
        names = self._known()
        known = {_plain(title): name for title, name in self._titles().items()}
        known |= {_plain(name): name for name in names}
        if (meant := known.get(_plain(value))) is not None:
            return meant
        from protocols.fields import near  # slow to import: for a misspelt name only

        hint = near(_plain(value[:_LENGTH_MAX]), names)
        raise click.BadParameter(f"{value!r} is no {self.name}. {hint}", ctx, param)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """All of the names, where they are few."""
        if callable(self._names) or len(names := self._known()) > _SHOWN_MAX:
            return self.name.upper()
        return f"[{'|'.join(names)}]"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that begin so."""
        return [CompletionItem(name) for name in self._known() if name.startswith(incomplete.casefold())]

    def _known(self) -> tuple[str, ...]:
        return tuple(self._names() if callable(self._names) else self._names)


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char not in " -_")
