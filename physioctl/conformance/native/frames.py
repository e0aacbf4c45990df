"""Frames and answers, with output off: what a unit makes of bytes, and how it answers."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from device.wire import messages
from device.wire.frame import Frame, encode
from device.wire.messages import GetStatus, Identify, Stop, Type
from physioctl.conformance.clauses import answers
from physioctl.conformance.effects import Script
from physioctl.conformance.host import ANSWER_MS
from physioctl.conformance.native.host import NativeHost
from physioctl.conformance.outcomes import clause, expect

SETTLE_MS = 150  # for what may still be on its way
HARMLESS = ("Identify", "GetCapabilities", "GetStatus", "Stop")  # of the golden vectors, with output off


@cache
def vectors() -> Any:
    """The golden vectors."""
    path = Path(messages.__file__).with_name("vectors.json")
    return json.loads(path.read_text(encoding="utf-8"))


@clause(
    "answers.identity",
    "Requests and answers",
    "`Identity` and `Capabilities` answer their own questions.",
    "Identify is asked three times: the answers are the same and can be read whole, and `major` is 1",
    ends_run=True,
)
def _identity(host: NativeHost) -> Script[str]:
    for _ in range(3):
        said = yield from host.told(Identify(), messages.Identity)
        expect(said == host.identity, "the identity changes from one answer to the next")
    expect(host.identity.major == messages.MAJOR, f"major is {host.identity.major}, not {messages.MAJOR}")
    for text in (host.identity.model, host.identity.serial):
        expect(bool(text) and text.isascii() and text.isprintable(), f"{text!r} is no text")
    return f"{host.identity.model}, serial number {host.identity.serial}"


@clause(
    "answers.capabilities",
    "Requests and answers",
    "`Identity` and `Capabilities` answer their own questions.",
    "GetCapabilities is asked three times: the answers are the same, and their bounds go together",
    ends_run=True,
)
def _capabilities(host: NativeHost) -> Script[str]:
    plate = host.plate
    for _ in range(3):
        said = yield from host.told(messages.GetCapabilities(), messages.Capabilities)
        expect(said == plate, "the capabilities change from one answer to the next")
    expect(0 < plate.level_min <= plate.level_max, f"levels from {plate.level_min} to {plate.level_max}")
    expect(bool(plate.duties_pct) and max(plate.duties_pct) <= 100, f"duty cycles {plate.duties_pct}")
    expect(plate.step_max_ms > 0 < plate.delivered_max_ms, "no time is given")
    expect(plate.lease_min_ms <= plate.lease_max_ms, "its shortest lease is longer than its longest")
    leases = f"leases {plate.lease_min_ms} to {plate.lease_max_ms} ms"
    return f"levels {plate.level_min} to {plate.level_max}, {leases}"


@clause(
    "frames.vectors",
    "Frames",
    "Little-endian. The CRC-32 is that of zlib, over type, seq and body. 115200 baud, 8N1.",
    "the golden vectors of the requests that start nothing are sent byte for byte, and answered",
)
def _vectors(host: NativeHost) -> Script[str]:
    sent = [each for each in vectors()["messages"] if each["message"] in HARMLESS]
    for each in sent:
        answer = yield from host.exchange(bytes.fromhex(each["frame"]), each["seq"])
        expect(answer is not None, f"{each['message']} under seq {each['seq']} was not answered")
    return f"{len(sent)} of {len(sent)} answered"


@clause(
    "frames.damage",
    "Frames",
    "What does not decode (too long, no COBS, less than 7 bytes, another CRC) is counted once and forgotten, "
    "and the next zero byte starts anew.",
    "the golden vectors that are no frame, and 8 random frames with one bit changed: each is counted once in "
    "`bad_frames`, and only what is a frame is answered",
)
def _damage(host: NativeHost) -> Script[str]:
    pieces = [
        (each["what"], bytes.fromhex(each["bytes"]), each["thrown_away"], len(each["frames"]))
        for each in vectors()["bad_frames"]
    ]
    for _ in range(8):
        good = bytearray(encode(Frame(Type.GET_STATUS, host.rng.randrange(1, 60_000))))
        place = host.rng.randrange(2, len(good) - 1)
        good[place] ^= good[place] ^ host.rng.choice([byte for byte in range(1, 256) if byte != good[place]])
        pieces.append(("a frame with one byte changed", bytes(good), 1, 0))
    for what, data, thrown_away, answered in pieces:
        yield from host.wait(SETTLE_MS)
        before = yield from host.look()
        yield from host.send(data)
        came = yield from host.listen(SETTLE_MS)
        after = yield from host.look()
        counted = (after.bad_frames - before.bad_frames) & 0xFFFF
        expect(counted == thrown_away, f"{what}: counted {counted} times, not {thrown_away}")
        expect(len(came) == answered, f"{what}: {len(came)} answers, not {answered}")
    return f"{len(pieces)} pieces"


@clause(
    "frames.resync",
    "Frames",
    "A receiver keeps at most one frame's bytes, 72 between two zeros.",
    "random noise of up to 700 bytes before a frame, and frames that come in pieces, up to 40 ms apart: each "
    "frame is answered",
)
def _resync(host: NativeHost) -> Script[str]:
    for _ in range(6):
        yield from host.send(host.rng.randbytes(host.rng.randrange(100, 700)) + b"\0")
        yield from host.wait(SETTLE_MS)
        frame = host.frame(GetStatus())
        data = encode(frame)
        cut = host.rng.randrange(2, len(data) - 1)
        yield from host.send(data[:cut])
        yield from host.wait(40)
        answer = yield from host.exchange(data[cut:], frame.seq)
        expect(answer is not None, f"a frame in pieces of {cut} and {len(data) - cut} bytes was not answered")
        yield from host.wait(SETTLE_MS)
    return "6 frames answered"


@clause(
    "frames.direction",
    "Frames",
    "A unit counts a frame of a unit's type as thrown away and does not answer it; a host does the same with "
    "a frame of a host's type.",
    "frames of the three types of a unit, and of four random ones from 0x84: each is counted, none answered",
)
def _direction(host: NativeHost) -> Script[str]:
    types = [0x81, 0x82, 0x83, *(host.rng.randrange(0x84, 0x100) for _ in range(4))]
    for type_ in types:
        yield from host.wait(SETTLE_MS)
        before = yield from host.look()
        body = host.rng.randbytes(host.rng.randrange(0, 64))
        yield from host.send(encode(Frame(type_, host.next_seq(), body)))
        came = yield from host.listen(SETTLE_MS)
        after = yield from host.look()
        expect(not came, f"a frame of type 0x{type_:02x} was answered")
        expect((after.bad_frames - before.bad_frames) & 0xFFFF == 1, f"type 0x{type_:02x} was not counted")
    return f"{len(types)} types"


@clause(
    "answers.once",
    "Requests and answers",
    "The host asks and the unit answers, once for each request, under the same `seq`.",
    "12 requests under random numbers, in any order: one answer each, under its number",
)
def _once(host: NativeHost) -> Script[str]:
    for _ in range(12):
        seq = host.rng.randrange(1, 0xFFFF)
        yield from host.wait(20)
        yield from host.send(encode(Frame(host.rng.choice((1, 2, 3)), seq)))
        came = (yield from host.listen(SETTLE_MS)) or (yield from host.listen(ANSWER_MS))
        expect([frame.seq for frame in came] == [seq], f"{len(came)} answers to one request under {seq}")
    return "12 of 12"


@clause(
    "answers.asked",
    "What a status has to agree with",
    "`asked` is the type of the request.",
    "GetStatus, Stop, and a GetStatus with a body that it should not have",
)
def _asked(host: NativeHost) -> Script[str]:
    frames = [host.frame(GetStatus()), host.frame(Stop()), Frame(Type.GET_STATUS, host.next_seq(), b"\1")]
    for frame in frames:
        status = yield from host.ask_frame(frame)
        expect(status.asked == frame.type, f"asked is 0x{status.asked:02x} and not 0x{frame.type:02x}")
    return f"{len(frames)} of {len(frames)}"


_in_time = clause(
    "answers.in_time",
    "Requests and answers",
    "The answer leaves within 70 ms of the request's last byte.",
    "24 requests: three of four have to be answered within 70 ms and the time on the line; the rest may be "
    "this computer's or the adapter's delay",
)(answers.in_time)


CLAUSES = (
    _identity,
    _capabilities,
    answers.host_leases,
    _vectors,
    _damage,
    _resync,
    _direction,
    _once,
    answers.unasked,
    _asked,
    _in_time,
    answers.uptime,
)
