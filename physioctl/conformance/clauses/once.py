"""At most once: what is repeated is answered from memory, and what is old is not done."""

from __future__ import annotations

from device.wire.frame import Frame
from device.wire.messages import Clear, GetStatus, Message, Result, Status, Stop, UnitState
from physioctl.conformance.effects import Script
from physioctl.conformance.host import RUNNING, Host, age
from physioctl.conformance.outcomes import NotRefused, clause, expect

SECTION = "At most once, and nothing old"
REPEATED = (
    "Not refused, and not done: the same bytes as the latest of `Arm`, `Set`, `Renew`, `Lower` and `Clear` "
    "that was carried out, under the same `seq`, with no `Stop` since."
)


def _again(host: Host, frame: Frame, what: str) -> Script[Status]:
    status = yield from host.ask_frame(frame)
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
    request = host.set(for_ms=max(100, host.lease_ms - 200))
    frame = host.frame(request)
    first = yield from host.ask_frame(frame)
    expect(first.result is Result.OK, f"a Set within all bounds was refused: {first.result.name}")
    for _ in range(4):
        yield from host.wait(host.rng.randrange(5, 20))
        status = yield from _again(host, frame, "a Set")
        if status.state not in RUNNING:
            break
        gone_ms = age(status.uptime_ms, first.uptime_ms)
        expect(status.step_ms == first.step_ms + gone_ms, "the repeated Set began the step anew")
        left_ms = first.lease_left_ms - gone_ms
        expect(status.lease_left_ms == left_ms, "the repeated Set changed the lease")
    yield from host.samples(request.for_ms + 600)
    ended = yield from _again(host, frame, "a Set whose step is over")
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
    arm = host.frame(host.arm())
    for _ in range(3):
        yield from _again(host, arm, "an Arm")
    yield from host.done(host.set(for_ms=2000), "a Set within all bounds")
    renew = host.frame(host.renew())
    first = yield from _again(host, renew, "a Renew")
    for _ in range(2):
        status = yield from _again(host, renew, "a Renew")
        left_ms = first.lease_left_ms - age(status.uptime_ms, first.uptime_ms)
        expect(status.lease_left_ms == left_ms, "the repeated Renew changed the lease")
    lower = host.frame(host.lower())
    for _ in range(3):
        yield from _again(host, lower, "a Lower")
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
    frame = host.frame(host.set())
    yield from _again(host, frame, "a Set")
    yield from host.ask(Stop())
    status = yield from host.ask_frame(frame)
    if status.result is Result.OK:
        raise NotRefused("a Set from before a Stop was answered as done")
    expect(status.result is Result.BAD_STATE, f"it was refused as {status.result.name}")
    return "refused"


@clause(
    "once.same_number",
    SECTION,
    "Another request under the last `seq` is therefore `STALE`.",
    "a Set, and another Set and a Renew under its number",
)
def _same_number(host: Host) -> Script[str]:
    yield from host.emit(for_ms=2000)
    last = host.seq
    other = host.set(for_ms=300)
    yield from host.refused(other, Result.STALE, "another Set under the last seq", last)
    yield from host.refused(host.renew(), Result.STALE, "a Renew under the last seq", last)
    return "refused"


@clause(
    "once.counts_nothing",
    SECTION,
    "What changes nothing, what is refused, `Stop` and `Clear` count for nothing: another host's `GetStatus` "
    "beside a session, under whatever `seq`, ends nothing.",
    "output; then a GetStatus, a Clear and a Renew that are refused, each far ahead in number; a Renew under "
    "the next number is done",
)
def _counts_nothing(host: Host) -> Script[str]:
    yield from host.emit(for_ms=2000)
    last = host.seq
    ahead = (last + host.rng.randrange(1000, 30_000)) & 0xFFFF
    others: list[Message] = [
        GetStatus(),
        Clear(host.nonce, host.status.uptime_ms),
        host.renew(session=host.session ^ 1),
    ]
    for other in others:
        yield from host.ask(other, ahead)
        renewed = host.renew()
        yield from host.done(renewed, f"a Renew after a {type(other).__name__} with a higher number")
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
    longest_ms = host.plate.lease_max_ms  # for many requests on a slow line
    yield from host.done(host.set(for_ms=5000, lease_ms=longest_ms), "a Set within all bounds", newest)
    for ahead in (host.rng.randrange(10, 1000), 32_767, 1):
        for behind in (0, -1, 32_768, -host.rng.randrange(2, 32_768)):
            seq = (newest + behind) & 0xFFFF
            yield from host.refused(host.renew(), Result.STALE, f"a Renew {behind} from the newest", seq)
        newest = (newest + ahead) & 0xFFFF
        renewed = host.renew(lease_ms=longest_ms)
        yield from host.done(renewed, f"a Renew {ahead} ahead of the newest", newest)
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
