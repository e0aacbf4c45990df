"""A unit of a model that nobody here knows: driven low, once a person has confirmed it, and else refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from device.control.admission import Admission
from device.control.allowed import allow
from device.control.handshake import perform_handshake
from device.dialects.base import HostLoss
from device.dialects.modbus import Modbus
from device.errors import GuardRefused, WrongUnit
from device.models import UnknownModel
from device.unit import known_unit
from physioctl import __version__
from physioctl.events import SessionStarted, UnitLimitations
from physioctl.generic_unit import told_of_generic
from physioctl.record.codec import from_json, to_json
from physioctl.record.journal import Journal
from physioctl.rehearsal.rig import Rig
from physioctl.runner import Request, run_session
from protocols.errors import Refused
from protocols.library import find
from protocols.limits import Family, Layer, Limits, Quantity
from protocols.model import Protocol
from simulator.modbus_unit import ModbusUnit
from simulator.nameplate import Nameplate
from simulator.unit import SimulatedUnit
from tests.device.parts import DECLARED, IDENTITY
from tests.support import CountedLink, Ledger

CHECK = find("unit-check")
STRANGE = replace(IDENTITY, model="SonoFine 3")


class Strange(SimulatedUnit):
    """A strong unit of another maker that speaks the native dialect."""

    changed: ClassVar[dict[str, Any]] = {}

    def _nameplate(self, model: str) -> Nameplate:
        plate = replace(super()._nameplate(model), name="SonoFine 3", level_max=2500, average_max=2500)
        return replace(plate, **self.changed)


class LargeHead(Strange):
    changed: ClassVar[dict[str, Any]] = {"area_mm2": 401}


class SmallHead(Strange):
    changed: ClassVar[dict[str, Any]] = {"area_mm2": 99}


class NoContact(Strange):
    def _nameplate(self, model: str) -> Nameplate:
        plate = super()._nameplate(model)
        return replace(plate, sensors=plate.sensors & ~type(plate.sensors).CONTACT)


class LateTrip(Strange):
    changed: ClassVar[dict[str, Any]] = {"head_trip_ddeg_c": 440}


class Nameless(Strange):
    changed: ClassVar[dict[str, Any]] = {"name": " "}


class StrangeModbus(ModbusUnit):
    def _nameplate(self, model: str) -> Nameplate:
        return replace(super()._nameplate(model), name="SonoFine 3")


def high(protocol: Protocol, intensity_mw_cm2: int) -> Protocol:
    """``protocol`` at another level, without limits of its own."""
    (step,) = protocol.steps
    changed = step.model_copy(
        update={
            "emit": step.emit.model_copy(  # type: ignore[union-attr]  # it is an emission
                update={"intensity_mw_cm2": intensity_mw_cm2, "duty_pct": 20, "pulse_hz": 100}
            )
        }
    )
    limits = protocol.limits.model_copy(update={"intensity": None})
    return protocol.model_copy(update={"steps": (changed,), "limits": limits})


def run(
    rig: Rig, confirm: Callable[[str], bool] | None, *, attended: bool = True, protocol: Protocol = CHECK
) -> Ledger:
    ledger = Ledger()
    request = replace(Request.on_nobody(protocol, attended=attended), confirm_generic=confirm)
    with Journal.in_memory(rig.clock) as journal:
        run_session(request, rig.driver, journal, [ledger])
    return ledger


@pytest.mark.hazard("H-13")
def test_a_unit_of_an_unknown_model_is_driven_once_a_person_has_been_told_and_has_confirmed_it() -> None:
    told: list[str] = []
    rig = Rig(unit=Strange)

    def confirm(what: str) -> bool:
        told.append(what)
        assert rig.unit.changes == []
        return True

    ledger = run(rig, confirm)

    assert told == [
        "the unit calls itself 'SonoFine 3', and no nameplate of that model is known here: it is driven "
        "under the generic ultrasound one, within what it declares itself, and at most 1.06 W/cm²"
    ]
    (started,) = (event for event in ledger.events if isinstance(event, SessionStarted))
    (said,) = (event for event in ledger.events if isinstance(event, UnitLimitations))
    assert (started.model, started.nameplate, started.assumed) == ("SonoFine 3", "generic_ultrasound", True)
    assert (started.nameplate_distribution, len(started.nameplate_hash)) == ("physioctl", 64)
    assert said.limitations == tuple(told)
    assert rig.unit.delivered_ms == 10_000
    assert rig.unit.breaches == []


def test_a_record_made_before_nameplates_were_kept_is_read_and_names_none() -> None:
    (started,) = (e for e in run(Rig(), None).events if isinstance(e, SessionStarted))
    said = to_json(started)
    older = {key: value for key, value in said.items() if not key.startswith("nameplate")}

    assert len(said) - len(older) == 4
    assert (started.nameplate, started.nameplate_version) == ("us111", __version__)
    assert from_json(older) == replace(
        started, nameplate="", nameplate_distribution="", nameplate_version="", nameplate_hash=""
    )


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    ("confirm", "attended", "error"),
    [
        (None, True, WrongUnit),  # nobody can be asked
        (None, False, WrongUnit),
        (lambda _: False, True, Refused),
        (lambda _: True, False, Refused),  # and nobody is there
    ],
)
def test_a_unit_of_an_unknown_model_is_refused_unless_a_person_who_is_there_confirms_it(
    confirm: Callable[[str], bool] | None, attended: bool, error: type[Exception]
) -> None:
    rig = Rig(unit=Strange)

    with pytest.raises(error, match="SonoFine 3"):
        run(rig, confirm, attended=attended)

    assert (rig.unit.changes, rig.unit.breaches) == ([], [])


@pytest.mark.hazard("H-13")
def test_a_rehearsals_confirmation_is_none_on_a_unit_that_is_not_simulated() -> None:
    rig = Rig(unit=Strange, link=CountedLink)

    with pytest.raises(Refused, match="nobody can be asked"):
        run(rig, lambda _: True)

    assert rig.unit.changes == []


@pytest.mark.hazard("H-04")
def test_what_the_unit_could_give_and_the_generic_nameplate_does_not_allow_is_refused() -> None:
    ended, refused = Rig(unit=Strange), Rig(unit=Strange)

    run(ended, lambda _: True, protocol=high(CHECK, 1060))
    with pytest.raises(Refused, match=r"1.061 W/cm² is outside the model's bound"):
        run(refused, lambda _: True, protocol=high(CHECK, 1061))

    assert max(change.output for change in ended.unit.changes) == 1060
    assert refused.unit.changes == []


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    ("unit", "said"),
    [
        (LargeHead, "area_mm2 is 401, and not 100 to 400"),
        (SmallHead, "area_mm2 is 99, and not 100 to 400"),
        (NoContact, "it declares no contact sensor"),
        (LateTrip, "head_trip_ddeg_c is 440, and not 380 to 430"),
        (Nameless, "which no model here does"),
    ],
)
def test_a_unit_that_lacks_what_the_generic_nameplate_needs_is_not_driven(
    unit: type[Strange], said: str
) -> None:
    rig = Rig(unit=unit)

    with pytest.raises(WrongUnit, match=said):
        run(rig, lambda _: True)

    assert rig.unit.changes == []


@pytest.mark.hazard("H-13")
def test_an_unknown_model_is_driven_in_the_native_dialect_only() -> None:
    rig = Rig(unit=StrangeModbus, dialect=Modbus)

    with pytest.raises(UnknownModel, match="SonoFine 3"):
        run(rig, lambda _: True)

    assert rig.unit.changes == []


@pytest.mark.hazard("H-13")
@pytest.mark.parametrize(
    ("declared", "dialect", "allow_generic"),
    [
        (DECLARED, "native", False),
        (DECLARED, "modbus", True),
        (DECLARED, "theirs", True),
        (replace(DECLARED, host_loss=HostLoss.OWN_TIMER), "native", True),
        (replace(DECLARED, host_loss=HostLoss.NONE), "native", True),
        (replace(DECLARED, holds_limits=False), "native", True),
    ],
)
def test_an_unknown_model_needs_a_lease_limits_of_its_own_and_a_person(
    declared: Any, dialect: str, allow_generic: bool
) -> None:
    assert known_unit(STRANGE, DECLARED, dialect="native", allow_generic=True).model.is_generic
    with pytest.raises(UnknownModel):
        known_unit(STRANGE, declared, dialect=dialect, allow_generic=allow_generic)


def test_of_a_known_model_nothing_is_asked() -> None:
    unit = known_unit(IDENTITY, DECLARED, dialect="native", allow_generic=True)

    assert not unit.model.is_generic
    assert told_of_generic(unit) == ""


@pytest.mark.hazard("H-04")
def test_the_guard_has_the_generic_bounds_only_where_the_admission_says_that_it_was_confirmed() -> None:
    admission = Admission(CHECK.canonical_text(), CHECK.content_hash, side="none")

    with pytest.raises(GuardRefused, match="no nameplate of a unit called 'SonoFine 3'"):
        allow(STRANGE, DECLARED, admission)
    confirmed = Limits(allow(STRANGE, DECLARED, replace(admission, generic=True)).bounds)
    known = Limits(allow(IDENTITY, DECLARED, replace(admission, generic=True)).bounds)

    (generic,) = (b for b in confirmed.of(Quantity.INTENSITY_MW_CM2) if b.layer is Layer.MODEL)
    (own,) = (b for b in known.of(Quantity.INTENSITY_MW_CM2) if b.layer is Layer.MODEL)
    assert (generic.at_least, generic.at_most) == (None, 1060)
    assert (own.at_least, own.at_most) == (290, 1060)  # a known model's own, whatever was confirmed


def test_a_massage_gun_of_an_unknown_model_is_held_to_the_slower_of_ours() -> None:
    gun = replace(STRANGE, family=Family.PERCUSSION)

    unit = known_unit(gun, replace(DECLARED, area_mm2=None), dialect="native", allow_generic=True)

    assert Limits(unit.bounds).at_most(Quantity.SPEED_PER_MIN) == 2400


def test_faults_of_an_unknown_model_can_be_cleared_where_it_is_given_no_output() -> None:
    rig = Rig(unit=Strange)

    unit = rig.driver.run(perform_handshake(rig.controller, allow_generic=True))

    assert unit.model.is_generic
