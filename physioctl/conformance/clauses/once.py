"""At most once: what is repeated is answered from memory, and what is old is not done."""

from __future__ import annotations

from device.wire.messages import Clear, GetStatus, Message, Result, Status, Stop, UnitState
from physioctl.conformance.effects import Script
from physioctl.conformance.host import RUNNING, Host, age
from physioctl.conformance.outcomes import NotRefused, Part, clause, expect

SECTION = "At most once, and nothing old"
REPEATED = (
    "Not refused, and not done: the same bytes as the latest of `Arm`, `Set`, `Renew`, `Lower` and `Clear` "
    "that was carried out, under the same `seq`, with no `Stop` since."
)


def _again(host: Host, request: Message, seq: int, what: str) -> Script[Status]:
    status = yield from host.ask(request, seq)
    expect(status.result is Result.OK, f"{what}, sent again, was refused: {status.result.name}")
    return status


@clause(
    "once.set",
    "What is refused, and in which order",
    REPEATED,
    "a Set is sent four times over while its step runs, and once more after its end: OK each time; step and "
    "lease go on as they were, and what has ended stays off",
    ends_run=True,
)
def _set_again(host: Host) -> Script[str]:
    yield from host.begin()
    request, seq = host.set(for_ms=host.step_ms), host.next_seq()
    first = yield from host.done(request, "a Set within all bounds", seq)
    for _ in range(4):
        yield from host.wait(host.rng.randrange(5, 20))
        status = yield from _again(host, request, seq, "a Set")
        if status.state not in RUNNING:
            break
        gone_ms = age(status.uptime_ms, first.uptime_ms)
        if {Part.TIMES, Part.UPTIME} <= host.has:
            expect(status.step_ms == first.step_ms + gone_ms, "the repeated Set began the step anew")
        if Part.LEASE in host.has:
            left_ms = first.lease_left_ms - gone_ms
            expect(status.lease_left_ms == left_ms, "the repeated Set changed the lease")
    if Part.TIMER not in host.has:
        return "4 times, while it was on"
    yield from host.samples(request.for_ms + 600)
    ended = yield from _again(host, request, seq, "a Set whose step is over")
    expect(ended.state not in RUNNING, "the repeated Set began the output anew")
    return f"5 times; {ended.delivered_ms} ms delivered in all"


@clause(
    "once.others",
    "What is refused, and in which order",
    REPEATED,
    "an Arm, a Renew and a Lower are each sent three times: OK each time, and no longer a lease",
)
def _others_again(host: Host) -> Script[str]:
    yield from host.stop()
    host.new_session()
    arm, seq = host.arm(), host.next_seq()
    for _ in range(3):
        yield from _again(host, arm, seq, "an Arm")
    yield from host.done(host.set(for_ms=2000), "a Set within all bounds")
    if Part.LEASE in host.has:
        renew, seq = host.renew(), host.next_seq()
        first = yield from _again(host, renew, seq, "a Renew")
        for _ in range(2):
            status = yield from _again(host, renew, seq, "a Renew")
            left_ms = first.lease_left_ms - age(status.uptime_ms, first.uptime_ms)
            expect(status.lease_left_ms == left_ms, "the repeated Renew changed the lease")
    lower, seq = host.lower(), host.next_seq()
    for _ in range(3):
        yield from _again(host, lower, seq, "a Lower")
    return "3 times each"


@clause(
    "once.after_stop",
    "What is refused, and in which order",
    REPEATED,
    "a Set, a Stop, and the same Set again: it is refused as BAD_STATE",
    ends_run=True,
)
def _after_stop(host: Host) -> Script[str]:
    yield from host.begin()
    request, seq = host.set(), host.next_seq()
    yield from _again(host, request, seq, "a Set")
    yield from host.ask(Stop())
    status = yield from host.ask(request, seq)
    if status.result is Result.OK:
        raise NotRefused("a Set from before a Stop was answered as done")
    expect(status.result is Result.BAD_STATE, f"it was refused as {status.result.name}")
    return "refused"


