"""The format of scenario files as JSON Schema, for editors that complete and check as one types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from physioctl.rehearsal.scenario_model import FORMAT, Scenario
from protocols.schema import as_written

PATH = Path(__file__).with_name(f"scenario-{FORMAT}.schema.json")


def schema() -> dict[str, Any]:
    """The schema, made from the model that checks the files."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **as_written(Scenario.model_json_schema(mode="validation")),
        "title": "physioctl scenario",
    }


def text() -> str:
    """The schema as the file that ships."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
