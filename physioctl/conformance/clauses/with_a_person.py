"""What no request brings about: contact that is lost, a fault of the unit's own, a restart.

A person is told what to do, and it is waited for; without one it is not shown.
"""

from __future__ import annotations

from device.wire.messages import Clear, Result, Sensor, UnitState
from physioctl.conformance.clauses.ending import off
from physioctl.conformance.effects import Script, TellPerson
from physioctl.conformance.host import U32, Host, Sample, age
from physioctl.conformance.outcomes import NotShown, Part, PromiseBroken, clause, expect

HOLDS_MS = 300  # as the page says
GOES_ON_MS = 500
RISE_MS = 500
CONTACT_PCT = 50
JUDGED_FROM = 200  # mW/cm²
BETWEEN_MS = 120  # between one status and the next, on a slow line: the border may lie between the two


def _brought_about(host: Host, text: str) -> Script[None]:
    """Tell the person what to do; raise `NotShown` where nobody is there."""
    if not host.wait_ms:
        raise NotShown("nobody is there to bring it about: see --wait")
    yield TellPerson(text)


def _since(taken: list[Sample], lost: bool) -> int:
    """How long before the last of these statuses contact was first lost, or there, and stayed so."""
    first = taken[-1]
    for sample in reversed(taken):
        if (sample.status.contact_pct < CONTACT_PCT) is not lost:
            break
        first = sample
    return age(taken[-1].at_ms, first.at_ms)


def _on_without_contact(taken: list[Sample]) -> int:
    """The longest time for which output was on and contact lost, from one status to another."""
    longest_ms, since = 0, None
    for sample in taken:
        status = sample.status
        if status.state is not UnitState.EMITTING or status.contact_pct >= CONTACT_PCT:
            since = None
            continue
        since = sample if since is None else since
        longest_ms = max(longest_ms, age(sample.at_ms, since.at_ms))
    return longest_ms


@clause(
    "contact",
    "Steps",
    "A unit that senses contact holds its output (`SUSPENDED`) within 300 ms of its being lost and staying "
    "so, and goes on (`EMITTING`) within 500 ms of its being back and staying so.",
    "the head is lifted and put back: when output ends and returns by `contact_pct`, the step's time "
    "meanwhile, and the line of its return",
)
def _contact(host: Host) -> Script[str]:
    if Sensor.CONTACT not in host.plate.sensors or host.plate.level_min < JUDGED_FROM:
        raise NotShown("the unit senses no contact, or not at its lowest level")
    yield from _brought_about(host, "Lift the head out of the water now, and leave it there.")
    yield from host.emit(for_ms=min(host.plate.step_max_ms, 55_000))
    taken = yield from host.samples(
        host.wait_ms, lambda status: status.state is not UnitState.EMITTING, renewing=True
    )
    suspended = taken[-1].status
    if (on_ms := _on_without_contact(taken)) > HOLDS_MS + BETWEEN_MS:
        raise PromiseBroken(f"output went on for {on_ms} ms without contact")
    if suspended.state in (UnitState.EMITTING, UnitState.READY):
        raise NotShown(f"contact was not lost within {host.wait_ms} ms")
    expect(suspended.state is UnitState.SUSPENDED, f"it led to {suspended.state.name}")
    held_ms = _since(taken, lost=True)
    expect(held_ms <= HOLDS_MS + BETWEEN_MS, f"output went on for {held_ms} ms after contact was lost")
    expect(not suspended.measured_level, f"{suspended.measured_level} is measured in SUSPENDED")
    yield TellPerson("Put the head back into the water now.")
    taken = yield from host.samples(
        host.wait_ms, lambda status: status.state is not UnitState.SUSPENDED, renewing=True
    )
    back = taken[-1].status
    for sample in taken[:-1]:  # 0 of a unit that counts none
        expect(sample.status.step_ms == suspended.step_ms, "the step's time does not stand still")
    expect(back.state is UnitState.EMITTING, f"it did not go on: {back.state.name}")
    back_ms = _since(taken, lost=False)
    expect(back_ms <= GOES_ON_MS + BETWEEN_MS, f"it went on {back_ms} ms after contact was back")
    before_ms = taken[-2].at_ms if len(taken) > 1 else taken[-1].at_ms
    rise = yield from host.samples(RISE_MS, lambda _: False, renewing=True)
    for sample in rise:
        status, ran_ms = sample.status, age(sample.at_ms, before_ms)
        if Part.TIMES in host.has:
            ran_ms = status.step_ms - suspended.step_ms
        line = host.plate.level_min * min(ran_ms, RISE_MS) / RISE_MS
        expect(
            status.measured_level <= line * 1.2 + 2,
            f"{status.measured_level} is measured {ran_ms} ms after its return, the line being at {line:.0f}",
        )
    return f"held {held_ms} ms after contact was seen lost, went on {back_ms} ms after it was seen back"


