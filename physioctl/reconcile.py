"""Sessions that broke off, closed truthfully once their unit is on the cable again.

A killed program leaves its session open in the journal; a pulled cable leaves it without proof of
silence. The unit has gone on counting until its lease ran out, and its count is the truth. Nothing
here resumes anything.
"""

from __future__ import annotations

from device.controller import Controller
from device.events import Silence
from device.unit import Unit
from physioctl.events import Outcome, SessionEnded, SessionReconciled
from physioctl.journal import Journal
from physioctl.naming import session_number
from physioctl.record import Summary, unsettled


def reconcile(journal: Journal, controller: Controller, unit: Unit) -> tuple[SessionReconciled, ...]:
    """Close every session that broke off on ``unit``, which has just been greeted and is silent.

    Raise `JournalUnusable` when the record cannot be kept.
    """
    return tuple(_settle(journal, controller, broken) for broken in unsettled(journal, unit.identity.serial))


def _settle(journal: Journal, controller: Controller, broken: Summary) -> SessionReconciled:
    now_ms = controller.clock.now_ms()
    report = controller.report
    counted = report is not None and report.session == session_number(broken.id)
    found = SessionReconciled(
        at_ms=now_ms,
        session=broken.id,
        protocol=broken.protocol,
        delivered_ms=report.delivered_ms if counted and report else broken.delivered_ms,
        planned_ms=broken.planned_ms,
        energy_mj=report.energy_mj if counted and report else broken.energy_mj,
        counted=counted,
    )
    log = journal.begin(broken.id)
    log.tell(found)
    if broken.outcome is None:
        log.tell(
            SessionEnded(
                at_ms=now_ms,
                outcome=Outcome.INTERRUPTED,
                why="the program ended before the session did",
                silence=Silence.PROVEN,
                delivered_ms=found.delivered_ms,
                planned_ms=broken.planned_ms,
                energy_mj=found.energy_mj,
                planned_energy_mj=broken.planned_energy_mj,
                duration_ms=round((broken.last - broken.began).total_seconds() * 1000),
            )
        )
    return found
