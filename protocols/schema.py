"""The format as JSON Schema, for editors that complete and check as one types.

It has every rule that a schema can have without refusing a file that is read: the types, names and patterns
come from the model that checks the files; how parts agree is said here. What it cannot say: whether a
quantity is within a ceiling, a ramp within its step, how many steps and hours repeats come to, that no code
stands twice, and that `format: 1.0` is no whole number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from protocols.contraindications import AgeBand
from protocols.families import definition
from protocols.limits import Family
from protocols.model import FORMAT, NO_FAMILY, STEPS_MAX, UNSOURCED, Grade, Protocol, limits_of
from protocols.shipped_questions import CATALOGUE
from protocols.steps import LEVELS

PATH = Path(__file__).with_name(f"protocol-{FORMAT}.schema.json")
ID = f"urn:physioctl:{PATH.name}"  # a name, and no address: nothing is fetched

Rule: TypeAlias = dict[str, Any]


def schema() -> Rule:
    """The schema, made from the model that checks the files."""
    made = as_written(Protocol.model_json_schema(mode="validation"))
    _add_codes(made)
    definitions = made["$defs"]
    definitions["Evidence"]["allOf"] = [_sources_of_a_grade()]
    for family in Family:
        if rules := definition(family).schema:
            definitions[LEVELS[family].__name__]["allOf"] = [*rules]
    definitions |= _definitions_of_steps()
    made["properties"]["steps"]["maxItems"] = STEPS_MAX
    made["allOf"] = [*_rules_of_families()]
    named: Rule = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": ID}
    named |= made
    return named | {"title": "physioctl protocol"}


def text() -> str:
    """The schema as the file that ships."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _add_codes(made: Rule) -> None:
    """The codes of the project's own questions: `asks` takes those, and what a protocol adds takes others."""
    ours = sorted(CATALOGUE.questions)
    made["properties"]["asks"] |= {"items": {"enum": ours}, "uniqueItems": True}
    for key, name in (("screening", "Question"), ("red_flags", "RedFlag")):
        made["properties"][key]["uniqueItems"] = True
        made["$defs"][name]["properties"]["code"]["not"] = {"enum": ours}


def _sources_of_a_grade() -> Rule:
    sourced = [grade for grade in Grade if grade not in UNSOURCED]
    return {
        "if": {"properties": {"grade": {"enum": sourced}}, "required": ["grade"]},
        "then": {"required": ["sources"], "properties": {"sources": {"minItems": 1}}},
    }


def _definitions_of_steps() -> Rule:
    """What is said of all steps, those in repeats included."""
    emits: dict[str, Any] = {family: {"$ref": f"#/$defs/{LEVELS[family].__name__}"} for family in Family}
    made: Rule = {
        _steps_of(family): {
            "items": {"properties": {"emit": emit, "steps": {"$ref": f"#/$defs/{_steps_of(family)}"}}}
        }
        for family, emit in (emits | {NO_FAMILY: False}).items()
    }
    inside = {"required": ["steps"], "properties": {"steps": {"$ref": "#/$defs/SomeEmission"}}}
    made["SomeEmission"] = {"contains": {"anyOf": [{"required": ["emit"]}, inside]}}
    return made


def _rules_of_families() -> Iterator[Rule]:
    """For each family: its limits, its age bands, and what its steps emit."""
    for family in Family:
        ages = sorted(CATALOGUE.age_bands[family])
        then: Rule = {
            "limits": {"propertyNames": {"enum": [*limits_of(family)]}},
            "steps": {"allOf": [{"$ref": f"#/$defs/{_steps_of(family)}"}, {"$ref": "#/$defs/SomeEmission"}]},
        }
        if set(ages) != set(AgeBand):
            then["ages"] = {"items": {"enum": ages}}
        yield _where_family(family, then)
    yield _where_family(NO_FAMILY, {"steps": {"$ref": f"#/$defs/{_steps_of(NO_FAMILY)}"}})


def _where_family(family: str, properties: Rule) -> Rule:
    condition = {"properties": {"family": {"const": family}}, "required": ["family"]}
    return {"if": condition, "then": {"properties": properties}}


def _steps_of(family: str) -> str:
    return f"StepsOf{family.title()}"


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
