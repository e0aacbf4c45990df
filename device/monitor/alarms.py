"""The alarms, as data: the condition and the priority. What the operator is told stands in alarms.toml.

The manual's alarm table is made from both. Priorities follow the manner of IEC 60601-1-8 (high,
medium, low); figures without a source are this project's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from device.dialects.base import ReportField, UnitState
from device.events import Priority
from device.monitor import conditions
from device.monitor.alarm_texts import TEXTS
from device.monitor.view import View

SUSTAIN_MS = 300  # a reading has to stay wrong for this long; output is off within a lease of its onset


class Effect(StrEnum):
    """What an alarm does to the session."""

    NOTE = "shown and recorded"
    PAUSE = "output off; a person may resume"
    FAIL = "output off; the session ends, and the fault stays until it is cleared"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is watched."""

    code: str
    breaks: Callable[[View], bool] | None  # None: raised by the controller, or by the unit alone
    sustain_ms: int  # it has to break for this long
    priority: Priority
    latches: bool  # stays until a person resets it, even when the cause has gone
    effect: Effect
    what: str
    action: str
    unit_faults: tuple[str, ...] = ()  # faults of the unit's own that raise it at once
    breaks_lease: bool = False  # from now on no lease of the unit is presumed to have run out
    needs: frozenset[ReportField] = frozenset()  # without these, it says nothing of a unit


def _rule(
    code: str,
    breaks: Callable[[View], bool] | None,
    sustain_ms: int,
    priority: Priority,
    latches: bool,
    effect: Effect,
    unit_faults: tuple[str, ...] = (),
    breaks_lease: bool = False,
    needs: frozenset[ReportField] = frozenset(),
) -> Rule:
    what, action = TEXTS.get(code, (code, ""))  # none only until `python -m tools.generate` has made it
    return Rule(
        code, breaks, sustain_ms, priority, latches, effect, what, action, unit_faults, breaks_lease, needs
    )


RULES: tuple[Rule, ...] = (
    _rule(
        "OUTPUT_STUCK",
        conditions.output_while_off,
        SUSTAIN_MS,
        Priority.HIGH,
        True,
        Effect.FAIL,
        unit_faults=("OUTPUT_STUCK",),
    ),
    _rule(
        "RUNS_UNASKED",
        conditions.runs_unasked,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
    ),
    _rule(
        "OUTPUT_HIGH",
        conditions.output_high,
        SUSTAIN_MS,
        Priority.HIGH,
        True,
        Effect.FAIL,
    ),
    _rule(
        "SET_DIFFERS",
        conditions.level_differs,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
    ),
    _rule(
        "DUTY_DIFFERS",
        conditions.duty_differs,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
    ),
    _rule(
        "SET_WHILE_OFF",
        conditions.set_while_off,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
    ),
    _rule(
        "LEASE_DIFFERS",
        conditions.lease_differs,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        breaks_lease=True,
        needs=frozenset((ReportField.LEASE,)),
    ),
    _rule(
        "HEAD_OVERTEMP",
        conditions.head_trips,
        SUSTAIN_MS,
        Priority.HIGH,
        True,
        Effect.FAIL,
        unit_faults=("HEAD_HOT",),
    ),
    _rule(
        "CONTACT_IGNORED",
        conditions.contact_ignored,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
    ),
    _rule(
        "OVER_DOSE",
        conditions.over_dose,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        needs=frozenset(
            (
                ReportField.TIME,
                ReportField.ENERGY,
            )
        ),
    ),
    _rule(
        "STEP_OVERRUN",
        conditions.step_overrun,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
    ),
    _rule(
        "ENERGY_DIFFERS",
        conditions.energy_differs,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        needs=frozenset(
            (
                ReportField.TIME,
                ReportField.ENERGY,
                ReportField.UPTIME,
            )
        ),
    ),
    _rule(
        "SESSION_DIFFERS",
        conditions.session_differs,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        needs=frozenset((ReportField.SESSION,)),
    ),
    _rule(
        "ANSWER_DIFFERS",
        None,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
    ),
    _rule(
        "REFUSED",
        conditions.refuses,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
    ),
    _rule(
        "RESTARTED",
        lambda view: view.status.nonce != view.nonce,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
    ),
    _rule(
        "LAPSED",
        conditions.lapsed,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        needs=frozenset((ReportField.LEASE,)),
    ),
    _rule(
        "HOST_DELAYED",
        None,
        0,
        Priority.MEDIUM,
        False,
        Effect.PAUSE,
    ),
    _rule(
        "STOPPED_ELSEWHERE",
        lambda view: view.armed and view.status.state is UnitState.IDLE,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
    ),
    _rule(
        "SUSPENDED_WITHOUT_CAUSE",
        conditions.suspended_without_cause,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
    ),
    _rule(
        "SENSOR_FAULT",
        lambda view: conditions.head_implausible(view) or conditions.head_stuck(view),
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        unit_faults=("SENSOR",),
    ),
    _rule(
        "COMM_LOST",
        None,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
    ),
    _rule(
        "POWER_MISMATCH",
        lambda view: conditions.weak(view) and not conditions.stalled(view),
        SUSTAIN_MS,
        Priority.MEDIUM,
        False,
        Effect.PAUSE,
    ),
    _rule(
        "CLOCK_OFF",
        conditions.clock_off,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        needs=frozenset((ReportField.UPTIME,)),
    ),
    _rule(
        "COUNT_OFF",
        conditions.count_off,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        needs=frozenset(
            (
                ReportField.TIME,
                ReportField.UPTIME,
            )
        ),
    ),
    _rule(
        "MOTOR_STALL",
        conditions.stalled,
        SUSTAIN_MS,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        unit_faults=("STALL",),
    ),
    _rule(
        "MOTOR_HOT",
        None,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        unit_faults=("MOTOR_HOT",),
    ),
    _rule(
        "BATTERY_CRITICAL",
        lambda view: conditions.battery_at(view, 8),
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        unit_faults=("BATTERY_EMPTY",),
    ),
    _rule(
        "UNIT_FAULT",
        lambda view: (
            any(fault not in KNOWN_FAULTS for fault in view.status.faults)
            or (view.status.state is UnitState.FAULT and not view.status.faults)
        ),
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
    ),
    _rule(
        "SUSPENSION_OVERRUN",
        conditions.suspension_overrun,
        0,
        Priority.MEDIUM,
        False,
        Effect.PAUSE,
    ),
    _rule(
        "HEAD_WARM",
        lambda view: conditions.head_at(view, view.model.head_warn_ddeg_c),
        0,
        Priority.LOW,
        False,
        Effect.NOTE,
    ),
    _rule(
        "CONTACT_LOST",
        conditions.contact_lost,
        0,
        Priority.LOW,
        False,
        Effect.NOTE,
    ),
    _rule(
        "BATTERY_LOW",
        lambda view: conditions.battery_at(view, 20),
        0,
        Priority.LOW,
        False,
        Effect.NOTE,
    ),
)

KNOWN_FAULTS: frozenset[str] = frozenset(fault for rule in RULES for fault in rule.unit_faults)
BY_CODE = {rule.code: rule for rule in RULES}
