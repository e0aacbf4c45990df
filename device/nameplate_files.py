"""Where nameplates stand: ours, those of other distributions, and the files of a user's own folder.

A nameplate is a TOML file, and none of another's code is run to read one. A distribution names it by an entry
point in the group ``physioctl.models``: the entry point's name is the model's id, and its value the package
in whose folder the file ``<id>.toml`` lies. The user's own folder is ``models``, beside the settings file.
An id of ours is always ours. What is read is looked for by name only, and held as it was first read.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from device.entry_points import EntryPoints, entry_points_of
from device.errors import NameplateInvalid, WrongUnit
from protocols.errors import shorten

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "physioctl.models"
OURS = "physioctl"  # the distribution of our own nameplates
_FOLDER = Path(__file__).with_name("nameplates")
MODELS = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))
GENERIC = tuple(sorted(path.stem for path in (_FOLDER / "generic").glob("*.toml")))  # by family
_RESERVED = (*MODELS, *(f"generic_{family}" for family in GENERIC))
_ID = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_ID_MAX = 32  # characters; this project's own figure
_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_SIZE_MAX = 65_536  # bytes; this project's own figure
_SHOWN_MAX = 100  # characters of what another distribution says of itself
_TELL = "Tell whoever made it, or remove the distribution that brings it."
_DAMAGED = "Install that distribution once more, or remove it."


@dataclass(frozen=True, slots=True)
class NameplateFile:
    """The text of a nameplate, and who brings it."""

    id: str
    where: str  # the path of its file, for messages
    text: str
    distribution: str = OURS  # empty for a file of the user's own folder
    version: str = ""  # of the distribution; empty for ours, which is that of the program

    @property
    def content_hash(self) -> str:
        """SHA-256 of the text."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def is_ours(self) -> bool:
        """Whether this program brings it."""
        return self.distribution == OURS


def id_of(name: str) -> str:
    """The id of the model that a unit calls ``name``: small letters, digits, and one _ for what is between.

    Empty where no nameplate can have it.
    """
    id_ = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return id_ if _is_id(id_) else ""


def added() -> tuple[str, ...]:
    """The ids of the models that are not ours, but for those whose entry points cannot be read.

    Raise `NameplateInvalid` where the folder of the user's own cannot be.
    """
    named = {entry.name for entry in entry_points_of(GROUP).entries}
    try:
        own = {path.stem for path in _own_folder().glob("*.toml")}
    except OSError as error:
        raise NameplateInvalid(
            f"your folder of models cannot be read: {shorten(str(error), 200)}", "See whose it is."
        ) from error
    return tuple(sorted(id_ for id_ in named | own if _is_id(id_) and id_ not in _RESERVED))


def of_model(id_: str) -> NameplateFile:
    """The nameplate of the model ``id_``; raise `WrongUnit` when there is none, or `NameplateInvalid`."""
    if id_ in MODELS:
        return _ours(id_, f"{id_}.toml")
    if id_ in _RESERVED or not _is_id(id_):
        raise _no_model(id_)
    return _theirs(id_)


def generic(family: str) -> NameplateFile:
    """The generic nameplate of ``family``."""
    if family not in GENERIC:
        raise WrongUnit(f"there is no generic nameplate for {family}", "Use a unit of a known model.")
    return _ours(f"generic_{family}", f"generic/{family}.toml")


def read_text(path: Path) -> str:
    """The text of a nameplate's file; raise `NameplateInvalid` when it cannot be read. It never waits."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:  # pathlib takes no opener
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unreadable(path, "it is a device or a pipe, not a file")
            data = file.read(_SIZE_MAX + 1)
        if len(data) > _SIZE_MAX:
            raise _unreadable(path, f"it is larger than {_SIZE_MAX} bytes")
        return data.decode("utf-8")
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error


@cache
def _ours(id_: str, file: str) -> NameplateFile:
    path = _FOLDER / file
    return NameplateFile(id_, str(path), read_text(path))


@cache
def _theirs(id_: str) -> NameplateFile:
    listed = entry_points_of(GROUP)
    found = [*_of_distributions(listed, id_), *_of_the_user(id_)]
    if not found and listed.damaged:  # it may be there: no generic nameplate takes its place
        raise NameplateInvalid(f"the model {shorten(id_)!r} is not found{listed.doubt}", _DAMAGED)
    if not found:
        raise _no_model(id_)
    if len(found) > 1:
        raise NameplateInvalid(
            f"{len(found)} nameplates are called {id_!r}: {', '.join(each.where for each in found)}",
            "Leave one of them, and remove the others.",
        )
    return found[0]


def _of_distributions(listed: EntryPoints, id_: str) -> list[NameplateFile]:
    try:
        return [_brought(entry) for entry in listed.entries if entry.name == id_]
    except NameplateInvalid:
        raise
    except Exception as error:  # whatever the files of another distribution hold
        raise NameplateInvalid(
            f"the model {id_!r} of another distribution cannot be read: {shorten(str(error), 200)}", _TELL
        ) from error


def _brought(entry: EntryPoint) -> NameplateFile:
    path = _file_of(entry)
    name, version = ("", "") if entry.dist is None else (str(entry.dist.name), str(entry.dist.version))
    told = [text[:_SHOWN_MAX] for text in (name, version)]
    if not all(text and text.isprintable() for text in told) or name.lower() == OURS:
        raise NameplateInvalid(f"the distribution of the model {entry.name!r} has no name or version", _TELL)
    return NameplateFile(entry.name, str(path), read_text(path), *told)


def _file_of(entry: EntryPoint) -> Path:
    """The file that an entry point means. Its package is found, and not imported."""
    from importlib.machinery import PathFinder

    if not _PACKAGE.fullmatch(entry.value):
        raise NameplateInvalid(
            f"the entry point {entry.name!r} names {shorten(entry.value, 80)!r}, which is no package",
            f"Its value is the package in whose folder {entry.name}.toml lies. {_TELL}",
        )
    top, *inner = entry.value.split(".")
    spec = PathFinder.find_spec(top, sys.path)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, *inner, f"{entry.name}.toml")
        if path.is_file():
            return path
    raise NameplateInvalid(
        f"the entry point {entry.name!r} names the package {entry.value}, where no {entry.name}.toml is",
        _TELL,
    )


def _of_the_user(id_: str) -> list[NameplateFile]:
    path = _own_folder() / f"{id_}.toml"
    return [NameplateFile(id_, str(path), read_text(path), distribution="")] if os.path.lexists(path) else []


def _own_folder() -> Path:
    from platformdirs import user_config_path  # slow to import, and needed for a model of another only

    return user_config_path("physioctl", appauthor=False) / "models"


def _is_id(id_: str) -> bool:
    return len(id_) <= _ID_MAX and _ID.fullmatch(id_) is not None


def _no_model(id_: str) -> WrongUnit:
    return WrongUnit(f"there is no model called {shorten(id_)!r}", f"Use one of {', '.join(MODELS)}.")


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))  # not on Windows


def _unreadable(path: Path, why: str) -> NameplateInvalid:
    return NameplateInvalid(f"{path}: cannot be read: {why}", "Correct the nameplate.")
