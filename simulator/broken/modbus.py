"""Units that speak Modbus and break one promise each of docs/modbus.md.

What a command means is the same program in both dialects, and so is what breaks it, where that can be done in
every kind of unit.
"""

from simulator.broken import answers, modbus_frames, modbus_requests, output
from simulator.broken.modbus_registry import PROGRAMS, UNITS, broken, names, says
from simulator.broken.registry import CHANGED
from simulator.broken.registry import PROGRAMS as NATIVE

__all__ = ["broken", "modbus_frames", "modbus_requests", "names"]

# Whose native program breaks the promise here as well.
SHARED = (
    "lease.lapse",
    "stop.disarms",
    "stop.counts_stay",
    "refused.bad_nonce",
    "refused.bad_state",
    "refused.order",
    "refused.dated",
    "refused.replaced",
    "refused.lease_over",
    "once.set",
    "once.after_stop",
    "once.same_number",
    "once.counts_nothing",
    "once.new_session",
    "once.newer",
    "lower.not_compared",
    "lower.ceiling",
    "lease.dated",
    "lease.renewed",
    "lease.not_shortened",
    "lease.set_replaces",
    "ceiling.time",
    "ceiling.energy",
    "step.ramp",
    "contact",
)
SAYS = ("status.running", "status.off", "status.times", "status.energy", "fault")

PROGRAMS.update({promise: NATIVE[promise] for promise in SHARED})
UNITS.update({"host.leases": answers.ShortLeases, "restart": output.SameNonce})
for _promise in SAYS:
    says(_promise, CHANGED[_promise])
