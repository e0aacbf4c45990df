"""The golden vectors of device/wire/vectors.json, said to the firmware's core in C."""

from __future__ import annotations

import json
from typing import Any

from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import GetStatus, Message, Status, read
from tests.firmware.c_unit import CUnit
from tools import wire

VECTORS = json.loads(wire.TABLE.with_name("vectors.json").read_text(encoding="utf-8"))
CONVERSATION = VECTORS["conversation"]


def meant(frame: bytes) -> Message | None:
    """What a frame says, for a test that fails to show."""
    (found,) = Decoder().feed(frame)
    assert isinstance(found, Frame)
    return read(found.type, found.body)


def the_unit() -> CUnit:
    identity = CONVERSATION["identity"]
    return CUnit(identity["nonce"], serial=identity["serial"], calibrated=identity["calibrated"])


def status(unit: CUnit) -> Status:
    found = meant(unit.hear(encode(Frame(GetStatus.TYPE, 9, b""))))
    assert isinstance(found, Status)
    return found


def test_the_core_answers_the_whole_conversation_as_it_is_written() -> None:
    unit = the_unit()

    for line in CONVERSATION["lines"]:
        if "contact_pct" in line:
            unit.move_to(line["at_ms"])
            unit.read(contact_pct=line["contact_pct"])
            continue
        unit.move_to(line["at_ms"])
        answer = unit.hear(bytes.fromhex(line["request"]))
        assert meant(answer) == meant(bytes.fromhex(line["answer"])), line
        assert answer.hex(" ") == line["answer"]


def test_what_is_no_frame_is_counted_and_what_is_one_is_answered() -> None:
    for case in VECTORS["bad_frames"]:
        unit = the_unit()

        answers = Decoder().feed(unit.hear(bytes.fromhex(case["bytes"])))

        assert len(answers) == len(case["frames"]), case["what"]
        assert status(unit).bad_frames == case["thrown_away"], case["what"]


def test_every_request_among_the_vectors_is_answered_once_under_its_number() -> None:
    unit = the_unit()
    requests: list[dict[str, Any]] = VECTORS["messages"]

    for said in requests:
        frame = bytes.fromhex(said["frame"])
        answered = Decoder().feed(unit.hear(frame))
        of_a_unit = said["message"] in ("Identity", "Capabilities", "Status")
        assert [a.seq for a in answered if isinstance(a, Frame)] == ([] if of_a_unit else [said["seq"]])
