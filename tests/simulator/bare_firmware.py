"""The firmware alone, with sensors that read what a test says: no body, no noise, no cable.

Output is exactly what the firmware commands, and the meter counts exactly that.
"""

from __future__ import annotations

from dataclasses import replace

from device.wire.frame import Damage, Decoder, encode
from simulator.firmware import Firmware
from simulator.identity import Birth
from simulator.nameplate import Nameplate, nameplate
from simulator.record import Breach, OutputChange
from simulator.sensors import Readings

SENSED_EVERY_MS = 10
_READINGS = Readings(
    contact=0.92,
    head_c=30.0,
    load_n=0.0,
    stalled=False,
    winding_c=20.0,
    charge=1.0,
    cell_v=4.0,
    supply_low=False,
)


class BareFirmware:
    """One run of the firmware of a US111, from 0 on, in the unit's own milliseconds."""

    def __init__(self, nonce: int, serial: str, plate: Nameplate | None = None) -> None:
        plate = plate or nameplate("us111")
        self.now_ms = 0
        self.changes: list[OutputChange] = []
        self.breaches: list[Breach] = []
        self.readings = _READINGS
        self._decoder = Decoder()
        birth = Birth(nonce, serial, calibrated=2131)
        self._firmware = Firmware(
            plate, birth, self.readings, self._measure, self.changes.append, self.breaches.append
        )

    def hear(self, data: bytes) -> bytes:
        """The answer to the bytes that have arrived now."""
        said = b""
        for received in self._decoder.feed(data):
            assert not isinstance(received, Damage)
            answer = self._firmware.hear(received, self.now_ms)
            said += encode(answer) if answer else b""
        return said

    def read(self, *, contact_pct: int | None = None, supply_low: bool | None = None) -> None:
        """From now on the sensors read so."""
        if contact_pct is not None:
            self.readings = replace(self.readings, contact=contact_pct / 100)
        if supply_low is not None:
            self.readings = replace(self.readings, supply_low=supply_low)
        self._firmware.sense(self.now_ms, self.readings)

    def move_to(self, to_ms: int) -> None:
        """Let time pass, from one timer or sample of the sensors to the next."""
        while self.now_ms < to_ms:
            due_ms = self._firmware.due_ms()
            sample_ms = (self.now_ms // SENSED_EVERY_MS + 1) * SENSED_EVERY_MS
            at_ms = min(ms for ms in (to_ms, sample_ms, due_ms) if ms is not None and ms > self.now_ms)
            before = self._measure(self.now_ms)
            self._firmware.meter((before + self._measure(at_ms)) / 2 * (at_ms - self.now_ms))
            self.now_ms = at_ms
            self._firmware.move_to(at_ms)
            if at_ms == sample_ms:
                self._firmware.sense(at_ms, self.readings)

    def _measure(self, own_ms: int) -> float:
        return self._firmware.output_stage.level(own_ms)
