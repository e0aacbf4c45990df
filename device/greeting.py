"""Getting to know a unit: who it is, what it can do, and that its output is off."""

from __future__ import annotations

from collections.abc import Callable

from device.controller import Controller
from device.dialect import Declare, Identify, Identity, Intent, Look
from device.errors import NoAnswer
from device.events import UnitIdentified
from device.unit import Unit, known_unit

PATIENCE_MS = 3000  # opening a port restarts many a unit
ASK_MS = 300  # between questions to one that has not spoken yet


def identify(controller: Controller, patience_ms: int = PATIENCE_MS) -> Identity:
    """Ask who is there, and nothing else; raise `NoAnswer` when nobody says."""
    _ask(controller, Identify(), lambda: controller.identity is not None, patience_ms)
    assert controller.identity is not None
    return controller.identity


def greet(controller: Controller, patience_ms: int = PATIENCE_MS) -> Unit:
    """Find out who is on the cable, and see that its output is off.

    Raise `NoAnswer` when nobody answers, `LinkLost`, or `WrongUnit` when it may not be driven.
    """
    identity = identify(controller, patience_ms)
    _ask(controller, Declare(), lambda: controller.declared is not None, patience_ms)
    _ask(controller, Look(), lambda: controller.report is not None, patience_ms)
    assert controller.declared is not None
    unit = known_unit(identity, controller.declared)
    controller.open(unit)
    controller.tell(
        UnitIdentified(
            at_ms=controller.clock.now_ms(),
            model=identity.model,
            serial=identity.serial,
            family=identity.family,
            firmware=identity.firmware,
            nonce=identity.nonce,
            calibrated=identity.calibrated,
        )
    )
    return unit


def _ask(controller: Controller, intent: Intent, answered: Callable[[], bool], patience_ms: int) -> None:
    give_up_ms = controller.clock.now_ms() + patience_ms
    while not answered():
        now_ms = controller.clock.now_ms()
        if controller.lost:
            raise controller.lost
        if now_ms >= give_up_ms:
            raise _nobody(controller)
        controller.say(intent)
        until_ms = min(give_up_ms, now_ms + ASK_MS)
        while not answered() and not controller.lost and controller.clock.now_ms() < until_ms:
            controller.turn(until_ms)


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
