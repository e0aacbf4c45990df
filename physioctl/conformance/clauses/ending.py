"""What ends output: STOP, a lease that runs out, the unit's own timer. Nothing else is tried before them."""

from __future__ import annotations

from device.wire.messages import Result, Sensor, Status, Stop, UnitState
from physioctl.conformance.effects import Script
from physioctl.conformance.host import RUNNING, Host, age
from physioctl.conformance.outcomes import Part, clause, expect

OVER_MS = 600  # by which an output that should have ended is still looked at, before it is stopped


def off(status: Status, sensed: bool) -> str | None:
    """What in ``status`` speaks against output being off; None where nothing does."""
    if status.state in RUNNING:
        return f"the unit is in {status.state.name}"
    if sensed and status.measured_level:
        return f"it measures an output of {status.measured_level}"
    return None


def ended(host: Host, status: Status) -> None:
    """Raise `PromiseBroken` unless ``status``, after a Stop, says that output is off."""
    wrong = off(status, Sensor.OUTPUT in host.plate.sensors)
    expect(wrong is None, f"after a Stop {wrong}")


@clause(
    "stop.output",
    "Requests and answers",
    "It is taken after the request has taken effect: the answer to a `Stop` shows the output as it is then.",
    "output at the lowest level for 100 ms, then a Stop: its own answer says IDLE, and no level",
    ends_run=True,
)
def _stop(host: Host) -> Script[str]:
    yield from host.begin()
    on = yield from host.done(host.set(for_ms=2000), "a Set within all bounds")
    expect(on.state is UnitState.EMITTING, f"after a Set the unit is in {on.state.name}")
    yield from host.wait(100)
    asked_ms = host.now_ms
    stopped = yield from host.ask(Stop())
    expect(stopped.result is Result.OK, f"Stop was refused: {stopped.result.name}")
    expect(stopped.state is UnitState.IDLE, f"after a Stop the unit is in {stopped.state.name}")
    ended(host, stopped)
    return f"off in the answer, {host.now_ms - asked_ms} ms after the request"


@clause(
    "lease.lapse",
    "Leases",
    "It ends when its lease runs out unrenewed; the unit counts a lapse and is `LAPSED`.",
    "output under a random lease that nothing renews, asked for its status every few ms: on until the "
    "lease's last millisecond by the unit's clock, and LAPSED from then on",
    ends_run=True,
    needs=(Part.LEASE,),
)
def _lapse(host: Host) -> Script[str]:
    shortest, longest = max(host.plate.lease_min_ms, 200), min(host.plate.lease_max_ms, 700)
    lease_ms = host.rng.randrange(shortest, max(shortest, longest) + 1, 10)
    yield from host.begin()
    request = host.set(for_ms=lease_ms + 5000, lease_ms=lease_ms)
    on = yield from host.done(request, "a Set within all bounds")
    return (yield from lapses(host, on, request.unit_uptime_ms, lease_ms))


def lapses(host: Host, on: Status, date_ms: int, lease_ms: int) -> Script[str]:
    """Look on until output ends; raise `PromiseBroken` unless that is when the lease runs out."""
    taken = yield from host.samples(lease_ms + OVER_MS)
    last_on_ms = age(on.uptime_ms, date_ms)
    for status in (sample.status for sample in taken):
        age_ms = age(status.uptime_ms, date_ms)
        if status.state in RUNNING:
            expect(age_ms < lease_ms, f"on at {age_ms} ms of a lease of {lease_ms} ms")
            last_on_ms = age_ms
    last = taken[-1].status
    off_ms = age(last.uptime_ms, date_ms)
    expect(last.state is UnitState.LAPSED, f"its output ended in {last.state.name}, not in LAPSED")
    expect(off_ms >= lease_ms, f"off at {off_ms} ms of a lease of {lease_ms} ms")
    counted = (last.lapses - on.lapses) & 0xFFFF
    expect(counted == 1, f"{counted} lapses were counted, not 1")
    return f"a lease of {lease_ms} ms: on at {last_on_ms} ms, off at {off_ms} ms"


