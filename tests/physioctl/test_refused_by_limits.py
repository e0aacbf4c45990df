"""A session that the limits or the site's day refuse to a person: it is recorded, and counts for nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.clock import VirtualClock
from physioctl.cli import call
from physioctl.record.answers_kept import answers_kept
from physioctl.record.entries import Entry
from physioctl.record.export.refusal import refusal, refusal_bundle
from physioctl.record.history import sessions
from physioctl.record.journal import Journal
from physioctl.record.purge import erase, select
from physioctl.record.refusals import refused
from physioctl.record.selection import Selection
from physioctl.record.verify import verify
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from protocols.errors import Refused
from tests.physioctl.fhir_bundles import validated
from tests.physioctl.test_admission import NOON, gun
from tests.physioctl.test_tampered import asked_for

Capture = pytest.CaptureFixture[str]
WHY = "this site has had 2 percussion sessions in the last 24 hours; the most is 2"


def refused_once(journal: Journal, request: Request | None = None, rig: Rig | None = None) -> None:
    with pytest.raises(Refused):
        run_session(request or asked_for(), (rig or gun()).driver, journal)


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A journal in which a site's day is full, and a third session was refused."""
    path = tmp_path / "j"
    with Journal.open(path, VirtualClock(NOON)) as journal:
        for _ in range(2):
            run_session(asked_for(), gun().driver, journal)
        refused_once(journal)
    return path


def recorded(path: Path) -> tuple[Entry, ...]:
    found, unreadable = refused(path, "P-017", Selection())
    assert unreadable == ()
    return found


@pytest.mark.hazard("H-20")
def test_it_is_recorded_with_the_person_the_site_and_why(full: Path) -> None:
    (entry,) = recorded(full)

    assert entry.name == "session_refused"
    assert entry.body == {
        "person": "p-017", "protocol": asked_for().protocol.id, "body_site": "calf", "side": "left",
        "simulated": False, "why": WHY,
    }  # fmt: skip
    assert entry.session == ""
    assert verify(full).whole
    assert len(sessions(full)) == 2


@pytest.mark.hazard("H-03")
def test_it_counts_for_no_day_and_is_no_answer(full: Path) -> None:
    with Journal.open(full, VirtualClock(NOON + timedelta(hours=1))) as journal:
        refused_once(journal)
        assert {each.answer for each in answers_kept(journal, "P-017", simulated=False)} == {"no"}
    assert len(recorded(full)) == 2

    free = NOON + timedelta(days=1, minutes=5)
    with Journal.open(full, VirtualClock(free)) as journal:
        assert run_session(asked_for(), gun().driver, journal).outcome == "completed"


def test_history_tells_it_of_the_person_and_of_nobody_else(full: Path, capsys: Capture) -> None:
    assert call(["history", "--person", "P-017", "--journal", str(full)]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "refused" in line]
    assert f"{asked_for().protocol.id} was refused. By the limits: {WHY} (entry " in line

    assert call(["history", "--person", "P-017", "--json", "most", "--journal", str(full)]) == 0
    (told,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_refused" in line]
    assert (told["event"], told["why"]) == ("session_refused", WHY)

    assert call(["history", "--person", "P-018", "--journal", str(full)]) == 0
    assert "refused" not in capsys.readouterr().err


def test_the_bundle_tells_it_from_a_refused_screening(full: Path) -> None:
    found = validated(refusal_bundle(refusal(full)))

    assert found.procedure["status"] == "not-done"
    assert found.procedure["statusReason"]["text"] == (
        f"refused by the limits before anything was output: {WHY}"
    )
    assert found.of("Observation") == []


def test_the_refusal_of_nobody_and_that_under_a_clock_in_doubt_are_not_recorded(full: Path) -> None:
    before = verify(full).entries
    with Journal.open(full, VirtualClock(NOON - timedelta(hours=1))) as journal:
        refused_once(journal)

    assert verify(full).entries == before


def test_it_is_erased_with_the_person(full: Path) -> None:
    clock = VirtualClock(datetime(2030, 1, 1, tzinfo=UTC))
    with Journal.open(full, clock) as journal:
        found = select(journal, person="P-017")
    assert found.outside == (recorded(full)[0].seq,)

    erase(full, clock, [each.id for each in found.erasable], found.outside)

    assert recorded(full) == ()
    assert verify(full).whole
    assert b"24 hours" not in full.read_bytes()