@clause(
    "once.same_number",
    SECTION,
    "Another request under the last `seq` is therefore `STALE`.",
    "a Set, and under its number another Set, and a Renew or a third Set",
)
def _same_number(host: Host) -> Script[str]:
    yield from host.emit(for_ms=2000)
    last = host.seq
    other = host.set(for_ms=300, ramp_ms=100)
    yield from host.refused(other, Result.STALE, "another Set under the last seq", last)
    what = "what would let it go on, under the last seq"
    yield from host.refused(host.going_on(), Result.STALE, what, last)
    return "refused"


@clause(
    "once.counts_nothing",
    SECTION,
    "What changes nothing, what is refused, `Stop` and `Clear` count for nothing: another host's `GetStatus` "
    "beside a session, under whatever `seq`, ends nothing.",
    "output; then a GetStatus, and a Clear and a Lower that are refused, each far ahead in number; a Renew, "
    "or a Set of a unit without a lease, is done under the next number",
)
def _counts_nothing(host: Host) -> Script[str]:
    yield from host.emit(for_ms=2000)
    last = host.seq
    ahead = (last + host.rng.randrange(1000, 30_000)) & 0xFFFF
    others: list[Message] = [
        GetStatus(),
        Clear(host.nonce, host.status.uptime_ms),
        host.lower(session=host.session ^ 1),
    ]
    for other in others:
        yield from host.ask(other, ahead)
        what = f"what lets it go on, after a {type(other).__name__} with a higher number,"
        yield from host.done(host.going_on(), what)
    return "3 requests"


@clause(
    "lower.not_compared",
    SECTION,
    "A `Lower` is not compared either; when it is carried out, its `seq` becomes the newest if it is newer.",
    "a Lower under a number that is older than the newest, and under the newest itself, is done",
)
def _lower_old(host: Host) -> Script[str]:
    yield from host.emit(for_ms=2000)
    for back in (0, 1, host.rng.randrange(2, 30_000)):
        seq = (host.seq - back) & 0xFFFF
        yield from host.done(host.lower(), f"a Lower whose number is {back} behind the newest", seq)
    return "3 numbers"


@clause(
    "once.newer",
    SECTION,
    "A `seq` is newer than the newest that counts if it is ahead of it, modulo 2¹⁶, by 1 to 32767: neither "
    "the same nor exactly half a turn away.",
    "a session that begins just before 65535: numbers behind it, half a turn away, and ahead across 0",
)
def _newer(host: Host) -> Script[str]:
    yield from host.stop()
    host.new_session()
    newest = 65_530
    yield from host.done(host.arm(), "an Arm of a new session", newest)
    newest = (newest + 3) & 0xFFFF
    going_on = {"lease_ms": host.plate.lease_max_ms}  # for many requests on a slow line
    yield from host.done(host.set(for_ms=5000, **going_on), "a Set within all bounds", newest)
    for ahead in (host.rng.randrange(10, 1000), 32_767, 1):
        for behind in (0, -1, 32_768, -host.rng.randrange(2, 32_768)):
            seq = (newest + behind) & 0xFFFF
            what = f"what lets it go on, {behind} from the newest,"
            yield from host.refused(host.going_on(), Result.STALE, what, seq)
        newest = (newest + ahead) & 0xFFFF
        what = f"what lets it go on, {ahead} ahead of the newest,"
        yield from host.done(host.going_on(**going_on), what, newest)
    return "ahead by 1, by 32767 and across 0"


@clause(
    "once.new_session",
    SECTION,
    "An `Arm` of another session is not compared: the counting begins afresh with its `seq`.",
    "an Arm of a new session and its Set, under numbers 5000 behind the newest",
    ends_run=True,
)
def _new_session(host: Host) -> Script[str]:
    yield from host.begin()
    back = (host.seq - 5000) & 0xFFFF
    yield from host.stop()
    host.new_session()
    yield from host.done(host.arm(), "an Arm of a new session under an older number", back)
    yield from host.done(host.set(), "its Set", (back + 1) & 0xFFFF)
    status = yield from host.look()
    expect(status.state in (UnitState.EMITTING, UnitState.READY), f"it is in {status.state.name}")
    return "done"


CLAUSES = (_set_again, _others_again, _after_stop, _same_number, _counts_nothing, _lower_old)
LAST = (_new_session, _newer)  # what is wrong with these goes on into whatever is asked next
