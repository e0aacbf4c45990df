"""The host's side of an examination: requests, answers, and the lowest output that shows a promise.

It is written from the dialects' pages and the generated messages alone: it shares no limit, state or timer
with the controller or the simulated unit. A dialect's own host says how a request goes out and comes back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar

from device.wire.messages import (
    Arm,
    Capabilities,
    Family,
    GetStatus,
    Identity,
    Lower,
    Message,
    Renew,
    Result,
    Set,
    Status,
    Stop,
    UnitState,
)
from physioctl.conformance.effects import Arrived, Script, Send, Wait
from physioctl.conformance.outcomes import NotRefused, Part, PromiseBroken, expect

RUNNING = (UnitState.EMITTING, UnitState.SUSPENDED)
ANSWER_MS = 300  # for an answer; that it has to leave sooner is a clause of its own
ASKS = 3  # of what changes nothing, before a unit counts as one that does not answer
LEASE_MS = 500  # asked for where its length does not matter, as the page says of this host
STEP_MS = 400  # likewise
U32 = 1 << 32


@dataclass(frozen=True, slots=True)
class Sample:
    """A status, and when it was taken: by the unit's clock, or when it came by the host's."""

    at_ms: int
    status: Status


class Host(ABC):
    """One host on the line, and what it has heard. Every random value is drawn from ``rng``."""

    answer_within_ms: ClassVar[int]  # as the page says
    line_ms: ClassVar[int]  # of a request and a status on the line, and the latency of an adapter
    leases_ms: ClassVar[range]  # that can be written

    def __init__(self, rng: Random, *, wait_ms: int = 0) -> None:
        self.rng = rng
        self.wait_ms = wait_ms  # for what only a person can bring about; 0: it is not waited for
        self.now_ms = 0
        self.has: frozenset[Part] = frozenset()  # what the unit has declared
        self.identity: Identity
        self.plate: Capabilities
        self.status: Status
        self.seq = rng.randrange(1000, 20_000)
        self.session = 0
        self.arrived = 0  # bytes from the unit, frames or not
        self.unasked = 0  # frames from the unit that nothing had asked for
        self._heard: deque[Any] = deque()  # frames, as the dialect has them
        self._sessions = {0}
        self._sets = 0

    # --- what each dialect says in its own way ----------------------------------------------------------

    @abstractmethod
    def ask(self, request: Message, seq: int | None = None) -> Script[Status]:
        """Ask once, under the next number where none is named, and return the status that answers."""

    @abstractmethod
    def meet(self) -> Script[None]:
        """Ask who is there and what it can do; raise `PromiseBroken` where it does not say."""

    @abstractmethod
    def _feed(self, data: bytes) -> None:
        """Keep the frames that ``data`` completes."""

    # --- bytes ------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> Script[None]:
        """Send bytes as they are."""
        self._take((yield Send(data)))

    def listen(self, for_ms: int) -> Script[list[Any]]:
        """Every frame that comes within ``for_ms``, or has come before and was not asked for."""
        until_ms = self.now_ms + for_ms
        while self.now_ms < until_ms:
            self._take((yield Wait(until_ms - self.now_ms)))
        heard = list(self._heard)
        self._heard.clear()
        return heard

    def first(self, fits: Callable[[Any], bool], within_ms: int = ANSWER_MS) -> Script[Any]:
        """The first frame that ``fits``; None where none comes in time."""
        until_ms = self.now_ms + within_ms
        while True:
            while self._heard:
                frame = self._heard.popleft()
                if fits(frame):
                    return frame
                self.unasked += 1
            if self.now_ms >= until_ms:
                return None
            self._take((yield Wait(until_ms - self.now_ms)))

    def wait(self, for_ms: int) -> Script[None]:
        """Let ``for_ms`` pass."""
        self.unasked += len((yield from self.listen(for_ms)))

    def _take(self, arrived: Arrived) -> None:
        self.now_ms = arrived.now_ms
        self.arrived += len(arrived.data)
        self._feed(arrived.data)

    # --- requests ---------------------------------------------------------------------------------------

    def next_seq(self, ahead: int = 1) -> int:
        """The next number; the last of 65535 and 0 are left to clauses of their own."""
        self.seq = (self.seq + ahead) & 0xFFFF
        if self.seq in (0, 0xFFFF):
            self.seq = 1
        return self.seq

    def look(self) -> Script[Status]:
        """A fresh status: asked again where none comes, for it changes nothing."""
        for _ in range(ASKS - 1):
            try:
                return (yield from self.ask(GetStatus()))
            except PromiseBroken:
                continue
        return (yield from self.ask(GetStatus()))

    def stop(self) -> Script[Status]:
        """End the output, and return the status that says so."""
        for _ in range(ASKS - 1):
            try:
                return (yield from self.ask(Stop()))
            except PromiseBroken:
                yield from self.stop_otherwise()
        return (yield from self.ask(Stop()))

    def stop_otherwise(self) -> Script[None]:
        """End the output in another way that the dialect has, and expect no answer; it may have none."""
        yield from ()

    # --- what the unit has declared ---------------------------------------------------------------------

    @property
    def nonce(self) -> int:
        """The unit's boot nonce."""
        return self.identity.nonce

    @property
    def lease_ms(self) -> int:
        """A lease where its length does not matter; 0 for a unit that has none."""
        return max(self.plate.lease_min_ms, min(LEASE_MS, self.plate.lease_max_ms))

    @property
    def step_ms(self) -> int:
        """A step that ends before its lease does."""
        return max(100, self.lease_ms - 200) if Part.LEASE in self.has else STEP_MS

    @property
    def is_ultrasound(self) -> bool:
        """Whether the unit's levels are intensities."""
        return self.identity.family is Family.ULTRASOUND

    @property
    def ends_by_itself(self) -> tuple[str, int] | None:
        """What ends output when nothing more is heard of the host: its clause, and how soon in ms."""
        if Part.LEASE in self.has:
            return "lease.lapse", self.plate.lease_max_ms
        return ("step.timer", self.plate.step_max_ms) if Part.TIMER in self.has else None

    @property
    def host_loss(self) -> str:
        """What the unit declares to end its output without a host."""
        if Part.LEASE in self.has:
            return "a lease"
        return "the timer of what was asked" if Part.TIMER in self.has else "nothing but its own switch"

    def clock_ms(self, status: Status) -> int:
        """When ``status``, the latest, was taken: by the unit's clock, or the host's where it tells none."""
        return status.uptime_ms if Part.UPTIME in self.has else self.now_ms

    # --- the lowest output there is ---------------------------------------------------------------------

    def new_session(self) -> int:
        """A random number that no session of this run has had."""
        while self.session in self._sessions:
            self.session = self.rng.randrange(1, U32)
        self._sessions.add(self.session)
        return self.session

    def arm(self, **changed: int) -> Arm:
        """An Arm of the present session, with low ceilings, dated by the latest status."""
        usual = Arm(
            nonce=self.nonce,
            session=self.session,
            level_max=min(self.plate.level_max, self.plate.level_min + 20),
            delivered_max_ms=min(self.plate.delivered_max_ms, 60_000),
            energy_max_mj=1_000_000,
            unit_uptime_ms=self.status.uptime_ms,
        )
        return replace(usual, **changed)

    def set(self, **changed: int) -> Set:
        """A Set of the lowest level and duty cycle, dated by the latest status.

        Times that the unit has not declared are 0, whatever is ``changed``.
        """
        duty_pct = min(self.plate.duties_pct, default=100)
        if duty_pct < 100 and not self.plate.pulses_hz:
            duty_pct = 100
        usual = Set(
            nonce=self.nonce,
            session=self.session,
            level=self.plate.level_min,
            duty_pct=duty_pct,
            carrier_khz=self.plate.carriers_khz[0] if self.plate.carriers_khz else 0,
            pulse_hz=0 if duty_pct == 100 else self.plate.pulses_hz[0],
            for_ms=STEP_MS,
            ramp_ms=0,
            unit_uptime_ms=self.status.uptime_ms,
            lease_ms=self.lease_ms,
        )
        asked = replace(usual, **changed)
        if Part.TIMER not in self.has:
            asked = replace(asked, for_ms=0)
        return asked if Part.LEASE in self.has else replace(asked, lease_ms=0)

    def renew(self, **changed: int) -> Renew:
        """A Renew, dated by the latest status."""
        return replace(Renew(self.nonce, self.session, self.status.uptime_ms, self.lease_ms), **changed)

    def lower(self, **changed: int) -> Lower:
        """A Lower to the lowest level."""
        return replace(Lower(self.nonce, self.session, self.plate.level_min), **changed)

    def going_on(self, **changed: int) -> Renew | Set:
        """What lets a running output go on: a Renew, or a Set of a unit without a lease, each another one."""
        if Part.LEASE in self.has:
            return self.renew(**changed)
        self._sets = self._sets % 100 + 1
        return self.set(**({"for_ms": 2000, "ramp_ms": self._sets} | changed))

    def begin(self, **ceilings: int) -> Script[Status]:
        """Arm a new session, from output off."""
        yield from self.stop()
        self.new_session()
        return (yield from self.done(self.arm(**ceilings), "an Arm of a new session"))

    def emit(self, **changed: int) -> Script[Status]:
        """Begin a session, and output at the lowest level."""
        yield from self.begin()
        return (yield from self.done(self.set(**changed), "a Set within all bounds"))

    def done(self, request: Message, what: str, seq: int | None = None) -> Script[Status]:
        """Ask what has to be done; raise `PromiseBroken` where it is refused."""
        status = yield from self.ask(request, seq)
        expect(status.result is Result.OK, f"{what} was refused: {status.result.name}")
        return status

    def refused(self, request: Message, result: Result, what: str, seq: int | None = None) -> Script[Status]:
        """Ask what has to be refused for ``result``.

        Raise `NotRefused` where it is done: the run ends with that.
        """
        status = yield from self.ask(request, seq)
        if status.result is Result.OK:
            raise NotRefused(f"{what} was done, and not refused as {result.name}")
        expect(status.result is result, f"{what} was refused as {status.result.name}, not as {result.name}")
        return status

    # --- time -------------------------------------------------------------------------------------------

    def samples(
        self,
        within_ms: int,
        until: Callable[[Status], bool] = lambda status: status.state not in RUNNING,
        *,
        renewing: bool = False,
    ) -> Script[list[Sample]]:
        """Statuses, one after the other, until ``until`` holds of one or ``within_ms`` have passed.

        What asks for them prolongs nothing, unless they are the answers of a Renew.
        """
        give_up_ms = self.now_ms + within_ms
        taken: list[Sample] = []
        renewing = renewing and Part.LEASE in self.has
        while self.now_ms < give_up_ms:
            status = yield from (self.ask(self.renew()) if renewing else self.look())
            taken.append(Sample(self.clock_ms(status), status))
            if until(status):
                break
            yield from self.wait(self.rng.randrange(2, 9))
        return taken


def age(later_ms: int, earlier_ms: int) -> int:
    """How much later, by a clock that turns over at 2³²."""
    return (later_ms - earlier_ms) % U32
