"""What a protocol gives, as the guard reads it from the text that the journal's opening entry holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from device.control.admission import Admission
from device.control.allowed import allow
from device.control.content import Content, ContentUnreadable, read_content
from device.errors import GuardRefused
from protocols.compile import compile_plan
from protocols.library import bundled, find
from protocols.limits import Block, Bound, Family, Layer, Limits, Quantity
from protocols.plan import Emit, Percussion, Ultrasound
from tests.device.parts import DECLARED, IDENTITY

EMIT = {
    "emit": {"intensity": "440 mW/cm²", "duty": "50 %", "carrier": "1 MHz", "pulse": "100 Hz"},
    "for": "1 s",
}
PROTOCOL: dict[str, Any] = {"family": "ultrasound", "body_site": "calf", "steps": [EMIT]}
OUTPUT = Ultrasound(440, 50, 1000, 100)


def text_of(**changes: Any) -> str:
    return json.dumps(PROTOCOL | changes)


def read(text: str) -> Content:
    return read_content(text, hashlib.sha256(text.encode()).hexdigest())


def admitted(text: str, *bounds: Bound, blocks: tuple[Block, ...] = ()) -> Admission:
    return Admission(text, hashlib.sha256(text.encode()).hexdigest(), "left", bounds, blocks)


@pytest.mark.parametrize("id_", bundled())
def test_the_guard_reads_of_every_bundled_protocol_what_the_plan_gives(id_: str) -> None:
    protocol = find(id_)
    content = read(protocol.canonical_text())
    if protocol.family is None:
        assert (content.family, content.emissions) == (None, ())
        return
    assert protocol.family is not None
    plan = compile_plan(protocol, model="us111", family=protocol.family, area_mm2=400, limits=Limits())

    assert (content.family, content.body_site) == (protocol.family, protocol.body_site)
    assert [(e.setting, e.duration_ms) for e in content.emissions] == [
        (e.setting, e.duration_ms) for e in plan.emissions
    ]
    assert {(b.quantity, b.at_most) for b in content.bounds} == {
        (b.quantity, b.at_most) for b in protocol.own_bounds()
    }


def test_repeats_are_written_out_and_rests_left_out() -> None:
    inner = [{"rest": "1 s"}, EMIT | {"ramp": "20 ms"}, {"guide": "Drink.", "for": "1 s"}]
    steps = [{"repeat": 2, "steps": [{"repeat": 3, "steps": inner}]}, EMIT]

    content = read(text_of(steps=steps))

    assert content.emissions == (*(Emit(OUTPUT, 1000, 20),) * 6, Emit(OUTPUT, 1000, 0))


def test_a_guns_emission_is_its_speed() -> None:
    steps = [{"emit": {"speed": "2100 /min"}, "for": "1 s"}]

    assert read(text_of(family="percussion", steps=steps)).emissions == (Emit(Percussion(2100), 1000, 0),)


@pytest.mark.parametrize(
    ("key", "value", "bounded", "most"),
    [
        ("intensity", "0.5 W/cm²", Quantity.INTENSITY_MW_CM2, 500),
        ("sata", "0.5 W/cm²", Quantity.SATA_MW_CM2, 500),
        ("speed", "2000 /min", Quantity.SPEED_PER_MIN, 2000),
        ("step", "1 min", Quantity.STEP_MS, 60_000),
        ("duration", "5 min", Quantity.DELIVERED_MS, 300_000),
        ("energy", "1 J", Quantity.ENERGY_MJ, 1000),
    ],
)
def test_the_protocols_own_limits_are_bounds(key: str, value: str, bounded: Quantity, most: int) -> None:
    assert read(text_of(limits={key: value})).bounds == (
        Bound(bounded, Layer.PROTOCOL, "the protocol", at_most=most),
    )


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "[" * 100_000,
        text_of(family="magnetism"),
        text_of(family="none"),
        text_of(family="percussion"),
        text_of(limits={"intensty": "1 W/cm²"}),
        text_of(limits={"intensity": 500}),
        text_of(limits=[]),
        text_of(steps=None),
        text_of(steps=[{}]),
        text_of(steps=[EMIT | {"rest": "1 s"}]),
        text_of(steps=[{"emit": EMIT["emit"]}]),
        text_of(steps=[EMIT | {"for": 1000}]),
        text_of(steps=[{"emit": {"intensity": "1 W/cm²"}, "for": "1 s"}]),
        text_of(steps=[{"emit": {**PROTOCOL["steps"][0]["emit"], "boost": "1 W/cm²"}, "for": "1 s"}]),
        text_of(steps=[{"repeat": 0, "steps": [EMIT]}]),
        text_of(steps=[{"repeat": True, "steps": [EMIT]}]),
        text_of(steps=[{"repeat": 1001, "steps": [EMIT]}]),
        text_of(steps=[{"repeat": 1001, "steps": [{"rest": "1 s"}]}]),
        text_of(steps=[{"repeat": 1000, "steps": [EMIT]}, EMIT]),
        text_of(steps=[{"emit": {"speed": "2100 /min"}, "for": "1 s"}]),
        text_of(steps=[{"repeat": 10**9, "steps": [{"repeat": 10**9, "steps": [EMIT]}]}]),
        json.dumps({"family": "ultrasound", "steps": [EMIT]}),
    ],
)
def test_content_that_does_not_say_what_it_gives_is_refused(text: str) -> None:
    with pytest.raises(ContentUnreadable):
        read(text)


def test_as_many_emissions_as_may_be_are_read() -> None:
    assert len(read(text_of(steps=[{"repeat": 1000, "steps": [EMIT]}])).emissions) == 1000
    assert read(text_of(steps=[{"repeat": 1, "steps": [EMIT]}])).emissions == (Emit(OUTPUT, 1000, 0),)


def test_content_that_is_not_of_its_hash_is_refused() -> None:
    with pytest.raises(ContentUnreadable, match="hash"):
        read_content(text_of(), "0" * 64)


# --- what follows: what the guard allows ----------------------------------------------------------------


def test_what_is_allowed_has_the_bounds_of_every_layer() -> None:
    operator = Bound(Quantity.DELIVERED_MS, Layer.OPERATOR, "a test", at_most=1)
    person = Bound(Quantity.DELIVERED_MS, Layer.PERSON, "a test", at_most=2)
    declared = Bound(Quantity.STEP_MS, Layer.UNIT, "a test", at_most=3)
    admission = admitted(text_of(limits={"step": "4 ms"}), operator, person)

    allowed = allow(IDENTITY, replace(DECLARED, bounds=(declared,)), admission)

    assert {bound.layer for bound in allowed.bounds} == set(Layer)
    assert {operator, person, declared} <= set(allowed.bounds)
    assert (allowed.family, allowed.blocked, allowed.area_mm2) == (Family.ULTRASOUND, "", 400)
    assert allowed.emissions == (Emit(OUTPUT, 1000, 0),)


@pytest.mark.hazard("H-14")
def test_a_blocked_site_and_a_blocked_person_block() -> None:
    ours = Block(Family.ULTRASOUND, Layer.PERSON, "a test", "twice today")
    other = Block(Family.PERCUSSION, Layer.PERSON, "a test", "not ours")

    assert "organs" in allow(IDENTITY, DECLARED, admitted(text_of(body_site="abdomen"))).blocked
    assert allow(IDENTITY, DECLARED, admitted(text_of(), blocks=(other, ours))).blocked == "twice today"
    assert allow(IDENTITY, DECLARED, admitted(text_of(), blocks=(other,))).blocked == ""


def test_guidance_is_blocked_nowhere() -> None:
    guide = text_of(family="none", body_site="abdomen", steps=[{"guide": "Breathe.", "for": "1 s"}])

    assert allow(IDENTITY, DECLARED, admitted(guide)).blocked == ""


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    "text",
    [
        "",
        text_of(body_site="nowhere"),
        text_of(family="percussion", steps=[{"emit": {"speed": "2100 /min"}, "for": "1 s"}]),
    ],
)
def test_what_cannot_be_told_is_refused(text: str) -> None:
    with pytest.raises(GuardRefused) as refused:
        allow(IDENTITY, DECLARED, admitted(text))

    assert "what may be given cannot be told" in refused.value.what
