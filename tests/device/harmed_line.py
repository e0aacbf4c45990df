"""Requests and answers cut short, struck, doubled and late, in each dialect and by each kind of unit.

Whatever of it happens: the unit never gives a higher level than it was asked for last, by its own log of its
output, and no report is believed that the unit has not made.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from device.clock import VirtualClock
from device.control.allowed import BENCH
from device.control.controller import Controller
from device.control.delivery import Delivery, Ended
from device.control.handshake import perform_handshake
from device.dialects.base import ReportField, Status
from device.events import OffConfirmation
from device.link import Inbox
from device.operator import Lower
from physioctl.rehearsal.rig import CableLink, Rig, speaking
from physioctl.trace.decoding import ModbusReader, NativeReader, Reader
from protocols.errors import PhysioctlError
from protocols.plan import Emit
from simulator.cable import Cable
from tests.support import SECOND_MS, ULTRASOUND, Ledger, plan_of, run_plan

HIGH, LOWERED, LOW = (
    440,
    400,
    300,
)  # mW/cm²: a step, the same after a person has lowered it, and the next step
PIECES = 60  # of each direction, among which some are harmed
LATE_MAX_MS = 1500  # longer than any lease


@dataclass(frozen=True, slots=True)
class Harm:
    """What happens to one piece of one direction."""

    to_unit: bool
    number: int
    kind: str
    amount: float  # 0 to 1: where it is cut or struck, or how late it comes


KINDS = ("cut", "struck", "doubled", "late", "doubled late")
WAYS = [("native", None), ("modbus", "lease"), ("modbus", "timer"), ("modbus", "none")]


class HarmingLink(CableLink):
    """A line that does ``harms``, and keeps what the unit has really said."""

    def __init__(self, cable: Cable, clock: VirtualClock, inbox: Inbox, harms: Sequence[Harm]) -> None:
        super().__init__(cable, clock, inbox)
        self.said = b""
        self._harms = harms
        self._passed = {True: 0, False: 0}
        self._waiting: list[tuple[int, bool, bytes]] = []
        cable.on_arrival = self._arrived
        clock.add(self)

    def send(self, data: bytes) -> bool:
        self._pass(data, to_unit=True)
        return True

    def next_ms(self) -> int | None:
        return min((item[0] for item in self._waiting), default=None)

    def move_to(self, now_ms: int) -> None:
        due = [item for item in self._waiting if item[0] <= now_ms]
        self._waiting = [item for item in self._waiting if item[0] > now_ms]
        for _, to_unit, data in due:
            self._hand_over(data, to_unit=to_unit)

    def _arrived(self, data: bytes) -> None:
        self.said += data
        self._pass(data, to_unit=False)

    def _pass(self, data: bytes, *, to_unit: bool) -> None:
        number = self._passed[to_unit]
        self._passed[to_unit] += 1
        late_ms, again_ms = 0, None
        for harm in self._harms:
            if (harm.to_unit, harm.number) != (to_unit, number):
                continue
            at = int(harm.amount * len(data))
            if harm.kind == "cut":
                data = data[:at]
            elif harm.kind == "struck" and data:
                bit = 1 << (number % 8)
                data = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
            elif harm.kind == "late":
                late_ms = int(harm.amount * LATE_MAX_MS)
            elif harm.kind.startswith("doubled"):
                again_ms = int(harm.amount * LATE_MAX_MS) if harm.kind.endswith("late") else 0
        self._after(late_ms, data, to_unit=to_unit)
        if again_ms is not None:
            self._after(again_ms, data, to_unit=to_unit)

    def _after(self, wait_ms: int, data: bytes, *, to_unit: bool) -> None:
        if wait_ms:
            self._waiting.append((self._clock.now_ms() + wait_ms, to_unit, data))
        else:
            self._hand_over(data, to_unit=to_unit)

    def _hand_over(self, data: bytes, *, to_unit: bool) -> None:
        if to_unit:
            super().send(data)
        elif data:
            self._inbox.put(data)


class Believing(Controller):
    """A controller that keeps every report which it has believed."""

    believed: list[Status]

    def receive(self, data: bytes, now_ms: int) -> None:
        super().receive(data, now_ms)
        self.believed = [*vars(self).get("believed", []), *([self.status] if self.status else [])]


def reports_in(data: bytes, dialect: str) -> list[dict[str, str]]:
    """The reports in what the unit has said, read without the dialect that is tested."""
    reader: Reader = NativeReader() if dialect == "native" else ModbusReader(1)
    said = (item for item in reader.read(data, to_unit=False) if item.name == "Status")
    return [dict(pair.split("=", 1) for pair in item.text.split()) for item in said]


def fields_of(rig: Rig) -> list[str]:
    """What the unit tells in its reports; the rest is reckoned."""
    told = rig.controller.unit.declared.reports if rig.controller.unit else frozenset()
    named: dict[ReportField, list[str]] = {
        ReportField.TIME: ["step_ms", "delivered_ms"],
        ReportField.ENERGY: ["energy_mj"],
        ReportField.UPTIME: ["uptime_ms"],
    }
    return ["level_set", "measured_level", "head_temp_ddeg_c"] + [
        name for field, names in named.items() if field in told for name in names
    ]


def judge(dialect: str, host_loss: str | None, harms: Sequence[Harm]) -> None:
    """Play a session on a line that does ``harms``, and hold the unit and the controller to the above."""
    links: list[HarmingLink] = []

    def line(cable: Cable, clock: VirtualClock, inbox: Inbox) -> HarmingLink:
        links.append(HarmingLink(cable, clock, inbox, harms))
        return links[0]

    spoken = speaking(dialect, host_loss)
    rig = Rig(
        "us111",
        actions=[(1500, Lower(LOWERED))],
        link=line,
        controller=Believing,
        unit=spoken.unit,
        dialect=spoken.dialect,
    )
    steps = [Emit(replace(ULTRASOUND, intensity_mw_cm2=level), 2 * SECOND_MS, 0) for level in (HIGH, LOW)]
    ended: Delivery | None = None
    with suppress(PhysioctlError):  # a line that is harmed in the handshake leads to no session
        unit = rig.driver.run(perform_handshake(rig.controller))
        rig.driver.record_to(Ledger())
        plan = replace(plan_of(unit, *steps), body_site=BENCH)  # where each kind of unit may emit
        ended = run_plan(rig.driver, plan, attended=True)
    rig.wait(3 * LATE_MAX_MS)

    asked = [HIGH, LOWERED, LOW]
    for change in rig.unit.changes:
        while len(asked) > 1 and 0 < change.output < asked[0] and change.output <= asked[1]:
            asked.pop(0)
        assert change.output <= asked[0], (change, harms)
    assert rig.unit.breaches == []
    if ended is not None and ended.output_off is OffConfirmation.CONFIRMED:
        assert rig.unit.output == 0
    names = fields_of(rig)
    made = {tuple(int(report[name]) for name in names) for report in reports_in(links[0].said, dialect)}
    statuses: list[Status] = vars(rig.controller).get("believed", [])
    assert {tuple(getattr(status, name) for name in names) for status in statuses} <= made
    if not harms:
        assert len(statuses) > PIECES / 2
        assert ended is not None
        assert ended.ended is Ended.COMPLETED
