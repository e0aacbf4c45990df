"""A person's sessions one after another: what was delivered, and what they said of their pain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from device.events import Moment
from physioctl.person import reference
from physioctl.record.account import Account, account
from physioctl.record.entries import Damaged, all_of
from physioctl.record.history import Session, Summary, sessions
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.report.session import Form, Made
from physioctl.wall_clock import damaged

_IN_BRIEF = (
    "WHERE session = ? AND name IN ('session_started', 'session_planned', 'pain_scored') ORDER BY entries.seq"
)
COLUMNS = (
    "session", "began", "protocol", "body_site", "side", "operator", "simulated", "outcome", "delivered_ms",
    "planned_ms", "energy_mj", "dose_mj_cm2", "pain_before", "pain_after",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose sessions are meant."""

    person: str
    body_site: str | None = None
    since: date | None = None  # local days, both included
    until: date | None = None

    def includes(self, summary: Summary) -> bool:
        """Whether ``summary`` is one of them; its person has been looked at."""
        day = summary.began.astimezone().date()
        return (
            self.body_site in (None, summary.body_site)
            and (self.since is None or self.since <= day)
            and (self.until is None or day <= self.until)
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """One session of a course. None: not recorded, or nobody counts it."""

    number: int  # from 1, the oldest first
    account: Account  # made of the session's summary, plan and pain scores alone
    pain_before: int | None
    pain_after: int | None


def visits(where: Path | Journal, asked: Asked) -> tuple[Visit, ...]:
    """Return the sessions that ``asked`` means, the oldest first; raise what `history.sessions` raises."""
    found = [summary for summary in sessions(where, reference(asked.person)) if asked.includes(summary)]
    accounts = _in_brief(where, reversed(found))
    return tuple(
        Visit(number, each, each.pain(Moment.BEFORE), each.pain(Moment.AFTER))
        for number, each in enumerate(accounts, 1)
    )


def _in_brief(where: Path | Journal, summaries: Iterable[Summary]) -> Iterator[Account]:
    try:
        with reading(where) as connection:
            for summary in summaries:
                entries = all_of(connection, _IN_BRIEF, (summary.id,))
                yield account(Session(summary, tuple(entries)))
    except Damaged as damage:
        raise damaged(where.name if isinstance(where, Journal) else str(where), damage) from damage


def course_report(asked: Asked, course: Sequence[Visit], form: Form = Form.HTML) -> Made:
    """Return the report of the sessions ``course``: a page, or one row or one object for each of them."""
    if form is not Form.HTML:
        from physioctl.record.report import data

        rows = [dict(zip(COLUMNS, _row(visit), strict=True)) for visit in course]
        if form is Form.CSV:
            return Made(data.csv_text(COLUMNS, [tuple(row.values()) for row in rows]))
        whose = {"format": data.FORMAT, "person": reference(asked.person), "body_site": asked.body_site}
        return Made(data.json_text(whose | {"sessions": rows}))
    from physioctl.record.report.page import course_page

    try:
        from physioctl.record.report.course_picture import picture
    except ImportError:  # matplotlib is an extra, and what it needs may be broken
        return Made(course_page(asked, course, None, drawable=False), pictured=False)
    return Made(course_page(asked, course, picture(course)))


def _row(visit: Visit) -> tuple[object, ...]:
    told, summary = visit.account, visit.account.summary
    return (
        summary.id, summary.began.isoformat(timespec="milliseconds"), summary.protocol, summary.body_site,
        summary.side, told.operator, summary.simulated, summary.ending, summary.delivered_ms,
        summary.planned_ms, told.energy_mj, told.dose_mj_cm2, visit.pain_before, visit.pain_after,
    )  # fmt: skip
