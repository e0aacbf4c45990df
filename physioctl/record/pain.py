"""What persons have said of their pain, for the course over several sessions."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from device.events import Moment
from physioctl.record.entries import Damaged, all_of
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.wall_clock import damaged


@dataclass(frozen=True, slots=True)
class Scores:
    """The pain before and after a session, from 0 to 10; None where none was scored."""

    before: int | None = None
    after: int | None = None


def pain_scores(where: Path | Journal, sessions: Collection[str]) -> Mapping[str, Scores]:
    """Return the scores of each of ``sessions`` that has any. Of several of one moment the latest counts.

    Raise `JournalUnusable` for an entry that was changed.
    """
    scored: dict[str, dict[Moment, int]] = {}
    chosen = "WHERE session IN (SELECT value FROM json_each(?)) AND name = 'pain_scored' ORDER BY entries.seq"
    try:
        with reading(where) as connection:
            for entry in all_of(connection, chosen, (json.dumps(list(sessions)),)):
                if not entry.erased:
                    of_it = scored.setdefault(entry.session, {})
                    of_it[entry.one_of("moment", Moment)] = entry.whole("score")
    except Damaged as damage:
        raise damaged(where.name if isinstance(where, Journal) else str(where), damage) from damage
    return {id_: Scores(of_it.get(Moment.BEFORE), of_it.get(Moment.AFTER)) for id_, of_it in scored.items()}
