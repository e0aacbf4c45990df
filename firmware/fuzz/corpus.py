"""Write the golden vectors as inputs for the fuzzer: ``python firmware/fuzz/corpus.py FOLDER``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

VECTORS = Path(__file__).resolve().parents[2] / "device/wire/vectors.json"
FRAMED, FRESH = 0x40, 0x80


def inputs() -> Iterator[bytes]:
    """The conversation whole, each line of it as a message, and what is no frame."""
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    lines = [line for line in vectors["conversation"]["lines"] if "request" in line]
    talk, fresh, now_ms = b"", b"", 0
    for line in lines:
        frame = bytes.fromhex(line["request"])
        wait_ms, now_ms = min(line["at_ms"] - now_ms, 255), line["at_ms"]
        message = plain(frame)
        talk += bytes([len(frame), wait_ms]) + frame
        fresh += bytes([len(message) | FRAMED | FRESH, wait_ms]) + message
        yield bytes([len(message) | FRAMED, 0]) + message
    yield talk
    yield fresh
    for case in vectors["bad_frames"]:
        data = bytes.fromhex(case["bytes"])
        pieces = [data[at : at + 63] for at in range(0, len(data), 63)]
        yield b"".join(bytes([len(piece), 1]) + piece for piece in pieces)


def plain(frame: bytes) -> bytes:
    """Type, seq and body of a frame: COBS undone, the CRC left out."""
    encoded, found = frame.strip(b"\0"), b""
    while encoded:
        code = encoded[0]
        found, encoded = found + encoded[1:code], encoded[code:]
        found += b"\0" if encoded else b""
    return found[:-4]


def main() -> None:
    """One file for each input."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(inputs()):
        (folder / f"vector-{number:02}").write_bytes(data)


if __name__ == "__main__":
    main()
