"""The format as JSON Schema, for editors that complete and check as one types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from protocols.model import FORMAT, Protocol

PATH = Path(__file__).with_name(f"protocol-{FORMAT}.schema.json")


def schema() -> dict[str, Any]:
    """The schema, made from the model that checks the files."""
    made = Protocol.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **as_written(made),
        "title": "physioctl protocol",
    }


def text() -> str:
    """The schema as the file that ships."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def as_written(made: Any) -> Any:
    """The same without null: inside, None means that a key is absent, and a key that is there has a value."""
    if isinstance(made, list):
        return [as_written(item) for item in made]
    if not isinstance(made, dict):
        return made
    kept = {key: as_written(value) for key, value in made.items() if key != "default"}
    options = [option for option in kept.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        del kept["anyOf"]
        kept |= options[0]
    return kept
