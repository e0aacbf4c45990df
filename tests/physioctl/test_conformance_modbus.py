"""The conformance suite of Modbus in virtual time: sound units of each kind, and broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.errors import LinkLost
from device.events import OffConfirmation
from device.wire import modbus_map as wire
from device.wire.rtu import REQUESTS, Receiver
from physioctl.conformance.certificate import end, head, row
from physioctl.conformance.modbus.rtu import framed, write_single
from physioctl.conformance.outcomes import Mark, Outcome, Part
from physioctl.conformance.page import page
from physioctl.conformance.suites import suite_for
from physioctl.rehearsal.rig import CableLink
from simulator.broken import modbus
from simulator.faults import Fault, FaultKind
from simulator.modbus_unit import KINDS, ModbusUnit
from simulator.unit import SimulatedUnit
from tests.physioctl.conformance_bench import (
    LONG_MS,
    ON_THE_LINE,
    WITH_A_PERSON,
    Attended,
    Bench,
    Chatty,
    Person,
    Timed,
    marked,
    obliging,
)

SUITE = suite_for("modbus", None)
IDS = [clause.id for clause in SUITE.clauses]
DOCS = Path(__file__).parents[2] / "docs"
DECLARED = {
    "lease": set(Part) - {Part.TIMER_ALONE, Part.LEASELESS, Part.MISSING_REPORTS},
    "timer": set(Part) - {Part.LEASE},
    "none": {Part.LEASELESS, Part.MISSING_REPORTS},
}


def breakable() -> list[tuple[str, str]]:
    """Each promise, and one kind of unit that makes it: each kind in its turn."""
    found = []
    for number, clause in enumerate(SUITE.clauses):
        kinds = [kind for kind, parts in DECLARED.items() if parts.issuperset(clause.needs)]
        if clause.id not in ON_THE_LINE:
            found.append((kinds[number % len(kinds)], clause.id))
    return found


def bench_of(unit: type[SimulatedUnit], model: str = "us111", link: type[CableLink] = CableLink) -> Bench:
    return Bench(unit, model, link=link, suite=SUITE)


def attended(unit: type[SimulatedUnit], model: str = "us111") -> Bench:
    return Attended(obliging(unit), model, wait_ms=9000, suite=SUITE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["us111", "ultragun_pro"])
def test_a_sound_unit_of_each_kind_keeps_every_promise_that_it_makes(kind: str, model: str) -> None:
    bench = attended(KINDS[kind], model)

    certificate = bench.examined()

    sensed = set() if model == "us111" else {"contact", "ceiling.energy", "status.energy"}
    assert [(each.clause.id, each.measured) for each in certificate.outcomes if each.mark is Mark.FAIL] == []
    assert marked(certificate, Mark.NOT_SHOWN) == sensed - marked(certificate, Mark.NOT_APPLICABLE)
    assert certificate.output_off is OffConfirmation.CONFIRMED


def test_what_a_unit_does_not_declare_is_not_applicable_and_never_passed() -> None:
    for kind, parts in DECLARED.items():
        certificate = bench_of(KINDS[kind]).examined()

        lacking = {clause.id for clause in SUITE.clauses if not parts.issuperset(clause.needs)}
        assert marked(certificate, Mark.NOT_APPLICABLE) == lacking
        assert marked(certificate, Mark.NOT_SHOWN) == WITH_A_PERSON
        assert all(
            each.measured.startswith("the unit")
            for each in certificate.outcomes
            if each.mark is Mark.NOT_APPLICABLE
        )


def test_every_promise_can_be_broken_by_a_switch() -> None:
    assert modbus.names() | ON_THE_LINE == set(IDS)


@pytest.mark.parametrize(("kind", "promise"), breakable())
def test_a_unit_that_breaks_one_promise_fails_at_exactly_that_clause(kind: str, promise: str) -> None:
    unit = modbus.broken(promise, kind)
    bench = attended(unit) if promise in WITH_A_PERSON else bench_of(unit)

    certificate = bench.examined()

    assert marked(certificate, Mark.FAIL) == {promise}


@pytest.mark.parametrize(
    ("promise", "kind", "amount"),
    [
        ("answers.in_time", FaultKind.BYTES_LATE, 35),
        ("answers.uptime", FaultKind.FAST_CLOCK, 0.08),
    ],
)
def test_a_slow_line_and_a_wrong_clock_fail_at_exactly_their_clause(
    promise: str, kind: FaultKind, amount: float
) -> None:
    bench = Bench(ModbusUnit, faults=(Fault(kind, 0, LONG_MS, amount),), suite=SUITE)

    assert marked(bench.examined(), Mark.FAIL) == {promise}


def test_a_unit_that_speaks_first_fails_at_exactly_that_clause() -> None:
    bench = bench_of(ModbusUnit, link=Timed)
    Chatty(bench, framed(1, write_single(0, 7)))

    assert marked(bench.examined(), Mark.FAIL) == {"answers.unasked"}


# --- what is sent, and how it ends ----------------------------------------------------------------------


class Kept(CableLink):
    """Keeps every command block that was sent, and can be lost."""

    orders: tuple[wire.Order, ...] = ()
    lost_after = 1 << 30

    def send(self, data: bytes) -> bool:
        if len(self.orders) >= self.lost_after:
            raise LinkLost("the port is gone", "Plug it in.")
        for frame in Receiver(frozenset({1})).feed(data):
            request = REQUESTS.decode(frame.pdu)
            try:
                self.orders += (wire.Order.read(getattr(request, "write_registers", ()), 1),)
            except ValueError:
                continue
        return super().send(data)


def kept(bench: Bench) -> Kept:
    assert isinstance(bench.link, Kept)
    return bench.link


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_has_to_be_refused_is_sent_before_what_ends_output_is_shown(kind: str) -> None:
    bench = bench_of(KINDS[kind], link=Kept)
    met: list[wire.Order] = []
    before: list[wire.Order] = []

    def shown(outcome: Outcome) -> None:
        if outcome.clause.id == "answers.identity":
            met.extend(kept(bench).orders)
        if outcome.clause.id == "stop.under_load":
            before.extend(kept(bench).orders)

    bench.examined(shown)

    assert {order.command for order in met} <= {
        wire.Command.IDENTIFY,
        wire.Command.CAPABILITIES,
        wire.Command.STATUS,
        wire.Command.STOP,
    }
    sets = [order for order in before if order.command is wire.Command.SET]
    plate = bench.unit.plate
    assert {(order.level, order.duty_pct) for order in sets} == {(plate.level_min, 20)}
    assert before.index(sets[0]) > 0


@pytest.mark.hazard("H-04")
@pytest.mark.parametrize("kind", KINDS)
def test_output_stays_within_20_of_the_lowest_level_whatever_is_asked(kind: str) -> None:
    bench = bench_of(KINDS[kind], link=Kept)

    bench.examined()

    plate = bench.unit.plate
    assert 0 < max(change.output for change in bench.unit.changes) <= plate.level_min + 20
    if kind == "none":  # nothing would stand behind a unit that did it
        sets = [order for order in kept(bench).orders if order.command is wire.Command.SET]
        assert max(order.level for order in sets) <= plate.level_min + 20


@pytest.mark.hazard("H-05")
@pytest.mark.parametrize(
    ("kind", "after", "known"),
    [
        ("lease", "stop.output", OffConfirmation.UNKNOWN),
        ("lease", "stop.any_state", OffConfirmation.PRESUMED),
        ("timer", "stop.output", OffConfirmation.UNKNOWN),
        ("timer", "stop.any_state", OffConfirmation.PRESUMED),
        ("none", "stop.any_state", OffConfirmation.UNKNOWN),
    ],
)
def test_output_off_is_presumed_on_a_lost_port_only_of_what_was_shown_to_end_it(
    kind: str, after: str, known: OffConfirmation
) -> None:
    bench = bench_of(KINDS[kind], link=Kept)
    bench.examiner.meet()

    def shown(outcome: Outcome) -> None:
        if outcome.clause.id == after:
            kept(bench).lost_after = len(kept(bench).orders) + 3

    assert bench.examiner.examine(shown).output_off is known


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after_ms", [8_000, 15_137])
def test_a_stop_that_is_asked_for_ends_the_output_of_each_kind(kind: str, after_ms: int) -> None:
    bench = bench_of(KINDS[kind])
    bench.examiner.meet()
    Person(bench, bench.clock.now_ms() + after_ms)

    certificate = bench.examined()

    assert certificate.interrupted
    assert certificate.output_off is OffConfirmation.CONFIRMED
    assert bench.clock.now_ms() < after_ms + 1500


def test_a_unit_that_no_longer_takes_transactions_is_stopped_by_a_plain_write() -> None:
    class Deaf(ModbusUnit):
        """Takes no transaction once it gives output."""

        def _answers(self, data: bytes) -> bytes:
            return b"" if self.output and data[1:2] == b"\x17" else super()._answers(data)

    bench = bench_of(Deaf)

    certificate = bench.examined()

    assert bench.unit.output == 0
    assert certificate.output_off is OffConfirmation.CONFIRMED
    assert "stop.output" in marked(certificate, Mark.FAIL)


# --- the certificate ------------------------------------------------------------------------------------


def test_each_clause_holds_a_sentence_that_stands_in_its_page_under_its_heading() -> None:
    missing = []
    for clause in SUITE.clauses:
        text = (DOCS / f"{clause.page}.md").read_text(encoding="utf-8")
        sections = {part.partition("\n")[0]: " ".join(part.split()) for part in text.split("\n## ")}
        if clause.says not in sections[clause.section]:
            missing.append(clause.id)

    assert missing == []
    assert len(set(IDS)) == len(IDS)


def test_the_certificate_names_the_kind_of_unit_and_what_it_cannot_show_of_one() -> None:
    certificate = bench_of(KINDS["none"]).examined()

    rows = [head(certificate), *map(row, certificate.outcomes), end(certificate, 0)]

    assert rows[0]["dialect"] == "modbus 1"
    assert rows[0]["host_loss"] == "nothing but its own switch"
    assert rows[-1]["not_applicable"] == len(marked(certificate, Mark.NOT_APPLICABLE))
    assert any("neither lease nor timer" in what for what in rows[-1]["cannot_show"])
    assert f"{rows[-1]['not_applicable']} not applicable" in certificate.summary
    assert "nothing but its own switch" in page(certificate)
