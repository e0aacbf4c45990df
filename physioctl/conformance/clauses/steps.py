"""Steps, ceilings, LOWER, and what a status has to agree with while output is on."""

from __future__ import annotations

from device.wire.messages import Result, Sensor, Set, Status, UnitState
from physioctl.conformance.clauses.ending import OVER_MS
from physioctl.conformance.effects import Script
from physioctl.conformance.host import RUNNING, Host, Sample, age
from physioctl.conformance.outcomes import NotShown, Part, clause, expect

AGREE = "What a status has to agree with"
LOWERED_MS = 300  # from then on a fifth above the new level is the bound
EARLY_MS = 100  # by which an energy ceiling may end output early
ROUNDING = 2  # of a measured level


def _two_levels(host: Host) -> tuple[int, int]:
    """The lowest level, and one that is a little higher."""
    low = host.plate.level_min
    high = min(host.plate.level_max, low + 20)
    if high == low:
        raise NotShown("the unit has one level only")
    return low, high


def _still(taken: list[Sample]) -> list[Status]:
    return [sample.status for sample in taken if sample.status.state in RUNNING]


@clause(
    "ceiling.time",
    "Steps",
    "What is cut while it runs: the step at its `for_ms`, at the session's `delivered_max_ms`, and before "
    "its `energy_max_mj` is passed, at most 100 ms of output early.",
    "two steps that fill the armed time to the millisecond, and one of 1 ms beyond it, which is refused",
    needs=(Part.CEILINGS, Part.TIMER, Part.TIMES),
)
def _ceiling_time(host: Host) -> Script[str]:
    most_ms = 250
    yield from host.begin(delivered_max_ms=most_ms)
    yield from host.done(host.set(for_ms=100), "a Set within all bounds")
    yield from host.samples(OVER_MS)
    yield from host.look()
    yield from host.done(host.set(for_ms=150), "a Set for what is left of the armed time")
    taken = yield from host.samples(150 + OVER_MS)
    last = taken[-1].status
    expect(last.state is UnitState.READY, f"it ended in {last.state.name}, not in READY")
    expect(last.delivered_ms == most_ms, f"{last.delivered_ms} ms were delivered of {most_ms} ms armed")
    more = host.set(for_ms=1)
    yield from host.refused(more, Result.OVER_CEILING, "a Set beyond the armed time")
    return f"{last.delivered_ms} ms delivered of {most_ms} ms armed; 1 ms more was refused"


@clause(
    "ceiling.energy",
    "Steps",
    "What is cut while it runs: the step at its `for_ms`, at the session's `delivered_max_ms`, and before "
    "its `energy_max_mj` is passed, at most 100 ms of output early.",
    "a session whose energy lasts for 400 ms of a longer step: it ends in READY, with no more than that "
    "energy and at most 100 ms early",
    needs=(Part.CEILINGS, Part.TIMER, Part.ENERGY, Part.UPTIME),
)
def _ceiling_energy(host: Host) -> Script[str]:
    if not host.is_ultrasound:
        raise NotShown("the energy of percussion follows from no setting")
    step = host.set()
    power_mw = _power_mw(host, step)
    most_mj = round(power_mw * 0.4)
    yield from host.begin(energy_max_mj=most_mj)
    on = yield from host.done(
        host.set(for_ms=3000, lease_ms=host.plate.lease_max_ms), "a Set with energy left"
    )
    taken = yield from host.samples(1500)
    last = taken[-1].status
    expect(last.state is UnitState.READY, f"after {age(last.uptime_ms, on.uptime_ms)} ms: {last.state.name}")
    expect(last.energy_mj <= most_mj, f"{last.energy_mj} mJ were given of {most_mj} mJ armed")
    least_ms = 400 * 5 // 6 - EARLY_MS
    expect(last.step_ms >= least_ms, f"it ended after {last.step_ms} ms already, of about 400 ms")
    return f"{last.energy_mj} mJ given of {most_mj} mJ armed, in {last.step_ms} ms"


def _power_mw(host: Host, step: Set) -> float:
    return step.level * host.plate.area_mm2 / 100 * step.duty_pct / 100


