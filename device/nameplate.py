"""A strict reader of nameplate files: every key is read, known and of its kind, or the file is refused.

Written by hand and small, because whatever stops a unit imports it: a schema library takes longer to load
than a stop may wait.
"""

from __future__ import annotations

import tomllib
from typing import Any

from device.errors import NameplateInvalid
from protocols.errors import shorten

SENSORS = ("output", "head_temperature", "contact", "battery")
_TEXT_MAX = 200  # characters; this project's own figure
_WHOLE_MAX = 0xFFFFFFFF  # the widest number that the cable carries


class Table:
    """One table of a TOML file. A key is read once; what is left over is a mistake."""

    def __init__(self, where: str, said: Any) -> None:
        self._where = where
        if not isinstance(said, dict) or not said:
            raise self._problem("a table with something in it is expected here")
        self._said: dict[str, Any] = dict(said)

    def has(self, key: str) -> bool:
        """Whether ``key`` is there and has not been read."""
        return key in self._said

    def table(self, key: str) -> Table:
        """The table under ``key``."""
        return Table(f"{self._where}, {key}", self._take(key))

    def text(self, key: str) -> str:
        """The text under ``key``, which is not blank."""
        value = self._take(key)
        if not isinstance(value, str) or not value.strip():
            raise self._problem(f"{key} is not a text with something in it")
        if not value.isprintable() or len(value) > _TEXT_MAX:  # it goes to terminals and into records
            raise self._problem(f"{key} is not one line of at most {_TEXT_MAX} characters")
        return value

    def one_of(self, key: str, known: tuple[str, ...]) -> str:
        """The text under ``key``, which is one of ``known``."""
        value = self.text(key)
        if value not in known:
            raise self._problem(f"{key} is {value!r}, and not one of {', '.join(known)}")
        return value

    def flag(self, key: str) -> bool:
        """The true or false under ``key``."""
        value = self._take(key)
        if not isinstance(value, bool):
            raise self._problem(f"{key} is {value!r}, and neither true nor false")
        return value

    def whole(self, key: str) -> int:
        """The whole number under ``key``, not negative."""
        return self._whole(key, self._take(key))

    def wholes(self, key: str) -> tuple[int, ...]:
        """The whole numbers under ``key``: at least one, none twice."""
        values = self._list(key)
        return tuple(self._whole(key, value) for value in values)

    def range(self, key: str) -> tuple[int, int]:
        """The two whole numbers under ``key``, the lower first."""
        values = self._take(key)
        if not isinstance(values, list) or len(values) != 2:
            raise self._problem(f"{key} is not a pair of whole numbers")
        low, high = (self._whole(key, value) for value in values)
        if low > high:
            raise self._problem(f"{key} goes from {low} down to {high}")
        return low, high

    def names(self, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """The names under ``key``, each one of ``known``: at least one, none twice."""
        values = self._list(key)
        if unknown := [value for value in values if value not in known]:
            raise self._problem(f"{key} names {unknown[0]!r}, which is not one of {', '.join(known)}")
        return tuple(values)

    def expect_nothing_more(self) -> None:
        """Raise `NameplateInvalid` when a key has not been read."""
        if self._said:
            raise self._problem(f"nothing is called {', '.join(sorted(self._said))} here")

    def _take(self, key: str) -> Any:
        if key not in self._said:
            raise self._problem(f"{key} is missing")
        return self._said.pop(key)

    def _list(self, key: str) -> list[Any]:
        values = self._take(key)
        if not isinstance(values, list) or not values:
            raise self._problem(f"{key} is not a list with something in it")
        if any(value in values[:index] for index, value in enumerate(values)):
            raise self._problem(f"{key} names something twice")
        return values

    def _whole(self, key: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._problem(f"{key} is {value!r}, and not a whole number from 0 up")
        if value > _WHOLE_MAX:
            raise self._problem(f"{key} is larger than {_WHOLE_MAX}")
        return value

    def _problem(self, what: str) -> NameplateInvalid:
        return NameplateInvalid(f"{self._where}: {shorten(what, _TEXT_MAX)}", "Correct the nameplate.")


def parse_toml(where: str, text: str) -> Table:
    """The TOML ``text`` of the file ``where``; raise `NameplateInvalid` when it is not TOML."""
    try:
        said = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise NameplateInvalid(f"{where}: cannot be read: {error}", "Correct the nameplate.") from error
    return Table(where, said)
