"""The unit of a guided session: found, chosen, looked at, and put aside when it may not be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from device.clock import SystemClock
from device.errors import UnitFaulted, UnitUnusable, WrongUnit
from device.link import Port
from physioctl.guided.unit import choose_unit, look_at
from physioctl.record.history import session
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from physioctl.unit_search import Found, ask
from protocols.errors import Refused
from protocols.library import find
from tests.typist import Typist

SIM = "sim://us111"
A = f"{SIM}?serial=A-1"
B = "sim://ultragun?serial=B-2"
DEAF = f"{SIM}?fault=half_open@0s%2B1h=1"


@pytest.fixture
def journal() -> Iterator[Journal]:
    with Journal.in_memory(SystemClock()) as made:
        yield made


def unit_chosen(*arguments: Any, **options: Any) -> Found:
    found = choose_unit(*arguments, **options)
    assert found is not None
    return found


def listing(*names: str) -> Callable[[], Iterable[Port]]:
    return lambda: [Port(name, "") for name in names]


def test_the_only_unit_is_taken_without_a_key() -> None:
    typist = Typist([])

    found = unit_chosen(typist, listed=listing("/nowhere/tty", A))

    assert (found.port, typist.keys) == (A, 0)


def test_of_several_units_one_is_chosen_by_its_number() -> None:
    typist = Typist(["", "3", "1"])

    found = unit_chosen(typist, listed=listing(A, B))

    assert found.port == B  # in the order of the ports' names
    assert f"  2  {A}  US111 A-1, firmware " in typist.screen


def test_where_no_unit_answers_enter_looks_again() -> None:
    plugged_in = iter([[], [Port(A, "")]])

    found = unit_chosen(Typist([""]), listed=lambda: next(plugged_in))

    assert found.port == A


def test_where_no_unit_answers_it_says_what_to_do_and_offers_one_made_of_software() -> None:
    typist = Typist(["3"])

    found = unit_chosen(typist, listed=listing("/nowhere/tty"))

    assert "there is no port /nowhere/tty" in typist.screen
    assert "Plug it in, switch it on" in typist.screen
    assert found.identity is not None
    assert (found.identity.model, found.port) == ("US111", f"{SIM}?serial={found.identity.serial}")


def test_a_port_that_is_named_is_the_only_one_asked() -> None:
    typist = Typist([])

    assert unit_chosen(typist, A, listed=listing(B)).port == A
    with pytest.raises(UnitUnusable, match="nobody answers"):
        unit_chosen(typist, DEAF, listed=listing(B))
    assert typist.screen == ""


@pytest.mark.parametrize("port", [SIM, f"{SIM}?seed=7", A])
def test_a_simulated_unit_is_the_same_one_when_its_port_is_opened_again(port: str) -> None:
    found = unit_chosen(Typist([]), port)
    again = ask(found.port)

    assert found.identity is not None
    assert again.identity is not None
    assert again.identity.serial == found.identity.serial


def test_a_unit_that_may_be_driven_is_ready(journal: Journal) -> None:
    ready = look_at(unit_chosen(Typist([]), SIM), journal)

    assert (ready.unit.model.id, ready.simulated, ready.settled) == ("us111", True, ())


@pytest.mark.hazard("H-13")
def test_a_unit_that_was_exchanged_since_it_answered_is_refused(journal: Journal) -> None:
    with pytest.raises(WrongUnit, match="is A-1 now, and it was A-2"):
        look_at(replace(ask(f"{SIM}?serial=A-2"), port=A), journal)


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
    found = ask(f"{SIM}?serial=SIM-US-0001&fault={fault}")

    with pytest.raises(error, match=said):
        look_at(found, journal)


@pytest.mark.parametrize("typed", ["g", "G"])
def test_where_no_unit_answers_guidance_alone_can_be_chosen(typed: str) -> None:
    typist = Typist(["4", typed])

    assert choose_unit(typist, listed=listing()) is None
    assert "Type one of: Enter, g, 1, 2, 3." in typist.screen


@pytest.mark.hazard("H-20")
def test_a_session_that_had_broken_off_on_the_unit_is_settled(journal: Journal) -> None:
    ended = Rig(serial="A-1")
    with Journal.in_memory(ended.clock) as other:
        run_session(Request(find("unit-check")), ended.driver, other)
        begun = session(other).entries[0]
    journal.append(begun.session, begun.event(), journal.clock.utc() - timedelta(hours=1))

    (settled,) = look_at(ask(A), journal).settled

    assert (settled.session, settled.delivered_ms) == (begun.session, 0)
