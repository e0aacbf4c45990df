"""The account of a session says what its record says: all of it, typed, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device.clock import VirtualClock
from device.events import Moment, NoteTaken, OffConfirmation, Priority
from physioctl.errors import InvalidUsage
from physioctl.events import Outcome
from physioctl.record.account import Account, account
from physioctl.record.entries import Entry
from physioctl.record.history import Session, session
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import speaking
from protocols.library import find
from tests.physioctl.recorded_sessions import record_session
from tests.physioctl.test_cli_record import ended, erased, progress, started, tell


@pytest.fixture(scope="module")
def recorded() -> Session:
    """A session with a lift-off, a pause, a lowering, one that was refused, a note and pain scores."""
    with Journal.in_memory(VirtualClock()) as journal:
        record_session(journal)
        return session(journal)


@pytest.fixture(scope="module")
def told(recorded: Session) -> Account:
    return account(recorded)


def with_bodies(of: Session, name: str, **other: Any) -> Session:
    """``of``, with other values in the bodies of the entries called ``name``; None takes one away."""

    def changed(entry: Entry) -> Entry:
        if entry.name != name:
            return entry
        body = {key: value for key, value in {**entry.body, **other}.items() if value is not None}
        return replace(entry, body=body)

    return replace(of, entries=tuple(map(changed, of.entries)))


def test_it_says_who_treated_whom_with_which_unit(told: Account) -> None:
    assert (told.summary.person, told.operator, told.summary.side) == ("p-017", "t-2", "left")
    assert (told.unit.model, told.unit.serial, told.unit.firmware) == ("US111", "SIM-US-0000", "1.4.2")
    assert (told.unit.calibrated, told.unit.dialect, told.unit.assumed) == ("2025-11-01", "native", True)
    assert told.unit.sensors == ("output", "head_temperature", "contact")
    assert told.unit.reckoned == ()


def test_it_says_what_was_planned_and_what_held(told: Account) -> None:
    guide, emit = told.planned_steps
    intensity = [limit for limit in told.limits if limit.quantity == "intensity_mw_cm2"]

    assert (guide.kind, guide.duration_ms, guide.setting) == ("guide", 60_000, None)
    assert (emit.duration_ms, emit.level) == (120_000, 440)
    assert emit.setting == {
        "intensity_mw_cm2": 440, "duty_pct": 100, "carrier_khz": 1000, "pulse_hz": 0
    }  # fmt: skip
    assert emit.say
    assert {limit.layer for limit in told.limits} == {
        "family", "model", "unit", "body site", "person", "protocol"
    }  # fmt: skip
    assert all(limit.source for limit in told.limits)
    assert min(limit.at_most for limit in intensity if limit.at_most is not None) >= 440


def test_it_says_what_was_asked_and_answered(told: Account) -> None:
    assert told.screening is not None
    replies = {reply.code: reply for reply in told.screening.replies}

    assert told.screening.age_band == "adult"
    assert replies["OPEN_WOUND"].title == "Broken skin"
    assert replies["OPEN_WOUND"].answer == "no"
    assert replies["OPEN_WOUND"].date == "2026-01-01"


def test_it_says_what_was_delivered_by_the_units_own_count(told: Account) -> None:
    assert (told.summary.outcome, told.summary.output_off) == (Outcome.COMPLETED, OffConfirmation.CONFIRMED)
    assert told.summary.delivered_ms == told.summary.planned_ms == 120_000
    assert told.area_mm2 == 400  # 4 cm²
    assert told.energy_mj == told.summary.energy_mj
    assert told.dose_mj_cm2 == round(told.summary.energy_mj / 4)
    assert told.planned_dose_mj_cm2 == round((told.summary.planned_energy_mj or 0) / 4)
    assert [(step.number, step.kind, step.skipped) for step in told.steps] == [
        (1, "guide", False), (2, "emit", False)
    ]  # fmt: skip
    assert told.readings[-1].delivered_ms <= 120_000
    assert [reading.at_ms for reading in told.readings] == sorted(r.at_ms for r in told.readings)


def test_it_says_what_happened_and_who_did_what(told: Account) -> None:
    (alarm,) = told.alarms
    stretches = {stretch.state: stretch for stretch in told.states}
    *acts, lowered, refused = told.actions

    assert (alarm.code, alarm.priority) == ("CONTACT_LOST", Priority.LOW)
    assert alarm.began_ms == stretches["suspended"].began_ms
    assert alarm.ended_ms == stretches["suspended"].ended_ms
    assert [act.action for act in acts] == ["start", "pause", "resume"]
    assert stretches["paused"].ended_ms == acts[-1].at_ms
    assert (lowered.action, lowered.before, lowered.after, lowered.refused) == ("lower", 440, 352, "")
    assert (refused.action, refused.after) == ("lower", 200)
    assert "lowest level" in refused.refused
    assert [note.text for note in told.notes] == ["Skin warm, no redness"]
    assert (told.pain(Moment.BEFORE), told.pain(Moment.AFTER), told.pain(Moment.DURING)) == (6, 3, None)


def test_it_names_its_place_in_the_chain(told: Account, recorded: Session) -> None:
    last = recorded.entries[-1]

    assert (told.entries, told.last_seq, told.last_hash) == (len(recorded.entries), last.seq, last.hash)
    assert told.unread == ()


def test_what_a_unit_cannot_tell_is_none_or_named_as_reckoned() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        record_session(
            journal, find("unit-check"), speaks=speaking("modbus", "none"), actions=(), faults=(), side=None,
            awaits_start=False, confirm_host_loss=lambda _: True,
        )  # fmt: skip
        told = account(session(journal))

    assert told.unit.dialect == "modbus"
    assert told.unit.reckoned == ("time", "energy")
    assert told.unit.limitations
    assert told.energy_mj
    assert {reading.battery_pct for reading in told.readings} == {None}


def test_energy_that_nobody_counts_is_none() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        log = journal.begin("s")
        log.record(started("s", family="percussion", planned_energy_mj=None, reckoned=("time", "energy")))
        log.record(progress(1000, 1000))
        told = account(session(journal))

    assert (told.energy_mj, told.dose_mj_cm2, told.readings[0].energy_mj) == (None, None, None)


def test_a_session_that_was_never_ended_is_open_and_lasts_to_its_last_entry() -> None:
    with Journal.in_memory(VirtualClock()) as journal:
        log = journal.begin("s")
        log.record(started("s"))
        log.record(progress(61_000, 60_000))
        told = account(session(journal))

    assert (told.summary.ending, told.end, told.lasted_ms) == ("open", None, 61_000)


def test_an_old_record_without_limits_or_sensors_says_none(recorded: Session) -> None:
    old = with_bodies(recorded, "session_planned", limits=None)
    old = with_bodies(old, "session_started", sensors=None, operator=None)

    told = account(old)

    assert (told.limits, told.unit.sensors, told.operator) == ((), None, None)
    assert len(told.planned_steps) == 2
    assert told.readings[0].contact_pct is not None
    assert told.unread == ()


def test_an_entry_of_another_form_is_named_and_the_rest_is_told(recorded: Session) -> None:
    told = account(with_bodies(recorded, "session_started", tempo="fast"))
    other = account(with_bodies(recorded, "screened", answers=3))

    assert [(each.name, each.seq) for each in told.unread] == [("session_started", recorded.entries[0].seq)]
    assert "tempo" in told.unread[0].why
    assert (told.unit.model, told.unit.firmware, told.operator) == ("US111", None, None)
    assert told.readings
    assert [each.name for each in other.unread] == ["screened"]
    assert other.screening is None


def test_what_was_erased_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j"
    note = NoteTaken(at_ms=500, text="Skin warm", by="operator")
    tell(path, "s", started("s"), note, progress(1000, 1000), ended())
    number = next(entry.seq for entry in session(path).entries if entry.name == "note_taken")
    erased(path, number)

    told = account(session(path))

    assert [(each.name, each.why) for each in told.unread] == [("note_taken", "its body has been erased")]
    assert told.notes == ()


# --- who treats -----------------------------------------------------------------------------------------


def test_who_treats_is_a_reference_in_its_one_form_and_never_a_name() -> None:
    with Journal.in_memory(VirtualClock()) as journal, pytest.raises(InvalidUsage, match="space"):
        record_session(journal, treated_by="Mary Smith")


def test_guidance_records_who_treats_as_well() -> None:
    from queue import SimpleQueue

    from physioctl.guidance import run_guidance
    from physioctl.guidance_steps import Loop
    from physioctl.runner import Request

    clock = VirtualClock()
    with Journal.in_memory(clock) as journal:
        request = replace(Request.on_nobody(find("hand-cramp-guidance")), treated_by="T-2")
        run_guidance(request, Loop(clock, SimpleQueue()), journal, rehearsed=True)
        told = account(session(journal))

    assert (told.operator, told.unit.model, told.energy_mj) == ("t-2", "", 0)
