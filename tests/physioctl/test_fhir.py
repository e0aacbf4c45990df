"""A session as a FHIR R4B Bundle says what its record says, and is one by FHIR's own rules.

Each Bundle is validated by `fhir.resources`, and against the rules in `fhir_rules`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from device.clock import VirtualClock
from device.events import Event, NoteTaken, OffConfirmation
from device.operator import SessionAction
from physioctl.cli.exits import Exit
from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.events import Outcome, SessionReconciled
from physioctl.guidance import run_guidance
from physioctl.record.account import Account, Note, Reading, account
from physioctl.record.export.bundle import as_text, bundle
from physioctl.record.export.codes import NO_CODES, Codes
from physioctl.record.export.refusal import refusal, refusal_bundle
from physioctl.record.history import Session, session
from physioctl.record.journal import Journal
from physioctl.record.journal import reading as read_journal
from physioctl.rehearsal.rig import speaking
from physioctl.runner import Request
from protocols.errors import PhysioctlError
from protocols.library import find
from tests.physioctl.fhir_rules import broken, walk
from tests.physioctl.recorded_sessions import record_session
from tests.physioctl.test_account import with_bodies
from tests.physioctl.test_cli_record import ended, erased, progress, said, started, tell
from tests.physioctl.test_tampered import NUMBERS, TEXTS, fields_of, without_rules

UCUM = "http://unitsofmeasure.org"
HTEST = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
EVENTS = ("session_started", "progress", "session_ended")
EIGHT_HOURS_MS = 8 * 3_600_000


@dataclass(frozen=True, slots=True)
class Exported:
    """A Bundle that has been written, validated and read back."""

    text: str
    resources: tuple[dict[str, Any], ...]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.resources if each["resourceType"] == kind]

    @property
    def procedure(self) -> dict[str, Any]:
        (found,) = self.of("Procedure")
        return found

    def observation(self, said: str) -> dict[str, Any]:
        (found,) = (each for each in self.of("Observation") if each["code"]["text"] == said)
        return found

    def value(self, said: str) -> tuple[float, str]:
        value = self.observation(said)["valueQuantity"]
        assert value["system"] == UCUM
        return value["value"], value["code"]

    @property
    def codings(self) -> Iterator[tuple[str, str, str]]:
        """Path, system and code of everything that has a system; units and identifiers excepted."""
        for entry in self.resources:
            for path, value in walk(entry, entry["resourceType"]):
                if isinstance(value, dict) and "code" in value and value.get("system") not in (None, UCUM):
                    yield path, value["system"], value["code"]


def validated(made: dict[str, Any]) -> Exported:
    text = as_text(made)
    said = json.loads(text)
    Bundle.model_validate_json(text)
    assert broken(said) == []
    return Exported(text, tuple(entry["resource"] for entry in said["entry"]))


def exported(of: Session | Account, codes: Codes = NO_CODES, *, test_data: bool = False) -> Exported:
    return validated(bundle(account(of) if isinstance(of, Session) else of, codes, test_data=test_data))


def told(*events: Event) -> Account:
    """The account of a session ``s`` that is made of ``events``."""
    with Journal.in_memory(VirtualClock()) as journal:
        log = journal.begin("s")
        for event in events:
            log.record(event)
        return account(session(journal))


@pytest.fixture(scope="module")
def recorded() -> Session:
    """A session with a lift-off, a pause, a lowering, one that was refused, a note and pain scores."""
    with Journal.in_memory(VirtualClock()) as journal:
        record_session(journal)
        return session(journal)


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


# --- sessions told apart --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "status", "reason"),
    [
        ([ended()], "completed", None),
        ([ended(Outcome.STOPPED, 60_000)], "stopped", "stopped by the operator"),
        ([ended(Outcome.INTERRUPTED, 60_000)], "stopped", "interrupted by a fault"),
        ([ended(Outcome.FAILED, 60_000)], "stopped", "failed: the program could not go on"),
        ([progress(1000, 1000)], "unknown", "the record holds no end"),
        ([ended(Outcome.STOPPED, 0)], "not-done", "it had not begun, and nothing was output"),
    ],
)
def test_a_status_says_how_the_session_ended(events: list[Event], status: str, reason: str | None) -> None:
    found = exported(told(started("s"), *events))

    assert found.procedure["status"] == status
    assert (reason or "") in found.procedure.get("statusReason", {"text": ""})["text"]
    assert ("statusReason" in found.procedure) == (reason is not None)
    assert ("end" in found.procedure.get("performedPeriod", {})) == (status in ("completed", "stopped"))
    assert found.observation("delivered time")["status"] == (
        "preliminary" if status == "unknown" else "final"
    )


def test_a_session_that_a_person_stops_at_the_start_key_was_not_done() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        record_session(journal, actions=((1_000, SessionAction.STOP),), faults=())
        found = exported(session(journal))

    assert found.procedure["status"] == "not-done"
    assert [each["subtype"][0]["display"] for each in found.of("AuditEvent")] == [
        "session begun", "stop", "session stopped"
    ]  # fmt: skip


def test_a_session_that_a_fault_of_the_unit_ends_says_which() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        record_session(journal, actions=((1_000, SessionAction.START),), faults=("restart@70s",))
        found = exported(session(journal))

    assert found.procedure["status"] == "stopped"
    assert found.procedure["statusReason"]["text"].startswith("interrupted by a fault: ")
    assert found.of("AuditEvent")[-1]["outcome"] == "8"
    assert any(note["text"].startswith("alarm ") for note in found.procedure["note"])


def test_a_session_that_was_reconciled_says_whose_count_it_is() -> None:
    reconciled = SessionReconciled(
        at_ms=70_000, session="s", protocol="calf", delivered_ms=60_000, planned_ms=600_000, energy_mj=90_000,
        counted=True,
    )  # fmt: skip

    found = exported(told(started("s"), ended(Outcome.INTERRUPTED, 60_000), reconciled))

    assert "the unit's own count" in found.procedure["note"][-1]["text"]
    assert found.value("delivered time") == (60, "s")


def test_a_session_that_may_have_output_something_is_not_said_to_be_not_done() -> None:
    end = replace(ended(Outcome.INTERRUPTED, 0), output_off=OffConfirmation.PRESUMED)

    found = exported(told(started("s"), end))

    assert found.procedure["status"] == "stopped"
    assert "output off was presumed" in found.procedure["note"][-1]["text"]
    assert "At most" in found.observation("delivered time")["note"][0]["text"]


def test_the_rest_of_a_session_is_part_of_it() -> None:
    found = exported(told(started("s", rest_of="20260101-000000-aaaaaa"), ended()))

    assert found.procedure["partOf"][0]["identifier"]["value"] == "20260101-000000-aaaaaa"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRefused(Event):
    """As the record keeps a screening that refused a session."""

    person: str
    protocol: str
    simulated: bool
    answers: dict[str, Any]


def refused(journal: Journal, **other: Any) -> None:
    answers = {
        "EPIPHYSIS_CHILD": {"answer": "yes", "question": "", "date": "2026-01-01"},
        "OPEN_WOUND": {"answer": "no", "question": "", "date": "2026-01-01"},
    }
    told: dict[str, Any] = {"person": "p-017", "protocol": "calf", "simulated": False, "answers": answers}
    with journal.transaction():
        journal.append("", ScreeningRefused(at_ms=0, **(told | other)))


def test_a_refused_session_is_a_procedure_that_was_not_done_and_says_why() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        refused(journal)
        found = validated(refusal_bundle(refusal(journal)))

    assert found.procedure["status"] == "not-done"
    assert found.procedure["statusReason"]["text"] == (
        "refused by the screening before anything was output: EPIPHYSIS_CHILD: yes"
    )
    assert "performedPeriod" not in found.procedure
    assert found.of("Observation") == []
    assert [each["subtype"][0]["display"] for each in found.of("AuditEvent")] == ["session refused"]


def test_a_refusal_is_found_by_its_entry_and_one_of_another_form_is_damage() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        with pytest.raises(InvalidUsage, match="no such refusal"):
            refusal(journal)
        refused(journal, protocol="first")
        refused(journal, protocol="second")

        assert refusal(journal).protocol == "second"
        assert refusal(journal, 1).protocol == "first"
        refused(journal, answers=3)
        with pytest.raises(JournalUnusable, match="entry 3"):
            refusal(journal)


def test_a_simulated_session_is_exported_as_test_data_of_nobody_or_not_at_all(recorded: Session) -> None:
    of = account(recorded)
    of = replace(of, summary=replace(of.summary, simulated=True))

    with pytest.raises(InvalidUsage, match="nobody's treatment"):
        bundle(of)
    found = exported(of, test_data=True)

    assert "p-017" not in found.text
    assert found.procedure["subject"] == {"display": "nobody: the unit was simulated"}
    assert all(each["meta"]["security"][0]["code"] == "HTEST" for each in found.resources)
    assert json.loads(found.text)["meta"]["security"][0]["system"] == HTEST


def test_a_session_on_a_unit_is_no_test_data(recorded: Session) -> None:
    with pytest.raises(InvalidUsage, match="no test data"):
        bundle(account(recorded), test_data=True)


def test_what_the_computer_reckoned_is_a_calculation_of_the_program() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        record_session(
            journal, find("unit-check"), speaks=speaking("modbus", "none"), actions=(), faults=(), side=None,
            awaits_start=False, confirm_host_loss=lambda _: True,
        )  # fmt: skip
        found = exported(session(journal))

    metrics = {each["type"]["text"]: each for each in found.of("DeviceMetric")}
    assert metrics["delivered time"]["category"] == metrics["energy delivered"]["category"] == "calculation"
    assert "calibration" not in metrics["energy delivered"]
    assert "calculated" in found.observation("delivered time")["method"]["text"]


def test_a_massage_gun_has_a_speed_and_no_energy() -> None:
    gun = started("s", family="percussion", model="ultragun", planned_energy_mj=None)

    found = exported(told(gun, replace(progress(0, 0), level_set=2100), ended()))

    curve = found.observation("speed, set")["valueSampledData"]
    assert (curve["origin"]["code"], curve["data"]) == ("/min", "2100")
    assert not [each for each in found.of("Observation") if "energy" in each["code"]["text"]]


def test_guidance_without_a_unit_has_no_unit_and_no_output() -> None:
    clock = VirtualClock()
    with Journal.in_memory(clock) as journal:
        request = replace(Request.on_nobody(find("hand-cramp-guidance")), treated_by="T-2")
        run_guidance(request, clock, SimpleQueue(), journal, rehearsed=True)
        found = exported(session(journal), test_data=True)

    assert [each["deviceName"][0]["name"] for each in found.of("Device")] == ["physioctl"]
    assert found.of("DeviceMetric") == found.of("Observation") == []


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


# --- hostile and old records ----------------------------------------------------------------------------

HOSTILE = (
    "<script>alert(1)</script> & \"q\" 'a' \\ ]]>",
    '=HYPERLINK("http://evil.example","x")',
    "a\x00b\x1b[2J\x07\r\n\tc",
    "\u202eabc\u2066\u200f\ufeff",
    "x" * 10_000,
    "\ud800",
    "  ",
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:9]))
def test_no_text_of_the_record_breaks_a_bundle(recorded: Session, text: str) -> None:
    of = account(recorded)
    of = replace(
        of,
        summary=replace(
            of.summary, person=text, title=text, protocol=text, body_site=text, serial=text, rest_of=text,
            outcome=Outcome.INTERRUPTED, why=text,
        ),
        unit=replace(
            of.unit, model=text, serial=text, firmware=text, calibrated=text, limitations=(text,)
        ),
        operator=text,
        physioctl=text,
        notes=(Note(1, text, text),),
        alarms=tuple(replace(alarm, what=text) for alarm in of.alarms),
        actions=tuple(
            replace(act, action=text, by=text, quantity=text, refused=act.refused and text)
            for act in of.actions
        ),
        pains=tuple(replace(pain, by=text) for pain in of.pains),
        planned_steps=tuple(
            replace(step, setting={text: 3} if step.setting else None) for step in of.planned_steps
        ),
    )  # fmt: skip

    found = exported(of)

    assert found.text.isascii()
    strings = [value for entry in found.resources for _, value in walk(entry, "") if isinstance(value, str)]
    assert all(string.isprintable() for string in strings)


def test_a_text_that_is_longer_than_fhir_allows_is_cut_and_says_so(recorded: Session) -> None:
    of = replace(account(recorded), notes=(Note(1, "x" * 2_000_000, "operator"),))

    note = exported(of).procedure["note"][0]["text"]

    assert note.endswith("(2000000 characters in the record)")


def test_numbers_that_no_unit_gives_break_no_bundle(recorded: Session) -> None:
    of, most = account(recorded), 10**17 - 1
    of = replace(
        of,
        summary=replace(of.summary, delivered_ms=most),
        energy_mj=most,
        readings=(Reading(5000, 1, "emitting", most, most, 0, 0, most, most, 0), reading(1000)),
        pains=tuple(replace(pain, score=-most) for pain in of.pains),
        lasted_ms=-5,
    )

    found = exported(of)

    assert found.observation("intensity, set")["valueSampledData"]["data"].split()[1] == "0.44"
    assert "no score" in found.observation("pain before the session, 0 to 10")["valueString"]


def test_entries_that_are_erased_or_of_another_form_are_named(tmp_path: Path, recorded: Session) -> None:
    path = tmp_path / "j"
    note = NoteTaken(at_ms=500, text="Skin warm", by="operator")
    tell(path, "s", started("s"), note, progress(1000, 1000), ended())
    erased(path, next(entry.seq for entry in session(path).entries if entry.name == "note_taken"))

    gone = exported(session(path))
    other = exported(with_bodies(recorded, "session_started", tempo="fast"))

    assert "(note_taken: its body has been erased)" in gone.procedure["note"][-1]["text"]
    assert "session_started" in other.procedure["note"][-1]["text"]
    assert "Skin warm" not in gone.text


def test_an_old_record_without_the_newer_fields_is_exported(recorded: Session) -> None:
    old = with_bodies(recorded, "session_planned", limits=None)
    old = with_bodies(old, "session_started", sensors=None, operator=None)

    found = exported(old)

    assert "performer" not in found.procedure
    assert found.of("AuditEvent")[0]["agent"][0]["who"] == {"display": "not recorded"}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(EVENTS),
    field=st.integers(0, 40),
    value=st.sampled_from([*NUMBERS, str(2**53), *map(json.dumps, TEXTS[:6]), "{}", "[[]]"]),
)
@example(name="session_ended", field=9, value=str(2**53))
def test_whatever_stands_in_a_body_it_is_a_bundle_or_refused_in_words(
    journal: Path, tmp_path: Path, name: str, field: int, value: str
) -> None:
    path = Path(shutil.copy(journal, tmp_path / "forged"))
    keys = fields_of(path, name)
    with read_journal(path) as connection:
        (body,) = connection.execute(
            "SELECT body FROM bodies JOIN entries USING (seq) WHERE name = ?", (name,)
        )
    forged = json.dumps(json.loads(body[0]) | {keys[field % len(keys)]: "@"}).replace('"@"', value)
    where = "UPDATE bodies SET body = ? WHERE seq = (SELECT seq FROM entries WHERE name = ?)"
    without_rules(path, (where, (forged, name)))

    try:
        made = bundle(account(session(path)))
    except PhysioctlError:
        return
    validated(made)


def reading(at_ms: int, level: int = 440) -> Reading:
    return Reading(at_ms, 1, "emitting", level, level, at_ms, at_ms, 312, 92, 88)


def test_a_second_without_a_report_is_an_error_in_the_curve_and_not_a_value(recorded: Session) -> None:
    of = replace(account(recorded), readings=(reading(0), reading(1000, 300), reading(4500, 200)))

    curve = exported(of).observation("intensity, set")

    assert curve["valueSampledData"]["data"] == "0.44 0.3 0.3 E E 0.2"
    assert curve["effectivePeriod"]["end"] == "2026-01-01T00:00:05.024+00:00"


def test_a_record_of_eight_hours_keeps_every_second(recorded: Session) -> None:
    readings = tuple(reading(at_ms) for at_ms in range(0, EIGHT_HOURS_MS + 1, 1000))
    of = replace(account(recorded), readings=readings, lasted_ms=EIGHT_HOURS_MS)

    found = exported(of)

    curve = found.observation("intensity, measured")["valueSampledData"]
    assert (curve["period"], len(curve["data"].split())) == (1000, 28_801)
    assert len(found.text) < 1_000_000


def test_a_record_that_is_too_long_for_a_second_says_its_period(recorded: Session) -> None:
    of = replace(account(recorded), readings=(reading(0), reading(60_000_000)))

    curve = exported(of).observation("intensity, set")

    assert curve["valueSampledData"]["period"] == 2000
    assert curve["note"][0]["text"] == "The record is too long for one sample a second: one in 2 s is given."


@pytest.mark.parametrize(
    "change",
    [
        lambda of: replace(of, readings=(reading(2**53),)),
        lambda of: replace(of, pains=tuple(replace(pain, at_ms=2**53) for pain in of.pains)),
    ],
    ids=["a reading", "a pain score"],
)
def test_a_time_that_no_calendar_has_is_refused_in_plain_words(
    recorded: Session, change: Callable[[Account], Account]
) -> None:
    with pytest.raises(JournalUnusable, match="no calendar"):
        bundle(change(account(recorded)))


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


# --- as it is typed -------------------------------------------------------------------------------------


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "j"
    tell(path, "s", started("s"), progress(1000, 1000), ended(), at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    return path


def test_it_is_written_to_a_file_or_to_standard_output(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    printed = said(capsys, "export", "s", "--journal", journal, "--fhir", "r4b", "--output", "-")
    written = said(capsys, "export", "--journal", journal, "--fhir", "r4b")
    again = said(capsys, "export", "--journal", journal, "--fhir", "r4b")

    assert (printed[0], written[0], again[0]) == (Exit.DONE, Exit.DONE, Exit.USAGE)
    assert (tmp_path / "s.fhir.json").read_text() == printed[1]
    assert "already" in again[2]


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--fhir", "r5"), Exit.USAGE, "does not write FHIR R5"),
        (("--fhir", "r3"), Exit.USAGE, "r3"),
        ((), Exit.USAGE, "--fhir"),
        (("--fhir", "r4b", "--test-data"), Exit.USAGE, "no test data"),
        (("--fhir", "r4b", "--refused"), Exit.USAGE, "no such refusal"),
        (("--fhir", "r4b", "--refused", "+3"), Exit.USAGE, "no entry's number"),
        (("--fhir", "r4b", "other"), Exit.USAGE, "other"),
        (("--fhir", "r4b", "--codes", "/nowhere/codes.toml"), Exit.PROTOCOL_INVALID, "is not there"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_plain_words(
    journal: Path, arguments: tuple[str, ...], code: Exit, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = said(capsys, "export", "--journal", journal, "--output", "-", *arguments)

    assert (found, out) == (code, "")
    assert why in err


def test_an_erased_session_is_not_exported(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    erased(journal, *(entry.seq for entry in session(journal).entries))

    code, out, err = said(capsys, "export", "s", "--journal", journal, "--fhir", "r4b", "--output", "-")

    assert (code, out) == (Exit.USAGE, "")
    assert "erased" in err


def test_a_session_with_an_entry_that_was_changed_is_not_exported(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute("DROP TRIGGER bodies_never_change")
        connection.execute("UPDATE bodies SET body = replace(body, '1000', '9000') WHERE seq = 2")

    code, out, err = said(capsys, "export", "--journal", journal, "--fhir", "r4b", "--output", "-")

    assert (code, out) == (Exit.JOURNAL_UNUSABLE, "")
    assert "entry 2" in err
