"""The handshake with a unit: who it is, what it can do, and that its output is off."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from device.control.controller import Controller, Script
from device.dialects.base import Declare, Identify, Identity, Intent, Look, Report, UnitState
from device.errors import NoAnswer, SilenceNotProven, Stopped, WrongUnit
from device.events import Silence, UnitIdentified
from device.unit import Unit, known_unit

T = TypeVar("T")

PATIENCE_MS = 3000  # opening a port restarts many a unit
ASK_MS = 300  # between questions to one that has not spoken yet
_AT_REST = (UnitState.IDLE, UnitState.FAULT)  # nothing is armed, and nothing is left to go on


def identify(controller: Controller, patience_ms: int = PATIENCE_MS) -> Script[Identity]:
    """Ask who is there, and nothing else; raise `NoAnswer` when nobody says."""
    identity: Identity = yield from _ask(controller, Identify(), lambda: controller.identity, patience_ms)
    return identity


def greet(controller: Controller, patience_ms: int = PATIENCE_MS) -> Script[Unit]:
    """Find out who is on the cable, and see that its output is off and that it stands idle.

    Raise `NoAnswer` when nobody answers, `LinkLost`, `WrongUnit` when it may not be driven, `Stopped` when
    a person has asked to stop meanwhile, or `SilenceNotProven` when it will not be silent.
    """
    identity = yield from identify(controller, patience_ms)
    declared = yield from _ask(controller, Declare(), lambda: controller.declared, patience_ms)
    old = controller.report  # of a session before, perhaps: what counts is how the unit is now
    yield from _ask(
        controller,
        Look(),
        lambda: None if controller.report is old else controller.report,
        patience_ms,
    )
    report = yield from _hushed(controller)
    if report.nonce != identity.nonce:
        raise WrongUnit(
            f"the unit on {controller.port} restarted, or was exchanged, while it was asked who it is",
            "Check its supply and its cable, then start again.",
        )
    unit = known_unit(identity, declared)
    controller.open(unit)
    return unit


def identified(unit: Unit, at_ms: int) -> UnitIdentified:
    """Who the unit is, for the record."""
    identity = unit.identity
    return UnitIdentified(
        at_ms=at_ms,
        model=identity.model,
        serial=identity.serial,
        family=identity.family,
        firmware=identity.firmware,
        nonce=identity.nonce,
        calibrated=identity.calibrated,
    )


def _ask(
    controller: Controller, intent: Intent, answer: Callable[[], T | None], patience_ms: int
) -> Script[T]:
    """Ask until ``answer`` gives one."""
    give_up_ms = controller.now_ms + patience_ms
    while (answered := answer()) is None:
        yield from _heed(controller)
        if controller.lost:
            raise controller.lost
        if controller.now_ms >= give_up_ms:
            raise _nobody(controller)
        yield from controller.wait_for_line(give_up_ms)
        controller.say(intent)
        until_ms = min(give_up_ms, controller.now_ms + ASK_MS)
        while answer() is None and not _cut_short(controller) and controller.now_ms < until_ms:
            yield until_ms
    yield from _heed(controller)
    return answered


def _cut_short(controller: Controller) -> bool:
    return controller.halted or controller.lost is not None


def _heed(controller: Controller) -> Script[None]:
    """Go on with no handshake once a person has asked to stop."""
    if not controller.halted:
        return
    controller.stop()
    silence = yield from controller.settle()
    if silence is not Silence.PROVEN:
        raise SilenceNotProven(
            f"a stop was sent on {controller.port}, and the unit has not said that its output is off",
            "Switch the unit off now.",
        )
    raise Stopped("stopped by the operator before any output", "Start the session again when you are ready.")


def _hushed(controller: Controller) -> Script[Report]:
    """The report of the unit once its output is off, and nothing is left of what another host has begun.

    A stop ends output that a host has left behind, or that is in another's hand, whoever the unit is; and it
    brings a unit that is armed, or whose lease has run out, back to idle. A latched fault stays.
    """
    report = controller.report
    if controller.silence() is not Silence.PROVEN or report is None or report.state not in _AT_REST:
        controller.stop()
        silence = yield from controller.settle()
        if silence is not Silence.PROVEN:
            raise SilenceNotProven(
                f"the unit on {controller.port} has output that a stop did not end",
                "Switch the unit off now.",
            )
        report = controller.report
    yield from _heed(controller)
    if report is None or report.state not in _AT_REST:
        raise WrongUnit(
            f"the unit on {controller.port} has been stopped and is not idle", "Switch it off and on."
        )
    return report


def _nobody(controller: Controller) -> NoAnswer:
    if controller.heard_bytes:
        return NoAnswer(
            f"{controller.port} answers, but not in this dialect ({controller.heard_bytes} bytes of it)",
            "Check that this is the right port, and that nothing else is talking on it.",
        )
    return NoAnswer(
        f"nobody answers on {controller.port}",
        "Check that the unit is switched on and the cable is in, then see: physioctl ports",
    )
