"""The conversation of device/wire/vectors.json, said to the simulated unit's firmware to the millisecond."""

from __future__ import annotations

import json
from typing import Any

from device.wire.frame import Decoder, Frame
from device.wire.messages import read
from tests.simulator.bare_firmware import BareFirmware
from tools import wire as generate

CONVERSATION = json.loads(generate.TABLE.with_name("vectors.json").read_text(encoding="utf-8"))[
    "conversation"
]


def meant(frame: bytes) -> Any:
    """What a frame says, for a test that fails to show."""
    (found,) = Decoder().feed(frame)
    assert isinstance(found, Frame)
    return read(found.type, found.body)


def test_the_unit_answers_the_whole_conversation_as_it_is_written() -> None:
    identity = CONVERSATION["identity"]
    unit = BareFirmware(identity["nonce"], identity["serial"])

    for line in CONVERSATION["lines"]:
        unit.move_to(line["at_ms"])
        if "contact_pct" in line:
            unit.read(contact_pct=line["contact_pct"])
            continue
        answer = unit.hear(bytes.fromhex(line["request"]))
        assert meant(answer) == meant(bytes.fromhex(line["answer"])), line
        assert answer.hex(" ") == line["answer"]


def test_the_conversation_asks_everything_a_host_can_ask_but_to_clear_a_fault() -> None:
    asked = {line["asked"]["message"] for line in CONVERSATION["lines"] if "asked" in line}

    assert asked >= {"Identify", "GetCapabilities", "GetStatus", "Arm", "Set", "Renew", "Lower", "Stop"}