@clause(
    "step.ramp",
    "Steps",
    "**Output changes on a straight line**, over `ramp_ms` of delivered time, from the level it has (0 when "
    "it was off) to the level set, up or down.",
    "a ramp of 400 ms from 0 to the lowest level: `measured_level` is at most a fifth above the line",
)
def _ramp(host: Host) -> Script[str]:
    if Sensor.OUTPUT not in host.plate.sensors:
        raise NotShown("the unit does not measure its output")
    ramp_ms, level = 400, host.plate.level_min
    lease_ms = min(host.plate.lease_max_ms, 1000)
    yield from host.begin()
    began_ms = host.now_ms
    on = yield from host.done(host.set(for_ms=500, ramp_ms=ramp_ms, lease_ms=lease_ms), "a Set with a ramp")
    if Part.UPTIME in host.has:
        began_ms = on.uptime_ms
    taken = yield from host.samples(500)
    for sample in taken:
        status, ran_ms = sample.status, age(sample.at_ms, began_ms)
        line = level * min(ran_ms, ramp_ms) / ramp_ms
        expect(
            status.measured_level <= line * 1.2 + ROUNDING,
            f"{status.measured_level} at {ran_ms} ms, where the line is at {line:.0f}",
        )
    return f"{len(taken)} readings"


@clause(
    "lower.at_once",
    "Steps",
    "**A Lower is done at once.** Output above the new level is at it with no ramp; output still on its way "
    "up goes on along its line as far as the new level and no further.",
    "a Lower by 20 levels: `level_set` in its own answer, and `measured_level` 300 ms later",
)
def _lower(host: Host) -> Script[str]:
    low, high = _two_levels(host)
    yield from host.emit(level=high, for_ms=3000, lease_ms=host.plate.lease_max_ms)
    lowered = yield from host.done(host.lower(level=low), "a Lower of a running step")
    expect(lowered.level_set == low, f"level_set is {lowered.level_set} in its answer, not {low}")
    taken = yield from host.samples(LOWERED_MS + 60, renewing=True)
    last = _still(taken)[-1:] or [lowered]
    if Sensor.OUTPUT in host.plate.sensors:
        measured = last[0].measured_level
        expect(measured <= low * 1.2 + ROUNDING, f"{measured} is measured 300 ms after a Lower to {low}")
    return f"from {high} to {low} in the answer"


@clause(
    "lower.ceiling",
    "Steps",
    "The session's `level_max` becomes the new level, for every later `Set` and `Arm` of the session.",
    "after a Lower a Set and, after the step, an Arm of the level before are refused as OVER_CEILING",
    needs=(Part.CEILINGS,),
)
def _lower_ceiling(host: Host) -> Script[str]:
    low, high = _two_levels(host)
    yield from host.emit(level=high, for_ms=300)
    yield from host.done(host.lower(level=low), "a Lower of a running step")
    higher = host.set(level=high, for_ms=20)
    yield from host.refused(higher, Result.OVER_CEILING, "a Set above the level it was lowered to")
    yield from host.stop()
    yield from host.refused(host.arm(level_max=high), Result.OVER_CEILING, "an Arm above that level")
    return "refused"


@clause(
    "lower.nothing_else",
    "Steps",
    "Nothing else of the step changes: neither its time nor its lease.",
    "the end of the step and of the lease, before and after a Lower; a Lower to the same level is done",
    needs=(Part.TIMES, Part.UPTIME),
)
def _lower_nothing_else(host: Host) -> Script[str]:
    low, high = _two_levels(host)
    yield from host.emit(level=high, for_ms=2000)
    before = yield from host.look()
    for level in (low, low):
        after = yield from host.done(host.lower(level=level), f"a Lower to {level}")
        gone_ms = age(after.uptime_ms, before.uptime_ms)
        expect(after.step_ms == before.step_ms + gone_ms, "a Lower changed the time of its step")
        if Part.LEASE in host.has:
            expect(after.lease_left_ms == before.lease_left_ms - gone_ms, "a Lower changed the lease")
    return "2 of them"


@clause(
    "status.running",
    AGREE,
    "In `EMITTING` and `SUSPENDED`, `level_set` is the level of the `Set`, or of a `Lower` since; it changes "
    "with the answer to the `Lower` and not before.",
    "level, duty cycle and session of each of some 20 statuses while output is on",
)
def _running(host: Host) -> Script[str]:
    yield from host.begin()
    step = host.set(for_ms=250)
    yield from host.done(step, "a Set within all bounds")
    taken = _still((yield from host.samples(300)))
    for status in taken:
        expect(status.level_set == step.level, f"level_set is {status.level_set}, not {step.level}")
        expect(status.duty_set_pct == step.duty_pct, f"duty_set_pct is {status.duty_set_pct}")
        if Part.SESSION in host.has:
            expect(status.session == host.session, f"it names session {status.session}")
    return f"{len(taken)} statuses"


