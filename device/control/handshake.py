"""The handshake with a unit: its identity, its capabilities, and that its output is off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from device.control.controller import Controller, Script
from device.dialects.base import (
    Capabilities,
    GetCapabilities,
    GetStatus,
    Identify,
    Identity,
    Intent,
    Status,
    UnitState,
)
from device.errors import NoAnswer, OutputNotConfirmedOff, Stopped, WrongUnit
from device.events import OffConfirmation, UnitIdentified
from device.unit import Unit, known_unit

T = TypeVar("T")

PATIENCE_MS = 3000  # opening the port restarts some units
ASK_MS = 300  # between requests to a unit that has not answered yet
_AT_REST = (UnitState.IDLE, UnitState.FAULT)  # nothing is armed


def identify(controller: Controller, patience_ms: int = PATIENCE_MS) -> Script[Identity]:
    """Request the unit's identity only; raise `NoAnswer` when there is no answer."""
    reports = controller.reports
    identity: Identity = yield from _ask(controller, Identify(), lambda: reports.identity, patience_ms)
    return identity


def look_for(controller: Controller, patience_ms: int = PATIENCE_MS) -> Script[Identity]:
    """As `identify`, for a program that only wants to know who is there, perhaps in the wrong dialect.

    A stop that is asked for before anybody has answered is sent once, and not repeated: raise
    `OutputNotConfirmedOff` at once, so that whoever asked for it has the line to itself.
    """
    reports = controller.reports
    identity: Identity = yield from _ask(
        controller, Identify(), lambda: reports.identity, patience_ms, _leave_if_asked
    )
    return identity


def listen(controller: Controller, for_ms: int) -> Script[int]:
    """Send nothing for ``for_ms``, and return how many bytes came.

    Raise as `look_for` when a person has asked to stop, and `LinkLost`.
    """
    until_ms = controller.now_ms + for_ms
    while controller.now_ms < until_ms and not _cut_short(controller):
        yield until_ms
    yield from _leave_if_asked(controller)
    if controller.lost:
        raise controller.lost
    return controller.heard_bytes


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a unit says of itself."""

    identity: Identity
    declared: Capabilities
    status: Status


def inspect(controller: Controller, patience_ms: int = PATIENCE_MS) -> Script[Inspected]:
    """Request the unit's identity, capabilities and status.

    Nothing in the unit changes by that, and output that runs goes on. Raise `NoAnswer` when there is
    no answer to one of them.
    """
    reports = controller.reports
    identity = yield from identify(controller, patience_ms)
    declared = yield from _ask(controller, GetCapabilities(), lambda: reports.declared, patience_ms)
    old = controller.status  # it may be from before: a new status is required
    status = yield from _ask(
        controller,
        GetStatus(),
        lambda: None if controller.status is old else controller.status,
        patience_ms,
    )
    return Inspected(identity, declared, status)


def perform_handshake(
    controller: Controller, patience_ms: int = PATIENCE_MS, *, allow_generic: bool = False
) -> Script[Unit]:
    """Identify the unit on the cable, and bring it to idle with its output off.

    ``allow_generic``: a unit of a model that is not known may be taken under a generic nameplate, for a
    person to confirm, or where it is given no output.
    Raise `NoAnswer` when there is no answer, `LinkLost`, `WrongUnit` when the unit may not be driven,
    `Stopped` when a person has asked to stop meanwhile, or `OutputNotConfirmedOff` when its output stays
    on.
    """
    said = yield from inspect(controller, patience_ms)
    status = yield from _status_once_off(controller)
    if status.nonce != said.identity.nonce:
        raise WrongUnit(
            f"the unit on {controller.port} restarted, or was exchanged, while it was asked who it is",
            "Check its supply and its cable, then start again.",
        )
    dialect = controller.requests.dialect.name
    unit = known_unit(said.identity, said.declared, dialect=dialect, allow_generic=allow_generic)
    controller.open(unit)
    return unit


def identified(unit: Unit, at_ms: int) -> UnitIdentified:
    """The event that records the unit's identity."""
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
    controller: Controller,
    intent: Intent,
    answer: Callable[[], T | None],
    patience_ms: int,
    if_stopped: Callable[[Controller], Script[None]] | None = None,
) -> Script[T]:
    """Repeat a request until ``answer`` returns something. ``if_stopped``: see `look_for`."""
    give_up_ms = controller.now_ms + patience_ms
    while (answered := answer()) is None:
        yield from (if_stopped or _stop_if_asked)(controller)
        if controller.lost:
            raise controller.lost
        if controller.now_ms >= give_up_ms:
            raise _no_answer(controller)
        yield from controller.wait_for_line(give_up_ms)
        controller.say(intent)
        until_ms = min(give_up_ms, controller.now_ms + ASK_MS)
        while answer() is None and not _cut_short(controller) and controller.now_ms < until_ms:
            yield until_ms
    yield from _stop_if_asked(controller)
    return answered


def _cut_short(controller: Controller) -> bool:
    return controller.actions.halted or controller.lost is not None


def _leave_if_asked(controller: Controller) -> Script[None]:
    """Raise an error when a person has asked to stop: the stop was sent as it was asked for."""
    yield from ()
    if controller.actions.halted:
        raise _not_off(controller)


def _stop_if_asked(controller: Controller) -> Script[None]:
    """Stop, and raise an error, when a person has asked to."""
    if not controller.actions.halted:
        return
    controller.stop()
    output_off = yield from controller.settle()
    if output_off is not OffConfirmation.CONFIRMED:
        raise _not_off(controller)
    raise Stopped("stopped by the operator before any output", "Start the session again when you are ready.")


def _not_off(controller: Controller) -> OutputNotConfirmedOff:
    return OutputNotConfirmedOff(
        f"a stop was sent on {controller.port}, and the unit has not said that its output is off",
        "Switch the unit off now.",
    )


def _status_once_off(controller: Controller) -> Script[Status]:
    """Return the unit's status once its output is off and it is idle.

    A stop ends output that another host has started, and brings a unit that is armed, or whose lease has
    run out, back to idle. A latched fault stays.
    """
    status = controller.status
    if (
        controller.output_off() is not OffConfirmation.CONFIRMED
        or status is None
        or status.state not in _AT_REST
    ):
        controller.stop()
        output_off = yield from controller.settle()
        if output_off is not OffConfirmation.CONFIRMED:
            raise OutputNotConfirmedOff(
                f"the unit on {controller.port} has output that a stop did not end",
                "Switch the unit off now.",
            )
        status = controller.status
    yield from _stop_if_asked(controller)
    if status is None or status.state not in _AT_REST:
        raise WrongUnit(
            f"the unit on {controller.port} has been stopped and is not idle", "Switch it off and on."
        )
    return status


def _no_answer(controller: Controller) -> NoAnswer:
    if controller.heard_bytes:
        return NoAnswer(
            f"{controller.port} answers, but not in this dialect ({controller.heard_bytes} bytes of it)",
            "Check that this is the right port, and that nothing else is talking on it.",
        )
    return NoAnswer(
        f"nobody answers on {controller.port}",
        "Check that the unit is switched on and the cable is in, then see: physioctl ports",
    )
