"""export, as it is typed."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.clock import VirtualClock
from physioctl.cli.exits import Exit
from physioctl.record.history import session
from physioctl.record.journal import Journal
from tests.physioctl.fhir_bundles import validated
from tests.physioctl.test_cli_record import ended, erased, progress, said, started, tell
from tests.physioctl.test_fhir_outcomes import refused


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


def test_the_clinics_codes_and_a_refusal_are_asked_for_by_name(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = tmp_path / "codes.toml"
    codes.write_text(
        'format = 1\n[reason.refused]\nsystem = "urn:example:r"\ncode = "R"\ndisplay = "Refused"\n'
    )
    with Journal.open(journal, VirtualClock(datetime(2026, 3, 1, 13, tzinfo=UTC))) as opened:
        refused(opened)
    asked = ("export", "--journal", journal, "--fhir", "r4b", "--codes", codes, "--refused", "--output")

    code, out, _ = said(capsys, *asked, "-")
    _, by_number, _ = said(capsys, *asked, "-", "4")
    _, nothing, err = said(capsys, *asked, tmp_path / "none" / "x.json")

    reason = validated(json.loads(out)).procedure["statusReason"]
    assert (code, by_number, nothing) == (Exit.DONE, out, "")
    assert reason["coding"] == [{"system": "urn:example:r", "code": "R", "display": "Refused"}]
    assert "cannot write" in err
