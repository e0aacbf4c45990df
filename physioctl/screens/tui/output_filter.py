"""What the drawing process writes, reduced to what draws: text, how it looks, and where the next text goes.

A terminal obeys far more than that. A process that could switch on mouse reports, another keyboard protocol
or bracketed paste would change the bytes that the key of a stop arrives as; one that could ask the terminal
a question would put the answer among the keys; and one that dies would leave all of it behind.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator

_TOKEN = re.compile(
    r"(?P<draws>[^\x00-\x1f\x7f-\x9f]+|[\r\n]|\x1b\[[0-9;]{0,32}[ABCDHJK])"
    r"|\x1b\[(?P<look>[0-9;]{0,64})m"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # from here on: whole, so that nothing of it is left over
    r"|\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[^\[\]P^_X]"
    r"|.",
    re.DOTALL,
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]P^_X][^\x07\x1b]*\x1b?)?\Z")
_UNFINISHED_MAX = 256  # characters; no sequence that is let through is nearly as long


class OutputFilter:
    """Lets text, its look and the cursor's place through, and nothing else."""

    def __init__(self, *, no_color: bool = False) -> None:
        self._no_color = no_color
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._rest = ""  # a sequence that is not over yet

    def passed(self, data: bytes) -> bytes:
        """What of ``data``, and of what was left of the data before, may go to the terminal."""
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        if unfinished := _UNFINISHED.search(text):
            text, rest = text[: unfinished.start()], unfinished[0]
            self._rest = rest if len(rest) <= _UNFINISHED_MAX else ""
        return "".join(self._allowed(text)).encode()

    def _allowed(self, text: str) -> Iterator[str]:
        for token in _TOKEN.finditer(text):
            if token["draws"] is not None:
                yield token["draws"]
            elif token["look"] is not None:
                yield self._look(token["look"])

    def _look(self, parameters: str) -> str:
        if not self._no_color:
            return f"\x1b[{parameters}m"
        kept = list(_without_colors(parameters.split(";")))
        return f"\x1b[{';'.join(kept)}m" if kept else ""


def _without_colors(parameters: list[str]) -> Iterator[str]:
    """The parameters of a look but for those of its colours (ECMA-48, SGR)."""
    left = iter(parameters)
    for parameter in left:
        number = int(parameter or 0)
        if number in (38, 48, 58):  # 5 and an index, or 2 and three parts
            kind = next(left, "")
            for _ in range({"5": 1, "2": 3}.get(kind, 0)):
                next(left, "")
        elif not (30 <= number <= 49 or 90 <= number <= 107 or number == 59):
            yield parameter
