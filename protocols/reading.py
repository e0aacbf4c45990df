"""Reading a protocol file safely: bytes to plain values that remember their line and column.

YAML 1.2's events are walked here rather than constructed, so that every size is bounded before anything
is built: bytes, nodes, nesting and what aliases expand to. What the values mean it will never know.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NoReturn, TypeAlias

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from protocols.errors import Problem, ProtocolInvalid, Where, printable, shorten

SIZE_MAX = 256 * 1024
NODES_MAX = 10_000  # after aliases; a real protocol has some hundreds
DEPTH_MAX = 32
_SAID_MAX = 200  # characters of what the YAML library says, for it may repeat the file

Scalar: TypeAlias = str | int | Decimal | bool | None
Plain: TypeAlias = "Scalar | tuple[Plain, ...] | dict[str, Plain]"
Path_: TypeAlias = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it begins, counted from 1. An alias shares its target's node."""

    line: int
    column: int
    value: Scalar | tuple[Node, ...] | dict[str, Entry]
    size: int = 1  # nodes in it, after aliases
    height: int = 1  # levels in it

    def plain(self) -> Plain:
        """The value without its places."""
        if isinstance(self.value, tuple):
            return tuple(item.plain() for item in self.value)
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        return self.value

    def place(self, path: Path_, *, of_key: bool = False) -> tuple[int, int]:
        """Line and column of what ``path`` leads to, or of the nearest thing around it that is there."""
        node, place = self, (self.line, self.column)
        for part in path:
            if isinstance(node.value, dict) and part in node.value:
                entry = node.value[str(part)]
                node, key_place = entry.node, (entry.line, entry.column)
                place = key_place if of_key else (node.line, node.column)
            elif isinstance(node.value, tuple) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                place = (node.line, node.column)
            else:
                break
        return place


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's own place, and its value."""

    line: int
    column: int
    node: Node


def read_bytes(path: Path, where_else: str = "What ships is listed by: physioctl protocols list") -> bytes:
    """The bytes of a regular file of a sane size. Nothing is opened before it is known to be one.

    ``where_else`` says what to do where there is no such file.
    """
    try:
        _check_kind(path, path.stat())
        return _read_regular(path)
    except FileNotFoundError:
        _whole_file(path, "is not there", f"Check the name. {where_else}")
    except PermissionError:
        _whole_file(path, "may not be read by you", "Give yourself leave to read it.")
    except OSError as error:
        _whole_file(path, f"cannot be read: {error.strerror}", "Check the name and the disk.")
    except ValueError:  # a NUL or a lone surrogate in the name
        _whole_file(path, "is not a name a file can have", "Check the name.")


def _read_regular(path: Path) -> bytes:
    """The bytes of what stands there now, which need not be what was looked at. This never waits for it."""
    with open(path, "rb", opener=_open_at_once) as file:  # pathlib takes no opener
        _check_kind(path, os.fstat(file.fileno()))
        data = file.read(SIZE_MAX + 1)
    if not data:  # None, where reading would have to wait
        _whole_file(path, "gives nothing to read", "Save it to a file first.")
    if len(data) > SIZE_MAX:
        _too_large(path, len(data))
    return data


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe, and without a terminal becoming ours."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))  # not on Windows


def _check_kind(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        _whole_file(path, "is a folder, not a file", "Name a file inside it.")
    if not stat.S_ISREG(found.st_mode):
        _whole_file(path, "is a device or a pipe, not a file", "Save it to a file first.")
    if found.st_size == 0:  # also what the kernel makes up when it is read, such as /proc/kmsg
        _whole_file(path, "is empty", "Write into it, or name another file.")
    if found.st_size > SIZE_MAX:
        _too_large(path, found.st_size)


def read_nodes(data: bytes, file: str) -> tuple[Node, list[Problem]]:
    """The document in ``data``, and the mistakes that still leave one to judge; else `ProtocolInvalid`."""
    text = _text(data, file)
    builder = _Builder(file, text)
    try:
        root = builder.document()
    except ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1)
        builder.stop(place, f"found the unprintable character U+{_code(error):04X}", "Take it out.")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = printable("; ".join(part for part in (error.problem, error.context) if part))
        builder.stop(place, shorten(what, _SAID_MAX) or "is not YAML", _action(what))
    except (YAMLError, ValueError, OverflowError) as error:
        # The last two escape from the scanner, for an escape such as \UFFFFFFFF and a version such as 1.①.
        what = printable(shorten(str(error), _SAID_MAX))
        builder.stop((1, 1), what, "Check the escapes and directives: none is needed.")
    if not isinstance(root.value, dict):
        builder.stop((root.line, root.column), "found no keys at the top", "Begin with `format: 1`.")
    return root, builder.problems


