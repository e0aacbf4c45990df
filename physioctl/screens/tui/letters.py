"""Large letters and digits, of block characters, for what is read from across a room.

A glyph is three lines of half blocks, at twice the size six. Textual's own large digits are of thin lines,
and it has no large letters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

HEIGHT = 3  # lines at size 1

# Letters as in the FIGlet font "pagga" of TOIlet, with wider M, N and W.
_GLYPHS: Mapping[str, tuple[str, str, str]] = {
    "A": ("█▀█", "█▀█", "▀ ▀"),
    "B": ("█▀▄", "█▀▄", "▀▀ "),
    "C": ("█▀▀", "█  ", "▀▀▀"),
    "D": ("█▀▄", "█ █", "▀▀ "),
    "E": ("█▀▀", "█▀▀", "▀▀▀"),
    "F": ("█▀▀", "█▀▀", "▀  "),
    "G": ("█▀▀", "█ █", "▀▀▀"),
    "H": ("█ █", "█▀█", "▀ ▀"),
    "I": ("█", "█", "▀"),
    "J": ("  █", "  █", "▀▀▀"),
    "K": ("█ █", "█▀▄", "▀ ▀"),
    "L": ("█  ", "█  ", "▀▀▀"),
    "M": ("█▄ ▄█", "█ ▀ █", "▀   ▀"),
    "N": ("█▄ █", "█ ▀█", "▀  ▀"),
    "O": ("█▀█", "█ █", "▀▀▀"),
    "P": ("█▀█", "█▀▀", "▀  "),
    "Q": ("█▀█", "█ █", "▀▀█"),
    "R": ("█▀▄", "█▀▄", "▀ ▀"),
    "S": ("█▀▀", "▀▀█", "▀▀▀"),
    "T": ("▀█▀", " █ ", " ▀ "),
    "U": ("█ █", "█ █", "▀▀▀"),
    "V": ("█ █", "▀▄▀", " ▀ "),
    "W": ("█ ▄ █", "█▄█▄█", " ▀ ▀ "),
    "X": ("█ █", "▄▀▄", "▀ ▀"),
    "Y": ("█ █", " █ ", " ▀ "),
    "Z": ("▀▀█", "▄▀ ", "▀▀▀"),
    "0": ("█▀█", "█ █", "▀▀▀"),
    "1": ("▀█ ", " █ ", "▀▀▀"),
    "2": ("▀▀█", "█▀▀", "▀▀▀"),
    "3": ("▀▀█", " ▀█", "▀▀▀"),
    "4": ("█ █", "▀▀█", "  ▀"),
    "5": ("█▀▀", "▀▀█", "▀▀▀"),
    "6": ("█▀▀", "█▀█", "▀▀▀"),
    "7": ("▀▀█", "  █", "  ▀"),
    "8": ("█▀█", "█▀█", "▀▀▀"),
    "9": ("█▀█", "▀▀█", "▀▀▀"),
    ":": ("▄", "▄", " "),
    ".": (" ", " ", "▀"),
    "-": ("   ", "▀▀▀", "   "),
    " ": ("  ", "  ", "  "),
}


def drawable(text: str) -> bool:
    """Whether every character of ``text`` has a glyph."""
    return all(char in _GLYPHS for char in text)


def large(text: str, size: int = 1) -> tuple[str, ...]:
    """``text`` in ``size`` times `HEIGHT` lines; raise `KeyError` for what has no glyph."""
    glyphs = [_GLYPHS[char] for char in text]
    return enlarged(tuple(" ".join(glyph[line] for glyph in glyphs) for line in range(HEIGHT)), size)


def enlarged(lines: tuple[str, ...], size: int) -> tuple[str, ...]:
    """``lines`` of half blocks, ``size`` (1 or 2) times as large."""
    return lines if size == 1 else tuple(part for line in lines for part in _doubled(line))


def _doubled(line: str) -> Iterator[str]:
    """One line of half blocks as two of whole ones, each twice as wide."""
    yield "".join("██" if char in "█▀" else "  " for char in line)
    yield "".join("██" if char in "█▄" else "  " for char in line)
