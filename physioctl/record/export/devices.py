"""The unit and this program as Devices, and what was set, measured or calculated as DeviceMetrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from physioctl.record.account import Account
from physioctl.record.export.context import Context, Maker
from physioctl.record.export.curves import Points
from physioctl.record.export.datatypes import (
    UCUM,
    Json,
    Unit,
    annotation,
    identifier,
    listed,
    text,
    unit_of,
)  # fmt: skip
from protocols.families import definition

UNIT = "unit"  # names of resources
SOFTWARE = "software"


@dataclass(frozen=True, slots=True)
class Metric:
    """One quantity of a session: who counts it, and its values over time if it has some."""

    key: str  # in the codes file
    said: str
    unit: Unit
    category: str  # measurement, setting or calculation
    curve: Points = ()
    is_output: bool = False  # what the unit's calibration is about

    @property
    def name(self) -> str:
        """The name of its DeviceMetric."""
        return f"metric/{self.key}"


def metrics(account: Account) -> tuple[Metric, ...]:
    """The quantities that the record of a session holds; none for guidance without a unit."""
    return () if account.summary.family is None else tuple(_metrics(account))


def _metrics(account: Account) -> Iterator[Metric]:
    assert account.summary.family is not None  # asked by `metrics`

    def counted(name: str) -> str:
        return "calculation" if name in account.unit.reckoned else "measurement"

    level = definition(account.summary.family).level
    yield Metric("delivered_time", "delivered time", Unit.SECOND, counted("time"))
    if gives_energy(account):
        yield Metric("energy", "energy delivered", Unit.JOULE, counted("energy"), is_output=True)
        if account.dose_mj_cm2 is not None:
            yield Metric("dose", "energy per effective radiating area", Unit.JOULE_PER_CM2, "calculation")
    curves = (
        Metric("level_set", f"{level.label}, set", unit_of(level), "setting", _curve(account, "level_set")),
        Metric(
            "level_measured", f"{level.label}, measured", unit_of(level), "measurement",
            _curve(account, "measured_level"), is_output=True,
        ),
        Metric(
            "head_temperature", "temperature of the head", Unit.DEGREE_CELSIUS, "measurement",
            _curve(account, "head_temp_ddeg_c"),
        ),
        Metric("contact", "contact of the head", Unit.PERCENT, "measurement", _curve(account, "contact_pct")),
    )  # fmt: skip
    yield from (metric for metric in curves if metric.curve)


def gives_energy(account: Account) -> bool:
    """Whether the session plans energy, and somebody counts it."""
    return account.energy_mj is not None and account.summary.planned_energy_mj is not None


def _curve(account: Account, field: str) -> Points:
    values = ((reading.at_ms, getattr(reading, field)) for reading in account.readings)
    return sorted((at_ms, value) for at_ms, value in values if value is not None)


def software(maker: Maker, version: str | None) -> Json:
    """This program, in the version that made the record."""
    return maker.resource(
        "Device",
        SOFTWARE,
        deviceName=[{"name": "physioctl", "type": "user-friendly-name"}],
        type={"text": "program that controls the unit and keeps the record"},
        version=[{"value": text(version)}] if text(version) else None,
    )


def devices(context: Context) -> Iterator[Json]:
    """The Devices of a session, and their DeviceMetrics."""
    account = context.account
    yield software(context, account.physioctl)
    if account.summary.family is None:
        return
    yield _unit(context)
    for metric in metrics(account):
        yield _metric(context, metric)


def _unit(context: Context) -> Json:
    account, unit = context.account, context.account.unit
    family = account.summary.family
    assert family is not None  # asked by `devices`
    firmware, calibrated = text(unit.firmware), text(unit.calibrated)
    notes = [
        *unit.limitations,
        "The numbers of this model are assumed." if unit.assumed else None,
        f"Its nameplate: {unit.nameplate}." if unit.nameplate else None,
        "The unit was simulated." if account.summary.simulated else None,
    ]
    model = text(unit.model)
    return context.resource(
        "Device",
        UNIT,
        identifier=listed([identifier(unit.serial, context.system("unit"), "serial number")]),
        serialNumber=text(unit.serial),
        deviceName=[{"name": model, "type": "model-name"}] if model else None,
        modelNumber=model,
        type=context.concept("device", str(family), definition(family).unit_kind),
        version=[{"type": {"text": "firmware"}, "value": firmware}] if firmware else None,
        property=[{"type": {"text": "calibrated on"}, "valueCode": [{"text": calibrated}]}]
        if calibrated
        else None,
        note=listed([annotation(note) for note in notes]),
    )


def _metric(context: Context, metric: Metric) -> Json:
    _, code, _ = metric.unit.value
    source = SOFTWARE if metric.category == "calculation" else UNIT
    state = "calibrated" if context.account.unit.calibrated else "unspecified"
    return context.resource(
        "DeviceMetric",
        metric.name,
        type=context.concept("observation", metric.key, metric.said),
        unit={"coding": [{"system": UCUM, "code": code}]},
        source=context.to("Device", source),
        category=metric.category,
        # A calibration's time is an instant; a unit tells a date, which stands with the Device.
        calibration=[{"type": "unspecified", "state": state}]
        if metric.is_output and source == UNIT
        else None,
    )
