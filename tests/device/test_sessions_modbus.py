"""Whole sessions over Modbus, and who or what may be on the line besides: never more than was asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from device.control.delivery import Delivery, Ended
from device.dialects.base import GetStatus, Permitted
from device.dialects.modbus import Modbus
from device.errors import NoAnswer
from device.events import OffConfirmation
from device.operator import SessionAction
from physioctl.rehearsal.rig import Rig, Speaking, speaking
from simulator.faults import parse
from simulator.modbus_unit import ModbusUnit, OwnTimerUnit, UntimedUnit
from tests.support import SECOND_MS, Ledger, emit, session_on

KINDS: dict[str, type[ModbusUnit]] = {"lease": ModbusUnit, "timer": OwnTimerUnit, "none": UntimedUnit}
BOUNDED = ("lease", "timer")  # output ends without a host
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
TIMER_MS = 10_000
ASKED = 2000  # percussions a minute, as `emit` asks of a massage gun
LINE_FAULTS = (
    "bytes_struck@3s+5s=0.02",
    "bytes_struck@3s+5s=0.5",
    "bytes_lost@3s+5s=0.02",
    "bytes_lost@3s+2s=0.5",
    "bytes_doubled@3s+8s=1",
    "frames_reordered@3s+5s=0.3",
    "frames_reordered@3s+5s=1",
    "bytes_late@3s+5s=30",
    "bytes_late@3s+5s=120",
    "bytes_late@3s+5s=600",
    "half_open@3s+5s=0",
    "half_open@3s+5s=1",
    "cable_pulled@3s+5s",
    "restart@3s+1ms",
    "restart@3s+500ms",
    "swapped@3s+20s=0",
    "swapped@3s+20s=1",
    "swapped@3s+20s=2",
)


def rig_of(kind: str, *faults: str, unit: Callable[..., ModbusUnit] | None = None, seed: int = 5) -> Rig:
    spoken: Speaking = speaking("modbus", kind)
    maker = spoken.unit if unit is None else unit
    return Rig(
        "ultragun", seed=seed, faults=[parse(each) for each in faults], unit=maker, dialect=spoken.dialect
    )


def session(rig: Rig, seconds: int = 12) -> Delivery:
    return session_on(rig, emit(rig, seconds * SECOND_MS, ramp_ms=500), attended=True, ledger=Ledger())


def highest(rig: Rig) -> int:
    return max((change.output for change in rig.unit.changes), default=0)


# --- nothing goes wrong -------------------------------------------------------------------------------


@EVERY_KIND
@pytest.mark.parametrize("seconds", [1, 12, 35])
def test_a_session_gives_what_was_asked_and_ends_with_output_off(kind: str, seconds: int) -> None:
    rig = rig_of(kind)

    delivery = session(rig, seconds)

    assert (delivery.ended, delivery.output_off) == (Ended.COMPLETED, OffConfirmation.CONFIRMED), delivery.why
    asked_ms = seconds * SECOND_MS
    assert asked_ms - 300 * (1 + seconds // 10) <= rig.unit.delivered_ms <= asked_ms + 300
    assert highest(rig) == ASKED
    assert rig.unit.output == 0
    assert rig.unit.breaches == []


# --- the line -----------------------------------------------------------------------------------------


@pytest.mark.hazard("H-04")
@pytest.mark.hazard("H-05")
@pytest.mark.hazard("H-08")
@pytest.mark.hazard("H-09")
@pytest.mark.parametrize("fault", LINE_FAULTS)
@pytest.mark.parametrize("kind", BOUNDED)
def test_whatever_happens_to_the_line_nothing_is_given_beyond_what_was_asked(kind: str, fault: str) -> None:
    rig = rig_of(kind, fault)

    delivery = session(rig)
    rig.wait(TIMER_MS)

    assert rig.unit.output == 0
    assert all(other.output == 0 for other in rig.cable.others)
    assert highest(rig) <= ASKED
    assert rig.unit.delivered_ms <= 12 * SECOND_MS + 300
    assert rig.unit.breaches == []
    if delivery.ended is Ended.COMPLETED:
        assert delivery.output_off is OffConfirmation.CONFIRMED


@pytest.mark.hazard("H-07")
@pytest.mark.parametrize("fault", ["half_open@3s+60s=0", "half_open@3s+60s=1", "cable_pulled@3s+60s"])
def test_output_off_is_said_to_be_known_of_no_unit_that_only_its_switch_ends(fault: str) -> None:
    rig = rig_of("none", fault)

    delivery = session(rig)

    assert delivery.ended is not Ended.COMPLETED
    assert delivery.output_off is OffConfirmation.UNKNOWN


# --- a unit that answers one request late ---------------------------------------------------------------


class OneLate(ModbusUnit):
    """Answers each request, from ``from_ms`` on, with its answer to the one before."""

    from_ms = 0
    _kept = b""

    def hear(self, data: bytes, now_ms: int) -> bytes:
        answer = super().hear(data, now_ms)
        late, self._kept = self._kept, answer
        return late if now_ms >= self.from_ms else answer


class LateLater(OneLate):
    """Does so once output is on."""

    from_ms = 3000


@pytest.mark.hazard("H-09")
def test_a_unit_that_answers_one_request_late_is_never_driven() -> None:
    rig = rig_of("lease", unit=OneLate)

    with pytest.raises(NoAnswer):
        session(rig)

    assert rig.unit.changes == []


@pytest.mark.hazard("H-09")
def test_a_unit_that_begins_to_answer_one_request_late_is_stopped_and_not_believed() -> None:
    rig = rig_of("lease", unit=LateLater)

    delivery = session(rig)
    rig.wait(SECOND_MS)

    assert delivery.ended is not Ended.COMPLETED
    assert delivery.output_off is not OffConfirmation.CONFIRMED
    assert rig.unit.output == 0


# --- another master -------------------------------------------------------------------------------------


class AnotherMaster:
    """Asks the same unit for its status, again and again, under tokens of its own."""

    def __init__(self, rig: Rig, every_ms: int, first_token: int) -> None:
        self._rig = rig
        self._every_ms = every_ms
        self._dialect = Modbus()
        self._token = first_token
        self._due_ms = 1000

    def next_ms(self) -> int | None:
        return self._due_ms

    def move_to(self, now_ms: int) -> None:
        while self._due_ms <= now_ms:
            self._token = (self._token + 1) & 0xFFFF
            self._rig.cable.send(self._dialect.say(Permitted(GetStatus()), self._token), self._due_ms)
            self._due_ms += self._every_ms


@pytest.mark.hazard("H-19")
@pytest.mark.parametrize("every_ms", [17, 70, 450])
@pytest.mark.parametrize("first_token", [0, 1, 40_000])
@pytest.mark.parametrize("kind", BOUNDED)
def test_another_master_on_the_line_costs_at_most_the_session(
    kind: str, every_ms: int, first_token: int
) -> None:
    rig = rig_of(kind)
    rig.clock.add(AnotherMaster(rig, every_ms, first_token))

    try:
        delivery = session(rig)
    except NoAnswer:
        delivery = None
    rig.wait(TIMER_MS)

    assert rig.unit.output == 0
    assert highest(rig) <= ASKED
    assert rig.unit.delivered_ms <= 12 * SECOND_MS + 300
    assert (
        delivery is None
        or delivery.ended is not Ended.COMPLETED
        or delivery.output_off is OffConfirmation.CONFIRMED
    )


# --- stops ----------------------------------------------------------------------------------------------


@pytest.mark.hazard("H-18")
@EVERY_KIND
@pytest.mark.parametrize("at_ms", [3000, 3007, 3019, 3043, 3077])
def test_a_stop_follows_the_transaction_under_way_within_the_stated_time(kind: str, at_ms: int) -> None:
    line = Modbus.promises.line
    rig = rig_of(kind, f"half_open@{at_ms - 60}ms+70ms=1")

    rig.person.schedule(SessionAction.STOP, at_ms)
    delivery = session(rig)

    (off,) = [change.ms for change in rig.unit.changes if change.output == 0]
    assert off - at_ms <= line.answer_max_ms + line.drain_ms + 20  # and the time on the line
    assert delivery.ended is Ended.STOPPED
    assert delivery.output_off is OffConfirmation.CONFIRMED


@pytest.mark.hazard("H-18")
@EVERY_KIND
def test_a_stop_that_had_to_wait_leaves_as_soon_as_the_line_is_free(kind: str) -> None:
    """A transaction takes 18 ms on the simulated line, and a stop 7 ms to arrive."""
    late_ms = []
    for at_ms in range(3000, 3100, 5):
        rig = rig_of(kind)
        rig.person.schedule(SessionAction.STOP, at_ms)
        session(rig, 4)
        (off,) = [change.ms for change in rig.unit.changes if change.output == 0]
        late_ms.append(off - at_ms)

    assert max(late_ms) <= 18 + 7 + 1
    assert max(late_ms) > 7  # some of them had to wait
