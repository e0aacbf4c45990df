"""A session as a FHIR R4B Bundle says what its record says, and is one by FHIR's own rules.

Each Bundle is validated by `fhir.resources`, and against the rules in `fhir_rules`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from physioctl.record.account import account
from physioctl.record.export.codes import Codes
from physioctl.record.history import Session
from tests.physioctl.fhir_bundles import Exported, eventful, exported, told
from tests.physioctl.fhir_rules import broken
from tests.physioctl.test_account import with_bodies
from tests.physioctl.test_cli_record import ended, started


@pytest.fixture(scope="module")
def recorded() -> Session:
    return eventful()


@pytest.fixture(scope="module")
def whole(recorded: Session) -> Exported:
    return exported(recorded)


# --- what it says ---------------------------------------------------------------------------------------


def test_it_says_what_was_done_to_whom_by_whom_and_with_which_unit(whole: Exported) -> None:
    done, (unit,) = whole.procedure, [each for each in whole.of("Device") if "serialNumber" in each]

    assert done["status"] == "completed"
    assert done["code"] == {"text": "Calf tightness that has lasted: ultrasound, then stretch"}
    assert done["bodySite"] == [{"text": "left calf"}]
    assert done["subject"] == {"type": "Patient", "identifier": {"value": "p-017"}}
    assert done["performer"] == [{"actor": {"type": "Practitioner", "identifier": {"value": "t-2"}}}]
    assert done["performedPeriod"]["start"] == "2026-01-01T00:00:00.024+00:00"
    assert done["note"][0]["text"] == "Skin warm, no redness"
    assert (unit["serialNumber"], unit["modelNumber"]) == ("SIM-US-0000", "US111")
    assert unit["version"] == [{"type": {"text": "firmware"}, "value": "1.4.2"}]
    assert unit["property"] == [{"type": {"text": "calibrated on"}, "valueCode": [{"text": "2025-11-01"}]}]


def test_what_was_delivered_and_measured_stands_with_its_ucum_unit(
    whole: Exported, recorded: Session
) -> None:
    of = account(recorded)
    hottest = max(reading.head_temp_ddeg_c or 0 for reading in of.readings)

    assert whole.value("delivered time") == (120, "s")
    assert whole.value("energy delivered") == (recorded.summary.energy_mj / 1000, "J")
    assert whole.value("energy per effective radiating area") == ((of.dose_mj_cm2 or 0) / 1000, "J/cm2")
    assert whole.value("highest temperature of the head") == (hottest / 10, "Cel")
    assert whole.observation("pain before the session, 0 to 10")["valueInteger"] == 6
    assert whole.observation("pain after the session, 0 to 10")["valueInteger"] == 3
    assert {
        each["code"]["text"]: (each["valueQuantity"]["value"], each["valueQuantity"]["code"])
        for each in whole.observation("setting planned")["component"]
    } == {
        "intensity": (0.44, "W/cm2"), "duty cycle": (100, "%"), "carrier frequency": (1000, "kHz"),
        "pulse repetition": (0, "Hz"),
    }  # fmt: skip


def test_a_lowering_is_an_observation_with_its_time_and_the_level_before_and_after(whole: Exported) -> None:
    lowered = whole.observation("level lowered")

    assert lowered["effectiveDateTime"] == "2026-01-01T00:02:10.000+00:00"
    assert [(each["code"]["text"], each["valueQuantity"]["value"]) for each in lowered["component"]] == [
        ("level before", 0.44), ("level after", 0.352)
    ]  # fmt: skip


def test_a_curve_has_the_latest_report_at_each_second(whole: Exported, recorded: Session) -> None:
    curve = whole.observation("intensity, measured")["valueSampledData"]
    samples = curve["data"].split()
    readings = account(recorded).readings

    assert (curve["period"], curve["origin"]["code"]) == (1000, "W/cm2")
    assert whole.observation("intensity, measured")["effectivePeriod"]["start"].endswith("00:00:00.024+00:00")
    for second in (0, 1, 64, 66, 100, 111, 131, 199):
        latest = [reading for reading in readings if reading.at_ms <= second * 1000][-1]
        assert float(samples[second]) * 1000 == latest.measured_level
    assert set(samples) > {"0", "0.44", "0.352"}


def test_each_quantity_has_a_metric_and_the_unit_says_what_is_calibrated(whole: Exported) -> None:
    metrics = {each["type"]["text"]: each for each in whole.of("DeviceMetric")}

    assert {said: each["category"] for said, each in metrics.items()} == {
        "delivered time": "measurement", "energy delivered": "measurement",
        "energy per effective radiating area": "calculation", "intensity, set": "setting",
        "intensity, measured": "measurement", "temperature of the head": "measurement",
        "contact of the head": "measurement",
    }  # fmt: skip
    assert {said for said, each in metrics.items() if "calibration" in each} == {
        "energy delivered", "intensity, measured"
    }  # fmt: skip
    assert metrics["energy delivered"]["calibration"] == [{"type": "unspecified", "state": "calibrated"}]


def test_it_says_who_began_started_lowered_and_was_refused_and_when(whole: Exported) -> None:
    events = [
        (each["subtype"][0]["display"], each["outcome"], each["agent"][0]["requestor"])
        for each in whole.of("AuditEvent")
    ]

    assert events == [
        ("session begun", "0", True), ("start", "0", True), ("pause", "0", True), ("resume", "0", True),
        ("lower", "0", True), ("lower", "4", True), ("session completed", "0", False),
    ]  # fmt: skip
    assert "lowest level" in whole.of("AuditEvent")[5]["outcomeDesc"]
    assert all(
        each["agent"][0]["who"]["identifier"] == {"value": "t-2"} for each in whole.of("AuditEvent")[:-1]
    )


def test_it_says_who_acknowledged_what(recorded: Session) -> None:
    metal = {"answer": "yes", "question": "", "title": "Metal in the body", "date": None}
    answers = {"METAL_IMPLANT": metal, "OTHER": {**metal, "title": "Other"}}
    by = {"METAL_IMPLANT": "t-9", "OTHER": "answers-file"}

    found = exported(with_bodies(recorded, "screened", answers=answers, acknowledged=by))

    assert [
        (each["outcomeDesc"], each["agent"][0]["who"])
        for each in found.of("AuditEvent")
        if "acknowledged" in each["subtype"][0]["display"]
    ] == [
        ("Metal in the body", {"type": "Practitioner", "identifier": {"value": "t-9"}}),
        ("Other", {"display": "not named: answers-file"}),
    ]


def test_its_provenance_names_the_entry_the_protocol_and_the_program(
    whole: Exported, recorded: Session
) -> None:
    (provenance,) = whole.of("Provenance")
    of = account(recorded)
    (program,) = (each for each in whole.of("Device") if each["deviceName"][0]["name"] == "physioctl")

    assert [entity["what"]["identifier"]["value"] for entity in provenance["entity"]] == [
        of.last_hash, of.summary.content_hash
    ]  # fmt: skip
    assert provenance["agent"][0]["who"]["reference"] == f"urn:uuid:{program['id']}"
    assert program["version"] == [{"value": of.physioctl}]
    assert len(provenance["target"]) == 1 + len(whole.of("Observation"))


# --- codes ----------------------------------------------------------------------------------------------

OWN = Codes(
    {"person": "urn:oid:2.999.1", "operator": "urn:oid:2.999.2", "unit": "urn:example:units"},
    {
        (table, key): {"system": "urn:example:own", "code": f"{table}-{key}", "display": "Own"}
        for table, key in (
            ("procedure", "ultrasound"), ("device", "ultrasound"), ("body_site", "calf"),
            ("observation", "dose"), ("audit", "type"), ("audit", "start"), ("reason", "interrupted"),
        )
    },
)  # fmt: skip


def test_without_a_codes_file_nothing_is_coded_but_units(whole: Exported) -> None:
    assert list(whole.codings) == []
    assert "snomed" not in whole.text.lower()
    assert "loinc" not in whole.text.lower()


def test_the_clinics_codes_stand_beside_the_words(recorded: Session) -> None:
    found = exported(recorded, OWN)

    assert {(path, code) for path, system, code in found.codings if system == "urn:example:own"} == {
        ("Procedure.code.coding", "procedure-ultrasound"), ("Device.type.coding", "device-ultrasound"),
        ("Procedure.bodySite.coding", "body_site-calf"), ("Observation.code.coding", "observation-dose"),
        ("DeviceMetric.type.coding", "observation-dose"), ("AuditEvent.type", "audit-type"),
        ("AuditEvent.subtype", "audit-start"),
    }  # fmt: skip
    assert found.procedure["bodySite"][0]["text"] == "left calf"
    assert found.procedure["subject"]["identifier"] == {"system": "urn:oid:2.999.1", "value": "p-017"}


def test_a_code_of_the_side_goes_before_that_of_the_site(recorded: Session) -> None:
    sided = {"system": "urn:example:own", "code": "L", "display": "Left calf"}

    found = exported(recorded, replace(OWN, codings={**OWN.codings, ("body_site", "left_calf"): sided}))

    assert found.procedure["bodySite"][0]["coding"] == [sided]


# --- the same bytes -------------------------------------------------------------------------------------


def test_the_same_record_gives_the_same_bytes_and_another_other_ids(
    recorded: Session, whole: Exported
) -> None:
    again = exported(recorded)
    other = exported(told(started("s"), ended()))

    assert again.text == whole.text
    assert not {each["id"] for each in again.resources} & {each["id"] for each in other.resources}


# --- the rules themselves -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "change", "rule"),
    [
        ("Procedure", {"status": "done"}, "value set"),
        ("Procedure", {"subject": {}}, "refers to nothing"),
        ("Procedure", {"note": []}, "empty"),
        ("Procedure", {"id": "a_b"}, "form"),
        ("AuditEvent", {"recorded": "2026-01-01"}, "form"),
        ("AuditEvent", {"outcome": "1"}, "value set"),
        ("Observation", {"partOf": [{"reference": "urn:uuid:0", "type": "Procedure"}]}, "leads to nothing"),
        ("Observation", {"dataAbsentReason": {"text": "x"}}, "obs-6"),
        ("Observation", {"valueQuantity": {"value": 1e-7, "unit": "s"}}, "exponent"),
        ("DeviceMetric", {"category": "guess"}, "value set"),
        ("Provenance", {"entity": [{"role": "source"}]}, "missing"),
    ],
)
def test_the_rules_find_what_breaks_them(
    whole: Exported, kind: str, change: dict[str, Any], rule: str
) -> None:
    said = json.loads(whole.text)
    next(e["resource"] for e in said["entry"] if e["resource"]["resourceType"] == kind).update(change)

    assert any(rule in found for found in broken(said))
