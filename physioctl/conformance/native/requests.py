"""Requests that a native unit has to refuse by their type, their length or another unit's nonce."""

from __future__ import annotations

from device.wire.frame import Frame
from device.wire.messages import Clear, Result, Status, Type, read
from physioctl.conformance.clauses.refusals import BAD_NONCE, SECTION, another_nonce, short
from physioctl.conformance.effects import Script
from physioctl.conformance.native.frames import HARMLESS, vectors
from physioctl.conformance.native.host import NativeHost
from physioctl.conformance.outcomes import NotRefused, clause, expect


@clause(
    "refused.unknown_type",
    SECTION,
    "`UNKNOWN_TYPE`: a type below 0x80 that is no request.",
    "type 0, type 0x0A and 6 random ones, with random bodies",
)
def _unknown_type(host: NativeHost) -> Script[str]:
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
    "each request but Stop with a body one byte too long, one too short, and of 64 random bytes",
)
def _bad_length(host: NativeHost) -> Script[str]:
    yield from host.begin()
    right = (host.arm(), short(host), host.renew(), host.lower(), Clear(host.nonce, host.status.uptime_ms))
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
    BAD_NONCE,
    "Arm, Set, Renew, Lower and Clear under random nonces, and the golden vectors of another unit's nonce",
)
def _bad_nonce(host: NativeHost) -> Script[str]:
    yield from another_nonce(host)
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


CLAUSES = (_unknown_type, _bad_length, _bad_nonce)
