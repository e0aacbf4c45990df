"""What follows from the kind of a Modbus unit, and what its page asks beyond the native one."""

from __future__ import annotations

from device.wire.messages import Renew, Result, UnitState
from physioctl.conformance.clauses.ending import OVER_MS
from physioctl.conformance.clauses.refusals import BAD_NONCE, SECTION, another_nonce, short
from physioctl.conformance.effects import Script
from physioctl.conformance.host import RUNNING, U32, age
from physioctl.conformance.modbus.clause import CONVERSATION, KINDS, SETTLE_MS, modbus_clause
from physioctl.conformance.modbus.host import ModbusHost
from physioctl.conformance.outcomes import NotRefused, Part, clause, expect

SET_WITHIN_MS = 500  # as the page says


@modbus_clause(
    "timer.length",
    KINDS,
    "| `for_ms` of a SET | delivered time: it stands still while contact is lost | 1 to 10000 ms by the "
    "unit's clock from the moment the SET was taken, contact or not | 0 |",
    "Sets of 1 ms and of random lengths up to 300 ms: off at their end by the unit's clock, whether contact "
    "was there or not; 10000 ms and 1 ms are taken",
    needs=(Part.TIMER_ALONE,),
)
def _timer(host: ModbusHost) -> Script[str]:
    yield from host.begin()
    for for_ms in (1, *(host.rng.randrange(20, 300) for _ in range(3))):
        yield from host.look()
        on = yield from host.done(host.set(for_ms=for_ms), f"a Set of {for_ms} ms")
        for sample in (yield from host.samples(for_ms + OVER_MS)):
            ran_ms, running = age(sample.at_ms, on.uptime_ms), sample.status.state in RUNNING
            expect(running is (ran_ms < for_ms), f"at {ran_ms} ms of {for_ms}: {sample.status.state.name}")
    yield from host.look()
    yield from host.done(host.set(for_ms=10_000), "a Set of 10000 ms")
    return "4 lengths, and the longest is taken"


@modbus_clause(
    "timer.dated",
    CONVERSATION,
    "A SET of an OWN_TIMER unit is STALE when `unit_uptime_ms` is 500 ms old or older, an ARM or a CLEAR "
    "when it is 1000 ms old or older;",
    "Sets of ages close to 500 ms, at random, and of dates yet to come; the age is taken from `uptime_ms` "
    "of the answer",
    needs=(Part.TIMER_ALONE,),
)
def _dated(host: ModbusHost) -> Script[str]:
    yield from host.begin()
    yield from host.wait(SET_WITHIN_MS + 300)  # so that no age is from before the Stop
    taken, refused = -1, U32
    for aimed_ms in [*range(476, 500), -5000, -200_000, *(host.rng.randrange(500, 3000) for _ in range(3))]:
        latest = yield from host.look()
        date_ms = (latest.uptime_ms - aimed_ms) % U32
        status = yield from host.ask(short(host, unit_uptime_ms=date_ms))
        age_ms = age(status.uptime_ms, date_ms)
        if age_ms < SET_WITHIN_MS:
            expect(status.result is Result.OK, f"a Set {age_ms} ms old was refused: {status.result.name}")
            taken = max(taken, age_ms)
            yield from host.samples(SETTLE_MS)
            continue
        if status.result is Result.OK:
            raise NotRefused(f"a Set {age_ms} ms old was done")
        expect(status.result is Result.STALE, f"a Set {age_ms} ms old: {status.result.name}")
        refused = min(refused, age_ms)
    return f"taken up to {taken} ms, refused from {refused} ms"


@modbus_clause(
    "refused.set_before_stop",
    CONVERSATION,
    "an ARM and a SET of a unit that has a clock also when they are dated before the latest STOP.",
    "a Stop, an Arm, and a Set that is dated 1 to 60 ms before the Stop",
    needs=(Part.UPTIME,),
)
def _set_before_stop(host: ModbusHost) -> Script[str]:
    for _ in range(4):
        yield from host.wait(100)
        stopped = yield from host.stop()
        host.new_session()
        yield from host.done(host.arm(), "an Arm of a new session")
        date_ms = (stopped.uptime_ms - host.rng.randrange(1, 60)) % U32
        late = short(host, unit_uptime_ms=date_ms)
        yield from host.refused(late, Result.STALE, "a Set dated before the latest Stop")
    return "4 Stops"


@modbus_clause(
    "renew.refused",
    "Commands",
    "LEASE units only; the others refuse it as BAD_LEASE",
    "RENEWs of 0, 500 and a random time, while output is on and while it is off",
    needs=(Part.LEASELESS,),
)
def _renew(host: ModbusHost) -> Script[str]:
    leases = (0, 500, host.rng.randrange(1, 1 << 16))
    for begin in (host.begin, host.emit):
        for lease_ms in leases:
            yield from begin()
            renew = Renew(host.nonce, host.session, host.status.uptime_ms, lease_ms)
            yield from host.refused(renew, Result.BAD_LEASE, f"a Renew of {lease_ms} ms")
    return f"{2 * len(leases)} of them"


@modbus_clause(
    "step.later",
    KINDS,
    "| a later SET | goes on from the present level, with a time of its own | the same | the same |",
    "a step, and a later Set in its middle: output goes on without a gap, and for the time of the later one",
    needs=(Part.TIMER, Part.UPTIME),
)
def _later(host: ModbusHost) -> Script[str]:
    yield from host.emit(for_ms=300)
    yield from host.wait(host.rng.randrange(40, 120))
    yield from host.look()
    for_ms = host.rng.randrange(200, 260)
    later = yield from host.done(host.set(for_ms=for_ms), "a later Set")
    taken = yield from host.samples(for_ms + OVER_MS)
    for sample in taken:
        ran_ms, running = age(sample.at_ms, later.uptime_ms), sample.status.state in RUNNING
        expect(running is (ran_ms < for_ms), f"{sample.status.state.name} {ran_ms} ms after the later Set")
    last = taken[-1].status
    expect(last.state is UnitState.READY, f"it ended in {last.state.name}, not in READY")
    return f"off {age(taken[-1].at_ms, later.uptime_ms)} ms after a later Set of {for_ms} ms"


@clause(
    "refused.bad_nonce",
    SECTION,
    BAD_NONCE,
    "Arm, Set, Renew, Lower and Clear under random nonces, as far as there are",
)
def _bad_nonce(host: ModbusHost) -> Script[str]:
    yield from another_nonce(host)
    return "3 nonces"


ENDING = (_timer, _later)
CLAUSES = (_bad_nonce, _dated, _set_before_stop, _renew)
