"""The suite of the Modbus dialect, in the order in which its clauses are examined.

The order is that of the native suite: what ends output is shown before anything that has to be refused.
"""

from __future__ import annotations

from device.wire import modbus_map as wire
from physioctl.conformance.clauses import (
    dates,
    ending,
    leases,
    once,
    refusals,
    steps,
    values,
    with_a_person,
)
from physioctl.conformance.modbus import answers, frames, functions, kinds, stops
from physioctl.conformance.modbus.host import ModbusHost
from physioctl.conformance.outcomes import Clause
from physioctl.conformance.suite import CANNOT_SHOW, Suite

CLAUSES: tuple[Clause, ...] = (
    *answers.FIRST,
    *frames.FIRST,
    *ending.CLAUSES,
    *stops.CLAUSES,
    *kinds.ENDING,
    *answers.CLAUSES,
    *frames.CLAUSES,
    *functions.CLAUSES,
    *refusals.CLAUSES,
    *kinds.CLAUSES,
    *dates.CLAUSES,
    *values.CLAUSES,
    *once.CLAUSES,
    *leases.CLAUSES,
    *steps.CLAUSES,
    *with_a_person.CLAUSES,
    *once.LAST,
    *with_a_person.LAST,
)

MODBUS_CANNOT_SHOW = (
    "function codes other than 1, 2, 3, 4, 5, 6, 15, 16, 22 and 23;",
    "what two units make of each other's answers on one line, and collisions;",
    "a Set above the nameplate of a unit that holds no ceilings: nothing would stand behind one that did it;",
    "that output of a unit with neither lease nor timer ends without a host: it does not, and if this "
    "program dies meanwhile only the unit's own switch ends it.",
)


def modbus(address: int | None) -> Suite:
    """The suite for the unit at ``address`` of its line, or at the usual one."""
    place = wire.ADDRESS_DEFAULT if address is None else address
    return Suite(
        dialect="modbus",
        major=wire.MAJOR,
        page="the Modbus dialect",
        clauses=CLAUSES,
        host=lambda rng, wait_ms: ModbusHost(rng, address=place, wait_ms=wait_ms),
        cannot_show=(*(f"{what.rstrip('.;')};" for what in CANNOT_SHOW), *MODBUS_CANNOT_SHOW),
    )
