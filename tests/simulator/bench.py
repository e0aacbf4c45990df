"""A host's hands on a simulated unit: no cable, no controller, time as one likes."""

from __future__ import annotations

from dataclasses import replace

from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import (
    Arm,
    Capabilities,
    Clear,
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
    read,
)
from simulator.faults import Fault, parse
from simulator.unit import SimulatedUnit

US = {"level": 440, "duty_pct": 50, "carrier_khz": 1000, "pulse_hz": 100}
GUN = {"level": 2200, "duty_pct": 100, "carrier_khz": 0, "pulse_hz": 0}


class Bench:
    """Says one message at a time, under the next ``seq``, at the bench's own ``now_ms``."""

    def __init__(self, model: str = "us111", *, seed: int = 0, faults: tuple[str | Fault, ...] = ()) -> None:
        read_faults = tuple(parse(fault) if isinstance(fault, str) else fault for fault in faults)
        self.unit = SimulatedUnit(model, seed=seed, faults=read_faults)
        self.now_ms = 0
        self.seq = 0
        self.nonce = self.identity().nonce

    def identity(self) -> Identity:
        answer = self.say(Identify())
        assert isinstance(answer, Identity)
        return answer

    def declared(self) -> Capabilities:
        answer = self.say(GetCapabilities())
        assert isinstance(answer, Capabilities)
        return answer

    def say(self, message: Message, seq: int | None = None) -> Message | None:
        if seq is None:
            seq = self.seq = (self.seq + 1) & 0xFFFF
        return self.send(encode(Frame(message.TYPE, seq, message.pack())), seq)

    def send(self, data: bytes, seq: int) -> Message | None:
        said = Decoder().feed(self.unit.hear(data, self.now_ms))
        if not said:
            return None
        (frame,) = said
        assert isinstance(frame, Frame)
        assert frame.seq == seq
        return read(frame.type, frame.body)

    def ask(self, message: Message, seq: int | None = None) -> Status:
        answer = self.say(message, seq)
        assert isinstance(answer, Status)
        return answer

    def look(self) -> Status:
        return self.ask(GetStatus())

    def an_arm(self, **changed: int) -> Arm:
        level_max = self.unit.plate.level_max
        return replace(Arm(self.nonce, 1, level_max, 600_000, 10_000_000, self.unit.own_ms), **changed)

    def a_set(self, **changed: int) -> Set:
        usual = US if self.unit.plate.family is Family.ULTRASOUND else GUN
        fields = {"for_ms": 60_000, "ramp_ms": 0} | usual | changed
        return Set(**(self._leased() | fields))

    def a_renew(self, **changed: int) -> Renew:
        return Renew(**(self._leased() | changed))

    def a_lower(self, level: int, **changed: int) -> Lower:
        return replace(Lower(self.nonce, 1, level), **changed)

    def _leased(self) -> dict[str, int]:
        """A lease from this very moment, as of a host that has just heard the unit."""
        return {"nonce": self.nonce, "session": 1, "unit_uptime_ms": self.unit.own_ms, "lease_ms": 500}

    def a_clear(self, **changed: int) -> Clear:
        return Clear(**({"nonce": self.nonce, "unit_uptime_ms": self.unit.own_ms} | changed))

    def arm(self, **changed: int) -> Status:
        return self._done(self.an_arm(**changed))

    def set(self, **changed: int) -> Status:
        return self._done(self.a_set(**changed))

    def start(self, **changed: int) -> Status:
        self.arm()
        return self.set(**changed)

    def lower(self, level: int, **changed: int) -> Status:
        return self._done(self.a_lower(level, **changed))

    def stop(self) -> Status:
        return self._done(Stop())

    def wait(self, ms: int) -> None:
        """Let time pass with nothing sent."""
        self.now_ms += ms
        self.unit.move_to(self.now_ms)

    def treat(self, ms: int, every_ms: int = 200) -> None:
        """Let time pass, renewing the lease."""
        until_ms = self.now_ms + ms
        while self.now_ms < until_ms:
            self.wait(min(every_ms, until_ms - self.now_ms))
            self.ask(self.a_renew())

    def _done(self, message: Message) -> Status:
        status = self.ask(message)
        assert status.result is Result.OK, status
        return status
