"""Leases: dated, renewed, and never shortened by a Renew."""

from __future__ import annotations

from device.wire.messages import Result
from physioctl.conformance.clauses.ending import lapses
from physioctl.conformance.effects import Script
from physioctl.conformance.host import U32, Host, age
from physioctl.conformance.outcomes import Part, clause, expect


def left(host: Host, date_ms: int, lease_ms: int, what: str) -> int:
    """What is left of a lease in the latest status; raise `PromiseBroken` unless that is right."""
    left_ms = lease_ms - age(host.status.uptime_ms, date_ms)
    said_ms = host.status.lease_left_ms
    expect(said_ms == left_ms, f"{what}: {said_ms} ms are left, not {left_ms}")
    return left_ms


@clause(
    "lease.dated",
    "Leases",
    "It runs from `unit_uptime_ms`, and not from when the request arrives: what is left is `lease_ms` less "
    "the age of `unit_uptime_ms`, modulo 2³².",
    "a Set that is dated 100 to 150 ms ago: what is left at once, and when it lapses",
    needs=(Part.LEASE,),
)
def _dated(host: Host) -> Script[str]:
    yield from host.begin()
    yield from host.wait(160)  # so that the date is not from before the Stop
    yield from host.look()
    lease_ms = host.lease_ms
    date_ms = (host.status.uptime_ms - host.rng.randrange(100, 150)) % U32
    request = host.set(for_ms=lease_ms + 5000, unit_uptime_ms=date_ms)
    on = yield from host.done(request, "a Set dated a little ago")
    left(host, date_ms, lease_ms, "after a Set")
    return (yield from lapses(host, on, date_ms, lease_ms))


@clause(
    "lease.renewed",
    "Leases",
    "What a line, an adapter or a host has kept back starts nothing and prolongs nothing.",
    "Renews of dates up to 60 ms ago: the lease runs from their dates, and lapses by the latest",
    needs=(Part.LEASE,),
)
def _renewed(host: Host) -> Script[str]:
    yield from host.emit(for_ms=5000)
    lease_ms = host.lease_ms
    on, date_ms = host.status, host.status.uptime_ms
    for _ in range(4):
        yield from host.wait(host.rng.randrange(60, 100))
        latest = yield from host.look()
        date_ms = (latest.uptime_ms - host.rng.randrange(60)) % U32
        renewed = host.renew(unit_uptime_ms=date_ms)
        on = yield from host.done(renewed, "a Renew of a running output")
        left(host, date_ms, lease_ms, "after a Renew")
    return (yield from lapses(host, on, date_ms, lease_ms))


@clause(
    "lease.not_shortened",
    "Leases",
    "A `Renew` never shortens one: where the running lease goes further, the `Renew` is done and changes "
    "nothing.",
    "a lease, and a Renew of a shorter one: it is done, and what is left is that of the longer one",
    needs=(Part.LEASE,),
)
def _not_shortened(host: Host) -> Script[str]:
    longer_ms = host.plate.lease_max_ms
    yield from host.begin()
    request = host.set(for_ms=2000, lease_ms=longer_ms)
    yield from host.done(request, "a Set within all bounds")
    shorter_ms = max(host.plate.lease_min_ms, longer_ms // 20 * 10)
    yield from host.look()
    status = yield from host.ask(host.renew(lease_ms=shorter_ms))
    expect(status.result is Result.OK, f"a shorter Renew was refused: {status.result.name}")
    left_ms = left(host, request.unit_uptime_ms, longer_ms, "after a shorter Renew")
    return f"{longer_ms} ms, a Renew of {shorter_ms} ms: {left_ms} ms left"


@clause(
    "lease.set_replaces",
    "Leases",
    "A `Set` begins a lease of its own, in the place of any other.",
    "a long lease, and a Set with a shorter one: what is left is that of the shorter",
    needs=(Part.LEASE,),
)
def _set_replaces(host: Host) -> Script[str]:
    yield from host.begin()
    yield from host.done(host.set(for_ms=2000, lease_ms=host.plate.lease_max_ms), "a Set within all bounds")
    yield from host.look()
    shorter_ms = max(host.plate.lease_min_ms, host.plate.lease_max_ms // 20 * 10)
    request = host.set(for_ms=2000, lease_ms=shorter_ms)
    yield from host.done(request, "a Set of a running output")
    left_ms = left(host, request.unit_uptime_ms, shorter_ms, "after a Set with a shorter lease")
    return f"{left_ms} ms left"


CLAUSES = (_dated, _renewed, _not_shortened, _set_replaces)
