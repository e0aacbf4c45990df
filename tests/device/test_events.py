"""Events in the record: their names, and their fields as plain values."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from device.dialects.base import SetOutput
from device.events import (
    AlarmRaised,
    Commanded,
    Event,
    OffConfirmation,
    OperatorActed,
    Priority,
    StateChanged,
    StepStarted,
    StopOutcome,
    UnitIdentified,
)
from physioctl.record.codec import to_json
from tests.device.parts import LOW

COMMANDED = Commanded(at_ms=4, intent="SetOutput", values=asdict(SetOutput(1, 2, LOW, 3, 4, 5, 500)))


@pytest.mark.parametrize(
    ("event", "record"),
    [
        (
            OperatorActed(at_ms=1, action="pause"),
            {"event": "operator_acted", "at_ms": 1, "action": "pause", "by": "operator"},
        ),
        (
            StopOutcome(at_ms=2, output_off=OffConfirmation.CONFIRMED, took_ms=40),
            {"event": "stop_outcome", "at_ms": 2, "output_off": "confirmed", "took_ms": 40},
        ),
        (
            AlarmRaised(at_ms=3, code="A", priority=Priority.HIGH, what="so", action="that", status=None),
            {
                "event": "alarm_raised",
                "at_ms": 3,
                "code": "A",
                "priority": "high",
                "what": "so",
                "action": "that",
                "status": None,
            },
        ),
        (
            COMMANDED,
            {
                "event": "commanded",
                "at_ms": 4,
                "intent": "SetOutput",
                "values": {
                    "nonce": 1,
                    "session": 2,
                    "setting": {
                        "intensity_mw_cm2": 440,
                        "duty_pct": 50,
                        "carrier_khz": 1000,
                        "pulse_hz": 100,
                    },
                    "for_ms": 3,
                    "ramp_ms": 4,
                    "unit_uptime_ms": 5,
                    "lease_ms": 500,
                },
            },
        ),
    ],
)
def test_an_event_is_recorded_as_plain_values_its_name_first(event: Event, record: dict[str, Any]) -> None:
    plain = to_json(event)

    assert plain == record
    assert next(iter(plain)) == "event"
    assert type(next(iter(plain.values()))) is str
    assert json.loads(json.dumps(plain)) == record


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (UnitIdentified, "unit_identified"),
        (StepStarted, "step_started"),
        (StateChanged, "state_changed"),
    ],
)
def test_an_events_name_is_its_classs_in_snake_case(kind: type[Event], name: str) -> None:
    event = object.__new__(kind)

    assert event.name == name


def test_an_event_cannot_be_changed() -> None:
    event = OperatorActed(at_ms=1, action="stop")

    with pytest.raises(AttributeError):
        event.action = "pause"  # type: ignore[misc]  # that is the point
