"""A unit on a cable in virtual time under the conformance suite, and a person who does as told."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue

from device.clock import VirtualClock
from device.link import Inbox
from device.operator import SessionAction
from device.wire.frame import Frame, encode
from device.wire.messages import Type
from physioctl.conformance.certificate import Certificate, Examiner
from physioctl.conformance.outcomes import Mark, Outcome
from physioctl.conformance.suite import Suite
from physioctl.conformance.suites import NATIVE
from physioctl.rehearsal.rig import CableLink
from simulator.cable import Cable
from simulator.dialects import Maker
from simulator.faults import Fault, FaultKind
from simulator.unit import SimulatedUnit

SEED = 20_261_122
LONG_MS = 600_000
WITH_A_PERSON = {"contact", "fault", "restart"}
ON_THE_LINE = {"answers.unasked", "answers.in_time", "answers.uptime"}  # broken by the cable or the clock
STATUS = encode(Frame(Type.STATUS, 0, b""))


class Bench:
    """A unit on a cable in virtual time, the suite's examiner, and somebody who does as told."""

    def __init__(
        self,
        unit: Maker = SimulatedUnit,
        model: str = "us111",
        *,
        faults: tuple[Fault, ...] = (),
        wait_ms: int = 0,
        link: type[CableLink] = CableLink,
        suite: Suite = NATIVE,
    ) -> None:
        self.clock = VirtualClock()
        self.inbox: Inbox = SimpleQueue()
        self.unit = unit(model, seed=7, faults=faults)
        self.cable = Cable(self.unit, faults=faults)
        self.clock.add(self.cable)
        self.link = link(self.cable, self.clock, self.inbox)
        self.examiner = Examiner(
            self.link, self.clock, self.inbox, suite, seed=SEED, wait_ms=wait_ms, tell=self.told
        )
        self.instructions: list[str] = []

    def told(self, text: str) -> None:
        self.instructions.append(text)

    def examined(self, on_outcome: Callable[[Outcome], None] = lambda _: None) -> Certificate:
        self.examiner.meet()
        certificate = self.examiner.examine(on_outcome)
        assert self.unit.output == 0
        return certificate


def marked(certificate: Certificate, mark: Mark) -> set[str]:
    return {outcome.clause.id for outcome in certificate.outcomes if outcome.mark is mark}


class Obliging(SimulatedUnit):
    """Its faults begin when somebody brings them about."""

    def begin_now(self, kind: FaultKind, amount: float, for_ms: int) -> None:
        fault = Fault(kind, self._now_ms + 200, for_ms, amount)
        self._faults = (*self._faults, fault)
        self._edges = sorted({*self._edges, fault.at_ms, fault.until_ms}, reverse=True)


class Attended(Bench):
    """With a person who lifts the head, makes the supply dip, and switches the unit off and on."""

    def told(self, text: str) -> None:
        super().told(text)
        assert isinstance(self.unit, Obliging)
        if text.startswith("Lift"):
            self.unit.begin_now(FaultKind.LIFT_OFF, 0.02, 1500)
        elif text.startswith("Bring about"):
            self.unit.begin_now(FaultKind.BROWN_OUT, 0, 200)
        elif text.startswith("Switch"):
            self.unit.begin_now(FaultKind.RESTART, 0, 500)


def obliging(unit: type[SimulatedUnit]) -> type[SimulatedUnit]:
    return type(f"Obliging {unit.__name__}", (Obliging, unit), {})


class Timed(CableLink):
    """Keeps when something was last sent."""

    sent_ms = 0

    def send(self, data: bytes) -> bool:
        self.sent_ms = self._clock.now_ms()
        return super().send(data)


class Chatty:
    """Puts ``frame`` on a line on which nothing was said for a while."""

    def __init__(self, bench: Bench, frame: bytes = STATUS) -> None:
        self._frame = frame
        self._bench = bench
        self._due_ms = 0
        bench.clock.add(self)

    def next_ms(self) -> int:
        return self._due_ms

    def move_to(self, now_ms: int) -> None:
        link = self._bench.link
        assert isinstance(link, Timed)
        if now_ms < self._due_ms:
            return
        self._due_ms = now_ms + 50
        if now_ms - link.sent_ms > 300:
            self._bench.inbox.put(self._frame)


class Person:
    """Asks to stop at ``at_ms``."""

    def __init__(self, bench: Bench, at_ms: int) -> None:
        self._inbox = bench.inbox
        self._due_ms: int | None = at_ms
        bench.clock.add(self)

    def next_ms(self) -> int | None:
        return self._due_ms

    def move_to(self, now_ms: int) -> None:
        if self._due_ms is not None and now_ms >= self._due_ms:
            self._due_ms = None
            self._inbox.put(SessionAction.STOP)
