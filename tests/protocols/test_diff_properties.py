"""What is run of two protocols differs only where `diff` tells a clinical difference."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from device.models import model
from protocols.compile import compile_plan
from protocols.diff import diff
from protocols.errors import ProtocolInvalid, Refused
from protocols.library import bundled, find, parse
from protocols.limits import Family, Limits
from protocols.model import Protocol
from tests.protocols.edits import OF_KEY, edited, plain

OF_FILE = ("limits", "family", "body_site")
OF_EMISSION = ("intensity", "duty", "pulse", "carrier", "speed")


def compiled(protocol: Protocol) -> tuple[Any, ...] | None:
    """What is run of ``protocol`` on one unit of its family, without names and places; None: nothing."""
    unit = model("ultragun_pro" if protocol.family is Family.PERCUSSION else "us111")
    try:
        plan = compile_plan(
            protocol, model=unit.id, family=unit.family, area_mm2=unit.area_mm2, limits=Limits(unit.bounds)
        )
    except Refused:
        return None
    bounds = [(bound.quantity, bound.at_least, bound.at_most, bound.one_of) for bound in plan.limits.bounds]
    return plan.steps, plan.energy_mj, bounds


def holds(was: Protocol, file: Any) -> bool:
    """Hold ``diff`` against what is run of both; False where no file can hold ``file``."""
    try:
        now = parse(json.dumps(file, ensure_ascii=False).encode(), "edited.yaml")
    except ProtocolInvalid:
        return False
    changes, back = diff(was, now), diff(now, was)
    assert (changes == []) is (was.content_hash == now.content_hash)
    assert bool(changes) is bool(back)
    if not any(change.clinical for change in changes):
        assert compiled(was) == compiled(now)
    return True


@settings(max_examples=100, deadline=None)
@given(id_=st.sampled_from(bundled()), data=st.data())
def test_without_a_clinical_difference_both_are_run_alike(id_: str, data: st.DataObject) -> None:
    holds(find(id_), data.draw(edited(plain(id_))))


@st.composite
def written_otherwise(draw: st.DrawFn, file: Any) -> Any:
    """``file`` with one to three edits that change what it is called, or how its steps are written."""
    for _ in range(draw(st.integers(1, 3))):
        steps: list[Any] = file["steps"]
        at = draw(st.integers(0, len(steps) - 1))
        match draw(st.sampled_from(("written out", "once", "in two", "id", "title", "sources"))):
            case "written out" if "repeat" in steps[at]:
                steps[at : at + 1] = steps[at]["steps"] * steps[at]["repeat"]
            case "in two" if steps[at].get("repeat", 0) > 1:
                rest = steps[at] | {"repeat": steps[at]["repeat"] - 1}
                steps[at : at + 1] = [*steps[at]["steps"], rest]
            case "once":
                end = draw(st.integers(at + 1, len(steps)))
                steps[at:end] = [{"repeat": 1, "steps": steps[at:end]}]
            case "id" | "title" as name:
                file[name] = f"{file[name]}-2"
            case "sources" if sources := file["evidence"].get("sources"):
                file["evidence"]["sources"] = draw(st.permutations(sources))
    return file


@settings(max_examples=100, deadline=None)
@given(id_=st.sampled_from(bundled()), data=st.data())
def test_what_is_only_written_otherwise_has_no_clinical_difference(id_: str, data: st.DataObject) -> None:
    file = data.draw(written_otherwise(plain(id_)))

    assume(holds(find(id_), file))  # where no file can hold it: repeats lie too deep, or too many steps
    now = parse(json.dumps(file, ensure_ascii=False).encode(), "otherwise.yaml")
    assert not any(change.clinical for change in diff(find(id_), now))


@pytest.mark.parametrize("id_", ["calf-tightness-ultrasound", "calf-cramp-aftercare-percussion"])
def test_no_value_that_is_run_can_change_without_a_clinical_difference(id_: str) -> None:
    read = 0
    for key in (*OF_FILE, *OF_EMISSION, "for", "ramp", "say"):
        for value in OF_KEY[key]:
            file = plain(id_)
            (step,) = [step for step in file["steps"] if "emit" in step][:1]
            holder = file if key in OF_FILE else step["emit"] if key in OF_EMISSION else step
            holder[key] = value
            read += holds(find(id_), file)

    assert read > 15
