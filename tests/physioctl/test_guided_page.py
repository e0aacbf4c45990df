"""The page that says what will happen."""

from __future__ import annotations

import pytest

from device.control.handshake import perform_handshake
from physioctl.admission import allowed
from physioctl.guided.page import guidance_page, page
from physioctl.guided.terminal import wrapped
from physioctl.guided.unit import Ready
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import Rig, speaking
from physioctl.runner import Request
from protocols.library import bundled, find
from protocols.limits import Family
from tests.cases import each
from tests.support import CountedLink

CALF = find("calf-tightness-ultrasound")


def page_of(id_: str = CALF.id, model: str = "us111", *, simulated: bool = False) -> str:
    rig = Rig(model, link=CountedLink)
    unit = rig.driver.run(perform_handshake(rig.controller))
    protocol = find(id_)
    side = "left" if protocol.side == "either" else None
    request = Request(protocol, side, "p-017")
    ready = Ready("/dev/ttyUSB0", "native", unit, simulated, ())
    with Journal.in_memory(rig.clock) as journal:
        plan = allowed(request, unit, journal, simulated=simulated).plan
    return "\n".join(page(request, plan, ready))


def test_the_page_names_unit_person_site_dose_and_what_limits_it() -> None:
    shown = page_of()

    for said in (
        "unit       US111 SIM-US-0000 on /dev/ttyUSB0, firmware ",
        ", calibrated 2025",
        "assumed",
        f"protocol   {CALF.title} (calf-tightness-ultrasound, {CALF.content_hash[:12]})",
        "for        p-017: left calf",
        "dose       10:00 of output, 980 J, in 13:30",
        "limit      delivered time of the session 10:00 of at most 10:00 (protocol: ",
        "day        30:00 left for this site today (the journal: 0 min on this site in the last 24 hours)",
    ):
        assert said in shown
    assert "SIMULATED" not in shown


def test_the_steps_stand_with_their_times_and_a_cycle_stands_once() -> None:
    lines = page_of().split("\n")
    first = lines.index("  steps      at, for, what") + 1

    steps = lines[first : lines.index(next(line for line in lines if "  dose" in line))]
    assert [line.split(maxsplit=3)[:3] for line in steps] == [
        ["0:00", "1:00", "guide:"], ["1:00", "2:00", "emit"], ["3:00", "8:00", "emit"],
        ["11:00", "0:30", "guide:"], ["11:30", "3", "times:"], ["0:30", "guide:", "Step"], ["0:10", "rest"],
    ]  # fmt: skip


@pytest.mark.hazard("H-23")
def test_a_simulated_unit_is_named_as_such() -> None:
    assert "SIMULATED  This unit is made of software: nobody is treated" in page_of(simulated=True)


@pytest.mark.hazard("H-23")
def test_what_the_unit_cannot_promise_stands_on_the_page() -> None:
    spoken = speaking("modbus", "timer")
    rig = Rig("ultragun", unit=spoken.unit, dialect=spoken.dialect, link=CountedLink)
    unit = rig.driver.run(perform_handshake(rig.controller))
    request = Request(find("calf-tightness-percussion"), "left", "p-017")
    with Journal.in_memory(rig.clock) as journal:
        plan = allowed(request, unit, journal, simulated=False).plan

    shown = "\n".join(page(request, plan, Ready("a port", "modbus", unit, False, ())))

    assert "no promise " in shown
    assert unit.policy.told in shown


def test_guidance_alone_has_a_page_without_a_unit() -> None:
    request = Request(find("night-calf-cramp-prevention"), "left", None)

    shown = "\n".join(guidance_page(request))

    for said in ("unit       none: guidance alone", "for        nobody named: left calf", "in all     5:00"):
        assert said in shown


@each("columns", [40, 80, 120])
@each("id_", bundled())
def test_the_page_of_every_protocol_fits_a_terminal_of_any_width(id_: str, columns: int) -> None:
    model = "ultragun" if find(id_).family is Family.PERCUSSION else "us111"

    for line in page_of(id_, model).split("\n"):
        shown = wrapped(line, columns)

        assert shown.split() == line.split()
        assert all(len(each) <= columns or len(each.split()) == 1 for each in shown.split("\n"))
