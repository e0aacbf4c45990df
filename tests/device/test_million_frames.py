"""No frame is acted on that was not sent: the decoder, a unit and a whole session under spoilt frames.

`make frames` runs the same claims over a million.
"""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from tests import storm_of_modbus_frames as modbus
from tests.storm_of_frames import controller_in_a_storm, decoder_in_a_storm, unit_in_a_storm

FRAMES = 20_000
MODBUS_FRAMES = 2_000
FLAT_BYTES = 64 * 1024


@pytest.mark.hazard("H-08")
@pytest.mark.parametrize("seed", [1, 2])
def test_the_decoder_gives_the_frames_that_were_sent_and_no_other(seed: int) -> None:
    assert decoder_in_a_storm(FRAMES, seed) > 0


@pytest.mark.hazard("H-08")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_a_unit_does_what_the_whole_frames_say_and_nothing_more(model: str) -> None:
    assert unit_in_a_storm(FRAMES, seed=3, model=model) > 0


@pytest.mark.hazard("H-08")
@pytest.mark.parametrize("model", ["us111", "ultragun"])
def test_a_session_among_spoilt_frames_goes_as_one_without_them(model: str) -> None:
    assert controller_in_a_storm(FRAMES, seed=4, model=model) >= FRAMES


@pytest.mark.hazard("H-08")
def test_of_spoilt_modbus_frames_none_is_believed_and_none_raises_a_level() -> None:
    assert modbus.dialect_in_a_storm(MODBUS_FRAMES, seed=6) > 0
    assert modbus.unit_in_a_storm(MODBUS_FRAMES, seed=7) > 0


def test_spoilt_frames_leave_nothing_behind_in_memory() -> None:
    decoder_in_a_storm(100, seed=5)
    tracemalloc.start()
    try:
        decoder_in_a_storm(500, seed=5)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        decoder_in_a_storm(FRAMES, seed=5)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after - before < FLAT_BYTES
