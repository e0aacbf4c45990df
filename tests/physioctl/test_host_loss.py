"""What is refused, and what is said before the first output, of units that cannot promise everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from device.dialects.base import ALL_FIELDS, ReportField
from device.events import Event
from device.monitor.alarms import RULES, Rule
from physioctl.cli import call
from physioctl.events import SessionStarted, UnitLimitations
from physioctl.host_loss import limitations
from physioctl.record.journal import Journal
from physioctl.rehearsal.rehearse import rehearse
from physioctl.rehearsal.rig import Rig, speaking
from physioctl.runner import Request, run_session
from protocols.errors import Refused
from protocols.library import find
from tests.device.parts import UNIT
from tests.support import CountedLink, Ledger

NO_END = "only the unit's own switch ends output"


def rig_of(host_loss: str, model: str = "us111") -> Rig:
    spoken = speaking("modbus", host_loss)
    return Rig(model, unit=spoken.unit, dialect=spoken.dialect)


def events_of(host_loss: str, protocol: str, model: str = "us111", **asked: Any) -> list[Event]:
    rig, ledger = rig_of(host_loss, model), Ledger()
    request = replace(Request.on_nobody(find(protocol), attended=True), **asked)
    with Journal.in_memory(rig.clock) as journal:
        run_session(request, rig.driver, journal, [ledger])
    return ledger.events


@pytest.mark.parametrize("host_loss", ["lease", "timer"])
@pytest.mark.parametrize("id_", ["unit-check", "foot-cramp-ultrasound"])
def test_a_protocol_is_rehearsed_whole_on_a_unit_with_a_lease_or_a_timer(id_: str, host_loss: str) -> None:
    rehearsal = rehearse(find(id_), rig_of(host_loss))

    assert (rehearsal.ended.outcome, rehearsal.alarms, rehearsal.agrees) == ("completed", (), True)
    assert rehearsal.ended.delivered_ms == rehearsal.ended.planned_ms


@pytest.mark.parametrize(
    ("id_", "model"), [("unit-check", "us111"), ("calf-cramp-aftercare-percussion", "ultragun")]
)
def test_what_is_reckoned_is_at_least_what_was_given_and_no_more_than_was_planned(
    id_: str, model: str
) -> None:
    rig = rig_of("none", model)

    rehearsal = rehearse(find(id_), rig, attended=True)

    assert (rehearsal.ended.outcome, rehearsal.alarms, rehearsal.agrees) == ("completed", (), True)
    assert rig.unit.delivered_ms <= rehearsal.ended.delivered_ms <= rehearsal.ended.planned_ms


@pytest.mark.hazard("H-05")
def test_a_unit_that_nothing_else_ends_is_refused_with_nobody_there() -> None:
    with pytest.raises(Refused, match=NO_END):
        rehearse(find("unit-check"), rig_of("none"))


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize("confirm", [None, lambda _: False])
def test_a_unit_that_nothing_else_ends_is_refused_unless_a_person_accepts_it(confirm: Any) -> None:
    with pytest.raises(Refused, match=NO_END):
        events_of("none", "unit-check", confirm_host_loss=confirm)


@pytest.mark.hazard("H-05")
def test_a_unit_that_nothing_else_ends_gives_no_ultrasound_on_a_body_site() -> None:
    with pytest.raises(Refused, match="no ultrasound on a body site"):
        events_of("none", "calf-tightness-ultrasound")


@pytest.mark.hazard("H-05")
def test_the_person_is_told_before_they_accept_it() -> None:
    told: list[str] = []

    def accept(what: str) -> bool:
        told.append(what)
        return True

    events_of("none", "unit-check", confirm_host_loss=accept)

    assert told == ["without this computer only the unit's own switch ends output"]


@pytest.mark.hazard("H-05")
def test_a_rehearsals_acceptance_is_none_on_a_unit_that_is_not_simulated() -> None:
    spoken = speaking("modbus", "none")
    rig = Rig("ultragun", unit=spoken.unit, dialect=spoken.dialect, link=CountedLink)
    request = Request.on_nobody(find("unit-check-percussion"), attended=True)

    with Journal.in_memory(rig.clock) as journal, pytest.raises(Refused, match=NO_END):
        run_session(request, rig.driver, journal)

    assert rig.unit.changes == []


def test_guidance_alone_needs_no_acceptance() -> None:
    events_of("none", "abdominal-cramp-guidance", confirm_host_loss=None)


@pytest.mark.parametrize(
    ("host_loss", "said"),
    [
        ("lease", None),
        ("timer", ["the unit's timer ends output, after up to 10 s", "LEASE_DIFFERS, LAPSED"]),
        ("none", [NO_END, "does not report time and energy", "COUNT_OFF", "holds no limits of its own"]),
    ],
)
def test_what_the_unit_cannot_promise_is_recorded_before_the_first_output(
    host_loss: str, said: list[str] | None
) -> None:
    events = events_of(host_loss, "unit-check")

    names = [event.name for event in events]
    limitations = [event for event in events if isinstance(event, UnitLimitations)]
    if said is None:
        assert limitations == []
        return
    assert names.index("unit_limitations") < names.index("output_permitted")
    text = "\n".join(limitations[0].limitations)
    assert [part for part in said if part not in text] == []


@pytest.mark.parametrize("judged", [rule for rule in RULES if rule.needs], ids=lambda rule: rule.code)
def test_an_alarm_is_said_to_be_judged_where_the_unit_reports_just_the_fields_it_needs(judged: Rule) -> None:
    def unjudged(reports: frozenset[ReportField]) -> str:
        unit = replace(UNIT, declared=replace(UNIT.declared, reports=reports))
        return next((line for line in limitations(unit) if line.startswith("these alarms")), "")

    assert judged.code not in unjudged(judged.needs).removeprefix("these alarms cannot be judged: ").split(
        ", "
    )
    assert judged.code in unjudged(ALL_FIELDS - judged.needs)


@pytest.mark.parametrize(
    ("host_loss", "recorded"),
    [
        ("lease", ("modbus", "lease", 500, ())),
        ("timer", ("modbus", "own_timer", 10_500, ())),
        ("none", ("modbus", "none", 0, ("time", "energy"))),
    ],
)
def test_the_opening_entry_says_what_ends_output_and_what_is_reckoned(
    host_loss: str, recorded: tuple[object, ...]
) -> None:
    (started,) = (e for e in events_of(host_loss, "unit-check") if isinstance(e, SessionStarted))

    assert (started.dialect, started.host_loss, started.lease_ms, started.reckoned) == recorded


def test_rehearse_takes_a_dialect_and_what_ends_the_units_output(capsys: pytest.CaptureFixture[str]) -> None:
    code = call(["rehearse", "unit-check", "--unit", "us111", "--dialect", "modbus", "--host-loss", "timer"])

    assert code == 0
    assert "after up to 10 s" in capsys.readouterr().out


def test_a_native_unit_has_a_lease_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    code = call(["rehearse", "unit-check", "--unit", "us111", "--host-loss", "none"])

    assert code == 2
    assert "a native unit has a lease" in capsys.readouterr().err
