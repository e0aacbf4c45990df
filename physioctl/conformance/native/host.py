"""The host's side of an examination: requests, answers, and the lowest output that shows a promise.

It is written from docs/wire.md and the generated messages alone: it shares no limit, state or timer with the
controller or the simulated unit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

from device.wire.frame import Damage, Decoder, Frame, encode
from device.wire.messages import (
    Arm,
    Capabilities,
    Family,
    GetCapabilities,
    GetStatus,
    Identify,
    Identity,
    Lower,
    Message,
    Renew,
    Result,
    Set,
    Status,
    Stop,
    UnitState,
    read,
)
from physioctl.conformance.effects import Arrived, Script, Send, Wait
from physioctl.conformance.outcomes import NotRefused, PromiseBroken, expect

RUNNING = (UnitState.EMITTING, UnitState.SUSPENDED)
ANSWER_MS = 300  # for an answer; that it has to leave within 70 ms is a clause of its own
ASKS = 3  # of what changes nothing, before a unit counts as one that does not answer
LEASE_MS = 500  # asked for where its length does not matter, as the page says of this host
STEP_MS = 400  # likewise
U32 = 1 << 32

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Sample:
    """A status, and when it came by the host's clock."""

    at_ms: int
    status: Status


class Host:
    """One host on the line, and what it has heard. Every random value is drawn from ``rng``."""

    def __init__(self, rng: Random, *, wait_ms: int = 0) -> None:
        self.rng = rng
        self.wait_ms = wait_ms  # for what only a person can bring about; 0: it is not waited for
        self.now_ms = 0
        self.identity: Identity
        self.plate: Capabilities
        self.status: Status
        self.seq = rng.randrange(1000, 20_000)
        self.session = 0
        self.unasked = 0  # frames from the unit that nothing had asked for
        self.damage = 0  # pieces from the unit that were no frame
        self._heard: deque[Frame] = deque()
        self._decoder = Decoder()
        self._sessions = {0}

    # --- bytes and frames -------------------------------------------------------------------------------

    def send(self, data: bytes) -> Script[None]:
        """Send bytes as they are."""
        self._take((yield Send(data)))

    def listen(self, for_ms: int) -> Script[list[Frame]]:
        """Every frame that comes within ``for_ms``, or has come before and was not asked for."""
        until_ms = self.now_ms + for_ms
        while self.now_ms < until_ms:
            self._take((yield Wait(until_ms - self.now_ms)))
        heard = list(self._heard)
        self._heard.clear()
        return heard

    def exchange(self, data: bytes, seq: int, within_ms: int = ANSWER_MS) -> Script[Frame | None]:
        """Send ``data`` and return the first frame under ``seq``; None where none comes in time."""
        yield from self.send(data)
        return (yield from self.answer_to(seq, within_ms))

    def answer_to(self, seq: int, within_ms: int = ANSWER_MS) -> Script[Frame | None]:
        """The first frame from the unit under ``seq``."""
        until_ms = self.now_ms + within_ms
        while True:
            while self._heard:
                frame = self._heard.popleft()
                if frame.seq == seq:
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
        for item in self._decoder.feed(arrived.data):
            if isinstance(item, Damage) or item.type < 0x80:
                self.damage += 1
            else:
                self._heard.append(item)

    # --- requests ---------------------------------------------------------------------------------------

    def next_seq(self, ahead: int = 1) -> int:
        """The next ``seq``; the last of 65535 and 0 are left to the golden vectors."""
        self.seq = (self.seq + ahead) & 0xFFFF
        if self.seq in (0, 0xFFFF):
            self.seq = 1
        return self.seq

    def frame(self, request: Message, seq: int | None = None) -> Frame:
        """``request`` as a frame, under the next ``seq`` where none is named."""
        return Frame(request.TYPE, self.next_seq() if seq is None else seq, request.pack())

    def ask(self, request: Message, seq: int | None = None) -> Script[Status]:
        """Ask once, and return the status that answers."""
        return (yield from self.ask_frame(self.frame(request, seq)))

    def ask_frame(self, frame: Frame) -> Script[Status]:
        """Send ``frame`` once, and return the status that answers it."""
        answer = yield from self.exchange(encode(frame), frame.seq)
        if answer is None:
            raise PromiseBroken(f"request 0x{frame.type:02x} was not answered within {ANSWER_MS} ms")
        status = read(answer.type, answer.body)
        if not isinstance(status, Status):
            raise PromiseBroken(f"request 0x{frame.type:02x} was not answered by a Status that can be read")
        self.status = status
        return status

    def look(self) -> Script[Status]:
        """A fresh status: asked again where none comes, for it changes nothing."""
        for _ in range(ASKS - 1):
            try:
                return (yield from self.ask(GetStatus()))
            except PromiseBroken:
                continue
        return (yield from self.ask(GetStatus()))

    def meet(self) -> Script[None]:
        """Ask who is there and what it can do; raise `PromiseBroken` where it does not say."""
        self.identity = yield from self.told(Identify(), Identity)
        self.plate = yield from self.told(GetCapabilities(), Capabilities)
        yield from self.look()

    def told(self, question: Message, kind: type[M]) -> Script[M]:
        """The answer of ``kind`` to a question that changes nothing."""
        for _ in range(ASKS):
            frame = self.frame(question)
            answer = yield from self.exchange(encode(frame), frame.seq)
            said = None if answer is None else read(answer.type, answer.body)
            if isinstance(said, kind):
                return said
        raise PromiseBroken(f"{type(question).__name__} was not answered by {kind.__name__}")

    def stop(self) -> Script[Status]:
        """End the output, and return the status that says so."""
        for _ in range(ASKS - 1):
            try:
                return (yield from self.ask(Stop()))
            except PromiseBroken:
                continue
        return (yield from self.ask(Stop()))

    # --- the lowest output there is ---------------------------------------------------------------------

    @property
    def nonce(self) -> int:
        """The unit's boot nonce."""
        return self.identity.nonce

    @property
    def lease_ms(self) -> int:
        """A lease where its length does not matter."""
        return max(self.plate.lease_min_ms, min(LEASE_MS, self.plate.lease_max_ms))

    @property
    def is_ultrasound(self) -> bool:
        """Whether the unit's levels are intensities."""
        return self.identity.family is Family.ULTRASOUND

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
        """A Set of the lowest level and duty cycle, dated by the latest status."""
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
        return replace(usual, **changed)

    def renew(self, **changed: int) -> Renew:
        """A Renew, dated by the latest status."""
        return replace(Renew(self.nonce, self.session, self.status.uptime_ms, self.lease_ms), **changed)

    def lower(self, **changed: int) -> Lower:
        """A Lower to the lowest level."""
        return replace(Lower(self.nonce, self.session, self.plate.level_min), **changed)

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
        while self.now_ms < give_up_ms:
            status = yield from (self.ask(self.renew()) if renewing else self.look())
            taken.append(Sample(self.now_ms, status))
            if until(status):
                break
            yield from self.wait(self.rng.randrange(2, 9))
        return taken


def age(later_ms: int, earlier_ms: int) -> int:
    """How much later, by a clock that turns over at 2³²."""
    return (later_ms - earlier_ms) % U32
