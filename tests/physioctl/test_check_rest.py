"""When the rest of a session may be given: each condition, and its refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from device.dialects.base import HostLoss
from device.events import OffConfirmation
from physioctl.admission import check_rest
from physioctl.events import Outcome
from physioctl.record.summary import Summary
from protocols.errors import Refused
from protocols.limits import Family

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BROKEN = Summary(
    id="s-1", began=NOON, last=NOON, protocol="calf", title="Calf", content_hash="0" * 64,
    family=Family.PERCUSSION, body_site="calf", side="left", person="p-017", simulated=False,
    model="ULTRAGUN", serial="SN-1", nonce=1, lease_ms=500, host_loss=HostLoss.LEASE,
    outcome=Outcome.STOPPED, why="", output_off=OffConfirmation.CONFIRMED, delivered_ms=4000,
    planned_ms=10_000, energy_mj=0, planned_energy_mj=None, rest_of=None, at_most_ms=4000,
)  # fmt: skip
SAME = ("0" * 64, "p-017", "calf", "left", False)


def refusal(
    *parts: Summary,
    asked: str = "s-1",
    same: tuple[object, ...] = SAME,
    left_ms: int = 6000,
    later: timedelta = timedelta(hours=1),
) -> str:
    """Why the rest is refused, and what to do; empty where it may be given."""
    try:
        check_rest(asked, parts, same, left_ms, NOON + later)
    except Refused as refused:
        return f"{refused.what}\n{refused.action}"
    return ""


def test_what_is_left_of_a_session_that_broke_off_may_be_given_for_a_day() -> None:
    too_late = "session s-1 broke off more than a day ago\nStart a new session."

    assert refusal(BROKEN) == ""
    assert refusal(BROKEN, left_ms=1) == ""
    assert refusal(BROKEN, later=timedelta(days=1)) == ""
    assert refusal(BROKEN, later=timedelta(days=1, milliseconds=1)) == too_late


def test_the_rest_of_no_session_is_refused() -> None:
    assert "there is no session 's-1' in this journal" in refusal()


def test_a_rest_goes_on_from_the_latest_of_the_chain() -> None:
    latest = replace(BROKEN, id="s-2", rest_of="s-1")

    assert refusal(latest, BROKEN, asked="s-2") == ""
    assert refusal(latest, BROKEN).endswith("has been given or begun in s-2\nGo on from there: --rest-of s-2")


@pytest.mark.parametrize("open_part", [0, 1])
def test_no_rest_is_given_while_a_session_of_the_chain_may_be_running(open_part: int) -> None:
    parts = [replace(BROKEN, id="s-2", rest_of="s-1"), BROKEN]
    parts[open_part] = replace(parts[open_part], outcome=None)

    assert refusal(*parts, asked="s-2") == (
        f"session {parts[open_part].id} has no end in the record: it may still be running\n"
        "If it broke off, ask on its own unit (ULTRAGUN SN-1), 45 s after it was last heard of: "
        "that settles it first."
    )


@pytest.mark.parametrize(
    "same",
    [
        ("1" * 64, "p-017", "calf", "left", False),
        ("0" * 64, "p-018", "calf", "left", False),
        ("0" * 64, "p-017", "thigh", "left", False),
        ("0" * 64, "p-017", "calf", "right", False),
        ("0" * 64, "p-017", "calf", "left", True),
    ],
)
def test_a_rest_is_of_the_same_protocol_person_site_side_and_kind_of_unit(same: tuple[object, ...]) -> None:
    assert "was of another protocol, person, site, side or kind of unit" in refusal(BROKEN, same=same)


@pytest.mark.parametrize("left_ms", [0, -1])
@pytest.mark.parametrize(
    ("at_most_ms", "why"),
    [
        ([4000, 4000], "session s-2 has nothing left to give"),
        ([4001, 4000], "session s-2 may have given all of it"),
        ([4000, 4001], "session s-2 may have given all of it"),
    ],
)
def test_with_nothing_left_there_is_no_rest(left_ms: int, at_most_ms: list[int], why: str) -> None:
    parts = [replace(BROKEN, id="s-2", rest_of="s-1"), BROKEN]
    parts = [replace(part, at_most_ms=most_ms) for part, most_ms in zip(parts, at_most_ms, strict=True)]

    assert refusal(*parts, asked="s-2", left_ms=left_ms).startswith(why)
    assert refusal(*parts, asked="s-2", left_ms=1) == ""


def test_a_session_that_was_completed_has_no_rest() -> None:
    completed = replace(BROKEN, outcome=Outcome.COMPLETED)

    assert refusal(completed).startswith("session s-1 has nothing left to give")
