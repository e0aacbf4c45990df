"""The conformance suite in virtual time: sound units pass, and a unit that breaks one promise fails there."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device.errors import LinkLost, UnitUnusable
from device.events import OffConfirmation
from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import GetCapabilities, GetStatus, Identify, Set, read
from physioctl.conformance.certificate import end, head, row
from physioctl.conformance.native.host import NativeHost
from physioctl.conformance.native.suite import CLAUSES
from physioctl.conformance.outcomes import Mark, Outcome
from physioctl.conformance.page import page
from physioctl.rehearsal.rig import CableLink
from simulator.broken import BROKEN
from simulator.faults import Fault, FaultKind
from simulator.unit import SimulatedUnit
from tests.physioctl.conformance_bench import (
    LONG_MS,
    ON_THE_LINE,
    SEED,
    WITH_A_PERSON,
    Attended,
    Bench,
    Chatty,
    Obliging,
    Person,
    Timed,
    marked,
    obliging,
)

IDS = [clause.id for clause in CLAUSES]


@pytest.mark.parametrize("model", ["us111", "ultragun", "ultragun_pro"])
def test_a_sound_unit_keeps_every_promise_that_can_be_shown(model: str) -> None:
    bench = Attended(Obliging, model, wait_ms=10_000)

    certificate = bench.examined()

    not_shown = set() if model == "us111" else {"contact", "ceiling.energy", "status.energy"}
    assert [(each.clause.id, each.measured) for each in certificate.outcomes if each.mark is Mark.FAIL] == []
    assert marked(certificate, Mark.NOT_SHOWN) == not_shown
    assert certificate.output_off is OffConfirmation.CONFIRMED


def test_what_only_a_person_can_bring_about_is_not_shown_without_one() -> None:
    bench = Bench()

    certificate = bench.examined()

    assert marked(certificate, Mark.NOT_SHOWN) == WITH_A_PERSON
    assert bench.instructions == []


def test_every_promise_can_be_broken_by_a_switch() -> None:
    assert BROKEN.keys() | ON_THE_LINE == set(IDS)


@pytest.mark.parametrize("promise", [each for each in IDS if each in BROKEN])
def test_a_unit_that_breaks_one_promise_fails_at_exactly_that_clause(promise: str) -> None:
    if promise in WITH_A_PERSON:
        bench: Bench = Attended(obliging(BROKEN[promise]), wait_ms=5000)
    else:
        bench = Bench(BROKEN[promise])

    certificate = bench.examined()

    assert marked(certificate, Mark.FAIL) == {promise}


@pytest.mark.parametrize(
    ("promise", "kind", "amount"),
    [
        ("answers.in_time", FaultKind.BYTES_LATE, 42),
        ("answers.uptime", FaultKind.FAST_CLOCK, 0.08),
        ("answers.uptime", FaultKind.SLOW_CLOCK, 0.08),
    ],
)
def test_a_slow_line_and_a_wrong_clock_fail_at_exactly_their_clause(
    promise: str, kind: FaultKind, amount: float
) -> None:
    bench = Bench(faults=(Fault(kind, 0, LONG_MS, amount),))

    certificate = bench.examined()

    assert marked(certificate, Mark.FAIL) == {promise}


def test_a_unit_that_speaks_first_fails_at_exactly_that_clause() -> None:
    bench = Bench(link=Timed)
    Chatty(bench)

    certificate = bench.examined()

    assert marked(certificate, Mark.FAIL) == {"answers.unasked"}


# --- what is sent, and how it ends ----------------------------------------------------------------------


class Kept(CableLink):
    """Keeps every request that was sent, and can be lost."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.requests: list[Any] = []
        self.lost_after = 1 << 30

    def send(self, data: bytes) -> bool:
        if len(self.requests) >= self.lost_after:
            raise LinkLost("the port is gone", "Plug it in.")
        self.requests += [
            read(item.type, item.body) for item in Decoder().feed(data) if isinstance(item, Frame)
        ]
        return super().send(data)


def kept(bench: Bench) -> Kept:
    assert isinstance(bench.link, Kept)
    return bench.link


def test_nothing_that_could_give_output_is_sent_before_the_examination_begins() -> None:
    bench = Bench(link=Kept)

    bench.examiner.meet()

    assert {type(request) for request in kept(bench).requests} == {Identify, GetCapabilities, GetStatus}


@pytest.mark.hazard("H-04")
def test_nothing_that_has_to_be_refused_is_sent_before_what_ends_output_is_shown() -> None:
    bench = Bench(link=Kept)
    before: list[Any] = []

    def shown(outcome: Outcome) -> None:
        if outcome.clause.id == "stop.under_load":
            before.extend(kept(bench).requests)

    bench.examined(shown)

    plate = bench.unit.plate
    sets = [request for request in before if isinstance(request, Set)]
    assert sets
    assert {request.level for request in sets} == {plate.level_min}
    assert {request.duty_pct for request in sets} == {20}


