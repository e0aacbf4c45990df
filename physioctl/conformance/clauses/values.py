"""Values outside what the unit has declared, as tables of what is changed in a request.

What is above the nameplate is asked under ceilings that are far below it: a unit that has no such bound
refuses it all the same, for another reason, and gives nothing. Of a unit that holds no ceilings it is not
asked: nothing would stand behind a unit that did it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from device.wire.messages import Result
from physioctl.conformance.clauses.refusals import SECTION, SHORT_MS, short
from physioctl.conformance.effects import Script
from physioctl.conformance.host import U32, Host, age
from physioctl.conformance.outcomes import Part, clause, expect


def _bad_sets(host: Host) -> Iterator[tuple[str, dict[str, int]]]:
    plate, usual = host.plate, host.set()
    levels = {0, 1, plate.level_min - 1, host.rng.randrange(plate.level_min)}
    yield from ((f"a level of {level}", {"level": level}) for level in levels if level < plate.level_min)
    duties = [duty for duty in range(256) if duty not in plate.duties_pct]
    for duty in {0, 255, *host.rng.sample(duties, 6)}:
        yield f"a duty cycle of {duty} %", {"duty_pct": duty}
    carriers = plate.carriers_khz or (0,)
    for carrier in {*(carrier + 1 for carrier in carriers), *(host.rng.randrange(65_536) for _ in range(3))}:
        if carrier not in carriers:
            yield f"a carrier of {carrier} kHz", {"carrier_khz": carrier}
    if 100 in plate.duties_pct:
        yield "100 % with a pulse frequency", {"duty_pct": 100, "pulse_hz": (*plate.pulses_hz, 100)[0]}
    if usual.duty_pct < 100:
        for pulse_hz in {0, *(pulse + 1 for pulse in plate.pulses_hz), host.rng.randrange(1, 65_536)}:
            if pulse_hz not in plate.pulses_hz:
                yield f"a pulse frequency of {pulse_hz} Hz", {"pulse_hz": pulse_hz}
    if Part.TIMER in host.has:
        yield "a for_ms of 0", {"for_ms": 0}
        yield "a ramp_ms above for_ms", {"ramp_ms": SHORT_MS + 1}
        yield "a ramp_ms above for_ms", {"ramp_ms": host.rng.randrange(SHORT_MS + 1, 65_536)}
    else:
        yield "a for_ms of 1", {"for_ms": 1}
        yield f"a for_ms of {SHORT_MS}", {"for_ms": SHORT_MS}


@clause(
    "refused.bad_value",
    SECTION,
    "`BAD_VALUE`: in an `Arm`, a session or a ceiling of 0; in a `Set`, a level below `level_min`, a duty "
    "cycle, carrier or pulse frequency that the unit does not give (`pulse_hz` is 0 at 100 % and not 0 "
    "below), a `for_ms` of 0, a `ramp_ms` above `for_ms`; in a `Lower`, a level below `level_min`.",
    "each of them at its border and at random",
)
def _bad_value(host: Host) -> Script[str]:
    cases = list(_bad_sets(host))
    for what, changed in cases:
        yield from host.begin()
        wrong = replace(short(host), **changed)
        yield from host.refused(wrong, Result.BAD_VALUE, f"a Set with {what}")
    zeros = ("session", "level_max", "delivered_max_ms", "energy_max_mj")
    for name in zeros:
        yield from host.stop()
        host.new_session()
        yield from host.refused(host.arm(**{name: 0}), Result.BAD_VALUE, f"an Arm with a {name} of 0")
    yield from host.emit()
    below = host.lower(level=host.plate.level_min - 1)
    yield from host.refused(below, Result.BAD_VALUE, "a Lower below level_min")
    return f"{len(cases) + len(zeros) + 1} values"


def _bad_leases(host: Host) -> list[int]:
    """Leases that can be written and are not given: those next to the bounds, and some at random."""
    low, high, step = host.plate.lease_min_ms, host.plate.lease_max_ms, host.leases_ms.step
    outside = [lease for lease in host.leases_ms if not low <= lease <= high]
    near = [lease for lease in (low - step, high + step) if lease in outside]
    return near + host.rng.sample(outside, min(4, len(outside)))


@clause(
    "refused.bad_lease",
    SECTION,
    "`BAD_LEASE`: a lease outside `lease_min_ms` to `lease_max_ms`; both are taken.",
    "leases next to the bounds and at random, in a Set and in a Renew; both bounds",
)
def _bad_lease(host: Host) -> Script[str]:
    leases = _bad_leases(host)
    for lease_ms in leases:
        yield from host.begin()
        what = f"a lease of {lease_ms} ms"
        wrong = replace(short(host), lease_ms=lease_ms)
        yield from host.refused(wrong, Result.BAD_LEASE, f"a Set with {what}")
        if Part.LEASE in host.has:
            yield from host.emit()
            renewed = host.renew(lease_ms=lease_ms)
            yield from host.refused(renewed, Result.BAD_LEASE, f"a Renew with {what}")
    for lease_ms in {host.plate.lease_min_ms, host.plate.lease_max_ms}:
        yield from host.begin()
        request = short(host, lease_ms=lease_ms)
        status = yield from host.ask(request)
        age_ms = age(status.uptime_ms, request.unit_uptime_ms)
        late = status.result is Result.STALE and age_ms >= lease_ms  # on its way for longer than that
        expect(status.result is Result.OK or late, f"a lease of {lease_ms} ms: {status.result.name}")
    return f"{len(leases)} refused, both bounds taken"


def _sets_above(host: Host) -> Iterator[dict[str, int]]:
    plate, rng = host.plate, host.rng
    yield from ({"level": level} for level in _levels_above(host))
    yield from (
        {"for_ms": for_ms} for for_ms in (plate.step_max_ms + 1, rng.randrange(plate.step_max_ms + 1, U32))
    )
    duty_pct = max(plate.duties_pct)
    least = plate.average_max * 100 // duty_pct + 1
    if plate.average_max and least <= plate.level_max:
        pulse_hz = 0 if duty_pct == 100 else host.set().pulse_hz
        yield {"level": least, "duty_pct": duty_pct, "pulse_hz": pulse_hz}


def _levels_above(host: Host) -> set[int]:
    above = host.plate.level_max + 1
    return {above, 65_535, host.rng.randrange(above, 65_536)}


@clause(
    "refused.over_nameplate",
    SECTION,
    "`OVER_NAMEPLATE`: an `Arm` or a `Set` above `level_max`; in an `Arm`, above `delivered_max_ms`; in a "
    "`Set`, above `step_max_ms`, or level × duty above `average_max` (a nameplate of 0 bounds nothing).",
    "each of them next to its border and at random; a Set always under ceilings far below, and not of a "
    "unit that holds none",
)
def _over_nameplate(host: Host) -> Script[str]:
    plate, rng = host.plate, host.rng
    sets = list(_sets_above(host)) if {Part.CEILINGS, Part.TIMER} <= host.has else []
    for changed in sets:
        yield from host.begin()
        yield from host.refused(short(host, **changed), Result.OVER_NAMEPLATE, f"a Set with {changed}")
    times = {plate.delivered_max_ms + 1, rng.randrange(plate.delivered_max_ms + 1, U32)}
    arms = [{"level_max": level} for level in _levels_above(host)]
    arms += [{"delivered_max_ms": time} for time in times]
    for changed in arms:
        yield from host.stop()
        host.new_session()
        yield from host.refused(host.arm(**changed), Result.OVER_NAMEPLATE, f"an Arm with {changed}")
    return f"{len(sets) + len(arms)} values"


@clause(
    "refused.over_ceiling",
    SECTION,
    "`OVER_CEILING`: an `Arm` that raises any ceiling of its session; a `Set` above the armed level, one "
    "whose `for_ms` goes beyond the armed time, or one without energy left for one millisecond at its level "
    "and duty cycle; a `Lower` above the running step's level.",
    "each of them by the least that can be written, but for the energy; an Arm that lowers them is done",
)
def _over_ceiling(host: Host) -> Script[str]:
    level = host.plate.level_min
    low = {"level_max": level, "delivered_max_ms": 5000, "energy_max_mj": 1000}
    for name, value in low.items() if Part.CEILINGS in host.has else ():
        yield from host.begin(**low)
        raised = host.arm(**(low | {name: value + 1}))
        yield from host.refused(raised, Result.OVER_CEILING, f"an Arm that raises {name}")
        lowered = host.arm(**(low | ({name: value - 1} if name != "level_max" else {})))
        yield from host.done(lowered, f"an Arm that does not raise {name}")
    if level < host.plate.level_max:
        if Part.CEILINGS in host.has:
            yield from host.begin(**low)
            above = short(host, level=level + 1)
            yield from host.refused(above, Result.OVER_CEILING, "a Set above the armed level")
        yield from host.emit()
        higher = host.lower(level=level + 1)
        yield from host.refused(higher, Result.OVER_CEILING, "a Lower above the running level")
    if {Part.CEILINGS, Part.TIMER} <= host.has:
        yield from host.begin(**low)
        beyond = short(host, for_ms=low["delivered_max_ms"] + 1)
        yield from host.refused(beyond, Result.OVER_CEILING, "a Set beyond the armed time")
    return "6 of them" if Part.CEILINGS in host.has else "a Lower"


CLAUSES = (_bad_value, _bad_lease, _over_nameplate, _over_ceiling)
