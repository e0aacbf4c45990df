"""What the operator is told of each alarm: what has happened, and the action to take.

Made from alarms.toml by `python -m tools.generate`: do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, tuple[str, str]] = {
    "OUTPUT_STUCK": (
        "output is measured while it should be off",
        "Lift the head off and switch the unit off at its own switch. Do not use it again.",
    ),
    "RUNS_UNASKED": (
        "the unit says that a step is running, and none was started",
        "Lift the head off. See that no other program uses this port. If it comes back, do not use the unit.",
    ),
    "OUTPUT_HIGH": (
        "output is more than 20 % above what was set, or above its ramp",
        "Do not use the unit until it has been calibrated.",
    ),
    "SET_DIFFERS": (
        "the unit runs at another level than it was set to",
        "Switch the unit off and on. If it comes back, do not use it.",
    ),
    "DUTY_DIFFERS": (
        "the unit runs at another duty cycle than it was set to",
        "Switch the unit off and on. If it comes back, do not use it.",
    ),
    "SET_WHILE_OFF": (
        "the unit says that no step is running, and names the level, the duty cycle or the lease of one",
        "Switch the unit off and on. If it comes back, do not use it.",
    ),
    "LEASE_DIFFERS": (
        "the unit's lease does not run as it was granted",
        "Switch the unit off at its own switch, and do not use it again: without this computer it may go on.",
    ),
    "HEAD_OVERTEMP": (
        "the head is too warm",
        "Lift the head off. Let it cool below 39 °C, apply more gel, and check contact before a new session.",
    ),
    "CONTACT_IGNORED": (
        "output goes on while the unit says that contact is lost",
        "Lift the head off. Do not use the unit until it has been looked at.",
    ),
    "OVER_DOSE": (
        "the unit has given more time than its step, or more energy than the session may",
        "Do not use the unit again. Keep the journal.",
    ),
    "STEP_OVERRUN": (
        "by this computer's clock output has gone on for longer than it was set to",
        "Switch the unit off at its own switch. Do not use it again. Keep the journal.",
    ),
    "ENERGY_DIFFERS": (
        "the unit's energy meter does not agree with its output, its duty cycle and its time",
        "Do not use the unit until it has been calibrated. More may have been given than the record says.",
    ),
    "SESSION_DIFFERS": (
        "the unit names another session than the one it was armed for",
        "See that no other program uses this port. Its counts are not those of this session.",
    ),
    "ANSWER_DIFFERS": (
        "the unit answers another request than it was asked",
        "See that no other program uses this port. If it comes back, do not use the unit.",
    ),
    "REFUSED": (
        "the unit refuses to be looked at, stopped or lowered, or to have its lease renewed",
        "See that its output is off, and switch the unit off at its own switch. Do not use it again.",
    ),
    "RESTARTED": (
        "the unit has restarted, or is another one",
        "Check its supply and its cable. The rest can be given as a new session.",
    ),
    "LAPSED": (
        "a lease ran out and the unit ended its output",
        "Check the cable and that this computer is not overloaded. The rest can be given as a new session.",
    ),
    "HOST_DELAYED": (
        "this computer was too busy to renew the lease in time, and the unit ended its output",
        "See what keeps this computer busy, then go on.",
    ),
    "STOPPED_ELSEWHERE": (
        "someone else has stopped the unit",
        "See who did: another program, or the unit's own key.",
    ),
    "SUSPENDED_WITHOUT_CAUSE": (
        "the unit waits for contact, which it has or has no sensor for",
        "Do not use the unit until it has been looked at.",
    ),
    "SENSOR_FAULT": (
        "the head's temperature sensor reads what cannot be",
        "Do not use the unit until its sensor has been looked at.",
    ),
    "COMM_LOST": (
        "the unit does not answer",
        "Look at the unit: if its output is not off, switch it off at its own switch. Check the cable.",
    ),
    "POWER_MISMATCH": (
        "output is more than 20 % below what was set",
        "Have the unit calibrated before it is used again.",
    ),
    "CLOCK_OFF": (
        "the unit's clock and ours are more than 2 % apart",
        "Do not use the unit: its timer cannot be relied on.",
    ),
    "COUNT_OFF": (
        "the unit does not count the time for which it gives output, or not alike for step and session",
        "Do not use the unit: its timer cannot be relied on. More may have been given than the record says.",
    ),
    "MOTOR_STALL": (
        "the motor stands still under drive",
        "Press less. Let it rest for a minute before a new session.",
    ),
    "MOTOR_HOT": (
        "the motor is too warm",
        "Let the unit cool before a new session.",
    ),
    "BATTERY_CRITICAL": (
        "the battery is nearly empty",
        "Charge the unit. The rest can be given as a new session.",
    ),
    "UNIT_FAULT": (
        "the unit reports a fault of its own",
        "Switch the unit off and on. If it comes back, have it looked at.",
    ),
    "SUSPENSION_OVERRUN": (
        "by this computer's clock contact has been lost for longer than the unit may wait for it",
        "Put the head back flat on the skin, with gel, and resume.",
    ),
    "HEAD_WARM": (
        "the head is getting warm",
        "Keep it moving, and apply more gel.",
    ),
    "CONTACT_LOST": (
        "contact is lost; output is off and the timer stands still",
        "Put the head back flat on the skin, with gel. It goes on by itself.",
    ),
    "BATTERY_LOW": (
        "the battery is low",
        "Charge the unit after this session.",
    ),
}

# code and key → the figures in the text
FIGURES: Mapping[tuple[str, str], Mapping[str, int]] = {
    ("OUTPUT_HIGH", "what"): {"output_tolerance_pct": 20},
    ("POWER_MISMATCH", "what"): {"output_tolerance_pct": 20},
    ("CLOCK_OFF", "what"): {"clock_tolerance_pct": 2},
}