class _Builder:
    """Turns events into nodes. Recursion is safe: the depth is bounded before each descent."""

    def __init__(self, file: str, text: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._events: Iterator[events.Event] = YAML(typ="safe", pure=True).parse(text)
        self._anchored: dict[str, Node | None] = {}  # None while it is still being built
        self._nodes = 0

    def document(self) -> Node:
        """The one document there is."""
        root: Node | None = None
        for event in self._events:
            if isinstance(event, events.DocumentStartEvent):
                if root:
                    self.stop(
                        _place(event),
                        "a second document begins here",
                        "Keep one document in a file.",
                    )
                root = self._node(next(self._events), 1)
        if root is None:
            self.stop((1, 1), "is empty", "Begin with `format: 1`.")
        return root

    def stop(self, place: tuple[int, int], what: str, action: str) -> NoReturn:
        """Give up, with this mistake and all those before it."""
        self._note(place, what, action)
        raise ProtocolInvalid(self.problems)

    def _note(self, place: tuple[int, int], what: str, action: str, where: Where = ()) -> None:
        self.problems.append(Problem(what, action, where, self._file, *place))

    def _node(self, event: events.Event, depth: int) -> Node:
        place = _place(event)
        if isinstance(event, events.AliasEvent):
            return self._alias(event, depth)
        self._grow(1, place)
        if depth > DEPTH_MAX:
            self.stop(place, f"is nested more than {DEPTH_MAX} levels deep", "Flatten it.")
        assert isinstance(event, events.NodeEvent)
        if tag := getattr(event, "tag", None):
            what = f"found the tag {shorten(str(tag))!r}; values have no tags here"
            self._note(place, what, "Take the tag out.")
        if event.anchor:
            self._anchored[event.anchor] = None
        node = self._built(event, place, depth)
        if event.anchor:
            self._anchored[event.anchor] = node
        return node

    def _built(self, event: events.NodeEvent, place: tuple[int, int], depth: int) -> Node:
        if isinstance(event, events.MappingStartEvent):
            return self._mapping(place, depth)
        if isinstance(event, events.SequenceStartEvent):
            items = tuple(self._until(events.SequenceEndEvent, depth))
            return Node(*place, items, _size(items), _height(items))
        assert isinstance(event, events.ScalarEvent)
        return Node(*place, event.value if event.style else _resolve(event.value))

    def _until(self, end: type[events.Event], depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), end):
            yield self._node(event, depth + 1)

    def _mapping(self, place: tuple[int, int], depth: int) -> Node:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), events.MappingEndEvent):
            at = _place(event)
            key = event.value if isinstance(event, events.ScalarEvent) else None
            if key is None:
                self._note(at, "found a key that is not a plain word", "Write keys as plain words.")
            if not isinstance(event, events.AliasEvent):
                self._node(event, depth + 1)
            node = self._node(next(self._events), depth + 1)
            if node.value is None:  # nothing has no place of its own: its mark is on the next line
                node = Node(*at, None)
            if key in entries:
                first = entries[key].line
                what = f"{shorten(key)!r} is here twice, first in line {first}"
                self._note(at, what, "Keep one of them.", (key,))
            elif key is not None:
                entries[key] = Entry(*at, node)
        nodes = [entry.node for entry in entries.values()]
        return Node(*place, entries, _size(nodes) + len(nodes), _height(nodes))

    def _alias(self, event: events.AliasEvent, depth: int) -> Node:
        place, name = _place(event), event.anchor
        target = self._anchored.get(name)
        if target is None:
            what = "stands inside what it names" if name in self._anchored else "names nothing above it"
            self.stop(place, f"the alias {shorten(name)!r} {what}", "Write the values out.")
        self._grow(target.size, place)
        if depth + target.height - 1 > DEPTH_MAX:
            self.stop(place, f"is nested more than {DEPTH_MAX} levels deep", "Write the values out, flat.")
        return target

    def _grow(self, by: int, place: tuple[int, int]) -> None:
        self._nodes += by
        if self._nodes > NODES_MAX:
            what = f"the file holds more than {NODES_MAX} values once its aliases are written out"
            self.stop(place, what, "Write fewer: in a protocol, `repeat` is for what comes again.")


def _size(nodes: Sequence[Node]) -> int:
    return 1 + sum(node.size for node in nodes)


def _height(nodes: Sequence[Node]) -> int:
    return 1 + max((node.height for node in nodes), default=0)


_INT = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?", re.ASCII)
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), Decimal("NaN")),
    **{sign + inf: Decimal(sign + "Infinity") for sign in ("", "+", "-") for inf in (".inf", ".Inf", ".INF")},
}


def _resolve(text: str) -> Scalar:
    """What an unquoted scalar is, by YAML 1.2's core schema; decimals stay exact, as they were written."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return Decimal(text) if _FLOAT.fullmatch(text) else text


def _text(data: bytes, file: str) -> str:
    if b"\0" in data:
        _whole_file(file, "is binary or not UTF-8 text", "Save it as plain text in UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_start = data.rfind(b"\n", 0, error.start) + 1
        line = data.count(b"\n", 0, error.start) + 1
        column = len(data[line_start : error.start].decode("utf-8", "replace")) + 1
        what = f"the byte 0x{data[error.start]:02X} is not UTF-8 text"
        raise ProtocolInvalid([Problem(what, "Save it as UTF-8.", (), file, line, column)]) from None


def _place(event: events.Event) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _code(error: ReaderError) -> int:
    return ord(error.character) if isinstance(error.character, str) else int(error.character)


def _action(problem: str) -> str:
    if "\\t" in problem:
        return "Indent with spaces; YAML takes no tabs."
    return "Check the indentation, the colons and the quotes here and in the line above."


def _too_large(path: Path, size: int) -> NoReturn:
    what = f"is {size} bytes; at most {SIZE_MAX} are read"
    _whole_file(path, what, "Check that this is the file you meant.")


def _whole_file(file: Path | str, what: str, action: str) -> NoReturn:
    raise ProtocolInvalid([Problem(what, action, file=printable(file))])
