"""The boards of the reference firmware on emulated processors: in real time, by their own logs and clocks.

Few of those trials that a busy computer cannot make fail. ``make conform-firmware-boards`` makes all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.firmware import trials
from tests.firmware.emulated import BOARDS, built, emulated, missing

KINDS = [
    pytest.param(kind, marks=pytest.mark.skipif(bool(missing(kind)), reason=missing(kind))) for kind in BOARDS
]
FLIPS = 100


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The image of each board that can be emulated here."""
    folder = tmp_path_factory.mktemp("build")
    return {kind: built(kind, folder) for kind in BOARDS if not missing(kind)}


@pytest.mark.hazard("H-06")
@pytest.mark.parametrize("kind", KINDS)
def test_output_ends_with_the_lease_when_the_host_is_killed(
    kind: str, images: dict[str, Path], tmp_path: Path
) -> None:
    with emulated(images[kind], tmp_path) as board:
        assert trials.killed_hosts(board, tmp_path, 1, seed=1)


@pytest.mark.hazard("H-06")
@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_that_hangs_gives_no_output_and_begins_anew(
    kind: str, images: dict[str, Path], tmp_path: Path
) -> None:
    with emulated(images[kind], tmp_path) as board:
        assert trials.hung_loops(board, 4, seed=1)


@pytest.mark.hazard("H-06")
@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_bit_leaves_output_right_or_ends_it_within_a_pass(
    kind: str, images: dict[str, Path], tmp_path: Path
) -> None:
    with emulated(images[kind], tmp_path) as board:
        assert trials.flipped_bits(board, FLIPS, seed=1)


@pytest.mark.parametrize("kind", KINDS)
def test_output_is_off_and_the_session_forgotten_after_each_dip_of_the_supply(
    kind: str, images: dict[str, Path], tmp_path: Path
) -> None:
    with emulated(images[kind], tmp_path) as board:
        assert trials.dipping_supply(board, 10, seed=1)
