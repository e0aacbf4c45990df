"""Dialects by name, each imported when it is first asked for.

Another distribution adds one by an entry point in the group ``physioctl.dialects``: the entry point's name is
the dialect's, and its value is a `Factory`. A name of ours is always ours, and is had without a look at what
else is installed: a stop does not wait for that.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from device.address import AddressUnusable
from device.dialects.base import Dialect, Line, Promises
from device.entry_points import entry_points_of
from protocols.errors import PhysioctlError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Factory: TypeAlias = Callable[[int | None], Dialect]  # takes the unit's address; None where none was given

GROUP = "physioctl.dialects"
NAMES = ("native", "modbus")  # the first is the default
_LENGTH_MAX = 100  # of a name for which a near one is looked for
_OURS = {"native": ("device.dialects.native", "Native"), "modbus": ("device.dialects.modbus", "Modbus")}


class UnknownDialect(PhysioctlError):
    """Nothing is known of a dialect of that name, or what was found under it is none."""


def names() -> tuple[str, ...]:
    """Every dialect there is: ours, and those of other distributions."""
    return NAMES + added()


def added() -> tuple[str, ...]:
    """The dialects of other distributions, but for those whose entry points cannot be read."""
    found = {entry.name for entry in entry_points_of(GROUP).entries}
    return tuple(sorted(found - set(NAMES)))


def make(name: str, address: int | None = None) -> Dialect:
    """A new dialect called ``name``, for the unit at ``address``.

    Raise `UnknownDialect`, or `AddressUnusable` when the dialect does not take the address.
    """
    return dialect_named(name)(address)


def dialect_named(name: str) -> Factory:
    """What makes the dialect called ``name``; raise `UnknownDialect`, which lists the names."""
    if name in _OURS:
        return _ours(name)
    listed = entry_points_of(GROUP)
    found = [entry for entry in listed.entries if entry.name == name]
    if not found:
        from difflib import get_close_matches  # for a mistyped name only

        near = get_close_matches(name[:_LENGTH_MAX].casefold(), names(), n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise UnknownDialect(
            f"no dialect is called {name!r}{listed.doubt}", f"{hint}Choose one of: {', '.join(names())}."
        )
    return _theirs(found[0])


def _ours(name: str) -> Factory:
    module, kind = _OURS[name]
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as error:
        raise UnknownDialect(
            f"the dialect {name!r} needs the package {error.name}, which is not installed",
            f"Install it with: pip install {error.name}",
        ) from error
    made = getattr(loaded, kind)
    if name == "native":
        return _without_address(made)

    def at(address: int | None) -> Dialect:
        try:
            dialect: Dialect = made() if address is None else made(address)
        except ValueError as error:
            raise AddressUnusable(str(error), "Write the address behind the port: /dev/ttyUSB0#17") from None
        return dialect

    return at


def _without_address(made: Callable[[], Dialect]) -> Factory:
    def at(address: int | None) -> Dialect:
        if address is not None:
            raise AddressUnusable(
                f"the native dialect has one unit on a line, and no address {address}",
                "Leave the address out, or name the dialect: --dialect modbus",
            )
        return made()

    return at


def _theirs(entry: EntryPoint) -> Factory:
    try:
        factory: Factory = entry.load()
    except (Exception, SystemExit) as error:  # whatever another distribution's import raises
        raise UnknownDialect(
            f"the dialect {entry.name!r} cannot be loaded from {entry.value}: {error}",
            "Install the distribution that brings it once more, or remove it.",
        ) from error
    if not callable(factory):
        raise UnknownDialect(
            f"the dialect {entry.name!r}, {entry.value}, cannot be called", "Tell whoever made it."
        )

    def at(address: int | None) -> Dialect:
        try:
            made = factory(address)
            flaw = _flaw(made, entry.name)
        except ValueError as error:
            raise AddressUnusable(
                f"the dialect {entry.name!r} does not take the address {address}: {error}",
                "Write another one behind the port, or none.",
            ) from error
        except (Exception, SystemExit) as error:  # whatever another distribution raises
            raise UnknownDialect(
                f"the dialect {entry.name!r} cannot be made: {error}", "Tell whoever made it."
            ) from error
        if flaw:
            raise UnknownDialect(f"the dialect {entry.name!r} is none: {flaw}", "Tell whoever made it.")
        return made

    return at


def _flaw(made: object, name: str) -> str:
    """What keeps ``made`` from being the dialect called ``name``; empty where nothing does."""
    if not all(callable(getattr(made, method, None)) for method in ("say", "hear", "give_up")):
        return "it cannot say, hear and give up"
    if getattr(made, "name", None) != name:  # this goes into the record
        return f"it calls itself {getattr(made, 'name', None)!r}"
    promises = getattr(made, "promises", None)
    if not isinstance(promises, Promises) or not isinstance(promises.line, Line):
        return "it makes no promises"
    line = promises.line
    whole = all(type(value) is int for value in (line.baud, line.answer_max_ms, line.drain_ms))
    if not whole or line.baud <= 0 or line.answer_max_ms <= 0 or line.drain_ms < 0:
        return "its line has no speed, or no time for an answer"
    if line.parity not in ("N", "E", "O") or line.stop_bits not in (1, 2):
        return "its line has another parity, or other stop bits, than there are"
    return ""
