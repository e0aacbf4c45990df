"""From the bytes of a terminal to keys. It is sans-IO: bytes and times go in, keys come out.

An arrow key, a report of the mouse and a paste come as sequences that begin with the byte of Esc (ECMA-48;
xterm's control sequences). None of them is Esc: that is its byte alone, with nothing behind it for `ESC_MS`.
Where that is in doubt it is Esc, which stops.
"""

from __future__ import annotations

import codecs
from enum import Enum, auto

ESC, CTRL_C, CTRL_BACKSLASH = "esc", "ctrl-c", "ctrl-\\"
ENTER, BACKSPACE, SPACE = "enter", "backspace", " "

# This project's own figures. Programs that wait for Esc do so for 10 ms (tmux 3.5) to 1 s (ncurses).
ESC_MS = 50  # after which an Esc was the key
SEQUENCE_MS = 500  # after which a sequence that was not completed is over
PASTE_MS = 1000  # after which a paste that was not completed is over
PARAMETERS_MAX = 64  # characters of a sequence
_NAMED = {
    "\x03": CTRL_C,
    "\x1c": CTRL_BACKSLASH,
    "\r": ENTER,
    "\n": ENTER,
    "\x7f": BACKSPACE,
    "\b": BACKSPACE,
}
_ESC, _BELL = "\x1b", "\x07"
_PASTE_ENDS = "\x1b[201~"
_MOUSE_REPORT = 3  # characters after CSI M, the oldest report of the mouse


class _In(Enum):
    NOTHING = auto()
    ESC = auto()  # which may be the key
    CSI = auto()  # a control sequence: parameters, and a final character
    SS3 = auto()  # one character more
    STRING = auto()  # an answer of the terminal, up to BEL or ESC \
    STRING_ESC = auto()
    MOUSE = auto()
    PASTE = auto()


class KeyDecoder:
    """Decodes what one terminal sends."""

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._in = _In.NOTHING
        self._seen = ""  # of the present sequence
        self._at_ms = 0  # when the latest of it came
        self._keys: list[str] = []

    def feed(self, data: bytes, now_ms: int) -> list[str]:
        """Take ``data``, which came at ``now_ms``; return the keys that are complete."""
        self._expire(now_ms)
        for char in self._text.decode(data):
            self._at_ms = now_ms
            self._take(char)
        return self._taken()

    def poll(self, now_ms: int) -> list[str]:
        """Return the key that has become certain by ``now_ms``."""
        self._expire(now_ms)
        return self._taken()

    @property
    def due_ms(self) -> int | None:
        """When `poll` has to be called, unless something comes before; None when it need not be."""
        return None if self._in is _In.NOTHING else self._at_ms + self._limit_ms

    @property
    def _limit_ms(self) -> int:
        if self._after_an_esc:
            return ESC_MS
        return PASTE_MS if self._in is _In.PASTE else SEQUENCE_MS

    @property
    def _after_an_esc(self) -> bool:
        """Whether what came last may have been the key."""
        return self._in in (_In.ESC, _In.STRING_ESC) or (self._in is _In.PASTE and self._seen.endswith(_ESC))

    def _taken(self) -> list[str]:
        keys, self._keys = self._keys, []
        return keys

    def _expire(self, now_ms: int) -> None:
        due_ms = self.due_ms
        if due_ms is None or now_ms < due_ms:
            return
        if self._after_an_esc:
            self._keys.append(ESC)
        self._go(_In.NOTHING)

    def _go(self, inside: _In) -> None:
        self._in, self._seen = inside, ""

    def _take(self, char: str) -> None:
        match self._in:
            case _In.NOTHING:
                self._press(char)
            case _In.ESC:
                self._after_esc(char)
            case _In.CSI:
                self._in_sequence(char)
            case _In.STRING | _In.STRING_ESC:
                self._in_string(char)
            case _In.SS3:
                self._go(_In.NOTHING)
                if char < " ":
                    self._press(char)
            case _In.MOUSE | _In.PASTE:
                self._in_content(char)

    def _press(self, char: str) -> None:
        if char == _ESC:
            self._go(_In.ESC)
        elif char in _NAMED:
            self._keys.append(_NAMED[char])
        elif char.isprintable():
            self._keys.append(char)

    def _after_esc(self, char: str) -> None:
        if char == "[":
            self._go(_In.CSI)
        elif char == "O":
            self._go(_In.SS3)
        elif char in "]PX^_":
            self._go(_In.STRING)
        else:  # two keys, or Alt and a key: in doubt it was Esc
            self._keys.append(ESC)
            self._go(_In.NOTHING)
            self._press(char)

    def _in_sequence(self, char: str) -> None:
        if "\x20" <= char <= "\x3f" and len(self._seen) < PARAMETERS_MAX:
            self._seen += char
            return
        seen = self._seen
        self._go(_In.NOTHING)
        if char < " ":  # no part of a sequence: a key, which ends it
            self._press(char)
        elif char == "M" and not seen:
            self._go(_In.MOUSE)
        elif char == "~" and seen == "200":
            self._go(_In.PASTE)

    def _in_content(self, char: str) -> None:
        """A paste, or a report of the mouse: its characters are no keys, but for Esc that is held down."""
        if char < " " and self._in is _In.MOUSE:  # no part of a report
            self._go(_In.NOTHING)
            self._press(char)
            return
        if char == _ESC and self._after_an_esc:
            self._after_esc(char)
            return
        self._seen = (self._seen + char)[-len(_PASTE_ENDS) :]
        over = len(self._seen) == _MOUSE_REPORT if self._in is _In.MOUSE else self._seen == _PASTE_ENDS
        if over:
            self._go(_In.NOTHING)

    def _in_string(self, char: str) -> None:
        if self._in is _In.STRING_ESC:
            self._go(_In.NOTHING)
            if char != "\\":
                self._after_esc(char)
        elif char == _ESC:
            self._go(_In.STRING_ESC)
        elif char == _BELL:
            self._go(_In.NOTHING)
        elif char in _NAMED:
            self._go(_In.NOTHING)
            self._press(char)
