"""What has to be refused. Each is tried at the lowest level, for the shortest time, under low ceilings.

What is above the nameplate is asked under ceilings that are far below it: a unit that has no such bound
refuses it all the same, for another reason, and gives nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from device.wire.frame import Frame
from device.wire.messages import (
    Arm,
    Clear,
    Message,
    Renew,
    Result,
    Set,
    Status,
    Type,
    UnitState,
    read,
)
from physioctl.conformance.clauses.ending import reach
from physioctl.conformance.clauses.frames import HARMLESS, vectors
from physioctl.conformance.effects import Script
from physioctl.conformance.host import RUNNING, U32, Host, age
from physioctl.conformance.outcomes import NotRefused, clause, expect

SECTION = "What is refused, and in which order"
DATED_MS = 1000  # an Arm or a Clear of this age is STALE, as the page says
SHORT_MS = 20  # of what has to be refused, if it should be done
LEASES_MS = range(10, 2570, 10)  # that can be written


def _short(host: Host, **changed: int) -> Set:
    """A Set as short as can be, for what has to be refused."""
    lease_ms = max(host.plate.lease_min_ms, min(300, host.plate.lease_max_ms))
    return host.set(**({"for_ms": SHORT_MS, "lease_ms": lease_ms} | changed))


@clause(
    "refused.unknown_type",
    SECTION,
    "`UNKNOWN_TYPE`: a type below 0x80 that is no request.",
    "type 0, type 0x0A and 6 random ones, with random bodies",
)
def _unknown_type(host: Host) -> Script[str]:
    types = [0, 0x0A, *(host.rng.randrange(0x0B, 0x80) for _ in range(6))]
    for type_ in types:
        body = host.rng.randbytes(host.rng.randrange(0, 64))
        status = yield from host.ask_frame(Frame(type_, host.next_seq(), body))
        if status.result is Result.OK:
            raise NotRefused(f"type 0x{type_:02x} was done, and not refused as UNKNOWN_TYPE")
        expect(status.result is Result.UNKNOWN_TYPE, f"type 0x{type_:02x}: {status.result.name}")
    return f"{len(types)} types"


@clause(
    "refused.bad_length",
    SECTION,
    "`BAD_LENGTH`: a body of another length than the request's.",
    "each request but Stop with a body one byte too long, one too short and of a random length",
)
def _bad_length(host: Host) -> Script[str]:
    yield from host.begin()
    right = (host.arm(), _short(host), host.renew(), host.lower(), Clear(host.nonce, host.status.uptime_ms))
    bodies = {int(request.TYPE): request.pack() for request in right} | {1: b"", 2: b"", 3: b""}
    count = 0
    for type_, body in bodies.items():
        wrong = [body + b"\1", body[:-1], host.rng.randbytes(64)]
        for other in (each for each in wrong if len(each) != len(body)):
            status = yield from host.ask_frame(Frame(type_, host.next_seq(), other))
            what = f"type 0x{type_:02x} with {len(other)} bytes"
            if status.result is Result.OK:
                raise NotRefused(f"{what} was done, and not refused as BAD_LENGTH")
            expect(status.result is Result.BAD_LENGTH, f"{what}: {status.result.name}")
            count += 1
    return f"{count} bodies"


@clause(
    "refused.bad_nonce",
    SECTION,
    "`BAD_NONCE`: another nonce than the unit's.",
    "Arm, Set, Renew, Lower and Clear under random nonces, and the golden vectors of another unit's nonce",
)
def _bad_nonce(host: Host) -> Script[str]:
    for _ in range(3):
        nonce = (host.nonce + host.rng.randrange(1, U32)) % U32
        yield from host.begin()
        yield from host.refused(_short(host, nonce=nonce), Result.BAD_NONCE, "a Set of another nonce")
        yield from host.refused(host.arm(nonce=nonce), Result.BAD_NONCE, "an Arm of another nonce")
        clear = Clear(nonce, host.status.uptime_ms)
        yield from host.refused(clear, Result.BAD_NONCE, "a Clear of another nonce")
        yield from host.emit()
        yield from host.refused(host.renew(nonce=nonce), Result.BAD_NONCE, "a Renew of another nonce")
        yield from host.refused(host.lower(nonce=nonce), Result.BAD_NONCE, "a Lower of another nonce")
        yield from host.stop()
    for each in vectors()["messages"]:
        data = bytes.fromhex(each["frame"])
        if each["message"] in HARMLESS or each["fields"].get("nonce") in (None, host.nonce):
            continue
        if Type[_screaming(each["message"])] >= 0x80:
            continue
        answer = yield from host.exchange(data, each["seq"])
        status = None if answer is None else read(answer.type, answer.body)
        expect(isinstance(status, Status), f"the golden vector of {each['message']} was not answered")
        assert isinstance(status, Status)
        if status.result is Result.OK:
            raise NotRefused(f"{each['message']} of another nonce was done")
        expect(status.result is Result.BAD_NONCE, f"{each['message']}: {status.result.name}")
        yield from host.stop()
    return "3 nonces, and the golden vectors"


def _screaming(name: str) -> str:
    return "".join(f"_{char}" if char.isupper() else char for char in name).lstrip("_").upper()


@clause(
    "refused.bad_state",
    SECTION,
    "`BAD_STATE`: `Arm` in `EMITTING` or `SUSPENDED`; `Set` in `IDLE` or `LAPSED`; `Renew` and `Lower` but "
    "in `EMITTING` and `SUSPENDED`; `Clear` but in `FAULT`.",
    "each of them in IDLE, READY, EMITTING and LAPSED, as far as it has to be refused there",
)
def _bad_state(host: Host) -> Script[str]:
    count = 0
    for state in (UnitState.IDLE, UnitState.READY, UnitState.EMITTING, UnitState.LAPSED):
        requests = ["clear"]
        if state is UnitState.EMITTING:
            requests += ["arm"]
        else:
            requests += ["renew", "lower"]
        if state in (UnitState.IDLE, UnitState.LAPSED):
            requests += ["set"]
        for name in requests:
            yield from reach(host, state)
            asked: dict[str, Message] = {
                "clear": Clear(host.nonce, host.status.uptime_ms),
                "arm": host.arm(),
                "renew": host.renew(),
                "lower": host.lower(),
                "set": _short(host),
            }
            yield from host.refused(asked[name], Result.BAD_STATE, f"{name.title()} in {state.name}")
            count += 1
    return f"{count} of them"


@clause(
    "refused.bad_session",
    SECTION,
    "`BAD_SESSION`: `Set`, `Renew` or `Lower` with another session than the armed one.",
    "each with a random number, with 0 and with the number of the session before",
)
def _bad_session(host: Host) -> Script[str]:
    yield from host.begin()
    before = host.session
    others = [0, before, host.rng.randrange(1, U32)]
    for other in others:
        yield from host.begin()
        yield from host.refused(_short(host, session=other), Result.BAD_SESSION, f"a Set of session {other}")
        yield from host.emit()
        yield from host.refused(host.renew(session=other), Result.BAD_SESSION, "a Renew of another session")
        yield from host.refused(host.lower(session=other), Result.BAD_SESSION, "a Lower of another session")
    return f"{len(others)} numbers"


@clause(
    "refused.dated",
    SECTION,
    "an `Arm` or a `Clear` whose date is 1000 ms old or older (999 ms is taken), or yet to come;",
    "Arms of random ages, most of them close to 1000 ms, and of dates yet to come; the age is taken from "
    "`uptime_ms` of the answer",
)
def _dated_arm(host: Host) -> Script[str]:
    yield from host.stop()
    yield from host.wait(DATED_MS + 300)  # so that no age is from before the Stop
    taken, refused = -1, U32
    for aimed_ms in [*range(985, 1003), -5000, -200_000, *(host.rng.randrange(300, 3000) for _ in range(4))]:
        latest = yield from host.look()
        host.new_session()
        date_ms = (latest.uptime_ms - aimed_ms) % U32
        status = yield from host.ask(host.arm(unit_uptime_ms=date_ms))
        age_ms = age(status.uptime_ms, date_ms)
        if age_ms < DATED_MS:
            expect(status.result is Result.OK, f"an Arm {age_ms} ms old was refused: {status.result.name}")
            taken = max(taken, age_ms)
            continue
        if status.result is Result.OK:
            raise NotRefused(f"an Arm {age_ms} ms old was done")
        expect(status.result is Result.STALE, f"an Arm {age_ms} ms old: {status.result.name}")
        refused = min(refused, age_ms)
    return f"taken up to {taken} ms, refused from {refused} ms"


@clause(
    "refused.before_stop",
    SECTION,
    "an `Arm` dated before the latest `Stop`.",
    "an Arm dated 1 to 200 ms before a Stop is STALE; one of the very date of its answer is done",
)
def _before_stop(host: Host) -> Script[str]:
    for _ in range(4):
        stopped = yield from host.stop()
        host.new_session()
        date_ms = (stopped.uptime_ms - host.rng.randrange(1, 200)) % U32
        request = host.arm(unit_uptime_ms=date_ms)
        yield from host.refused(request, Result.STALE, "an Arm dated before the latest Stop")
        dated = host.arm(unit_uptime_ms=stopped.uptime_ms)
        yield from host.done(dated, "an Arm of the date of the Stop's own answer")
    return "4 Stops"


@clause(
    "refused.replaced",
    SECTION,
    "an `Arm` of one of the latest 32 sessions that another has replaced;",
    "4 sessions are armed, one after the other; each of the first three is STALE from then on",
)
def _replaced(host: Host) -> Script[str]:
    sessions = []
    for _ in range(4):
        yield from host.begin()
        sessions.append(host.session)
    for session in sessions[:-1]:
        yield from host.look()
        yield from host.refused(host.arm(session=session), Result.STALE, "an Arm of a replaced session")
    return "3 sessions"


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
    yield "a for_ms of 0", {"for_ms": 0}
    yield "a ramp_ms above for_ms", {"ramp_ms": SHORT_MS + 1}
    yield "a ramp_ms above for_ms", {"ramp_ms": host.rng.randrange(SHORT_MS + 1, 65_536)}


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
        yield from host.refused(_short(host, **changed), Result.BAD_VALUE, f"a Set with {what}")
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
    low, high = host.plate.lease_min_ms, host.plate.lease_max_ms
    outside = [lease for lease in LEASES_MS if not low <= lease <= high]
    near = [lease for lease in (low - 10, high + 10) if lease in outside]
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
        yield from host.refused(_short(host, lease_ms=lease_ms), Result.BAD_LEASE, f"a Set with {what}")
        yield from host.emit()
        yield from host.refused(host.renew(lease_ms=lease_ms), Result.BAD_LEASE, f"a Renew with {what}")
    for lease_ms in (host.plate.lease_min_ms, host.plate.lease_max_ms):
        yield from host.begin()
        request = _short(host, lease_ms=lease_ms)
        status = yield from host.ask(request)
        age_ms = age(status.uptime_ms, request.unit_uptime_ms)
        late = status.result is Result.STALE and age_ms >= lease_ms  # on its way for longer than that
        expect(status.result is Result.OK or late, f"a lease of {lease_ms} ms: {status.result.name}")
    return f"{len(leases)} refused, both bounds taken"


@clause(
    "refused.over_nameplate",
    SECTION,
    "`OVER_NAMEPLATE`: an `Arm` or a `Set` above `level_max`; in an `Arm`, above `delivered_max_ms`; in a "
    "`Set`, above `step_max_ms`, or level × duty above `average_max` (a nameplate of 0 bounds nothing).",
    "each of them next to its border and at random, a Set always under ceilings far below",
)
def _over_nameplate(host: Host) -> Script[str]:
    plate, rng = host.plate, host.rng
    levels = {plate.level_max + 1, 65_535, rng.randrange(plate.level_max + 1, 65_536)}
    times = {plate.delivered_max_ms + 1, rng.randrange(plate.delivered_max_ms + 1, U32)}
    sets = [{"level": level} for level in levels]
    sets += [
        {"for_ms": for_ms} for for_ms in (plate.step_max_ms + 1, rng.randrange(plate.step_max_ms + 1, U32))
    ]
    duty_pct = max(plate.duties_pct)
    least = plate.average_max * 100 // duty_pct + 1
    if plate.average_max and least <= plate.level_max:
        pulse_hz = 0 if duty_pct == 100 else host.set().pulse_hz
        sets.append({"level": least, "duty_pct": duty_pct, "pulse_hz": pulse_hz})
    for changed in sets:
        yield from host.begin()
        yield from host.refused(_short(host, **changed), Result.OVER_NAMEPLATE, f"a Set with {changed}")
    arms = [{"level_max": level} for level in levels] + [{"delivered_max_ms": time} for time in times]
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
    for name, value in low.items():
        yield from host.begin(**low)
        raised = host.arm(**(low | {name: value + 1}))
        yield from host.refused(raised, Result.OVER_CEILING, f"an Arm that raises {name}")
        lowered = host.arm(**(low | ({name: value - 1} if name != "level_max" else {})))
        yield from host.done(lowered, f"an Arm that does not raise {name}")
    if level < host.plate.level_max:
        yield from host.begin(**low)
        above = _short(host, level=level + 1)
        yield from host.refused(above, Result.OVER_CEILING, "a Set above the armed level")
        yield from host.emit()
        higher = host.lower(level=level + 1)
        yield from host.refused(higher, Result.OVER_CEILING, "a Lower above the running level")
    yield from host.begin(**low)
    beyond = _short(host, for_ms=low["delivered_max_ms"] + 1)
    yield from host.refused(beyond, Result.OVER_CEILING, "a Set beyond the armed time")
    return "6 of them"


@clause(
    "refused.lease_over",
    SECTION,
    "`STALE`: a `Set` or `Renew` whose lease is over (see below).",
    "a Set and a Renew that are dated their lease ago, at random before that, and yet to come",
)
def _lease_over(host: Host) -> Script[str]:
    lease_ms = host.lease_ms
    ages = [lease_ms, lease_ms + host.rng.randrange(1, 100_000), -host.rng.randrange(5000, 1_000_000)]
    for age_ms in ages:
        yield from host.begin()
        date_ms = (host.status.uptime_ms - age_ms) % U32
        late = _short(host, unit_uptime_ms=date_ms, lease_ms=lease_ms)
        yield from host.refused(late, Result.STALE, f"a Set dated {age_ms} ms ago")
        yield from host.emit()
        date_ms = (host.status.uptime_ms - age_ms) % U32
        renewed = host.renew(unit_uptime_ms=date_ms, lease_ms=lease_ms)
        yield from host.refused(renewed, Result.STALE, f"a Renew dated {age_ms} ms ago")
    return f"{len(ages)} dates"


def _twice_wrong(host: Host) -> list[tuple[str, Result, Frame]]:
    """Requests that are wrong in two ways, from a session that is armed: the reason that comes first."""
    other, old = (host.nonce + 1) % U32, (host.seq - 5) & 0xFFFF
    level, plate = host.plate.level_max + 1, host.plate
    bad_lease = next(iter(_bad_leases(host)), None)
    wrong = _short(host, nonce=other, session=host.session ^ 1)
    cases: list[tuple[str, Result, Frame]] = [
        ("length and nonce", Result.BAD_LENGTH, Frame(wrong.TYPE, host.next_seq(), wrong.pack()[:-1])),
        ("nonce and session", Result.BAD_NONCE, host.frame(wrong)),
        ("nonce and state", Result.BAD_NONCE, host.frame(host.renew(nonce=other))),
        ("state and session", Result.BAD_STATE, host.frame(host.renew(session=host.session ^ 1))),
        ("session and number", Result.BAD_SESSION, host.frame(_short(host, session=host.session ^ 1), old)),
        (
            "session and value",
            Result.BAD_SESSION,
            host.frame(_short(host, session=host.session ^ 1, for_ms=0)),
        ),
        ("number and value", Result.STALE, host.frame(_short(host, for_ms=0), old)),
        ("date and value", Result.STALE, host.frame(_old_arm(host))),
        ("value and nameplate", Result.BAD_VALUE, host.frame(_short(host, for_ms=0, level=level))),
        ("nameplate and ceiling", Result.OVER_NAMEPLATE, host.frame(host.arm(level_max=level))),
        (
            "ceiling and lease that is over",
            Result.OVER_CEILING,
            host.frame(_short(host, for_ms=min(60_001, plate.step_max_ms), unit_uptime_ms=_long_ago(host))),
        ),
    ]
    if bad_lease is not None:
        cases += [
            ("value and lease", Result.BAD_VALUE, host.frame(_short(host, for_ms=0, lease_ms=bad_lease))),
            (
                "lease and nameplate",
                Result.BAD_LEASE,
                host.frame(_short(host, level=level, lease_ms=bad_lease)),
            ),
        ]
    return cases


def _long_ago(host: Host) -> int:
    return (host.status.uptime_ms - 100_000) % U32


def _old_arm(host: Host) -> Arm:
    return host.arm(level_max=0, unit_uptime_ms=_long_ago(host))


@clause(
    "refused.order",
    SECTION,
    "The first of these that holds is the `result`. A refused request changes nothing.",
    "requests that are wrong in two ways, for each step of the list that a unit without a fault can show",
)
def _order(host: Host) -> Script[str]:
    yield from host.begin(delivered_max_ms=min(host.plate.delivered_max_ms, 60_000))
    count = len(_twice_wrong(host))
    for number in range(count):
        yield from host.begin(delivered_max_ms=min(host.plate.delivered_max_ms, 60_000))
        what, result, frame = _twice_wrong(host)[number]
        status = yield from host.ask_frame(frame)
        if status.result is Result.OK:
            raise NotRefused(f"a request wrong in {what} was done")
        expect(status.result is result, f"{what}: {status.result.name} and not {result.name}")
    return f"{count} pairs"


@clause(
    "refused.changes_nothing",
    SECTION,
    "The first of these that holds is the `result`. A refused request changes nothing.",
    "output, and requests that are refused: level, duty cycle, step, lease and session stay as they were",
)
def _changes_nothing(host: Host) -> Script[str]:
    yield from host.emit(for_ms=2000, lease_ms=host.plate.lease_max_ms)
    before = host.status
    wrong: list[Message] = [
        _short(host, level=host.plate.level_max + 1),
        _short(host, for_ms=0),
        host.renew(session=host.session ^ 1),
        host.lower(level=0),
        host.arm(),
        Renew(host.nonce, host.session, _long_ago(host), host.lease_ms),
    ]
    for request in wrong:
        after = yield from host.ask(request)
        what = f"a refused {type(request).__name__}"
        if after.result is Result.OK:
            raise NotRefused(f"{what} was done")
        expect(after.state in RUNNING, f"{what} ended the output: {after.state.name}")
        expect(after.session == before.session, f"{what} changed the session")
        same = (after.level_set, after.duty_set_pct) == (before.level_set, before.duty_set_pct)
        expect(same, f"{what} changed the level or the duty cycle")
        gone_ms = age(after.uptime_ms, before.uptime_ms)
        expect(after.lease_left_ms == before.lease_left_ms - gone_ms, f"{what} changed the lease")
        expect(after.step_ms == before.step_ms + gone_ms, f"{what} changed the step")
    return f"{len(wrong)} requests"


CLAUSES = (
    _unknown_type,
    _bad_length,
    _bad_nonce,
    _bad_state,
    _bad_session,
    _dated_arm,
    _before_stop,
    _replaced,
    _bad_value,
    _bad_lease,
    _over_nameplate,
    _over_ceiling,
    _lease_over,
    _order,
    _changes_nothing,
)
