"""A person's sessions one after another: what was delivered, and what they said of their pain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from device.events import Moment
from physioctl.person import reference
from physioctl.record.account import Account, account
from physioctl.record.entries import Damaged, all_of
from physioctl.record.history import Session, listed
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.report.session import Form, Made
from physioctl.record.selection import Selection
from physioctl.record.summary import Summary
from physioctl.wall_clock import damaged

_IN_BRIEF = (
    "WHERE session = ? AND name IN ('session_started', 'session_planned', 'pain_scored') ORDER BY entries.seq"
)
COLUMNS = (
    "session", "began", "protocol", "body_site", "side", "operator", "simulated", "outcome", "delivered_ms",
    "planned_ms", "energy_mj", "dose_mj_cm2", "pain_before", "pain_after",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visit:
    """One session of a course. None: not recorded, or nobody counts it."""

    number: int  # from 1, the oldest first
    account: Account  # made of the session's summary, plan and pain scores alone
    pain_before: int | None
    pain_after: int | None


def visits(where: Path | Journal, chosen: Selection, limit: int | None = None) -> tuple[Visit, ...]:
    """Return the sessions that are ``chosen``, the oldest first; with a ``limit``, the newest so many.

    Raise what `history.listed` raises.
    """
    accounts = _in_brief(where, reversed(listed(where, chosen, limit).summaries))
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


def course_report(person: str, chosen: Selection, course: Sequence[Visit], form: Form = Form.HTML) -> Made:
    """Return the report of ``course``: a page, or one row or one object for each session.

    They are those of ``person`` that are ``chosen``.
    """
    if form is not Form.HTML:
        from physioctl.record.report import data

        rows = [dict(zip(COLUMNS, _row(visit), strict=True)) for visit in course]
        if form is Form.CSV:
            return Made(data.csv_text(COLUMNS, [tuple(row.values()) for row in rows]))
        whose = {"format": data.FORMAT, "person": reference(person), "body_site": chosen.body_site}
        return Made(data.json_text(whose | {"sessions": rows}))
    from physioctl.record.report.page import course_page

    try:
        from physioctl.record.report.course_picture import picture
    except ImportError:  # matplotlib is an extra, and what it needs may be broken
        return Made(course_page(person, chosen, course, None, drawable=False), pictured=False)
    return Made(course_page(person, chosen, course, picture(course)))


def _row(visit: Visit) -> tuple[object, ...]:
    told, summary = visit.account, visit.account.summary
    return (
        summary.id, summary.began.isoformat(timespec="milliseconds"), summary.protocol, summary.body_site,
        summary.side, told.operator, summary.simulated, summary.ending, summary.delivered_ms,
        summary.planned_ms, told.energy_mj, told.dose_mj_cm2, visit.pain_before, visit.pain_after,
    )  # fmt: skip