@clause(
    "fault",
    "What is refused, and in which order",
    "`FAULTED`: `Arm`, `Set`, `Renew` or `Lower` in `FAULT`.",
    "a fault of the unit's own: an Arm is refused, a Stop leaves it in FAULT, an old Clear is STALE, and a "
    "Clear leads to IDLE or is refused as CAUSE_REMAINS",
)
def _fault(host: Host) -> Script[str]:
    yield from host.stop()
    yield from _brought_about(host, "Bring about a fault that the unit latches, if its maker says how.")
    yield from host.samples(host.wait_ms, lambda status: status.state is UnitState.FAULT)
    if host.status.state is not UnitState.FAULT:
        raise NotShown(f"no fault was latched within {host.wait_ms} ms")
    expect(bool(host.status.faults), "it is in FAULT and names none")
    host.new_session()
    yield from host.refused(host.arm(), Result.FAULTED, "an Arm in FAULT")
    yield from host.refused(host.set(), Result.FAULTED, "a Set in FAULT")
    stopped = yield from host.stop()
    expect(stopped.state is UnitState.FAULT, f"a Stop led from FAULT to {stopped.state.name}")
    if Part.UPTIME in host.has:
        old = Clear(host.nonce, (host.status.uptime_ms - 5000) % U32)
        yield from host.refused(old, Result.STALE, "a Clear dated 5 s ago")
    yield TellPerson("See to the cause of the fault now.")
    until_ms = host.now_ms + host.wait_ms
    latest = stopped
    while latest.state is not UnitState.IDLE and host.now_ms < until_ms:
        cleared = yield from host.ask(Clear(host.nonce, latest.uptime_ms))
        fits = cleared.result in (Result.OK, Result.CAUSE_REMAINS)
        expect(fits, f"a Clear was refused as {cleared.result.name}")
        yield from host.wait(300)  # the cause may be seen anew
        latest = yield from host.look()
    expect(latest.state is UnitState.IDLE, f"{host.wait_ms} ms of Clears led to {latest.state.name}")
    return f"{stopped.faults.name or hex(stopped.faults)} was latched, and cleared"


@clause(
    "restart",
    "At most once, and nothing old",
    "After a restart the unit is `IDLE`, its output is off, its counts and `session` are 0 and its nonce is "
    "another.",
    "the unit is switched off and on: its state, counts and nonce, and a Set of the nonce before",
)
def _restart(host: Host) -> Script[str]:
    yield from host.begin()
    before = host.identity.nonce
    yield from _brought_about(host, "Switch the unit off and on again now.")
    until_ms = host.now_ms + host.wait_ms
    while host.now_ms < until_ms:
        try:
            status = yield from host.look()
        except PromiseBroken:  # it is off
            continue
        young = Part.UPTIME in host.has and status.uptime_ms < 1000
        if status.nonce != before or young or status.state is not UnitState.READY:  # it was armed
            break
        yield from host.wait(50)
    else:
        raise NotShown(f"it did not restart within {host.wait_ms} ms")
    expect(status.nonce != before, "it has restarted under the same nonce")
    expect(status.state is UnitState.IDLE, f"after a restart it is in {status.state.name}")
    expect(off(status, Sensor.OUTPUT in host.plate.sensors) is None, "after a restart output is on")
    counts = (status.session, status.delivered_ms, status.energy_mj, status.lapses)
    expect(counts == (0, 0, 0, 0), f"session, delivered time, energy and lapses are {counts}")
    yield from host.refused(host.set(nonce=before), Result.BAD_NONCE, "a Set of the nonce before")
    yield from host.meet()
    return f"nonce {before:08x}, then {host.identity.nonce:08x}"


CLAUSES = (_contact, _fault)
LAST = (_restart,)
