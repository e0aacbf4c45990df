"""Sound protocol files of every kind, for Hypothesis: as what a reader of YAML or JSON would find in one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

SITES = ("calf", "thigh", "forearm", "foot")
_TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" '\"\\:#{}[]&*!|>%@`,/"),
    min_size=1,
    max_size=30,
).filter(lambda text: text.strip() != "")
_NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)
_CODES = st.from_regex(r"MY_[A-Z0-9]{1,8}", fullmatch=True)


def _sum(low: int, high: int, *units: tuple[str, int]) -> st.SearchStrategy[str]:
    """A quantity from ``low`` to ``high``, written in any of its units that makes it a whole number."""
    choices = [
        st.builds("{} {}".format, st.integers(max(1, -(-low // factor)), high // factor), st.just(unit))
        for unit, factor in units
        if high >= factor
    ]
    return st.one_of(choices)


def _times(high_ms: int) -> st.SearchStrategy[str]:
    return _sum(1, high_ms, ("ms", 1), ("s", 1000), ("min", 60_000))


_INTENSITIES = _sum(1, 3000, ("mW/cm²", 1), ("mW/cm2", 1), ("mW/cm^2", 1))
_PULSES = _sum(1, 1000, ("Hz", 1))
_CARRIERS = st.sampled_from(["0.5 MHz", "1 MHz", "1000 kHz", "3 MHz", "5 MHz"])
_SPEEDS = _sum(1, 3300, ("/min", 1), ("per min", 1))
_DUTIES = _sum(1, 99, ("%", 1))


@st.composite
def _emission(draw: st.DrawFn, family: str) -> dict[str, Any]:
    level: dict[str, Any] = {"speed": draw(_SPEEDS)}
    if family == "ultrasound":
        level = {"intensity": draw(_INTENSITIES), "carrier": draw(_CARRIERS), "duty": "100 %"}
        if draw(st.booleans()):
            level |= {"duty": draw(_DUTIES), "pulse": draw(_PULSES)}
    for_ms = draw(st.integers(1, 30_000) | st.integers(1, 900_000))
    step: dict[str, Any] = {"emit": level, "for": f"{for_ms} ms"}
    if draw(st.booleans()):
        step["ramp"] = f"{draw(st.integers(1, min(for_ms, 60_000)))} ms"
    return step | draw(st.fixed_dictionaries({}, optional={"say": _TEXTS}))


_RESTS = st.fixed_dictionaries({"rest": _times(120_000)}, optional={"say": _TEXTS})
_GUIDES = st.fixed_dictionaries({"guide": _TEXTS, "for": _times(120_000)})


def _steps(family: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    leaf = _RESTS | _GUIDES if family == "none" else _RESTS | _GUIDES | _emission(family)
    repeated = st.fixed_dictionaries(
        {"repeat": st.integers(1, 3), "steps": st.lists(leaf, min_size=1, max_size=2)}
    )
    return st.lists(leaf | repeated, min_size=1, max_size=4)


_EVERY = {"step": _times(300_000), "duration": _times(900_000)}
_ENERGIES = _sum(1, 54_000_000, ("mJ", 1), ("J", 1000), ("kJ", 1_000_000))
_LIMITS = {
    "ultrasound": st.fixed_dictionaries(
        {}, optional={**_EVERY, "intensity": _INTENSITIES, "sata": _INTENSITIES, "energy": _ENERGIES}
    ),
    "percussion": st.fixed_dictionaries({}, optional={**_EVERY, "speed": _SPEEDS}),
    "none": st.fixed_dictionaries({}, optional=_EVERY),
}


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """A sound protocol, as the mapping its file holds."""
    family = draw(st.sampled_from(list(_LIMITS)))
    steps = draw(_steps(family))
    if family != "none":
        steps.append(draw(_emission(family)))
    head = {
        "format": 1,
        "id": draw(_NAMES),
        "title": draw(_TEXTS),
        "family": family,
        "body_site": draw(st.sampled_from(SITES)),
        "side": draw(st.sampled_from(["either", "left", "right", "none"])),
        "purpose": draw(_TEXTS),
        "evidence": {"grade": "source_text", "note": draw(_TEXTS), "sources": [draw(_TEXTS)]},
        "steps": steps,
    }
    question = st.fixed_dictionaries({"code": _CODES, "ask": _TEXTS})
    questions: st.SearchStrategy[list[dict[str, str]]] = st.lists(
        question, max_size=2, unique_by=lambda asked: asked["code"]
    )
    flag = st.fixed_dictionaries({"sign": _TEXTS, "action": st.sampled_from(["refer_now", "refer_soon"])})
    flags: st.SearchStrategy[list[dict[str, str]]] = st.lists(
        flag, max_size=2, unique_by=lambda said: said["sign"].rstrip(".")
    )
    optional: dict[str, st.SearchStrategy[Any]] = {
        "limits": _LIMITS[family],
        "screening": questions,
        "red_flags": flags,
    }
    return head | {key: draw(value) for key, value in optional.items() if draw(st.booleans())}


def as_bytes(file: dict[str, Any]) -> bytes:
    """The file, written as JSON: YAML reads it too."""
    return json.dumps(file, ensure_ascii=False).encode()
