"""Finding and reading protocols: the library that ships, and an author's own files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from protocols.errors import PhysioctlError, Problem, ProtocolInvalid, Where, printable, shorten
from protocols.fields import near
from protocols.index import content_hash
from protocols.model import FORMAT, Protocol
from protocols.origin import Origin
from protocols.problems import problems
from protocols.reading import Node, read_bytes, read_nodes

_FOLDER = Path(__file__).with_name("library")


class UnknownProtocol(PhysioctlError):
    """What was named is neither a bundled protocol nor a file."""


def bundled() -> tuple[str, ...]:
    """The ids of the protocols that ship, in order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def find(name: str | Path) -> Protocol:
    """The bundled protocol with this id, or the one in this file."""
    text, path = str(name), Path(name)
    if len(path.parts) > 1 or path.suffix in {".yaml", ".yml"}:
        return load(path)
    if text in bundled():  # only a name that is in the list, so that no id leads out of the folder
        return _bundled(read_bytes(_FOLDER / f"{text}.yaml"), f"{text}.yaml")
    if _exists(path):
        return load(path)
    close = near(text.casefold().replace(" ", "-").replace("_", "-"), bundled())
    raise UnknownProtocol(
        f"there is no bundled protocol and no file called {printable(shorten(text))!r}",
        f"{close if close.startswith('Did') else ''} List them with physioctl protocols list.".strip(),
    )


@lru_cache(maxsize=64)
def _bundled(data: bytes, file: str) -> Protocol:
    """The bundled protocol that ``data`` is, read once: it is frozen, so that all may share it."""
    return parse(data, file, bundled=True)


def namesakes(name: str | Path, protocol: Protocol) -> tuple[str, ...]:
    """What to tell a person who said ``name`` and got ``protocol``, where another could have been meant."""
    if protocol.origin.bundled:
        if not Path(name).is_file():
            return ()
        what = f"{name} is the bundled protocol; the file of that name in this folder is not read"
        return (f"{what} (that is ./{name})",)
    if protocol.id in bundled() and content_hash(protocol.id) != protocol.content_hash:
        return (f"{protocol.origin.file} bears the id of the bundled protocol {protocol.id} and is not it",)
    return ()


def load(path: str | Path) -> Protocol:
    """The protocol in a file, or `ProtocolInvalid` with all of the file's mistakes."""
    path = Path(path)
    return parse(read_bytes(path), printable(path))


def parse(data: bytes, file: str = "<memory>", *, bundled: bool = False) -> Protocol:
    """The protocol that ``data`` is, said to be from ``file``; ``bundled`` when that ships with physioctl."""
    root, found = read_nodes(data, file)
    _check_format(root, file)
    protocol: Protocol | None = None
    try:
        protocol = Protocol.model_validate(root.plain(), context=Origin(file, root, bundled))
    except ValidationError as error:
        found += problems(error, root, file)
    if found or protocol is None:
        raise ProtocolInvalid(sorted(found, key=lambda problem: (problem.line, problem.column)))
    return protocol


def as_read(protocol: Protocol) -> Protocol:
    """``protocol`` as a file with its content is read; raise `ProtocolInvalid` when no file could hold it.

    A protocol that was made or changed in Python, past the model's checks, is held to them here.
    """
    try:
        text = protocol.canonical_text()
        text.encode()  # a text from Python may hold half a character, as no file does
    except (TypeError, ValueError) as error:
        raise _no_file_holds("<memory>", shorten(str(error), 200)) from None
    origin = protocol.origin
    try:
        read = Protocol.model_validate_json(text, context=origin)
    except ValidationError as error:
        root = origin.root or Node(0, 0, None)
        raise ProtocolInvalid(list(problems(error, root, origin.file))) from None
    if read.canonical_text() != text:
        raise _no_file_holds(origin.file, "a value is of another type or form than a file gives it")
    return read


def _no_file_holds(file: str, what: str) -> ProtocolInvalid:
    what = f"holds what no protocol file can: {what}"
    return ProtocolInvalid([Problem(what, "Write a file, and read that.", file=file)])


def _check_format(root: Node, file: str) -> None:
    """A later format is one mistake, not one for each key that it has and we do not know."""
    where: Where = ("format",)
    said = root.plain()
    version = said.get("format") if isinstance(said, dict) else None
    if isinstance(version, int) and not isinstance(version, bool) and version != FORMAT:
        what = f"format {version} is not known here; this version of physioctl reads format {FORMAT}"
        action = "Use a newer physioctl, or write format 1."
        raise ProtocolInvalid([Problem(what, action, where, file, *root.place(where))])


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
