"""Whatever a record holds, its export is a Bundle by FHIR's own rules, or is refused in words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from device.events import NoteTaken
from physioctl.errors import JournalUnusable
from physioctl.events import Outcome
from physioctl.record.account import Account, Note, Reading, account
from physioctl.record.export.bundle import bundle
from physioctl.record.history import Session, session
from physioctl.record.journal_reading import reading as read_journal
from protocols.errors import PhysioctlError
from tests.physioctl.fhir_bundles import eventful, exported, validated
from tests.physioctl.fhir_rules import walk
from tests.physioctl.test_account import with_bodies
from tests.physioctl.test_cli_record import ended, erased, progress, started, tell
from tests.physioctl.test_tampered import NUMBERS, TEXTS, fields_of, without_rules

EVENTS = ("session_started", "progress", "session_ended")
EIGHT_HOURS_MS = 8 * 3_600_000


@pytest.fixture(scope="module")
def recorded() -> Session:
    return eventful()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "j"
    tell(path, "s", started("s"), progress(1000, 1000), ended(), at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    return path


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