@clause(
    "status.off",
    AGREE,
    "In every other state the three are 0.",
    "level, duty cycle and lease in READY, after the step and after a Stop",
)
def _off(host: Host) -> Script[str]:
    armed = yield from host.begin()
    yield from host.done(host.set(for_ms=100), "a Set within all bounds")
    taken = yield from host.samples(200)
    stopped = yield from host.stop()
    for status in (armed, *(sample.status for sample in taken), stopped):
        if status.state in RUNNING:
            continue
        said = (status.level_set, status.duty_set_pct, status.lease_left_ms)
        expect(said == (0, 0, 0), f"in {status.state.name} they are {said}")
    return "before it, after it, and after a Stop"


@clause(
    "status.output",
    AGREE,
    "`output` is at most a fifth above the level set or the line of its rise, and 300 ms after a `Lower` at "
    "most a fifth above the new level.",
    "`measured_level` of each status of a step at the lowest level",
)
def _output(host: Host) -> Script[str]:
    if Sensor.OUTPUT not in host.plate.sensors:
        raise NotShown("the unit does not measure its output")
    yield from host.emit(for_ms=300)
    taken = _still((yield from host.samples(350)))
    most = max((status.measured_level for status in taken), default=0)
    expect(most <= host.plate.level_min * 1.2, f"{most} is measured, {host.plate.level_min} is set")
    return f"at most {most}, where {host.plate.level_min} is set"


@clause(
    "status.times",
    AGREE,
    "`step_ms`, `delivered_ms` and the time for which output was on go together.",
    "two steps in a session: both are compared with `uptime_ms`, to the millisecond",
    needs=(Part.TIMER, Part.TIMES, Part.UPTIME),
)
def _times(host: Host) -> Script[str]:
    yield from host.begin()
    before_ms = 0
    for for_ms in (host.rng.randrange(60, 120), host.rng.randrange(60, 120)):
        yield from host.look()
        on = yield from host.done(host.set(for_ms=for_ms), "a Set within all bounds")
        taken = yield from host.samples(for_ms + OVER_MS)
        for status in _still(taken):
            ran_ms = age(status.uptime_ms, on.uptime_ms)
            said = (status.step_ms, status.delivered_ms)
            expect(said == (ran_ms, before_ms + ran_ms), f"{said} are counted {ran_ms} ms after the Set")
        before_ms += for_ms
        counted_ms = taken[-1].status.delivered_ms
        expect(counted_ms == before_ms, f"{counted_ms} ms are counted, not {before_ms}")
    return f"{before_ms} ms in two steps"


@clause(
    "status.energy",
    AGREE,
    "For ultrasound `energy_mj` is output × area × duty cycle × time, within a fifth and half a second of "
    "output: the half second counts against 2 s and against 20 s of a session's output.",
    "3 s of output at the lowest level, under a lease that is renewed where there is one",
    needs=(Part.TIMER, Part.ENERGY, Part.TIMES),
)
def _energy(host: Host) -> Script[str]:
    if not host.is_ultrasound:
        raise NotShown("the energy of percussion follows from no setting")
    for_ms = 3000
    yield from host.emit(for_ms=for_ms)
    yield from host.samples(for_ms + OVER_MS, renewing=True)
    status = yield from host.look()
    power_mw = _power_mw(host, host.set())
    meant_mj, slack_mj = power_mw * for_ms / 1000, power_mw * (for_ms / 5 + 500) / 1000
    expect(status.delivered_ms == for_ms, f"{status.delivered_ms} ms were delivered, not {for_ms}")
    wrong = abs(status.energy_mj - meant_mj)
    expect(wrong <= slack_mj, f"{status.energy_mj} mJ are counted of {meant_mj:.0f} mJ")
    return f"{status.energy_mj} mJ counted, {meant_mj:.0f} mJ set"


CLAUSES = (
    _ceiling_time,
    _ceiling_energy,
    _ramp,
    _lower,
    _lower_ceiling,
    _lower_nothing_else,
    _running,
    _off,
    _output,
    _times,
    _energy,
)
