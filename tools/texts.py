"""What ``alarms.toml`` and ``instructions.toml`` make: texts for the operator, as Python.

They are compiled in and not read when the program runs: a stop must not depend on one file more.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from device.monitor.conditions import CLOCK_TOLERANCE_PCT, OUTPUT_TOLERANCE_PCT
from protocols.limits import Family
from tools.literals import quoted

ROOT = Path(__file__).resolve().parents[1]
ALARMS = "device/monitor/alarms.toml"
INSTRUCTIONS = "protocols/families/instructions.toml"
INSTRUCTION_KEYS = ("before_start", "before_check")  # as `protocols.families.base.FamilyDefinition` has them
FIGURES = {"clock_tolerance_pct": CLOCK_TOLERANCE_PCT, "output_tolerance_pct": OUTPUT_TOLERANCE_PCT}
_FIGURE = re.compile(r"\{([^{}]*)\}")


def files() -> dict[str, str]:
    """Every generated file: its path from the project's root, and its text."""
    alarms = tables((ROOT / ALARMS).read_text(encoding="utf-8"), ("what", "action"), ALARMS)
    told = tables((ROOT / INSTRUCTIONS).read_text(encoding="utf-8"), INSTRUCTION_KEYS, INSTRUCTIONS)
    if set(told) != set(Family):
        raise ValueError(f"{INSTRUCTIONS}: it has to name {', '.join(Family)}, and nothing else")
    return {
        "device/monitor/alarm_texts.py": _alarms(alarms),
        "protocols/families/instructions.py": _instructions(told),
    }


def tables(text: str, keys: tuple[str, ...], name: str) -> dict[str, tuple[str, ...]]:
    """Return the values of ``keys`` in each table of ``text``, with its figures filled in.

    Raise `ValueError`, which names the file and the table, for a key that is missing, not known or no text,
    and for a figure that is not known.
    """
    found: dict[str, tuple[str, ...]] = {}
    for code, said in tomllib.loads(text).items():
        if not isinstance(said, dict) or set(said) != set(keys):
            raise ValueError(f"{name}: {code} has to have {' and '.join(keys)}, and nothing else")
        found[code] = tuple(_filled(said[key], f"{name}: {code}: {key}") for key in keys)
    return found


def _filled(text: Any, where: str) -> str:
    if not isinstance(text, str) or not text.isprintable() or not text.strip() == text != "":
        raise ValueError(f"{where} is not one line of text")
    if unknown := set(_FIGURE.findall(text)) - set(FIGURES):
        raise ValueError(f"{where}: there is no figure called {', '.join(sorted(unknown))}")
    filled = _FIGURE.sub(lambda found: str(FIGURES[found[1]]), text)
    if "{" in filled or "}" in filled:
        raise ValueError(f"{where}: a brace without its other one")
    return filled


def _figures() -> Iterator[str]:
    """The figures that each text holds, for who writes it in another language."""
    for code, said in tomllib.loads((ROOT / ALARMS).read_text(encoding="utf-8")).items():
        for key, text in said.items():
            if named := _FIGURE.findall(text):
                held = ", ".join(f'"{name}": {FIGURES[name]}' for name in named)
                yield f'    ("{code}", "{key}"): {{{held}}},'


def _alarms(told: Mapping[str, tuple[str, ...]]) -> str:
    lines = [
        '"""What the operator is told of each alarm: what has happened, and the action to take.',
        "",
        "Made from alarms.toml by `python -m tools.generate`: do not edit.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping",
        "",
        "TEXTS: Mapping[str, tuple[str, str]] = {",
    ]
    for code, texts in told.items():
        lines += [f'    "{code}": (', *(f"        {quoted(text)}," for text in texts), "    ),"]
    lines += ["}", "", "# code and key → the figures in the text"]
    lines += ["FIGURES: Mapping[tuple[str, str], Mapping[str, int]] = {", *_figures(), "}", ""]
    return "\n".join(lines)


def _instructions(told: Mapping[str, tuple[str, ...]]) -> str:
    lines = [
        '"""What has to be so before the first output, told to whoever starts it, by family.',
        "",
        "Made from instructions.toml by `python -m tools.generate`: do not edit.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        *(
            f"{family.upper()}_{key.upper()} = {quoted(text)}"
            for family, texts in told.items()
            for key, text in zip(INSTRUCTION_KEYS, texts, strict=True)
        ),
    ]
    return "\n".join([*lines, ""])
