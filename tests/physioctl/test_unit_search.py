"""Which units answer, and which one is meant where no port is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from device.link import Port
from physioctl.cli.way import way
from physioctl.errors import PortNotChosen
from physioctl.unit_search import answering, search

A = "sim://us111?serial=A-1"
B = "sim://ultragun?serial=B-2"
MODBUS = "sim://us111?dialect=modbus&serial=M-3"
DEAF = "sim://us111?fault=half_open@0s%2B1h=1"


def listing(*names: str) -> Callable[[], Iterable[Port]]:
    return lambda: [Port(name, "") for name in names]


def test_every_port_is_asked_and_says_who_answers_or_why_nobody_does() -> None:
    found = {each.port: each for each in search(listed=listing(A, DEAF, MODBUS))}

    assert [str(found[port]) for port in (A, MODBUS)] == [
        f"{A}  US111 A-1, firmware 1.4.2, native",
        f"{MODBUS}  US111 M-3, firmware 1.4.2, modbus",
    ]
    assert found[DEAF].identity is None
    assert "nobody answers" in found[DEAF].why
    assert len(answering(tuple(found.values()))) == 2


def test_a_port_that_cannot_be_asked_hides_no_other() -> None:
    found = {each.port: each for each in search(listed=listing("/nowhere/tty", A))}

    assert found["/nowhere/tty"].why == "there is no port /nowhere/tty"
    assert found[A].identity is not None


def test_the_only_port_with_a_unit_is_taken_in_the_dialect_in_which_it_answers() -> None:
    to = way(None, None, listed=listing(DEAF, MODBUS))

    assert (to.port, to.dialect, to.unit) == (MODBUS, "modbus", "US111 M-3")


def test_a_named_port_is_taken_and_no_other_is_asked() -> None:
    def nobody_asks() -> Iterable[Port]:
        raise AssertionError("the ports were listed")

    assert way("COM4", None, listed=nobody_asks).port == "COM4"


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ((), ("no serial port",)),
        ((DEAF, "/nowhere/tty"), (DEAF, "nobody answers", "/nowhere/tty", "there is no port")),
        ((A, B), ("2 units answer", A, "US111 A-1", B, "UltraGun B-2")),
    ],
)
def test_with_none_or_several_nothing_is_taken_and_what_was_found_is_listed(
    ports: Sequence[str], words: Sequence[str]
) -> None:
    with pytest.raises(PortNotChosen) as refused:
        way(None, None, listed=listing(*ports))

    for word in words:
        assert word in refused.value.what
    assert "--port" in refused.value.action


def test_of_several_a_person_says_which() -> None:
    asked: list[Sequence[str]] = []

    def the_second(_text: str, choices: Sequence[str]) -> str:
        asked.append(choices)
        return choices[1]

    to = way(None, None, choose=the_second, listed=listing(A, B))

    assert asked == [["1", "2"]]
    assert to.port == max(A, B)


def test_of_one_nobody_is_asked_which() -> None:
    def nobody(_text: str, _choices: Sequence[str]) -> str:
        raise AssertionError("somebody was asked")

    assert way(None, None, choose=nobody, listed=listing(A, DEAF)).port == A
