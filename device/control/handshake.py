"""Getting to know a unit: who it is, what it can do, and that its output is off."""

from __future__ import annotations

from collections.abc import Callable

from device.control.controller import Controller
from device.dialects.base import Declare, Identify, Identity, Intent, Look, Report, UnitState
from device.errors import NoAnswer, SilenceNotProven, Stopped, WrongUnit
from device.events import Silence, UnitIdentified
from device.unit import Unit, known_unit

PATIENCE_MS = 3000  # opening a port restarts many a unit
ASK_MS = 300  # between questions to one that has not spoken yet
_AT_REST = (UnitState.IDLE, UnitState.FAULT)  # nothing is armed, and nothing is left to go on


def identify(controller: Controller, patience_ms: int = PATIENCE_MS) -> Identity:
    """Ask who is there, and nothing else; raise `NoAnswer` when nobody says."""
    _ask(controller, Identify(), lambda: controller.identity is not None, patience_ms)
    if controller.identity is None:
        raise _nobody(controller)
    return controller.identity


def greet(controller: Controller, patience_ms: int = PATIENCE_MS) -> Unit:
    """Find out who is on the cable, and see that its output is off and that it stands idle.

    Raise `NoAnswer` when nobody answers, `LinkLost`, `WrongUnit` when it may not be driven, `Stopped` when
    a person has asked to stop meanwhile, or `SilenceNotProven` when it will not be silent.
    """
    identity = identify(controller, patience_ms)
    _ask(controller, Declare(), lambda: controller.declared is not None, patience_ms)
    old = controller.report  # of a session before, perhaps: what counts is how the unit is now
    _ask(controller, Look(), lambda: controller.report is not old, patience_ms)
    report = _hushed(controller)
    declared = controller.declared
    if declared is None or report.nonce != identity.nonce:
        raise WrongUnit(
            f"the unit on {controller.link.name} restarted, or was exchanged, while it was asked who it is",
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


def _ask(controller: Controller, intent: Intent, answered: Callable[[], bool], patience_ms: int) -> None:
    give_up_ms = controller.clock.now_ms() + patience_ms
    while not answered():
        now_ms = controller.clock.now_ms()
        _heed(controller)
        if controller.lost:
            raise controller.lost
        if now_ms >= give_up_ms:
            raise _nobody(controller)
        controller.say(intent)
        until_ms = min(give_up_ms, now_ms + ASK_MS)
        while not _settled(controller, answered) and controller.clock.now_ms() < until_ms:
            controller.turn(until_ms)
    _heed(controller)


def _settled(controller: Controller, answered: Callable[[], bool]) -> bool:
    return answered() or controller.halted or controller.lost is not None


def _heed(controller: Controller) -> None:
    """Greet no further once a person has asked to stop."""
    if not controller.halted:
        return
    controller.stop()
    silence = controller.settle()
    if silence is not Silence.PROVEN:
        raise SilenceNotProven(
            f"a stop was sent on {controller.link.name}, and the unit has not said that its output is off",
            "Switch the unit off now.",
        )
    raise Stopped("stopped by the operator before any output", "Start the session again when you are ready.")


def _hushed(controller: Controller) -> Report:
    """The report of the unit once its output is off, and nothing is left of what another host has begun.

    A stop ends output that a host has left behind, or that is in another's hand, whoever the unit is; and it
    brings a unit that is armed, or whose lease has run out, back to idle. A latched fault stays.
    """
    report = controller.report
    if controller.silence() is not Silence.PROVEN or report is None or report.state not in _AT_REST:
        controller.stop()
        if controller.settle() is not Silence.PROVEN:
            raise SilenceNotProven(
                f"the unit on {controller.link.name} has output that a stop did not end",
                "Switch the unit off now.",
            )
        report = controller.report
    _heed(controller)
    if report is None or report.state not in _AT_REST:
        raise WrongUnit(
            f"the unit on {controller.link.name} has been stopped and is not idle", "Switch it off and on."
        )
    return report


def _nobody(controller: Controller) -> NoAnswer:
    if controller.heard_bytes:
        return NoAnswer(
            f"{controller.link.name} answers, but not in this dialect ({controller.heard_bytes} bytes of it)",
            "Check that this is the right port, and that nothing else is talking on it.",
        )
    return NoAnswer(
        f"nobody answers on {controller.link.name}",
        "Check that the unit is switched on and the cable is in, then see: physioctl ports",
    )
