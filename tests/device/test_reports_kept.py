"""What the record keeps of a unit's reports: every one that raised an alarm, and every change."""

from __future__ import annotations

from itertools import pairwise

from physioctl.record.codec import to_json
from physioctl.rehearsal.rig import Rig
from tests.support import SECOND_MS, Ledger, MakeRig, emit, session_on


def kept(rig: Rig, seconds: int = 10) -> Ledger:
    ledger = Ledger()
    session_on(rig, emit(rig, seconds * SECOND_MS), ledger=ledger)
    return ledger


def test_an_alarm_carries_the_report_that_raised_it(make_rig: MakeRig) -> None:
    ledger = kept(make_rig("us111", "ageing@2s=0.5"))

    (alarm,) = [to_json(event) for event in ledger.named("alarm_raised")]
    assert alarm["code"] == "OUTPUT_HIGH"
    assert alarm["status"]["level_set"] == 440
    assert alarm["status"]["measured_level"] > 440 * 1.2
    assert alarm["status"]["state"] == "emitting"


def test_each_change_of_what_a_unit_is_told_or_decides_is_kept(make_rig: MakeRig) -> None:
    ledger = kept(make_rig("us111", "lift_off@3s+1s"))

    states = [to_json(event)["status"]["state"] for event in ledger.named("status_changed")]
    assert states == ["ready", "emitting", "suspended", "emitting", "ready", "idle"]


def test_a_report_without_a_change_is_not_kept(make_rig: MakeRig) -> None:
    short, long = (kept(make_rig(), seconds).named("status_changed") for seconds in (2, 60))

    assert len(short) == len(long)
    assert all(to_json(one)["status"] != to_json(other)["status"] for one, other in pairwise(long))
