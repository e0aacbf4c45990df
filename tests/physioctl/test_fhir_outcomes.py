"""Sessions that ended differently, were refused or simulated, or had another unit, are told apart in FHIR."""

from __future__ import annotations

import json
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

import pytest

from device.clock import VirtualClock
from device.events import Event, OffConfirmation
from device.operator import SessionAction
from physioctl.errors import InvalidUsage, JournalUnusable
from physioctl.events import Outcome, ScreeningRefused, SessionReconciled
from physioctl.guidance import run_guidance
from physioctl.guidance_steps import Loop
from physioctl.record.account import account
from physioctl.record.export.bundle import bundle
from physioctl.record.export.refusal import refusal, refusal_bundle
from physioctl.record.history import Session, session
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import speaking
from physioctl.runner import Request
from protocols.library import find
from tests.physioctl.fhir_bundles import eventful, exported, told, validated
from tests.physioctl.recorded_sessions import record_session
from tests.physioctl.test_cli_record import ended, progress, started

HTEST = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


@pytest.fixture(scope="module")
def recorded() -> Session:
    return eventful()


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
        run_guidance(request, Loop(clock, SimpleQueue()), journal, rehearsed=True)
        found = exported(session(journal), test_data=True)

    assert [each["deviceName"][0]["name"] for each in found.of("Device")] == ["physioctl"]
    assert found.of("DeviceMetric") == found.of("Observation") == []
