"""The alarms, as data: the condition, the priority, and what the operator is told.

The manual's alarm table is made from this one. Priorities follow the manner of IEC 60601-1-8 (high,
medium, low); figures without a source are this project's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from device.dialects.base import ReportField, UnitState
from device.events import Priority
from device.monitor import conditions
from device.monitor.conditions import CLOCK_TOLERANCE_PCT, OUTPUT_TOLERANCE_PCT
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


RULES: tuple[Rule, ...] = (
    Rule(
        "OUTPUT_STUCK",
        conditions.output_while_off,
        SUSTAIN_MS,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "output is measured while it should be off",
        "Lift the head off and switch the unit off at its own switch. Do not use it again.",
        unit_faults=("OUTPUT_STUCK",),
    ),
    Rule(
        "RUNS_UNASKED",
        conditions.runs_unasked,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the unit says that a step is running, and none was started",
        "Lift the head off. See that no other program uses this port. If it comes back, do not use the unit.",
    ),
    Rule(
        "OUTPUT_HIGH",
        conditions.output_high,
        SUSTAIN_MS,
        Priority.HIGH,
        True,
        Effect.FAIL,
        f"output is more than {OUTPUT_TOLERANCE_PCT} % above what was set, or above its ramp",
        "Do not use the unit until it has been calibrated.",
    ),
    Rule(
        "SET_DIFFERS",
        conditions.level_differs,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the unit runs at another level than it was set to",
        "Switch the unit off and on. If it comes back, do not use it.",
    ),
    Rule(
        "DUTY_DIFFERS",
        conditions.duty_differs,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the unit runs at another duty cycle than it was set to",
        "Switch the unit off and on. If it comes back, do not use it.",
    ),
    Rule(
        "SET_WHILE_OFF",
        conditions.set_while_off,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the unit says that no step is running, and names the level, the duty cycle or the lease of one",
        "Switch the unit off and on. If it comes back, do not use it.",
    ),
    Rule(
        "LEASE_DIFFERS",
        conditions.lease_differs,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the unit's lease does not run as it was granted",
        "Switch the unit off at its own switch, and do not use it again: without this computer it may go on.",
        breaks_lease=True,
        needs=frozenset((ReportField.LEASE,)),
    ),
    Rule(
        "HEAD_OVERTEMP",
        conditions.head_trips,
        SUSTAIN_MS,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the head is too warm",
        "Lift the head off. Let it cool below 39 °C, apply more gel, and check contact before a new session.",
        unit_faults=("HEAD_HOT",),
    ),
    Rule(
        "CONTACT_IGNORED",
        conditions.contact_ignored,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "output goes on while the unit says that contact is lost",
        "Lift the head off. Do not use the unit until it has been looked at.",
    ),
    Rule(
        "OVER_DOSE",
        conditions.over_dose,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the unit has given more time than its step, or more energy than the session may",
        "Do not use the unit again. Keep the journal.",
        needs=frozenset(
            (
                ReportField.TIME,
                ReportField.ENERGY,
            )
        ),
    ),
    Rule(
        "STEP_OVERRUN",
        conditions.step_overrun,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "by this computer's clock output has gone on for longer than it was set to",
        "Switch the unit off at its own switch. Do not use it again. Keep the journal.",
    ),
    Rule(
        "ENERGY_DIFFERS",
        conditions.energy_differs,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the unit's energy meter does not agree with its output, its duty cycle and its time",
        "Do not use the unit until it has been calibrated. More may have been given than the record says.",
        needs=frozenset(
            (
                ReportField.TIME,
                ReportField.ENERGY,
                ReportField.UPTIME,
            )
        ),
    ),
    Rule(
        "SESSION_DIFFERS",
        conditions.session_differs,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the unit names another session than the one it was armed for",
        "See that no other program uses this port. Its counts are not those of this session.",
        needs=frozenset((ReportField.SESSION,)),
    ),
    Rule(
        "ANSWER_DIFFERS",
        None,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the unit answers another request than it was asked",
        "See that no other program uses this port. If it comes back, do not use the unit.",
    ),
    Rule(
        "REFUSED",
        conditions.refuses,
        0,
        Priority.HIGH,
        True,
        Effect.FAIL,
        "the unit refuses to be looked at, stopped or lowered, or to have its lease renewed",
        "See that its output is off, and switch the unit off at its own switch. Do not use it again.",
    ),
    Rule(
        "RESTARTED",
        lambda view: view.status.nonce != view.nonce,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the unit has restarted, or is another one",
        "Check its supply and its cable. The rest can be given as a new session.",
    ),
    Rule(
        "LAPSED",
        conditions.lapsed,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "a lease ran out and the unit ended its output",
        "Check the cable and that this computer is not overloaded. The rest can be given as a new session.",
        needs=frozenset((ReportField.LEASE,)),
    ),
    Rule(
        "HOST_DELAYED",
        None,
        0,
        Priority.MEDIUM,
        False,
        Effect.PAUSE,
        "this computer was too busy to renew the lease in time, and the unit ended its output",
        "See what keeps this computer busy, then go on.",
    ),
    Rule(
        "STOPPED_ELSEWHERE",
        lambda view: view.armed and view.status.state is UnitState.IDLE,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "someone else has stopped the unit",
        "See who did: another program, or the unit's own key.",
    ),
    Rule(
        "SUSPENDED_WITHOUT_CAUSE",
        conditions.suspended_without_cause,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the unit waits for contact, which it has or has no sensor for",
        "Do not use the unit until it has been looked at.",
    ),
    Rule(
        "SENSOR_FAULT",
        lambda view: conditions.head_implausible(view) or conditions.head_stuck(view),
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the head's temperature sensor reads what cannot be",
        "Do not use the unit until its sensor has been looked at.",
        unit_faults=("SENSOR",),
    ),
    Rule(
        "COMM_LOST",
        None,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the unit does not answer",
        "Look at the unit: if its output is not off, switch it off at its own switch. Check the cable.",
    ),
    Rule(
        "POWER_MISMATCH",
        lambda view: conditions.weak(view) and not conditions.stalled(view),
        SUSTAIN_MS,
        Priority.MEDIUM,
        False,
        Effect.PAUSE,
        f"output is more than {OUTPUT_TOLERANCE_PCT} % below what was set",
        "Have the unit calibrated before it is used again.",
    ),
    Rule(
        "CLOCK_OFF",
        conditions.clock_off,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        f"the unit's clock and ours are more than {CLOCK_TOLERANCE_PCT} % apart",
        "Do not use the unit: its timer cannot be relied on.",
        needs=frozenset((ReportField.UPTIME,)),
    ),
    Rule(
        "COUNT_OFF",
        conditions.count_off,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the unit does not count the time for which it gives output, or not alike for step and session",
        "Do not use the unit: its timer cannot be relied on. More may have been given than the record says.",
        needs=frozenset(
            (
                ReportField.TIME,
                ReportField.UPTIME,
            )
        ),
    ),
    Rule(
        "MOTOR_STALL",
        conditions.stalled,
        SUSTAIN_MS,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the motor stands still under drive",
        "Press less. Let it rest for a minute before a new session.",
        unit_faults=("STALL",),
    ),
    Rule(
        "MOTOR_HOT",
        None,
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the motor is too warm",
        "Let the unit cool before a new session.",
        unit_faults=("MOTOR_HOT",),
    ),
    Rule(
        "BATTERY_CRITICAL",
        lambda view: conditions.battery_at(view, 8),
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the battery is nearly empty",
        "Charge the unit. The rest can be given as a new session.",
        unit_faults=("BATTERY_EMPTY",),
    ),
    Rule(
        "UNIT_FAULT",
        lambda view: (
            any(fault not in KNOWN_FAULTS for fault in view.status.faults)
            or (view.status.state is UnitState.FAULT and not view.status.faults)
        ),
        0,
        Priority.MEDIUM,
        True,
        Effect.FAIL,
        "the unit reports a fault of its own",
        "Switch the unit off and on. If it comes back, have it looked at.",
    ),
    Rule(
        "SUSPENSION_OVERRUN",
        conditions.suspension_overrun,
        0,
        Priority.MEDIUM,
        False,
        Effect.PAUSE,
        "by this computer's clock contact has been lost for longer than the unit may wait for it",
        "Put the head back flat on the skin, with gel, and resume.",
    ),
    Rule(
        "HEAD_WARM",
        lambda view: conditions.head_at(view, view.model.head_warn_ddeg_c),
        0,
        Priority.LOW,
        False,
        Effect.NOTE,
        "the head is getting warm",
        "Keep it moving, and apply more gel.",
    ),
    Rule(
        "CONTACT_LOST",
        conditions.contact_lost,
        0,
        Priority.LOW,
        False,
        Effect.NOTE,
        "contact is lost; output is off and the timer stands still",
        "Put the head back flat on the skin, with gel. It goes on by itself.",
    ),
    Rule(
        "BATTERY_LOW",
        lambda view: conditions.battery_at(view, 20),
        0,
        Priority.LOW,
        False,
        Effect.NOTE,
        "the battery is low",
        "Charge the unit after this session.",
    ),
)

KNOWN_FAULTS: frozenset[str] = frozenset(fault for rule in RULES for fault in rule.unit_faults)
BY_CODE = {rule.code: rule for rule in RULES}
