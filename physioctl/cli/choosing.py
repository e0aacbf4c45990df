"""What a person means by a name that was typed: a protocol, or one of a few names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from physioctl.cli.printing import aside

if TYPE_CHECKING:  # whoever reads a file has paid for pydantic already
    from protocols.model import Protocol

_SHOWN_MAX = 4  # names that a line of help lists by itself
_LENGTH_MAX = 100  # of a name for which a near one is looked for


class Named(click.ParamType[str]):
    """One of a few names, as a person or a screen writes it: case, spaces, - and _ make no difference.

    ``names`` may be given by what makes them out when they are needed. ``titles`` are further names, such as
    a screen shows, each with the one that it stands for.
    """

    def __init__(
        self,
        what: str,
        names: Iterable[str] | Callable[[], Iterable[str]],
        titles: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.name = what
        self._given = names
        self._titles = titles

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(self._given() if callable(self._given) else self._given)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name that is meant; raise `click.BadParameter`, with what comes nearest, for none."""
        known = {_plain(title): name for title, name in self._titles().items()}
        known |= {_plain(name): name for name in self._names}
        if (meant := known.get(_plain(value))) is not None:
            return meant
        from protocols.fields import near  # imported for a mistyped name only

        hint = near(_plain(value[:_LENGTH_MAX]), self._names)
        raise click.BadParameter(f"{value!r} is no {self.name}. {hint}", ctx, param)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """All of the names, where they are few."""
        return f"[{'|'.join(self._names)}]" if len(self._names) <= _SHOWN_MAX else self.name.upper()

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that begin so."""
        return [CompletionItem(name) for name in self._names if name.startswith(incomplete.casefold())]


class ModelName(Named):
    """The id of a model: one of ``ours``, or else an added one. Those are looked for only then."""

    def __init__(self, ours: Iterable[str], every: Callable[[], Iterable[str]]) -> None:
        super().__init__("model", every)
        self._ours = tuple(ours)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The id that is meant; raise `click.BadParameter`, with what comes nearest, for none."""
        meant = next((id_ for id_ in self._ours if _plain(id_) == _plain(value)), None)
        return super().convert(value, param, ctx) if meant is None else meant

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The ids of ours that begin so: others are not looked for at each key."""
        return [CompletionItem(id_) for id_ in self._ours if id_.startswith(incomplete.casefold())]


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char not in " -_")


def _body_sites() -> Mapping[str, str]:
    from protocols.ceilings import body_sites  # a stop needs no table

    return body_sites()


def _by_title() -> dict[str, str]:
    return {title: name for name, title in _body_sites().items()}


BODY_SITE = Named("body site", _body_sites, _by_title)


def chosen(name: str) -> Protocol:
    """The protocol called ``name``. Where another could have been meant, say so on standard error."""
    from protocols.library import find, namesakes

    protocol = find(name)
    for line in namesakes(name, protocol):
        aside(f"note: {line}")
    return protocol
