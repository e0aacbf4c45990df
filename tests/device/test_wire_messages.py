"""Messages: every one both ways, and what is none of ours."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.wire import messages
from device.wire.frame import Decoder, Frame
from device.wire.messages import Family, Message, Renew, Result, Set, Status, Type, UnitState, read
from tests.cases import each
from tools import wire as generate

TABLE = tomllib.loads(generate.TABLE.read_text(encoding="utf-8"))
VECTORS = json.loads(generate.TABLE.with_name("vectors.json").read_text(encoding="utf-8"))["messages"]
KINDS: Mapping[str, type[Message]] = {m["name"]: getattr(messages, m["name"]) for m in TABLE["message"]}
FLAGS = {flags["name"] for flags in TABLE["flags"]}
NUMBERS = {
    "u8": st.integers(0, 0xFF),
    "u16": st.integers(0, 0xFFFF),
    "u32": st.integers(0, 0xFFFFFFFF),
    "i16": st.integers(-0x8000, 0x7FFF),
    "lease": st.integers(1, 256).map(lambda tens: tens * 10),
    "version": st.tuples(*[st.integers(0, 0xFF)] * 3),
}


def values_of(kind: str) -> st.SearchStrategy[Any]:
    """Every value that a field of ``kind`` can hold."""
    if kind in NUMBERS:
        return NUMBERS[kind]
    many = re.fullmatch(r"(u8|u16|text)\[(\d+)\]", kind)
    if many and many[1] == "text":
        return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=int(many[2]))
    if many:
        size, most = int(many[2]), 0xFF if many[1] == "u8" else 0xFFFF
        return st.lists(st.integers(1, most), max_size=size).map(tuple)
    named = getattr(messages, kind)
    return st.integers(0, 0xFFFF).map(named) if kind in FLAGS else st.sampled_from(list(named))


every_message: st.SearchStrategy[Message] = st.one_of(
    *(
        st.builds(KINDS[m["name"]], **{field["name"]: values_of(field["kind"]) for field in m["fields"]})
        for m in TABLE["message"]
    )
)


def in_words(vector: Mapping[str, Any]) -> Message:
    fields = {
        name: tuple(value) if isinstance(value, list) else value for name, value in vector["fields"].items()
    }
    say: Callable[..., Message] = KINDS[vector["message"]]
    return say(**fields)


def body_of(name: str) -> bytes:
    """A body of ``name``, from its first vector."""
    return next(in_words(vector).pack() for vector in VECTORS if vector["message"] == name)


# --- both ways ------------------------------------------------------------------------------------


def test_every_message_has_a_golden_vector() -> None:
    assert (
        {vector["message"] for vector in VECTORS} == set(KINDS) == {kind.__name__ for kind in KINDS.values()}
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['message']}-{vector['seq']}")
def test_every_vector_is_said_and_read_as_it_stands(vector: Mapping[str, Any]) -> None:
    message = in_words(vector)
    (frame,) = Decoder().feed(bytes.fromhex(vector["frame"]))

    assert frame == Frame(message.TYPE, vector["seq"], message.pack())
    assert isinstance(frame, Frame)
    assert read(frame.type, frame.body) == message


@given(every_message)
def test_whatever_a_message_says_it_says_again_when_it_is_read(message: Message) -> None:
    again = read(message.TYPE, message.pack())

    assert again == message
    assert type(again) is type(message)
    assert len(message.pack()) <= messages.BODY_MAX


def test_numbers_with_names_are_read_as_their_names() -> None:
    status = read(Type.STATUS, body_of("Status"))

    assert isinstance(status, Status)
    assert (status.result, status.state) == (Result.OK, UnitState.EMITTING)
    assert type(status.state) is UnitState
    assert type(status.result) is Result
    assert type(status.faults) is messages.Fault


# --- what is none of ours -------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"Stop"}))
def test_a_body_of_another_length_is_no_message(name: str) -> None:
    body = body_of(name)

    assert read(KINDS[name].TYPE, body) is not None
    assert read(KINDS[name].TYPE, body + b"\0") is None
    assert not body or read(KINDS[name].TYPE, body[:-1]) is None


@given(st.binary(max_size=messages.BODY_MAX))
def test_a_stop_is_a_stop_whatever_its_body(body: bytes) -> None:
    assert read(Type.STOP, body) == messages.Stop()


def test_a_type_nobody_knows_is_no_message() -> None:
    known = {kind.TYPE for kind in KINDS.values()}

    assert known == set(Type)
    assert [type_ for type_ in range(256) if type_ not in known and read(type_, b"") is not None] == []


@pytest.mark.parametrize(
    ("name", "place", "known"),
    [("Identity", 2, Family), ("Status", 1, Result), ("Status", 2, UnitState)],
)
def test_a_number_without_a_name_makes_the_message_unreadable(
    name: str, place: int, known: type[Family | Result | UnitState]
) -> None:
    body = bytearray(body_of(name))

    for number in range(256):
        body[place] = number
        assert (read(KINDS[name].TYPE, bytes(body)) is not None) is (number in set(known))


def test_a_fault_without_a_name_is_kept() -> None:
    body = bytearray(body_of("Status"))
    body[3:5] = b"\x00\x80"

    status = read(Type.STATUS, bytes(body))

    assert isinstance(status, Status)
    assert int(status.faults) == 0x8000


@given(st.integers(0, 0xFF), st.binary(max_size=messages.BODY_MAX))
def test_nothing_that_arrives_makes_reading_fail(type_: int, body: bytes) -> None:
    message = read(type_, body)

    assert message is None or type_ == message.TYPE


# --- what cannot be written -----------------------------------------------------------------------


@pytest.mark.parametrize("lease_ms", [-10, 0, 1, 5, 9, 11, 255, 2559, 2561, 2570, 5120])
def test_a_lease_of_nothing_or_without_end_cannot_be_written(lease_ms: int) -> None:
    said = f"a lease is a multiple of 10 ms from 10 to 2560, not {lease_ms}"

    with pytest.raises(ValueError, match=said):
        Renew(1, 2, 3, lease_ms).pack()
    with pytest.raises(ValueError, match=said):
        Set(1, 2, 440, 50, 1000, 100, 60_000, 0, 3, lease_ms).pack()


@each("byte", range(256))
def test_every_byte_of_a_lease_is_a_lease(byte: int) -> None:
    renew = read(Type.RENEW, body_of("Renew")[:-1] + bytes([byte]))

    assert isinstance(renew, Renew)
    assert renew.lease_ms == (byte + 1) * 10
    assert renew.pack()[-1] == byte


@pytest.mark.parametrize(
    "unfit",
    [
        Renew(-1, 2, 3, 500),
        Renew(1 << 32, 2, 3, 500),
        Set(1, 2, 0x10000, 50, 1000, 100, 60_000, 0, 3, 500),
        Set(1, 2, 440, 256, 1000, 100, 60_000, 0, 3, 500),
    ],
)
def test_a_value_that_does_not_fit_is_not_written(unfit: Message) -> None:
    with pytest.raises(ValueError, match=f"^{type(unfit).__name__}: "):
        unfit.pack()


@pytest.mark.parametrize(("model", "serial"), [("x" * 17, ""), ("", "x" * 17), ("Ultra²", ""), ("", "é")])
def test_a_text_that_does_not_fit_is_not_cut_or_bent(model: str, serial: str) -> None:
    identity = messages.Identity(1, 0, Family.ULTRASOUND, (1, 0, 0), 1, model, serial, 0)

    with pytest.raises(ValueError, match=r"is longer than 16 bytes|can't encode"):
        identity.pack()


def test_a_list_that_does_not_fit_is_not_cut() -> None:
    fields = next(vector["fields"] for vector in VECTORS if vector["message"] == "Capabilities")
    capabilities = in_words({"message": "Capabilities", "fields": fields | {"duties_pct": [1] * 7}})

    with pytest.raises(ValueError, match=r"^Capabilities: "):
        capabilities.pack()
