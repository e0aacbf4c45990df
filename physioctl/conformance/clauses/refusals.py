"""What has to be refused. Each is tried at the lowest level, for the shortest time, under low ceilings."""

from __future__ import annotations

from device.wire.messages import Clear, Message, Renew, Result, Set, UnitState
from physioctl.conformance.clauses.ending import reach, states
from physioctl.conformance.effects import Script
from physioctl.conformance.host import RUNNING, U32, Host, age
from physioctl.conformance.outcomes import NotRefused, Part, clause, expect

SECTION = "What is refused, and in which order"
BAD_NONCE = "`BAD_NONCE`: another nonce than the unit's."
SHORT_MS = 20  # of what has to be refused, if it should be done
FIRST = "The first of these that holds is the `result`. A refused request changes nothing."


def short(host: Host, **changed: int) -> Set:
    """A Set as short as can be, for what has to be refused."""
    lease_ms = max(host.plate.lease_min_ms, min(300, host.plate.lease_max_ms))
    return host.set(**({"for_ms": SHORT_MS, "lease_ms": lease_ms} | changed))


def long_ago(host: Host) -> int:
    """A date that is too old for anything."""
    return (host.status.uptime_ms - 100_000) % U32


def another_nonce(host: Host) -> Script[None]:
    """Send every request that carries a nonce under three random ones."""
    for _ in range(3):
        nonce = (host.nonce + host.rng.randrange(1, U32)) % U32
        yield from host.begin()
        yield from host.refused(short(host, nonce=nonce), Result.BAD_NONCE, "a Set of another nonce")
        yield from host.refused(host.arm(nonce=nonce), Result.BAD_NONCE, "an Arm of another nonce")
        clear = Clear(nonce, host.status.uptime_ms)
        yield from host.refused(clear, Result.BAD_NONCE, "a Clear of another nonce")
        yield from host.emit()
        if Part.LEASE in host.has:
            yield from host.refused(host.renew(nonce=nonce), Result.BAD_NONCE, "a Renew of another nonce")
        yield from host.refused(host.lower(nonce=nonce), Result.BAD_NONCE, "a Lower of another nonce")
        yield from host.stop()


