"""What persons have said of their pain, for the course over several sessions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from device.events import Moment
from physioctl.record.entries import Damaged, each_of
from physioctl.record.history import Listing, Unreadable
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading


@dataclass(frozen=True, slots=True)
class Scores:
    """The pain before and after a session, from 0 to 10; None where none was scored."""

    before: int | None = None
    after: int | None = None


_SCORED = "WHERE session IN (SELECT value FROM json_each(?)) AND name = 'pain_scored' ORDER BY entries.seq"


def with_pain(where: Path | Journal, found: Listing) -> tuple[Listing, Mapping[str, Scores]]:
    """Return ``found``, and the scores of each of its sessions that has any.

    Of several of one moment the latest counts. A session of which a score was changed is
    then among those that cannot be read.
    """
    scored: dict[str, dict[Moment, int]] = {}
    bad: dict[str | None, Unreadable] = {}
    ids = json.dumps([summary.id for summary in found.summaries])
    with reading(where) as connection:
        for entry in each_of(connection, _SCORED, (ids,)):
            try:
                if isinstance(entry, Damaged):
                    raise entry
                if not entry.erased:
                    of_it = scored.setdefault(entry.session, {})
                    of_it[entry.one_of("moment", Moment)] = entry.whole("score")
            except Damaged as damage:
                bad.setdefault(entry.session, Unreadable.of(damage, entry.session))
    told = tuple(summary for summary in found.summaries if summary.id not in bad)
    scores = {id_: Scores(of_it.get(Moment.BEFORE), of_it.get(Moment.AFTER)) for id_, of_it in scored.items()}
    return replace(found, summaries=told, unreadable=(*found.unreadable, *bad.values())), scores
