"""The side to treat: the protocol's own, or the one that is named, and no other."""

from __future__ import annotations

import pytest

from physioctl.admission import checked_side
from physioctl.errors import InvalidUsage
from protocols.library import find
from protocols.model import Side

CALF = find("calf-tightness-percussion")


def side_of(protocol: str, named: str | None, *, on_nobody: bool = False) -> str:
    """The side, or what is wrong and what to do."""
    try:
        return checked_side(CALF.model_copy(update={"side": Side(protocol)}), named, on_nobody=on_nobody)
    except InvalidUsage as wrong:
        return f"{wrong.what.removeprefix(CALF.id)}\n{wrong.action}"


@pytest.mark.parametrize("on_nobody", [False, True])
@pytest.mark.parametrize("own", ["left", "right", "none"])
def test_a_protocols_own_side_need_not_be_named_and_no_other_may_be(own: str, on_nobody: bool) -> None:
    shown = "no side" if own == "none" else own

    for named in (None, own):
        assert side_of(own, named, on_nobody=on_nobody) == own
    for other in {"left", "right", "none", "either", ""} - {own}:
        assert side_of(own, other, on_nobody=on_nobody) == (
            f" is for {shown}, and '{other}' is not its side\nLeave the side out."
        )


def test_a_protocol_for_either_side_is_told_which() -> None:
    for named in ("left", "right"):
        assert side_of("either", named) == side_of("either", named, on_nobody=True) == named
    assert (
        side_of("either", None)
        == " is for left or right, and no side is named\nName the side: left or right."
    )
    for other in ("none", "either"):
        assert side_of("either", other) == (
            f" is for left or right, and '{other}' is not its side\nName the side: left or right."
        )


def test_a_session_is_on_somebody_unless_it_says_otherwise() -> None:
    with pytest.raises(InvalidUsage, match="is for left or right, and no side is named"):
        checked_side(CALF, None)


def test_in_a_rehearsal_a_protocol_for_either_side_is_given_on_none() -> None:
    assert side_of("either", None, on_nobody=True) == side_of("either", "none", on_nobody=True) == "none"
    assert side_of("either", "either", on_nobody=True) == (
        " is for no side or left or right, and 'either' is not its side\n"
        "Name the side: no side or left or right."
    )


def test_a_side_that_is_none_at_all_names_those_there_are() -> None:
    with pytest.raises(InvalidUsage) as wrong:
        checked_side(CALF.model_copy(update={"side": "x" * 50}), "left")

    assert f"{'x' * 32!r} is no side" in wrong.value.what
    assert wrong.value.action == "Name one of: either, left, right, none."