@clause(
    "refused.bad_state",
    SECTION,
    "`BAD_STATE`: `Arm` in `EMITTING` or `SUSPENDED`; `Set` in `IDLE` or `LAPSED`; `Renew` and `Lower` but "
    "in `EMITTING` and `SUSPENDED`; `Clear` but in `FAULT`.",
    "each of them in IDLE, READY, EMITTING and LAPSED, as far as it has to be refused there",
)
def _bad_state(host: Host) -> Script[str]:
    count = 0
    for state in states(host):
        requests = ["clear"]
        if state is UnitState.EMITTING:
            requests += ["arm"]
        else:
            requests += ["renew", "lower"] if Part.LEASE in host.has else ["lower"]
        if state in (UnitState.IDLE, UnitState.LAPSED):
            requests += ["set"]
        for name in requests:
            yield from reach(host, state)
            asked: dict[str, Message] = {
                "clear": Clear(host.nonce, host.status.uptime_ms),
                "arm": host.arm(),
                "renew": host.renew(),
                "lower": host.lower(),
                "set": short(host),
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
        yield from host.refused(short(host, session=other), Result.BAD_SESSION, f"a Set of session {other}")
        yield from host.emit()
        if Part.LEASE in host.has:
            renewed = host.renew(session=other)
            yield from host.refused(renewed, Result.BAD_SESSION, "a Renew of another session")
        yield from host.refused(host.lower(session=other), Result.BAD_SESSION, "a Lower of another session")
    return f"{len(others)} numbers"


def _pairs(host: Host) -> list[tuple[str, Result, Message, int | None]]:
    """Requests that are wrong in two ways, in an armed session: the reason that comes first, and a number.

    A Set above the nameplate is asked only where ceilings far below it are held.
    """
    other, old = (host.nonce + 1) % U32, (host.seq - 5) & 0xFFFF
    above, another = host.plate.level_max + 1, host.session ^ 1
    pairs: list[tuple[str, Result, Message, int | None]] = [
        ("nonce and session", Result.BAD_NONCE, short(host, nonce=other, session=another), None),
        ("nonce and state", Result.BAD_NONCE, host.lower(nonce=other), None),
        ("state and session", Result.BAD_STATE, host.lower(session=another), None),
        ("session and number", Result.BAD_SESSION, short(host, session=another), old),
        ("session and value", Result.BAD_SESSION, short(host, session=another, level=0), None),
        ("number and value", Result.STALE, short(host, level=0), old),
        ("value and nameplate", Result.BAD_VALUE, host.arm(level_max=above, energy_max_mj=0), None),
        ("nameplate and ceiling", Result.OVER_NAMEPLATE, host.arm(level_max=above), None),
    ]
    if Part.UPTIME in host.has:
        pairs.append(
            ("date and value", Result.STALE, host.arm(level_max=0, unit_uptime_ms=long_ago(host)), None)
        )
    ceilings = Part.CEILINGS in host.has
    if Part.LEASE in host.has and ceilings:
        beyond = short(host, for_ms=5001, unit_uptime_ms=long_ago(host))
        pairs.append(("ceiling and lease that is over", Result.OVER_CEILING, beyond, None))
    longest_ms = host.leases_ms[-1]
    if Part.LEASE in host.has and host.plate.lease_max_ms < longest_ms:
        pairs.append(("value and lease", Result.BAD_VALUE, short(host, level=0, lease_ms=longest_ms), None))
        if ceilings:
            too_much = short(host, level=above, lease_ms=longest_ms)
            pairs.append(("lease and nameplate", Result.BAD_LEASE, too_much, None))
    return pairs


@clause(
    "refused.order",
    SECTION,
    FIRST,
    "requests that are wrong in two ways, for each step of the list that a unit without a fault can show",
)
def _order(host: Host) -> Script[str]:
    yield from host.begin(delivered_max_ms=5000)
    count = len(_pairs(host))
    for number in range(count):
        yield from host.begin(delivered_max_ms=5000)
        what, result, request, seq = _pairs(host)[number]
        yield from host.refused(request, result, f"a request wrong in {what}", seq)
    return f"{count} pairs"


@clause(
    "refused.changes_nothing",
    SECTION,
    FIRST,
    "output, and requests that are refused: level, duty cycle, step, lease and session stay as they were",
)
def _changes_nothing(host: Host) -> Script[str]:
    yield from host.emit(for_ms=2000, lease_ms=host.plate.lease_max_ms)
    before = host.status
    wrong: list[Message] = [
        short(host, duty_pct=0),
        short(host, session=host.session ^ 1),
        host.lower(level=0),
        host.arm(),
    ]
    if Part.CEILINGS in host.has:
        wrong.append(short(host, level=host.plate.level_max + 1))
    if Part.LEASE in host.has:
        wrong += [
            host.renew(session=host.session ^ 1),
            Renew(host.nonce, host.session, long_ago(host), host.lease_ms),
        ]
    for request in wrong:
        after = yield from host.ask(request)
        what = f"a refused {type(request).__name__}"
        if after.result is Result.OK:
            raise NotRefused(f"{what} was done")
        expect(after.state in RUNNING, f"{what} ended the output: {after.state.name}")
        same = (after.level_set, after.duty_set_pct) == (before.level_set, before.duty_set_pct)
        expect(same, f"{what} changed the level or the duty cycle")
        expect(after.session == before.session, f"{what} changed the session")
        gone_ms = age(after.uptime_ms, before.uptime_ms)
        if Part.LEASE in host.has:
            expect(after.lease_left_ms == before.lease_left_ms - gone_ms, f"{what} changed the lease")
        if {Part.TIMES, Part.UPTIME} <= host.has:
            expect(after.step_ms == before.step_ms + gone_ms, f"{what} changed the step")
    return f"{len(wrong)} requests"


CLAUSES = (_bad_state, _bad_session, _order, _changes_nothing)
