"""What a terminal sends, and which keys that is. An arrow, a mouse report and a paste are not Esc."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physioctl.key_decoder import ESC, ESC_MS, PASTE_MS, SEQUENCE_MS, KeyDecoder

LATER_MS = 10_000


def keys_of(*pieces: bytes, every_ms: int = 0) -> list[str]:
    """The keys of what came in ``pieces``, and then nothing more."""
    decoder, found = KeyDecoder(), []
    for number, piece in enumerate(pieces):
        found += decoder.feed(piece, number * every_ms)
    return found + decoder.poll(LATER_MS)


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b[A",  # an arrow
        b"\x1bOA",  # the same, in application mode
        b"\x1b[1;5C",  # Ctrl and an arrow
        b"\x1b[3~",  # Delete
        b"\x1bOP",  # F1
        b"\x1b[15~",  # F5
        b"\x1b[I",  # the window has got the focus
        b"\x1b[<0;33;12M",  # a click
        b"\x1b[<64;33;12m",
        b"\x1b[Mss ",  # a click, as xterm first put it: its characters may be any
        b"\x1b[?62;22c",  # what the terminal says of itself
        b"\x1b]11;rgb:0000/0000/0000\x07",
        b"\x1b]11;rgb:0000/0000/0000\x1b\\",
        b"\x1bP1$r0m\x1b\\",
        b"\x1b[200~stop, q, s \x03 and \r\n\x1b[A Space\x1b[201~",
    ],
)
def test_what_is_no_key_of_ours_is_none_however_it_is_cut_up(sequence: bytes) -> None:
    every_cut = [keys_of(sequence[:at], sequence[at:]) for at in range(1, len(sequence))]

    assert keys_of(sequence) == []
    assert [keys for keys in every_cut if keys] == []
    assert keys_of(*(bytes([byte]) for byte in sequence)) == []


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"\x1b", [ESC]),
        (b"\x1b\x1b", [ESC, ESC]),
        (b"\x1bs", [ESC, "s"]),  # two keys in one piece, or Alt-s
        (b"\x1b\x03", [ESC, "ctrl-c"]),
        (b"\x1b[\x03", ["ctrl-c"]),
        (b"\x1b]\x03", ["ctrl-c"]),
        (b"\x1bO\x03", ["ctrl-c"]),
        (b"s\x1b[Aq", ["s", "q"]),
        (b"\x03\x1c", ["ctrl-c", "ctrl-\\"]),
        (b"\r\n\x7f\b ", ["enter", "enter", "backspace", "backspace", " "]),
        ("é\u044b".encode(), ["é", "\u044b"]),
        (b"\xff\xfe", ["\ufffd", "\ufffd"]),
        (b"\x00\x01\x04\x1a", []),
        ("\u202e\u200b".encode(), []),  # marks that have no shape
    ],
)
def test_the_keys_that_stop_are_heard_wherever_they_come(typed: bytes, keys: list[str]) -> None:
    assert keys_of(typed) == keys


def test_a_character_that_comes_in_two_pieces_is_one() -> None:
    assert keys_of(b"\xc3", b"\xa9") == ["é"]


@pytest.mark.hazard("H-18")
def test_esc_is_a_key_once_nothing_has_come_behind_it_for_a_moment() -> None:
    decoder = KeyDecoder()

    assert decoder.feed(b"\x1b", 1000) == []
    assert decoder.due_ms == 1000 + ESC_MS
    assert decoder.poll(1000 + ESC_MS - 1) == []
    assert decoder.poll(1000 + ESC_MS) == [ESC]
    assert decoder.due_ms is None


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize(("begun", "over_ms"), [(b"\x1b[<0;3", SEQUENCE_MS), (b"\x1b[200~paste", PASTE_MS)])
def test_a_sequence_that_never_ends_hides_no_key_for_long(begun: bytes, over_ms: int) -> None:
    decoder = KeyDecoder()
    decoder.feed(begun, 0)

    assert decoder.feed(b"s", over_ms) == ["s"]


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("begun", [b"\x1b[200~paste", b"\x1b[M", b"\x1b[Mx"])
def test_esc_is_heard_within_a_paste_and_a_report_that_never_end(begun: bytes) -> None:
    pressed, held = KeyDecoder(), KeyDecoder()
    pressed.feed(begun, 0)
    held.feed(begun, 0)

    once = [*pressed.feed(b"\x1b", 100), *pressed.poll(100 + ESC_MS)]
    repeated = [key for count in range(3) for key in held.feed(b"\x1b", 100 + 30 * count)]

    assert once == [ESC]
    assert repeated[:1] == [ESC]


@given(st.binary(max_size=60), st.integers(0, 200))
def test_whatever_comes_ctrl_c_is_heard_behind_it(noise: bytes, every_ms: int) -> None:
    decoder = KeyDecoder()
    for number, byte in enumerate(noise):
        decoder.feed(bytes([byte]), number * every_ms)

    assert decoder.feed(b"\x03", LATER_MS + 60 * 200)[-1:] == ["ctrl-c"]
