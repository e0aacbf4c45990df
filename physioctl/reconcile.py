"""Reconciliation of sessions that broke off, once their unit is on the cable again.

A killed program leaves its session open in the journal; after a pulled cable output is not confirmed off.
The unit has gone on counting until its lease ran out, and its count is used. The unit is recognised by its
model and serial number. Under the same boot nonce its status confirms that output is off; under another one
(it was switched off and on) output off is presumed once the old lease's bound has passed. Nothing is
resumed here. Another program may still be running a session: one with a recent entry is left open.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from device.control.driver import Driver
from device.control.output_off import LEASE_MARGIN_PCT
from device.control.state import TICK_MS
from device.dialects.base import HostLoss, Identity, Status
from device.events import OffConfirmation
from device.unit import Unit
from physioctl.events import Outcome, SessionEnded, SessionReconciled
from physioctl.record.history import unsettled
from physioctl.record.journal import Journal
from physioctl.record.summary import Summary
from physioctl.session_id import session_number
from physioctl.wall_clock import doubt

# A running session tells its progress every second. What it tells may wait for a slow disk until the
# controller ends output for that, and for another program's write; its end waits for a lease besides.
# A program without an entry for longer has ended, or is suspended: its unit's lease has run out long ago,
# and what it records when it resumes counts again.
TOLD_WITHIN = timedelta(seconds=45)
METER_PCT, METER_MJ = 125, 1000  # a meter may say so much of the planned energy; this project's own figures


def reconcile(journal: Journal, driver: Driver, unit: Unit) -> tuple[SessionReconciled, ...]:
    """Close every session that broke off on ``unit``, which has been identified and whose output is off.

    While the time of day is in doubt nothing is closed: the age of a session's last entry is not known, and
    an entry at a wrong time would put the right one in doubt. Raise `JournalUnusable` when the record cannot
    be kept.
    """
    now = driver.clock.utc()
    identity = unit.identity
    with journal.transaction():  # one, however many there are
        if doubt(journal):
            return ()
        mine = unsettled(journal, identity.model, identity.serial, simulated=driver.link.simulated)
        return tuple(
            _settle(journal, driver, identity, broken)
            for broken in mine
            if _may_be_settled(driver, identity, broken, now)
        )


def _may_be_settled(driver: Driver, identity: Identity, broken: Summary, now: datetime) -> bool:
    """Whether the unit's status settles ``broken`` by now.

    Another program may be running an open session on a unit that bears the same serial number, unless this
    unit counts it. The status of a unit that has restarted says nothing of the time before: the lease has to
    be over.
    """
    off_for = now - broken.last
    if broken.outcome is None and not _count_of(driver, identity, broken) and off_for < TOLD_WITHIN:
        return False
    lease_bound = timedelta(milliseconds=broken.lease_ms * (100 + LEASE_MARGIN_PCT) / 100)
    return identity.nonce == broken.nonce or off_for >= lease_bound


def _count_of(driver: Driver, identity: Identity, broken: Summary) -> Status | None:
    """The unit's report, if it has counted that very session and has not restarted since."""
    status = driver.controller.status
    if status is None or not identity.nonce == status.nonce == broken.nonce:
        return None
    return status if status.session == session_number(broken.id) else None


def _wrong_count(status: Status, broken: Summary) -> str:
    """Return what cannot be right about the unit's count of ``broken``; nothing when it can be."""
    planned_mj = broken.planned_energy_mj
    most_mj = None if planned_mj is None else planned_mj * METER_PCT // 100 + METER_MJ
    if not broken.delivered_ms <= status.delivered_ms <= broken.planned_ms + TICK_MS:
        return f"the unit counts {status.delivered_ms} ms of it, which cannot be"
    if status.energy_mj < broken.energy_mj or (most_mj is not None and status.energy_mj > most_mj):
        return f"the unit has metered {status.energy_mj} mJ of it, which cannot be"
    return ""


def _unbounded(broken: Summary) -> str:
    """Return why it is not known what ``broken`` gave after it was last heard; empty where it is bounded."""
    if broken.host_loss is not HostLoss.NONE:
        return ""
    return "nothing but the unit's own switch ends its output, and the unit has not counted it"


def _output_off(identity: Identity, broken: Summary) -> OffConfirmation:
    """What is known of the output of ``broken``, now that a unit of its serial number says that it is off."""
    if identity.nonce == broken.nonce:
        return OffConfirmation.CONFIRMED
    # Another boot of the unit, or another unit: only a bound on the old output says that it has ended.
    return OffConfirmation.UNKNOWN if broken.host_loss is HostLoss.NONE else OffConfirmation.PRESUMED


def _settle(journal: Journal, driver: Driver, identity: Identity, broken: Summary) -> SessionReconciled:
    now_ms = driver.clock.now_ms()
    status = _count_of(driver, identity, broken)
    wrong = _wrong_count(status, broken) if status else _unbounded(broken)
    counted = None if wrong else status
    # A count that cannot be right may stand for anything, and so may none: the whole has been given then.
    known_ms = max(broken.planned_ms, broken.delivered_ms) if wrong else broken.delivered_ms
    found = SessionReconciled(
        at_ms=now_ms,
        session=broken.id,
        protocol=broken.protocol,
        delivered_ms=counted.delivered_ms if counted else known_ms,
        planned_ms=broken.planned_ms,
        energy_mj=counted.energy_mj if counted else broken.energy_mj,
        counted=counted is not None,
        output_off=_output_off(identity, broken),
        doubt=wrong,
    )
    if broken.outcome is None:
        journal.append(
            broken.id,
            SessionEnded(
                at_ms=now_ms,
                session=broken.id,
                outcome=Outcome.INTERRUPTED,
                why="; ".join(filter(None, ("the program ended before the session did", wrong))),
                output_off=found.output_off,
                delivered_ms=found.delivered_ms,
                planned_ms=broken.planned_ms,
                energy_mj=found.energy_mj,
                planned_energy_mj=broken.planned_energy_mj,
                duration_ms=(broken.last - broken.began) // timedelta(milliseconds=1),
            ),
        )
    # Last, for it is what settles the session: cut off before it, all is told once more.
    journal.append(broken.id, found)
    return found
