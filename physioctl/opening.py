"""The entry that opens a session's record, as it is without a unit; admission adds what the unit says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from physioctl import __version__
from physioctl.events import SessionStarted
from physioctl.record.journal import Journal, utc_offset_min
from physioctl.wall_clock import boot_reference_ms

if TYPE_CHECKING:  # whoever holds a protocol has paid for pydantic already
    from protocols.model import Protocol

NO_UNIT = ""  # the model and the serial number of a session without a unit
NO_DIALECT = "none"


def opening_entry(
    journal: Journal,
    protocol: Protocol,
    *,
    at_ms: int,
    side: str,
    person: str | None,
    operator: str | None,
    simulated: bool,
    total_ms: int,
) -> SessionStarted:
    """Return the opening entry of a new session of ``protocol`` that lasts ``total_ms`` and uses no unit."""
    boot = journal.clock.boot()
    return SessionStarted(
        at_ms=at_ms,
        session=journal.new_session_id(),
        protocol=protocol.id,
        title=protocol.title,
        content_hash=protocol.content_hash,
        family=protocol.family,
        body_site=protocol.body_site,
        side=side,
        person=person,
        operator=operator,
        simulated=simulated,
        model=NO_UNIT,
        serial=NO_UNIT,
        nonce=0,
        firmware=NO_UNIT,
        planned_ms=0,
        planned_energy_mj=None,
        total_ms=total_ms,
        lease_ms=0,
        dialect=NO_DIALECT,
        assumed=False,
        physioctl=__version__,
        utc_offset_min=utc_offset_min(journal.clock.utc()),
        boot_id=boot.id if boot else None,
        boot_ms=boot.ms if boot else None,
        boot_utc_ms=boot_reference_ms(journal),
    )
