"""Sessions with a unit, a line, a dialect or a caller that somebody has made wrong, on every kind of unit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

import pytest

from device.control.controller import Script
from device.control.delivery import Delivery, Ended, deliver
from device.control.handshake import perform_handshake
from device.control.outbox import Outgoing
from device.control.schedule import LIVE
from device.dialects.base import Dialect, GetStatus, Heard, Permitted
from device.events import OffConfirmation
from device.operator import SessionAction
from physioctl.rehearsal.rig import Rig, speaking
from protocols.errors import PhysioctlError
from protocols.plan import Emit, Plan
from simulator.faults import parse
from simulator.firmware import Firmware
from simulator.record import Why
from simulator.unit import SimulatedUnit
from tests.support import OUTPUTS, Ledger, admission_of, plan_of, run_plan

KINDS = (("native", None), ("modbus", "lease"), ("modbus", "timer"), ("modbus", "none"))
BOUND_MS = 700  # a lease, a status period and what a stop may wait for the line
EMISSION_MS = 10_500
every_kind = pytest.mark.parametrize(("dialect", "kind"), KINDS)


def rig_with(
    dialect: str,
    kind: str | None,
    *faults: str,
    unit: type | None = None,
    firmware: type | None = None,
    spoken: Callable[[], Dialect] | None = None,
) -> Rig:
    """A rig with a gun, made worse by ``unit``, ``firmware`` or the dialect ``spoken`` to it."""
    usual = speaking(dialect, kind)
    made: Any = usual.unit
    if firmware is not None:
        made = type("Worse", (made,), {"firmware": type("WorseFirmware", (firmware, made.firmware), {})})
    if unit is not None:
        made = type("Worse", (unit, made), {})
    rig = Rig("ultragun", faults=[parse(text) for text in faults], unit=made, dialect=spoken or usual.dialect)
    rig.driver.record_to(Ledger())
    return rig


def plan_on(rig: Rig, for_ms: int = 6000) -> Plan:
    return plan_of(rig.driver.run(perform_handshake(rig.controller)), Emit(OUTPUTS["ultragun"], for_ms, 300))


# --- the unit -------------------------------------------------------------------------------------------


class TurningOver(Firmware):
    """Has been on for 2³² ms five seconds from now."""

    def _uptime_ms(self, own_ms: int) -> int:
        return (super()._uptime_ms(own_ms) - 5000) & 0xFFFF_FFFF


@every_kind
def test_a_clock_that_turns_over_in_mid_session_makes_no_difference(dialect: str, kind: str | None) -> None:
    rig = rig_with(dialect, kind, firmware=TurningOver)

    delivery = run_plan(rig.driver, plan_on(rig, 12_000), attended=True)

    assert (delivery.ended, delivery.output_off) == (Ended.COMPLETED, OffConfirmation.CONFIRMED)
    assert rig.controller.alarms == []
    assert rig.unit.breaches == []


class LateByOne(SimulatedUnit):
    """From a moment on it answers each request with the answer to the one before."""

    from_ms = 3000
    _kept: bytes | None = None

    def hear(self, data: bytes, now_ms: int) -> bytes:
        answer = super().hear(data, now_ms)
        if now_ms < self.from_ms:
            return answer
        said, self._kept = self._kept or b"", answer
        return said


@every_kind
def test_a_unit_that_answers_one_request_late_is_not_believed(dialect: str, kind: str | None) -> None:
    rig = rig_with(dialect, kind, unit=LateByOne)

    delivery = run_plan(rig.driver, plan_on(rig), attended=True)

    assert delivery.ended is Ended.INTERRUPTED
    assert [rule.code for rule in rig.controller.alarms] == ["COMM_LOST"]
    assert rig.unit.output == 0  # it does hear: the first stop has ended its output
    assert rig.unit.changes[-1].ms <= 3000 + BOUND_MS


@every_kind
def test_a_unit_that_answers_late_from_the_beginning_is_not_driven(dialect: str, kind: str | None) -> None:
    rig = rig_with(dialect, kind, unit=LateByOne)
    rig.unit.from_ms = 0  # type: ignore[attr-defined]  # as made above

    with pytest.raises(PhysioctlError):
        plan_on(rig)

    assert rig.unit.changes == []


class DroppingStops(Firmware):
    """Says of every second stop that it was carried out, and does nothing."""

    _stops = 0

    def _stop(self, own_ms: int) -> None:
        self._stops += 1
        if self._stops % 2:
            super()._stop(own_ms)


@every_kind
@pytest.mark.parametrize("acts_ms", [3000, 3050])
def test_a_stop_is_repeated_to_a_unit_that_drops_every_second_one(
    dialect: str, kind: str | None, acts_ms: int
) -> None:
    rig = rig_with(dialect, kind, firmware=DroppingStops)
    plan = plan_on(rig)
    rig.unit._firmware._stops = 1  # type: ignore[attr-defined]  # the next one is dropped

    script = deliver(rig.controller, plan, 7, admission=admission_of(plan), attended=True)
    drive_until(rig, script, acts_ms)
    rig.controller.stop()
    delivery = rig.driver.run(script)

    assert delivery.output_off is OffConfirmation.CONFIRMED
    assert rig.unit.output == 0
    assert rig.unit.changes[-1].ms <= acts_ms + BOUND_MS


class Clamping(Firmware):
    """Gives no more than seven tenths of what it was set to, and reports that it was set to all of it."""

    def _emit(self, own_ms: int, base: float, ramp_ms: int, why: Why) -> None:
        super()._emit(own_ms, base, ramp_ms, why)
        self.output_stage = replace(self.output_stage, target=self.output_stage.target * 7 // 10)


@every_kind
def test_a_level_that_is_clamped_with_output_off_shows_in_the_output_that_is_measured(
    dialect: str, kind: str | None
) -> None:
    rig = rig_with(dialect, kind, firmware=Clamping)

    rig.person.schedule(SessionAction.STOP, 8000)  # where a person has to be there, it is a pause

    delivery = run_plan(rig.driver, plan_on(rig), attended=kind == "none")

    assert delivery.ended is not Ended.COMPLETED
    assert rig.controller.alarms[0].code == "POWER_MISMATCH"


@every_kind
@pytest.mark.parametrize("at_ms", range(3000, 3024, 3))
def test_a_restart_in_the_middle_of_an_exchange_ends_output_and_session(
    dialect: str, kind: str | None, at_ms: int
) -> None:
    rig = rig_with(dialect, kind, f"restart@{at_ms}ms+100ms")

    delivery = run_plan(rig.driver, plan_on(rig), attended=True)

    assert delivery.ended is Ended.INTERRUPTED
    assert rig.unit.output == 0
    assert rig.unit.changes[-1].ms == at_ms
    assert "RESTARTED" in {rule.code for rule in rig.controller.alarms}


# --- the line -------------------------------------------------------------------------------------------


class OtherMaster:
    """Asks the same unit every ``period_ms``, without waiting for anybody."""

    def __init__(self, rig: Rig, dialect: Dialect, period_ms: int) -> None:
        self._rig = rig
        self._dialect = dialect
        self._period_ms = period_ms
        self._due_ms = 1500

    def next_ms(self) -> int | None:
        return self._due_ms

    def move_to(self, now_ms: int) -> None:
        if now_ms >= self._due_ms:
            self._due_ms = now_ms + self._period_ms
            self._rig.cable.send(self._dialect.say(Permitted(GetStatus()), 7), now_ms)


@pytest.mark.parametrize("kind", ["lease", "timer", "none"])
@pytest.mark.parametrize("period_ms", [7, 23, 170, 311])
def test_another_master_on_the_line_costs_the_session_and_never_a_stop(kind: str, period_ms: int) -> None:
    rig = rig_with("modbus", kind)
    plan = plan_on(rig)
    rig.clock.add(OtherMaster(rig, speaking("modbus", kind).dialect(), period_ms))

    delivery = run_plan(rig.driver, plan, attended=True)

    rig.wait(EMISSION_MS if kind == "timer" else BOUND_MS)
    assert rig.unit.breaches == []
    assert rig.unit.delivered_ms <= delivery.delivered_ms + BOUND_MS
    if delivery.output_off is OffConfirmation.CONFIRMED:
        assert rig.unit.output == 0
    if kind != "none":
        assert rig.unit.output == 0


# --- the dialect ----------------------------------------------------------------------------------------


class Worse:
    """A dialect that does something to the answers from a moment on, ``times`` times."""

    def __init__(self, dialect: Dialect, does: Callable[[list[Heard]], Any], times: int) -> None:
        self.name, self.promises = dialect.name, dialect.promises
        self.damaged = 0
        self.rig: Rig | None = None
        self._dialect, self._does, self._times = dialect, does, times

    def say(self, permitted: Permitted, seq: int) -> bytes:
        return self._dialect.say(permitted, seq)

    def give_up(self) -> None:
        self._dialect.give_up()

    def hear(self, data: bytes) -> list[Heard]:
        heard = self._dialect.hear(data)
        if self.rig is None or self.rig.clock.now_ms() < 3000 or not self._times:
            return heard
        self._times -= 1
        return self._does(heard)  # type: ignore[no-any-return]  # whatever it is


def _raise(_: list[Heard]) -> list[Heard]:
    raise RuntimeError("a mistake in a dialect")


def _nothing(_: list[Heard]) -> Any:
    return None


def _nonsense(heard: list[Heard]) -> list[Heard]:
    return [replace(each, answer="nonsense") for each in heard]  # type: ignore[arg-type]  # as it is


def _others(heard: list[Heard]) -> list[Heard]:
    return [replace(each, seq=(each.seq + 100) % 0x10000) for each in heard]


@every_kind
@pytest.mark.parametrize("times", [1, 1 << 30])
@pytest.mark.parametrize("does", [_raise, _nothing, _nonsense, _others])
def test_a_dialect_that_is_broken_leaves_no_output(
    dialect: str, kind: str | None, does: Callable[[list[Heard]], Any], times: int
) -> None:
    worse = Worse(speaking(dialect, kind).dialect(), does, times)
    rig = rig_with(dialect, kind, spoken=lambda: worse)
    plan = plan_on(rig)
    worse.rig = rig

    ended: Ended | None = None
    with suppress(RuntimeError, TypeError):
        ended = run_plan(rig.driver, plan, attended=True).ended

    rig.wait(BOUND_MS)
    assert rig.unit.output == 0  # a stop has reached it
    assert times == 1 or ended is not Ended.COMPLETED
    assert rig.unit.breaches == []


@every_kind
def test_a_dialect_that_blocks_for_a_second_is_a_delay_of_the_host(dialect: str, kind: str | None) -> None:
    def block(heard: list[Heard]) -> list[Heard]:
        worse.rig.clock.wait(SimpleQueue[None](), worse.rig.clock.now_ms() + 1000)  # type: ignore[union-attr]
        return heard

    worse = Worse(speaking(dialect, kind).dialect(), block, 1)
    rig = rig_with(dialect, kind, spoken=lambda: worse)
    plan = plan_on(rig)
    worse.rig = rig

    delivery = run_plan(rig.driver, plan, attended=kind == "none")

    assert rig.unit.output == 0
    assert rig.unit.delivered_ms <= 6000
    leased = kind in (None, "lease")
    assert delivery.ended is (Ended.INTERRUPTED if leased else Ended.COMPLETED)


# --- the caller -----------------------------------------------------------------------------------------


def drive_until(rig: Rig, script: Script[Delivery], until_ms: int) -> None:
    while rig.clock.now_ms() < until_ms:
        rig.driver.step(min(next(script), until_ms))


def emitting(dialect: str, kind: str | None) -> tuple[Rig, Script[Delivery]]:
    """A session that gives output, and its script: who drops that ends the session."""
    rig = rig_with(dialect, kind)
    plan = plan_on(rig)
    script = deliver(rig.controller, plan, 7, admission=admission_of(plan), attended=True)
    drive_until(rig, script, 2000)
    assert rig.controller.state in LIVE
    return rig, script


def sent(rig: Rig) -> list[Outgoing]:
    """What the controller has made to be sent."""
    out = []
    while (item := rig.controller.outbox.next) is not None:
        rig.controller.outbox.done()
        if isinstance(item, Outgoing):
            out.append(item)
    return out


@every_kind
@pytest.mark.parametrize("back_ms", [1, 1000, 10**9])
def test_times_that_go_backwards_move_nothing_backwards(dialect: str, kind: str | None, back_ms: int) -> None:
    rig, script = emitting(dialect, kind)
    now_ms, due_ms = rig.controller.now_ms, rig.controller.due_ms()

    rig.controller.poll(now_ms - back_ms)

    assert (rig.controller.now_ms, rig.controller.due_ms()) == (now_ms, due_ms)
    assert rig.controller.state in LIVE
    script.close()


@every_kind
def test_the_same_bytes_twice_count_once(dialect: str, kind: str | None) -> None:
    rig, script = emitting(dialect, kind)
    arrived: list[bytes] = []
    rig.cable.on_arrival = arrived.append
    rig.clock.wait(SimpleQueue[None](), rig.clock.now_ms() + 50)
    rig.controller.poll(rig.controller.due_ms())
    for item in sent(rig):
        rig.cable.send(item.data, rig.clock.now_ms())
    rig.clock.wait(SimpleQueue[None](), rig.clock.now_ms() + 50)
    (data,) = arrived[-1:]

    rig.controller.receive(data, rig.clock.now_ms())
    unit_uptime_ms, status = rig.controller.scheduler.received_at_ms, rig.controller.status
    rig.controller.receive(data, rig.clock.now_ms() + 30)

    assert (rig.controller.scheduler.received_at_ms, rig.controller.status) == (unit_uptime_ms, status)
    script.close()


@every_kind
def test_after_an_hour_without_a_call_nothing_is_prolonged_or_started(dialect: str, kind: str | None) -> None:
    rig, script = emitting(dialect, kind)
    known = rig.controller.known
    before = (known.grant, known.start)

    rig.controller.poll(rig.controller.now_ms + 3_600_000)

    assert sent(rig)
    assert (known.grant, known.start) == before
    script.close()
