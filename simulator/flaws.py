"""The unit's firmware with faults: what it does or reports other than it was asked.

Each flaw is a fault of `simulator.faults`, with its amount, while it is at work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from device.wire.frame import Frame, Received
from device.wire.messages import Capabilities, Identity, Renew, Sensor, Set, Status, read
from simulator.faults import FaultKind
from simulator.firmware import Firmware
from simulator.nameplate import Nameplate
from simulator.output_control import RUNNING
from simulator.output_stage import OFF
from simulator.record import Why

_NEVER_MS = 1 << 62
_LEASE_MS = 1000  # until a lease that does not run out is looked at again
_LEASE_SAID_MS = 0xFFFF
_READINGS = {
    Sensor.OUTPUT: "measured_level",
    Sensor.HEAD_TEMP: "head_temp_ddeg_c",
    Sensor.CONTACT: "contact_pct",
}


class FlawedFirmware(Firmware):
    """The firmware, with flaws that can be switched on."""

    _flaws: Mapping[FaultKind, float] = {}
    _share = 1.0
    _over = False  # the lease is, and output goes on

    def suffer(self, flaws: Mapping[FaultKind, float], own_ms: int) -> None:
        """Set the active flaws, with their amounts."""
        self._stand_still(own_ms)
        self._flaws = flaws
        self._share = flaws.get(FaultKind.LYING_COUNT, 1.0)
        self._sensors.plate = _lacking(self._plate, self._missing())
        if self._step is not None and self.output_stage is not OFF:
            self.output_stage = replace(self.output_stage, duty_pct=self._duty_pct(self._step.duty_pct))

    def hear(self, received: Received, own_ms: int) -> Frame | None:
        """Answer as a sound unit does, but for what the flaws make of it."""
        answer = super().hear(received, own_ms)
        if answer is None or not self._flaws:
            return answer
        message = read(answer.type, answer.body)
        lies: dict[str, Any] = {}
        if isinstance(message, Status):
            lies = self._status_lies(message)
        elif isinstance(message, Capabilities):
            lies = self._capability_lies(message)
        elif isinstance(message, Identity) and FaultKind.FUTURE_CALIBRATION in self._flaws:
            lies = {"calibrated": round(self._flaws[FaultKind.FUTURE_CALIBRATION])}
        if message is None or not lies:
            return answer
        return Frame(answer.type, answer.seq, replace(message, **lies).pack())

    def meter(self, level_ms: float) -> None:
        """Count a share of what was measured."""
        share = self._flaws.get(FaultKind.LYING_METER, 1.0) if self._flaws else 1.0
        super().meter(level_ms * share)

    def lease_is_live(self, own_ms: int) -> bool:
        """Whether output is allowed: by what was granted, and not by what the unit makes of it."""
        return not self._over and super().lease_is_live(own_ms)

    def _emit(self, own_ms: int, base: float, ramp_ms: int, why: Why) -> None:
        super()._emit(own_ms, base, ramp_ms, why)
        self.output_stage = replace(self.output_stage, duty_pct=self._duty_pct(self.output_stage.duty_pct))

    def _lease(self, asked: Set | Renew, own_ms: int) -> bool:
        granted = super()._lease(asked, own_ms)
        self._over = self._over and not granted
        return granted

    def _lapse(self, own_ms: int) -> None:
        if FaultKind.ENDLESS_LEASE not in self._flaws:
            super()._lapse(own_ms)
            return
        self._over = True
        self.lease_until_ms = own_ms + _LEASE_MS

    def _ran_ms(self, own_ms: int) -> int:
        ran_ms = super()._ran_ms(own_ms)
        return int(ran_ms * self._share) if self._flaws else ran_ms

    def _when_ran(self, ran_ms: int) -> int:
        if not self._flaws:
            return super()._when_ran(ran_ms)
        if FaultKind.ENDLESS_STEP in self._flaws or not self._share:
            return _NEVER_MS
        return super()._when_ran(-int(-ran_ms // self._share))

    def _suspension_out_ms(self) -> int:
        return _NEVER_MS if FaultKind.ENDLESS_SUSPENSION in self._flaws else super()._suspension_out_ms()

    def _duty_pct(self, asked_pct: int) -> int:
        kinds = (FaultKind.WRONG_DUTY, FaultKind.LYING_DUTY)
        return next((round(self._flaws[kind]) for kind in kinds if kind in self._flaws), asked_pct)

    def _missing(self) -> Sensor:
        return Sensor(round(self._flaws.get(FaultKind.MISSING_SENSOR, 0)))

    def _status_lies(self, status: Status) -> dict[str, Any]:
        lies: dict[str, Any] = {}
        if status.duty_set_pct and FaultKind.WRONG_DUTY in self._flaws:
            lies["duty_set_pct"] = self._duty_pct(status.duty_set_pct)
        if FaultKind.LYING_SESSION in self._flaws:
            lies["session"] = round(self._flaws[FaultKind.LYING_SESSION])
        if status.state in RUNNING and FaultKind.ENDLESS_LEASE in self._flaws:
            lies["lease_left_ms"] = _LEASE_SAID_MS
        return lies | {name: 0 for sensor, name in _READINGS.items() if sensor in self._missing()}

    def _capability_lies(self, said: Capabilities) -> dict[str, Any]:
        lies: dict[str, Any] = {"sensors": said.sensors & ~self._missing()}
        if FaultKind.WILD_AREA in self._flaws:
            lies["area_mm2"] = round(self._flaws[FaultKind.WILD_AREA])
        return lies


def _lacking(plate: Nameplate, missing: Sensor) -> Nameplate:
    """The nameplate of a unit that cannot judge what it has no sensor for."""
    lacks: dict[str, int] = {}
    if Sensor.HEAD_TEMP in missing:
        lacks["head_trip_ddeg_c"] = 0
    if Sensor.CONTACT in missing:
        lacks["contact_from_level"] = 0
    return replace(plate, **lacks)  # type: ignore[arg-type]  # by name
