"""The unit of a guided session: found, chosen, looked at, and put aside when it may not be used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from device.clock import SystemClock
from device.dialects.base import Identity
from device.errors import NoAnswer, UnitFaulted, UnitUnusable, WrongUnit
from device.link import Port
from physioctl.guided.unit import Ask, choose_unit, look_at
from physioctl.probing import Answering, who_answers
from physioctl.record.journal import Journal
from protocols.errors import Refused
from protocols.limits import Family
from tests.typist import Typist

SIM = "sim://us111"


@pytest.fixture
def journal() -> Iterator[Journal]:
    with Journal.in_memory(SystemClock()) as made:
        yield made


def answering(port: str, serial: str = "A-1") -> Answering:
    identity = Identity(
        driveable=True,
        version="1.0",
        family=Family.ULTRASOUND,
        model="US111",
        serial=serial,
        firmware="1.0",
        nonce=1,
        calibrated=None,
    )
    return Answering(port, "native", identity)


def ask_of(**serials: str) -> Ask:
    """Units on these ports, and nobody on any other."""

    def ask(port: str, dialect: str | None) -> Answering:
        if port in serials:
            return answering(port, serials[port])
        if port.startswith("sim://"):
            return who_answers(port, dialect)
        raise NoAnswer(f"nobody answers on {port}", "Switch it on.")

    return ask


def listed(*names: str) -> list[Port]:
    return [Port(name, "") for name in names]


def test_the_only_unit_is_taken_without_a_key() -> None:
    typist = Typist([])

    found = choose_unit(typist, listed=lambda: listed("a", "b"), ask=ask_of(b="B-1"))

    assert (found.port, typist.keys) == ("b", 0)
    assert "nobody answers on a" in typist.screen


def test_of_several_units_one_is_chosen_by_its_number() -> None:
    typist = Typist(["", "3", "2"])

    found = choose_unit(typist, listed=lambda: listed("a", "b"), ask=ask_of(a="A-1", b="B-1"))

    assert found.identity.serial == "B-1"
    assert "  1  US111 A-1, firmware 1.0, on a" in typist.screen


def test_where_no_unit_answers_enter_looks_again() -> None:
    plugged_in = iter([[], listed("a")])

    found = choose_unit(Typist([""]), listed=lambda: next(plugged_in), ask=ask_of(a="A-1"))

    assert found.port == "a"


def test_where_no_unit_answers_it_says_what_to_do_and_offers_one_made_of_software() -> None:
    typist = Typist(["3"])

    found = choose_unit(typist, listed=list, ask=ask_of())

    assert "Plug it in, switch it on" in typist.screen
    assert (found.identity.model, found.port) == ("US111", f"{SIM}?serial={found.identity.serial}")


def test_a_port_that_is_named_is_the_only_one_asked() -> None:
    typist = Typist([])

    assert choose_unit(typist, port="a", ask=ask_of(a="A-1")).port == "a"
    with pytest.raises(UnitUnusable, match="nobody answers on b"):
        choose_unit(typist, port="b", ask=ask_of(a="A-1"))
    assert typist.screen == ""


@pytest.mark.parametrize("port", [SIM, f"{SIM}?seed=7", f"{SIM}?serial=SIM-US-0001"])
def test_a_simulated_unit_is_the_same_one_when_its_port_is_opened_again(port: str) -> None:
    found = choose_unit(Typist([]), port=port)

    assert who_answers(found.port).identity.serial == found.identity.serial


def test_a_unit_that_may_be_driven_is_ready(journal: Journal) -> None:
    ready = look_at(choose_unit(Typist([]), port=SIM), journal)

    assert (ready.unit.model.id, ready.simulated, ready.settled) == ("us111", True, ())


@pytest.mark.hazard("H-13")
def test_a_unit_that_was_exchanged_since_it_answered_is_refused(journal: Journal) -> None:
    with pytest.raises(WrongUnit, match="is SIM-US-0001 now, and it was A-1"):
        look_at(answering(f"{SIM}?serial=SIM-US-0001"), journal)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("brown_out@0s", UnitFaulted, "the unit has latched"),
        ("future_calibration@0s=20000", Refused, "calibrated"),
    ],
)
def test_a_unit_that_may_not_be_used_is_refused_before_anybody_is_asked(
    journal: Journal, fault: str, error: type[Exception], said: str
) -> None:
    found = who_answers(f"{SIM}?serial=SIM-US-0001&fault={fault}")

    with pytest.raises(error, match=said):
        look_at(found, journal)
