"""Random edits of protocol files, as plain values: what an author may do to one, well or badly."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import protocols
from protocols.errors import ProtocolInvalid
from protocols.library import parse
from protocols.reading import read_nodes

FOLDER = Path(str(protocols.__file__)).parent / "library"

# What an author may write for a key, right or wrong.
TEXTS = (
    "A text.",
    "  A   text\n of two lines ",
    " ",
    "",
    "\x1b[2J",
    "\u202e",
    "x" * 400,
    "x " * 200,
    "x" * 401,
    "é\u0085",
)
TIMES = (
    "5 min",
    "1 s",
    "90 s",
    "0.5 min",
    "1.5 h",
    "1 ms",
    "0.5 ms",
    "1.0 ms",
    "0 s",
    "00.000 s",
    "1" * 19 + " ms",
    "5",
)
INTENSITIES = (
    "0.3 W/cm²",
    "0.30000 W/cm2",
    "0.0001 W/cm²",
    "300 mW / cm ^2",
    "3.1 W/cm²",
    "\u00a00.3\u00a0W/cm²",
    ".3W/cm²",
)
DUTIES = ("20 %", "50 %", "100 %", "100.0%", "0100 %", "99.5 %", "101 %")
SPEEDS = ("2100 /min", "2100 p e r min", "1800.0 per min", "1800.5 /min", "0 /min")
CODES = ("PREG_ANY", "MY_OWN", "MY_OWN_2", "my_own")
OF_KEY: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("title", "purpose", "note", "ask", "sign", "guide", "say"), TEXTS),
    **dict.fromkeys(("for", "rest", "ramp", "step", "duration"), TIMES),
    **dict.fromkeys(("intensity", "sata"), INTENSITIES),
    "duty": DUTIES,
    "speed": SPEEDS,
    "carrier": ("1 MHz", "1000 kHz", "0.0005 MHz"),
    "pulse": ("100 Hz", "48 Hz", "100.5 Hz"),
    "energy": ("500 J", "0.5 kJ", "60 kJ"),
    "code": CODES,
    "asks": (["PREG_ANY"], ["PREG_ANY", "PREG_ANY"], ["MY_OWN"]),
    "ages": (["adult"], ["child"], ["adult", "adult"], []),
    "limits": ({}, {"duration": "20 min"}, {"speed": "1900 /min"}, {"sata": "0.5 W/cm²"}, {"energy": "5 kJ"}),
    "screening": ([], [{"code": "MY_OWN", "ask": "Is it so?"}], [{"code": "PREG_ANY", "ask": "Is it so?"}]),
    "red_flags": ([], [{"sign": "A sign.", "action": "refer_now"}] * 2),
    "family": ("ultrasound", "percussion", "none"),
    "body_site": ("calf", "thigh", "abdomen", "nowhere"),
    "side": ("left", "either", "none"),
    "grade": ("rct_positive", "expert_opinion", "none"),
    "sources": ([], ["Author 2001"], [" "]),
    "action": ("refer_now", "refer_soon"),
    "repeat": (1, 2, 50, 51, 0),
    "id": ("my-protocol", "My protocol", "x" * 81),
}  # fmt: skip
VALUES = (*(value for values in OF_KEY.values() for value in values), True, None, 7, {}, [])
STEPS: tuple[Any, ...] = (
    {"rest": "10 s"},
    {"guide": "Walk.", "for": "1 min"},
    {"emit": {"intensity": "0.3 W/cm²", "duty": "100 %", "carrier": "1 MHz"}, "for": "1 min"},
    {
        "emit": {"intensity": "0.3 W/cm²", "duty": "50 %", "carrier": "1 MHz", "pulse": "100 Hz"},
        "for": "1 min",
    },
    {"emit": {"speed": "2100 /min"}, "for": "1 min", "ramp": "1 s"},
    {"repeat": 2, "steps": [{"rest": "10 s"}]},
)


def plain(id_: str) -> Any:
    """A bundled file as plain JSON."""
    root, _ = read_nodes((FOLDER / f"{id_}.yaml").read_bytes(), id_)
    return json.loads(json.dumps(root.plain()))


def is_read(file: object) -> bool:
    """Whether `protocols.library` reads a file with this content. JSON is YAML."""
    try:
        parse(json.dumps(file, ensure_ascii=False).encode(), "a.yaml")
    except ProtocolInvalid:
        return False
    return True


# What may be added to a mapping, by a key that tells what it is.
ADDED = {
    "format": ("limits", "ages", "asks", "screening", "red_flags", "family"),
    "emit": ("ramp", "say"),
    "carrier": ("pulse",),
    "sign": ("code",),
    "rest": ("say", "guide"),
    "": ("intensity", "sata", "speed", "energy", "step", "duration", "note"),  # the limits, for instance
}


@st.composite
def edited(draw: st.DrawFn, file: Any) -> Any:
    """``file`` after one to three edits, each anywhere in it: a key that stands once is edited as often."""
    made = copy.deepcopy(file)
    for _ in range(draw(st.integers(1, 3))):
        match draw(st.sampled_from(("set", "set", "set", "add", "take out", "step", "list"))):
            case "set":
                places = [(holder, key) for holder in _mappings(made) for key in holder]
                name = draw(st.sampled_from(sorted({key for _, key in places})))
                holder = draw(st.sampled_from([holder for holder, key in places if key == name]))
                if name in OF_KEY:
                    holder[name] = draw(_value_of(name))
            case "add":
                holder = draw(st.sampled_from(list(_mappings(made))))
                kind = next((key for key in ADDED if key in holder), "")
                new = draw(st.sampled_from(ADDED[kind]))
                holder[new] = draw(_value_of(new))
            case "take out":
                holder = draw(st.sampled_from(list(_mappings(made))))
                del holder[draw(st.sampled_from(sorted(holder)))]
            case "step":
                steps = draw(st.sampled_from(_lists_of_steps(made)))
                steps.insert(draw(st.integers(0, len(steps))), copy.deepcopy(draw(st.sampled_from(STEPS))))
            case "list":
                _edit_list(draw, draw(st.sampled_from(list(_lists(made)))))
        if not made.get("steps"):
            break
    return made


def _edit_list(draw: st.DrawFn, items: list[Any]) -> None:
    one, other = draw(st.integers(0, len(items) - 1)), draw(st.integers(0, len(items) - 1))
    match draw(st.sampled_from(("twice", "swap", "take out"))):
        case "twice":
            items.insert(one, copy.deepcopy(items[other]))
        case "swap":
            items[one], items[other] = items[other], items[one]
        case "take out":
            del items[one]


def _parts(value: Any) -> Iterator[Any]:
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(item)


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    return (part for part in _parts(value) if isinstance(part, dict) and part)


def _lists(value: Any) -> Iterator[list[Any]]:
    return (part for part in _parts(value) if isinstance(part, list) and part)


def _lists_of_steps(value: Any) -> list[list[Any]]:
    return [part["steps"] for part in _mappings(value) if isinstance(part.get("steps"), list)]


def _value_of(key: str) -> st.SearchStrategy[Any]:
    """Most often one that the key may have."""
    return st.integers(0, 9).flatmap(lambda number: st.sampled_from(OF_KEY[key] if number else VALUES))
