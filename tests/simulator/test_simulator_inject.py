"""Faults injected while a unit runs: the same as those that were known from the beginning."""

from __future__ import annotations

import pytest

from device.events import Event, StepStarted
from physioctl.rehearsal.rehearse import rehearse
from physioctl.rehearsal.rig import Rig
from protocols.library import find
from simulator.faults import Fault, FaultKind, parse
from tests.cases import each

AT_MS = 5000


class Injecting:
    """Injects a fault when the first step begins."""

    def __init__(self, rig: Rig, fault: Fault) -> None:
        self._rig = rig
        self._fault = fault

    def on_event(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            self._rig.inject(self._fault)


@each(
    "text",
    [
        f"{kind}@{AT_MS}ms"
        for kind in FaultKind
        if kind not in (FaultKind.STALL, FaultKind.LOW_BATTERY)  # of the other family
    ],
)
def test_a_fault_injected_later_is_the_fault_known_from_the_beginning(text: str) -> None:
    known, injected = Rig("us111", seed=7, faults=[parse(text)]), Rig("us111", seed=7)

    first = rehearse(find("unit-check"), known)
    second = rehearse(find("unit-check"), injected, observers=[Injecting(injected, parse(text))])

    assert second == first
    assert injected.unit.changes == known.unit.changes


@each(("model", "text"), [("us111", "stall@1s"), ("ultragun", "lift_off@1s")])
def test_a_fault_of_the_other_family_is_not_injected(model: str, text: str) -> None:
    with pytest.raises(ValueError, match="cannot happen to a unit of"):
        Rig(model).inject(parse(text))


def test_a_fault_in_the_past_is_not_injected() -> None:
    rig = Rig()
    rig.wait(1000)

    with pytest.raises(ValueError, match="cannot begin at 999 ms: it is 1000 ms by now"):
        rig.inject(parse("restart@999ms"))
    rig.inject(parse("restart@1000ms"))


def test_a_cable_is_pulled_and_put_back_when_that_is_injected() -> None:
    rig = Rig()

    rig.inject(parse("cable_pulled@0s+1s"))
    rig.wait(1)

    assert rig.cable.pulled
    rig.wait(1000)
    assert not rig.cable.pulled
