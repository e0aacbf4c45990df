"""Frames: the golden vectors both ways, every kind of damage, and a reader that never grows."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from device.wire.frame import Damage, Decoder, Frame, Received, encode
from tools import golden
from tools import wire as generate

VECTORS = json.loads(generate.TABLE.with_name("vectors.json").read_text(encoding="utf-8"))
WIRES = [bytes.fromhex(vector["frame"]) for vector in VECTORS["messages"]]
CODED_MAX = 72  # type, seq, 64 bytes of body, CRC, and the byte that COBS adds

frames = st.builds(
    Frame,
    type=st.integers(0, 0xFF),
    seq=st.integers(0, 0xFFFF),
    body=st.binary(max_size=64) | st.lists(st.sampled_from(b"\0\xff"), max_size=64).map(bytes),
)


def decoded(*chunks: bytes) -> list[Received]:
    decoder = Decoder()
    return [item for chunk in chunks for item in decoder.feed(chunk)]


def stuffed(plain: bytes) -> bytes:
    """``plain`` with its CRC, as a frame that may be no frame at all."""
    coded: bytes = cobs.encode(plain + golden._little(golden._crc32(plain), 4))
    return b"\0" + coded + b"\0"


# --- the golden vectors ---------------------------------------------------------------------------


def test_the_golden_crc_and_stuffing_agree_with_their_published_examples() -> None:
    assert golden._crc32(b"123456789") == 0xCBF43926  # the check value of CRC-32/ISO-HDLC
    assert golden._stuff(b"\0") == b"\x01\x01"
    assert golden._stuff(b"\x11\x22\0\x33") == b"\x03\x11\x22\x02\x33"
    assert golden._stuff(b"\x11\0\0\0") == b"\x02\x11\x01\x01\x01"


@pytest.mark.parametrize("wire", WIRES)
def test_vectors_hold_in_both_directions(wire: bytes) -> None:
    (frame,) = decoded(wire)

    assert isinstance(frame, Frame)
    assert encode(frame) == wire


@pytest.mark.parametrize("vector", VECTORS["bad_frames"], ids=lambda vector: vector["what"])
def test_bytes_that_are_no_frame_are_thrown_away_and_counted_as_the_vectors_say(
    vector: dict[str, Any],
) -> None:
    found = decoded(bytes.fromhex(vector["bytes"]))

    assert len([item for item in found if isinstance(item, Damage)]) == vector["thrown_away"]
    assert [encode(item).hex(" ") for item in found if isinstance(item, Frame)] == vector["frames"]


def test_a_frame_worked_out_by_hand_is_read_as_it_was_meant() -> None:
    # 0x07 Stop, seq 0x0107 little-endian, no body: "00 | COBS(07 07 01 crc) | 00".
    assert decoded(stuffed(b"\x07\x07\x01")) == [Frame(type=0x07, seq=0x0107)]
    assert encode(Frame(0x07, 0x0107)) == stuffed(b"\x07\x07\x01")


@given(frames)
def test_every_frame_comes_back_and_carries_no_zero_within(frame: Frame) -> None:
    wire = encode(frame)

    assert decoded(wire) == [frame]
    assert wire[0] == wire[-1] == 0
    assert 0 not in wire[1:-1]
    assert len(wire) <= CODED_MAX + 2


# --- however the bytes come -----------------------------------------------------------------------

noise = st.binary(max_size=100) | st.sampled_from([b"\x01" * 72, b"\x01" * 73, b"\x01" * 200, b"\0" * 5])


@given(st.lists(frames.map(encode) | noise, max_size=6).map(b"".join), st.data())
def test_how_the_bytes_are_cut_up_makes_no_difference(wire: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12)))
    chunks = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]

    assert decoded(*chunks) == decoded(wire)
    assert decoded(*(bytes([byte]) for byte in wire)) == decoded(wire)


@given(noise, frames)
def test_whatever_came_before_a_whole_frame_is_read(before: bytes, frame: Frame) -> None:
    assert decoded(before + encode(frame))[-1] == frame


@given(st.lists(frames, max_size=5))
def test_frames_may_share_the_zero_between_them(sent: list[Frame]) -> None:
    assert decoded(b"\0" + b"".join(encode(frame)[1:] for frame in sent)) == sent


@pytest.mark.parametrize("wire", WIRES)
def test_no_single_struck_bit_leaves_a_frame(wire: bytes) -> None:
    for place in range(1, len(wire) - 1):
        for bit in range(8):
            struck = bytearray(wire)
            struck[place] ^= 1 << bit

            assert not [item for item in decoded(bytes(struck)) if isinstance(item, Frame)]


@given(frames, st.lists(st.integers(0, 80 * 8), min_size=1, max_size=40))
def test_struck_bits_never_make_another_frame(frame: Frame, places: list[int]) -> None:
    wire = bytearray(encode(frame))
    for place in places:
        wire[place // 8 % len(wire)] ^= 1 << place % 8

    assert all(item == frame for item in decoded(b"\0" + wire + b"\0") if isinstance(item, Frame))


# --- damage ---------------------------------------------------------------------------------------


def test_a_run_of_zeros_is_neither_frame_nor_damage() -> None:
    assert decoded(b"\0" * 1000) == []


@pytest.mark.parametrize("size", [1, 2])
def test_less_than_a_head_is_too_short_even_when_its_check_holds(size: int) -> None:
    wire = stuffed(bytes(range(1, size + 1)))

    assert decoded(wire) == [Damage("short", wire[1:-1])]


def test_a_head_and_its_check_is_the_shortest_frame() -> None:
    assert decoded(stuffed(b"\x01\x02\x03")) == [Frame(type=1, seq=0x0302)]


def test_a_body_of_64_bytes_is_the_longest() -> None:
    longest, longer = b"\x01\x02\x03" + b"x" * 64, b"\x01\x02\x03" + b"x" * 65

    assert decoded(stuffed(longest)) == [Frame(1, 0x0302, b"x" * 64)]
    assert decoded(stuffed(longer)) == [Damage("long", stuffed(longer)[1 : 1 + CODED_MAX])]


def test_a_body_of_65_bytes_is_a_mistake_of_ours() -> None:
    assert len(Frame(1, 1, b"x" * 64).body) == 64
    with pytest.raises(ValueError, match="body of 65 bytes; the most is 64"):
        Frame(1, 1, b"x" * 65)


def test_a_run_that_points_beyond_its_end_is_no_cobs() -> None:
    assert decoded(b"\0\x09\x01\0") == [Damage("cobs", b"\x09\x01")]


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4, 5, 6, 7])
def test_a_check_that_does_not_hold_is_damage(place: int) -> None:
    plain = bytearray(cobs.decode(encode(Frame(1, 0x0203, b"\x04"))[1:-1]))
    plain[place] ^= 0x40
    coded = cobs.encode(bytes(plain))

    assert decoded(b"\0" + coded + b"\0") == [Damage("checksum", coded)]


def test_damage_costs_the_frame_it_happened_in_and_no_other() -> None:
    sound = encode(Frame(1, 1))

    assert decoded(sound + sound[:5] + sound) == [Frame(1, 1), Damage("cobs", sound[1:5]), Frame(1, 1)]


def test_megabytes_without_a_zero_are_not_kept() -> None:
    decoder = Decoder()
    chunk = b"\x55" * 65_536
    decoder.feed(chunk)

    tracemalloc.start()
    for _ in range(64):
        assert decoder.feed(chunk) == []
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 4096
    assert decoder.feed(b"\0") == [Damage("long", b"\x55" * CODED_MAX)]
    assert decoder.feed(encode(Frame(1, 1))) == [Frame(1, 1)]


@pytest.mark.parametrize("size", [CODED_MAX - 1, CODED_MAX])
def test_what_may_still_be_a_frame_is_kept_whole(size: int) -> None:
    decoder = Decoder()
    coded = encode(Frame(1, 0x0203, b"x" * (size - 8)))[1:-1]
    assert len(coded) == size

    assert decoder.feed(b"\0" + coded) == []
    assert decoder.feed(b"\0") == [Frame(1, 0x0203, b"x" * (size - 8))]
