"""What noise on the line makes of a running lease."""

from __future__ import annotations

from device.wire.frame import encode
from device.wire.messages import GetStatus
from physioctl.conformance.clauses.ending import lapses
from physioctl.conformance.clauses.leases import left
from physioctl.conformance.effects import Script
from physioctl.conformance.host import RUNNING
from physioctl.conformance.native.host import NativeHost
from physioctl.conformance.outcomes import clause, expect


@clause(
    "lease.noise",
    "Leases",
    "What a line, an adapter or a host has kept back starts nothing and prolongs nothing.",
    "output, and random noise, frames with one byte changed and 20 requests without a pause: level and lease "
    "stay, it lapses when it would have, and is answered afterwards",
)
def _noise(host: NativeHost) -> Script[str]:
    yield from host.begin()
    request = host.set(for_ms=5000)
    on = yield from host.done(request, "a Set within all bounds")
    for _ in range(3):
        yield from host.send(host.rng.randbytes(host.rng.randrange(20, 200)) + b"\0")
        struck = bytearray(encode(host.frame(host.renew())))
        struck[host.rng.randrange(2, len(struck) - 1)] ^= 1 << host.rng.randrange(8)
        yield from host.send(bytes(struck) + b"\0")
        yield from host.send(b"".join(encode(host.frame(GetStatus())) for _ in range(7)))
    status = yield from host.look()
    if status.state in RUNNING:
        expect(status.level_set == request.level, f"noise changed the level to {status.level_set}")
        left(host, request.unit_uptime_ms, request.lease_ms, "after noise")
    return (yield from lapses(host, on, request.unit_uptime_ms, request.lease_ms))


CLAUSES = (_noise,)
