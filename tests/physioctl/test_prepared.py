"""What can be known before anybody is asked: that a request is allowed, and that the unit is the same."""

from __future__ import annotations

import pytest

from device.clock import VirtualClock
from device.control.handshake import perform_handshake
from device.errors import WrongUnit
from device.unit import Unit
from physioctl.admission import allowed
from physioctl.record.history import sessions
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from physioctl.screening import Answers
from protocols.errors import Refused
from protocols.library import find
from protocols.limits import Layer
from tests.support import CountedLink, screened

CALF = find("calf-tightness-percussion")
UNASKED = Request(CALF, "left", "P-017", Answers())  # whoever is to be treated has not been asked yet
ANSWERED = Request(CALF, "left", "P-017", screened(CALF))


def gun(clock: VirtualClock | None = None) -> Rig:
    return Rig("ultragun", clock=clock, link=CountedLink)


def unit_of(rig: Rig) -> Unit:
    return rig.driver.run(perform_handshake(rig.controller))


def test_what_is_allowed_is_known_before_anybody_is_asked_and_nothing_is_written() -> None:
    rig = gun()
    with Journal.in_memory(rig.clock) as journal:
        found = allowed(UNASKED, unit_of(rig), journal, simulated=False)

        assert sessions(journal) == ()
    assert found.plan.delivered_ms == 120_000
    assert [bound.layer for bound in found.admission.bounds] == [Layer.PERSON]


@pytest.mark.hazard("H-02")
def test_a_day_that_is_full_is_refused_before_anybody_is_asked() -> None:
    rig = gun()
    with Journal.in_memory(rig.clock) as journal:
        for _ in range(2):
            run_session(ANSWERED, gun(VirtualClock(rig.clock.utc())).driver, journal)

        with pytest.raises(Refused, match="this site has had 2 percussion sessions") as refused:
            allowed(UNASKED, unit_of(rig), journal, simulated=False)

    assert "The site is free again at" in refused.value.action


@pytest.mark.hazard("H-13")
def test_a_unit_that_was_exchanged_since_it_was_looked_at_is_refused() -> None:
    rig = gun()
    serial = unit_of(gun()).identity.serial  # of a unit made the same way
    other = Request(CALF, "left", "P-017", screened(CALF), serial=f"{serial}-B")

    with Journal.in_memory(rig.clock) as journal:
        with pytest.raises(WrongUnit, match=f"is {serial} now, and it was {serial}-B"):
            run_session(other, rig.driver, journal)

        assert sessions(journal) == ()
    assert rig.unit.changes == []


def test_the_unit_that_was_looked_at_is_driven() -> None:
    rig = gun()
    same = Request(CALF, "left", "P-017", screened(CALF), serial=unit_of(gun()).identity.serial)

    with Journal.in_memory(rig.clock) as journal:
        run_session(same, rig.driver, journal)

    assert rig.unit.changes
