"""What a list says of the protocols that ship, made from their files.

To read every file takes longer than all else that a list does. `tools.generate` makes the index; each entry
names the SHA-256 of its file, and where that is another, or the index cannot be read, the file is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # whoever holds a protocol has paid for pydantic already
    from protocols.model import Protocol

PATH = Path(__file__).with_name("library.json")
_FOLDER = Path(__file__).with_name("library")

Entry = Mapping[str, Any]  # file: its SHA-256; site: what people call it; about: see `about`


def about(protocol: Protocol) -> dict[str, Any]:
    """What there is to say of a protocol beside its steps and its screening, as plain values."""
    from protocols.compile import emitted_ms

    return {
        "id": protocol.id,
        "title": protocol.title,
        "family": protocol.family,
        "body_site": protocol.body_site,
        "side": protocol.side,
        "purpose": protocol.purpose,
        "evidence": protocol.evidence.model_dump(mode="json") | {"sources": [*protocol.evidence.sources]},
        "red_flags": [
            {"code": flag.code, "sign": flag.sign, "action": flag.action} for flag in protocol.red_flags
        ],
        "delivered_ms": emitted_ms(protocol),
        "content_hash": protocol.content_hash,
        "bundled": protocol.origin.bundled,
    }


def listed(index: Path = PATH) -> Iterator[Entry]:
    """Give the entry of each protocol that ships, in order.

    Raise `ProtocolInvalid` where a file has to be read and is none.
    """
    known = _known(index)
    for path in _files():
        yield _entry(path, known)


def content_hash(id_: str) -> str:
    """The content hash of the protocol of this id that ships."""
    hash_: str = _entry(_FOLDER / f"{id_}.yaml", _known(PATH))["about"]["content_hash"]
    return hash_


def text() -> str:
    """The text of the index."""
    made = {path.stem: _made(path) for path in _files()}
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def _files() -> list[Path]:
    return sorted(_FOLDER.glob("*.yaml"), key=lambda path: path.stem)


def _entry(path: Path, known: Mapping[str, Entry]) -> Entry:
    entry = known.get(path.stem)
    return entry if isinstance(entry, dict) and entry.get("file") == _hash(path) else _made(path)


def _made(path: Path) -> Entry:
    from protocols.ceilings import body_sites
    from protocols.library import find

    protocol = find(path.stem)
    return {"file": _hash(path), "site": body_sites()[protocol.body_site], "about": about(protocol)}


def _known(index: Path) -> Mapping[str, Entry]:
    try:
        known = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _hash(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