@pytest.mark.hazard("H-04")
def test_output_stays_within_20_of_the_lowest_level_whatever_is_asked() -> None:
    bench = Bench()

    bench.examined()

    assert 0 < max(change.output for change in bench.unit.changes) <= bench.unit.plate.level_min + 20


@pytest.mark.hazard("H-04")
def test_the_first_request_that_is_not_refused_ends_the_run() -> None:
    certificate = Bench(BROKEN["refused.bad_value"]).examined()

    after = certificate.outcomes[IDS.index("refused.bad_value") + 1 :]
    assert {outcome.mark for outcome in after} == {Mark.NOT_SHOWN}
    assert certificate.ended_early == "refused.bad_value ended the run"


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("after", range(5))
def test_a_stop_that_is_asked_for_at_any_time_ends_the_output(after: int) -> None:
    bench = Bench(BROKEN["lease.lapse"] if after % 2 else SimulatedUnit)
    asked = bench.clock.now_ms() + 9000 + 137 * after
    Person(bench, asked)

    certificate = bench.examined()

    assert certificate.interrupted
    assert certificate.output_off is OffConfirmation.CONFIRMED
    assert bench.clock.now_ms() < asked + 1000


class WentWrong(Exception):
    """Of a screen, say."""


@pytest.mark.hazard("H-18")
def test_an_exception_of_whoever_is_told_ends_the_output() -> None:
    bench = Bench()
    bench.examiner.meet()

    def shown(outcome: Outcome) -> None:
        if outcome.clause.id == "step.timer":
            raise WentWrong

    with pytest.raises(WentWrong):
        bench.examiner.examine(shown)

    assert bench.unit.output == 0
    assert bench.examiner.certificate().output_off is OffConfirmation.CONFIRMED


@pytest.mark.hazard("H-05")
def test_output_off_is_presumed_on_a_lost_port_once_the_lapse_was_shown_and_unknown_before() -> None:
    found = []
    for clause_id in ("stop.output", "stop.any_state"):
        bench = Bench(link=Kept)
        bench.examiner.meet()

        def shown(outcome: Outcome, bench: Bench = bench, clause_id: str = clause_id) -> None:
            if outcome.clause.id == clause_id:
                kept(bench).lost_after = len(kept(bench).requests) + 3

        found.append(bench.examiner.examine(shown).output_off)

    assert found == [OffConfirmation.UNKNOWN, OffConfirmation.PRESUMED]


def test_a_unit_on_which_another_session_runs_is_not_examined() -> None:
    bench = Bench()
    bench.examiner.meet()
    host = bench.examiner.host
    assert isinstance(host, NativeHost)
    host.new_session()
    for request in (host.arm(), host.set(for_ms=5000, lease_ms=1000)):
        bench.unit.hear(encode(host.frame(request)), bench.clock.now_ms())

    with pytest.raises(UnitUnusable, match="another session"):
        bench.examiner.meet()


def test_a_seed_makes_the_same_examination() -> None:
    sent = []
    for _ in range(2):
        bench = Bench(link=Kept)
        bench.examined()
        sent.append(kept(bench).requests)

    assert sent[0] == sent[1]


# --- the certificate ------------------------------------------------------------------------------------


def test_each_clause_holds_a_sentence_that_stands_in_the_page_under_its_heading() -> None:
    text = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")
    sections = {part.partition("\n")[0]: " ".join(part.split()) for part in text.split("\n## ")}

    missing = [clause.id for clause in CLAUSES if clause.says not in sections[clause.section]]

    assert missing == []
    assert len(set(IDS)) == len(IDS)


def test_the_certificate_is_rows_for_programs_and_a_page_that_needs_nothing_else() -> None:
    certificate = Bench(BROKEN["status.energy"]).examined()

    rows = [head(certificate), *map(row, certificate.outcomes), end(certificate, 7)]
    shown = page(certificate)

    assert rows[0]["format"] == 1
    assert rows[0]["seed"] == SEED
    assert json.loads(json.dumps(rows)) == rows
    assert [each["clause"] for each in rows[1:-1]] == IDS
    assert (rows[-1]["fail"], rows[-1]["output_off"]) == (1, "confirmed")
    assert all(f">{each}<" in shown for each in IDS)
    assert all(
        html.escape(each, quote=True).replace("&#x27;", "&#39;") in shown for each in certificate.cannot_show
    )
    assert "<script" not in shown
    assert "http" not in shown.replace("http-equiv", "")


def test_what_a_unit_says_of_itself_is_text_in_the_page_and_nothing_else() -> None:
    certificate = replace(Bench().examined(), model="<script>x</script>", serial="\x1b[2J")

    shown = page(certificate)

    assert "<script" not in shown
    assert "\x1b" not in shown
