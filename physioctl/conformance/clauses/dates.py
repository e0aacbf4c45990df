"""Requests that are too old: by their date, by a Stop since, or by the session that replaced theirs."""

from __future__ import annotations

from device.wire.messages import Result
from physioctl.conformance.clauses.refusals import SECTION, short
from physioctl.conformance.effects import Script
from physioctl.conformance.host import U32, Host, age
from physioctl.conformance.outcomes import NotRefused, Part, clause, expect

DATED_MS = 1000  # an Arm or a Clear of this age is STALE, as the page says


@clause(
    "refused.dated",
    SECTION,
    "an `Arm` or a `Clear` whose date is 1000 ms old or older (999 ms is taken), or yet to come;",
    "Arms of random ages, most of them close to 1000 ms, and of dates yet to come; the age is taken from "
    "`uptime_ms` of the answer",
    needs=(Part.UPTIME,),
)
def _dated(host: Host) -> Script[str]:
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
    needs=(Part.UPTIME,),
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


@clause(
    "refused.lease_over",
    SECTION,
    "`STALE`: a `Set` or `Renew` whose lease is over (see below).",
    "a Set and a Renew that are dated their lease ago, at random before that, and yet to come",
    needs=(Part.LEASE,),
)
def _lease_over(host: Host) -> Script[str]:
    lease_ms = host.lease_ms
    ages = [lease_ms, lease_ms + host.rng.randrange(1, 100_000), -host.rng.randrange(5000, 1_000_000)]
    for age_ms in ages:
        yield from host.begin()
        date_ms = (host.status.uptime_ms - age_ms) % U32
        late = short(host, unit_uptime_ms=date_ms, lease_ms=lease_ms)
        yield from host.refused(late, Result.STALE, f"a Set dated {age_ms} ms ago")
        yield from host.emit()
        date_ms = (host.status.uptime_ms - age_ms) % U32
        renewed = host.renew(unit_uptime_ms=date_ms, lease_ms=lease_ms)
        yield from host.refused(renewed, Result.STALE, f"a Renew dated {age_ms} ms ago")
    return f"{len(ages)} dates"


CLAUSES = (_dated, _before_stop, _replaced, _lease_over)