@clause(
    "step.timer",
    "Steps",
    "The unit ends the step by itself to the millisecond, and goes to `READY`.",
    "a step of a random length under a lease that outlasts it: by the unit's clock it is on until its last "
    "millisecond, then READY, and `step_ms` is its length",
    ends_run=True,
    needs=(Part.TIMER, Part.UPTIME),
)
def _timer(host: Host) -> Script[str]:
    for_ms = host.rng.randrange(100, host.step_ms + 101)
    yield from host.begin()
    on = yield from host.done(host.set(for_ms=for_ms), "a Set within all bounds")
    taken = yield from host.samples(for_ms + OVER_MS)
    last_on_ms = 0
    for status in (sample.status for sample in taken):
        ran_ms = age(status.uptime_ms, on.uptime_ms)
        if status.state in RUNNING:
            expect(ran_ms < for_ms, f"on at {ran_ms} ms of a step of {for_ms} ms")
            expect(status.state is UnitState.EMITTING, "contact was lost: the head has to be as told")
            last_on_ms = ran_ms
    last = taken[-1].status
    off_ms = age(last.uptime_ms, on.uptime_ms)
    expect(last.state is UnitState.READY, f"the step ended in {last.state.name}, not in READY")
    expect(off_ms >= for_ms, f"off at {off_ms} ms of a step of {for_ms} ms")
    if Part.TIMES in host.has:
        expect(last.step_ms == for_ms, f"step_ms is {last.step_ms} at the end of a step of {for_ms} ms")
    return f"a step of {for_ms} ms: on at {last_on_ms} ms, off at {off_ms} ms"


@clause(
    "stop.any_state",
    "At most once, and nothing old",
    "`Stop` is taken in any state, under any `seq`, with no nonce, with any body, any number of times.",
    "in IDLE, READY, EMITTING and LAPSED, each under a random number and three times over",
    ends_run=True,
)
def _any_state(host: Host) -> Script[str]:
    for state in states(host):
        yield from reach(host, state)
        for _ in range(3):
            status = yield from host.ask(Stop(), host.rng.randrange(1, 0xFFFF))
            expect(status.result is Result.OK, f"refused in {state.name}: {status.result.name}")
            expect(status.state is UnitState.IDLE, f"in {state.name} it led to {status.state.name}")
            ended(host, status)
    return ", ".join(state.name for state in states(host))


@clause(
    "stop.disarms",
    "At most once, and nothing old",
    "It ends the output, drops the step and disarms the session; in `FAULT` the unit stays in `FAULT`.",
    "after a Stop a Set of the session that was armed is refused as BAD_STATE",
    ends_run=True,
)
def _disarms(host: Host) -> Script[str]:
    yield from host.emit()
    yield from host.stop()
    yield from host.refused(host.set(), Result.BAD_STATE, "a Set after a Stop")
    return "refused"


@clause(
    "stop.counts_stay",
    "What a status has to agree with",
    "Once a session is armed, `session` names it until another is armed or the unit restarts.",
    "the session, its delivered time and the time of its step are read before and after a Stop",
    needs=(Part.SESSION, Part.TIMES),
)
def _counts_stay(host: Host) -> Script[str]:
    yield from host.emit()
    yield from host.wait(60)
    stopped = yield from host.stop()
    expect(stopped.delivered_ms > 0, "no delivered time is counted")
    yield from host.wait(100)
    later = yield from host.look()
    expect(later.session == host.session, f"it names session {later.session}, not {host.session}")
    expect(later.delivered_ms == stopped.delivered_ms, "the delivered time changes while output is off")
    return f"{later.delivered_ms} ms stay counted"


def states(host: Host) -> tuple[UnitState, ...]:
    """The states that requests alone can bring the unit into."""
    usual = (UnitState.IDLE, UnitState.READY, UnitState.EMITTING)
    return (*usual, UnitState.LAPSED) if Part.LEASE in host.has else usual


def reach(host: Host, state: UnitState) -> Script[Status]:
    """Bring the unit into ``state`` by requests alone."""
    if state is UnitState.IDLE:
        return (yield from host.stop())
    if state is UnitState.READY:
        return (yield from host.begin())
    if state is UnitState.EMITTING:
        return (yield from host.emit(for_ms=2000))
    lease_ms = max(host.plate.lease_min_ms, min(200, host.plate.lease_max_ms))
    yield from host.emit(for_ms=5000, lease_ms=lease_ms)
    taken = yield from host.samples(lease_ms + OVER_MS)
    return taken[-1].status


CLAUSES = (_stop, _lapse, _timer, _any_state, _disarms, _counts_stay)
