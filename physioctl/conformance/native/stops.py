"""What a native unit makes of a Stop with a body, and of one behind a flood of requests."""

from __future__ import annotations

from device.wire.frame import Frame, encode
from device.wire.messages import GetStatus, Result, Status, Stop, Type, read
from physioctl.conformance.clauses.ending import ended
from physioctl.conformance.effects import Script
from physioctl.conformance.host import RUNNING
from physioctl.conformance.native.host import NativeHost
from physioctl.conformance.outcomes import PromiseBroken, clause, expect


@clause(
    "stop.any_body",
    "What is refused, and in which order",
    "`Stop` alone is taken with any body.",
    "output, then a Stop with a random body; of 1 byte, 64 bytes and 4 lengths between them",
    ends_run=True,
)
def _any_body(host: NativeHost) -> Script[str]:
    sizes = [1, 64, *(host.rng.randrange(2, 64) for _ in range(4))]
    for size in sizes:
        yield from host.emit()
        status = yield from host.ask_frame(Frame(Type.STOP, host.next_seq(), host.rng.randbytes(size)))
        expect(status.result is Result.OK, f"refused with a body of {size} bytes: {status.result.name}")
        ended(host, status)
    return f"{len(sizes)} lengths"


@clause(
    "stop.under_load",
    "At most once, and nothing old",
    "`Stop` is taken in any state, under any `seq`, with no nonce, with any body, any number of times.",
    "output, then 60 requests and random noise without a pause, then a Stop: it is answered, with output "
    "off; how many of the 60 were answered is not judged",
    ends_run=True,
)
def _under_load(host: NativeHost) -> Script[str]:
    yield from host.emit(for_ms=2000, lease_ms=host.lease_ms)
    flood = b"".join(encode(host.frame(GetStatus())) for _ in range(60))
    yield from host.send(
        flood[: len(flood) // 2] + host.rng.randbytes(120) + b"\0" + flood[len(flood) // 2 :]
    )
    frame = host.frame(Stop())
    answer = yield from host.exchange(encode(frame), frame.seq, 2000)
    if answer is None:
        raise PromiseBroken("a Stop after 60 requests was not answered within 2 s")
    status = read(answer.type, answer.body)
    expect(isinstance(status, Status) and status.state not in RUNNING, "output is on after a Stop")
    answered = host.unasked
    return f"stopped; {answered} other answers so far"


CLAUSES = (_any_body, _under_load)
