"""Answers, with output off: when they come, and what a unit says of its clock and its leases."""

from __future__ import annotations

from physioctl.conformance.effects import Script
from physioctl.conformance.host import Host, age
from physioctl.conformance.outcomes import Part, clause, expect

SETTLE_MS = 150  # for what may still be on its way
CLOCKS_PCT = 5  # by which the unit's clock may differ from the host's; the figure of this host's own alarm


@clause(
    "answers.unasked",
    "Requests and answers",
    "The unit never speaks first.",
    "it is listened to for half a second in which nothing is asked",
)
def unasked(host: Host) -> Script[str]:
    """Listen for half a second in which nothing is asked."""
    yield from host.wait(2 * SETTLE_MS)
    before = host.arrived
    yield from host.wait(500)
    came = host.arrived - before
    expect(not came, f"{came} bytes came that nothing had asked for")
    return "nothing came"


def in_time(host: Host) -> Script[str]:
    """Ask 24 times, and hold three of four answers to what the page says."""
    took = []
    for _ in range(24):
        before_ms = host.now_ms
        yield from host.look()
        took.append(host.now_ms - before_ms)
    took.sort()
    within_ms = host.answer_within_ms + host.line_ms
    expect(took[17] <= within_ms, f"one in four takes longer than {took[17]} ms")
    return f"half within {took[11]} ms, all within {took[-1]} ms"


@clause(
    "host.leases",
    "What this host asks of a unit",
    "`lease_max_ms` is at least 300, and `lease_min_ms` at most 500 and at most `lease_max_ms`.",
    "the bounds that Capabilities names",
    ends_run=True,
    needs=(Part.LEASE,),
)
def host_leases(host: Host) -> Script[str]:
    """Compare the bounds of a lease with what this host asks for."""
    yield from host.look()
    expect(host.plate.lease_max_ms >= 300, f"lease_max_ms is {host.plate.lease_max_ms}")
    expect(host.plate.lease_min_ms <= 500, f"lease_min_ms is {host.plate.lease_min_ms}")
    return f"{host.plate.lease_min_ms} to {host.plate.lease_max_ms} ms"


@clause(
    "answers.uptime",
    "Fields",
    "All times are whole milliseconds of the unit's own clock.",
    f"`uptime_ms` and the host's clock over 2 s: they agree within {CLOCKS_PCT} % and an answer's time",
    needs=(Part.UPTIME,),
)
def uptime(host: Host) -> Script[str]:
    """Compare the unit's clock with the host's."""
    before_ms = host.now_ms
    first = yield from host.look()
    first_ms, slack_ms = host.now_ms, host.now_ms - before_ms
    yield from host.wait(2000)
    before_ms = host.now_ms
    last = yield from host.look()
    slack_ms += host.now_ms - before_ms
    own_ms, gone_ms = age(last.uptime_ms, first.uptime_ms), host.now_ms - first_ms
    within_ms = gone_ms * CLOCKS_PCT // 100 + slack_ms
    expect(
        abs(own_ms - gone_ms) <= within_ms, f"its clock says {own_ms} ms where the host's says {gone_ms} ms"
    )
    return f"{own_ms} ms by its clock, {gone_ms} ms by the host's"
