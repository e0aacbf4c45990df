"""Sessions that broke off, closed truthfully once their unit is on the cable again.

A killed program leaves its session open in the journal; a pulled cable leaves it without proof of
silence. The unit has gone on counting until its lease ran out, and its count is the truth. Nothing
here resumes anything, and nothing here can know whether another program still runs a session: one that
was heard of a moment ago is left open.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from device.controller import Controller
from device.dialect import Report
from device.events import Silence
from device.unit import Unit
from physioctl.events import Outcome, SessionEnded, SessionReconciled
from physioctl.journal import Journal
from physioctl.naming import session_number
from physioctl.record import Summary, unsettled

# A running session tells its progress every second, and whatever it tells waits for the journal for at
# most two; its last words wait for a lease besides. Whoever has been quiet for longer has gone, or is
# suspended: then its unit's lease has long run out, and what it tells when it wakes counts again.
TOLD_WITHIN = timedelta(seconds=5)


def reconcile(journal: Journal, controller: Controller, unit: Unit) -> tuple[SessionReconciled, ...]:
    """Close every session that broke off on ``unit``, which has just been greeted and is silent.

    Raise `JournalUnusable` when the record cannot be kept.
    """
    now = controller.clock.utc()
    mine = {"model": unit.identity.model, "serial": unit.identity.serial}
    with journal.transaction():  # one, however many there are
        return tuple(
            _settle(journal, controller, broken)
            for broken in unsettled(journal, **mine, simulated=controller.link.simulated)
            if _count_of(controller, broken) or not _may_run(broken, now)
        )


def _may_run(broken: Summary, now: datetime) -> bool:
    """Whether another program may be running it, on another unit that bears the same serial number."""
    return broken.outcome is None and now - broken.last < TOLD_WITHIN


def _count_of(controller: Controller, broken: Summary) -> Report | None:
    """The report of the unit on the cable, if it is of that very session."""
    report = controller.report
    return report if report and report.session == session_number(broken.id) else None


def _settle(journal: Journal, controller: Controller, broken: Summary) -> SessionReconciled:
    now_ms = controller.clock.now_ms()
    report = _count_of(controller, broken)
    found = SessionReconciled(
        at_ms=now_ms,
        session=broken.id,
        protocol=broken.protocol,
        delivered_ms=report.delivered_ms if report else broken.delivered_ms,
        planned_ms=broken.planned_ms,
        energy_mj=report.energy_mj if report else broken.energy_mj,
        counted=report is not None,
    )
    journal.append(broken.id, found)
    if broken.outcome is None:
        journal.append(
            broken.id,
            SessionEnded(
                at_ms=now_ms,
                session=broken.id,
                outcome=Outcome.INTERRUPTED,
                why="the program ended before the session did",
                silence=Silence.PROVEN,
                delivered_ms=found.delivered_ms,
                planned_ms=broken.planned_ms,
                energy_mj=found.energy_mj,
                planned_energy_mj=broken.planned_energy_mj,
                duration_ms=round((broken.last - broken.began).total_seconds() * 1000),
            ),
        )
    return found
