"""A person's sessions one after another: what was delivered, and what they said of their pain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from device.events import Moment
from physioctl.person import reference
from physioctl.record.account import Account, account
from physioctl.record.entries import Damaged, all_of
from physioctl.record.history import Session, Unreadable, listed
from physioctl.record.journal import Journal
from physioctl.record.journal_reading import reading
from physioctl.record.report.session import Form, Made
from physioctl.record.selection import Selection

_IN_BRIEF = (
    "WHERE session = ? AND name IN ('session_started', 'session_planned', 'pain_scored') ORDER BY entries.seq"
)
UNREADABLE = "unreadable"  # in place of an outcome
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


@dataclass(frozen=True, slots=True)
class Series:
    """The sessions of a course, the oldest first, and those of the journal that cannot be read."""

    visits: tuple[Visit, ...]
    unreadable: tuple[Unreadable, ...] = ()  # whose they were cannot be told


def course_in(where: Path | Journal, chosen: Selection, limit: int | None = None) -> Series:
    """Return the course of the sessions that are ``chosen``; with a ``limit``, of the newest so many.

    Raise what `history.listed` raises.
    """
    found = listed(where, chosen, limit)
    accounts, unreadable = list[Account](), list(found.unreadable)
    with reading(where) as connection:
        for summary in reversed(found.summaries):
            try:
                entries = all_of(connection, _IN_BRIEF, (summary.id,))
            except Damaged as damage:
                unreadable.append(Unreadable.of(damage, summary.id))
            else:
                accounts.append(account(Session(summary, tuple(entries))))
    visits = (
        Visit(number, each, each.pain(Moment.BEFORE), each.pain(Moment.AFTER))
        for number, each in enumerate(accounts, 1)
    )
    return Series(tuple(visits), tuple(unreadable))


def course_report(person: str, chosen: Selection, course: Series, form: Form = Form.HTML) -> Made:
    """Return the report of ``course``: a page, or one row or one object for each session.

    They are those of ``person`` that are ``chosen``. In CSV a session that cannot be read has a row with
    nothing but its id and `UNREADABLE`.
    """
    return replace(_made(person, chosen, course, form), unreadable=course.unreadable)


def _made(person: str, chosen: Selection, course: Series, form: Form) -> Made:
    if form is not Form.HTML:
        from physioctl.record.report import data

        rows = [dict(zip(COLUMNS, _row(visit), strict=True)) for visit in course.visits]
        if form is Form.CSV:
            rows += [{"session": each.session, "outcome": UNREADABLE} for each in course.unreadable]
            return Made(data.csv_text(COLUMNS, [[row.get(name) for name in COLUMNS] for row in rows]))
        whose = {"format": data.FORMAT, "person": reference(person), "body_site": chosen.body_site}
        return Made(data.json_text(whose | {"sessions": rows, "unreadable": data.plain(course.unreadable)}))
    from physioctl.record.report.page import course_page

    try:
        from physioctl.record.report.course_picture import picture
    except ImportError:  # matplotlib is an extra, and what it needs may be broken
        return Made(course_page(person, chosen, course, None, drawable=False), pictured=False)
    return Made(course_page(person, chosen, course, picture(course.visits)))


def _row(visit: Visit) -> tuple[object, ...]:
    told, summary = visit.account, visit.account.summary
    return (
        summary.id, summary.began.isoformat(timespec="milliseconds"), summary.protocol, summary.body_site,
        summary.side, told.operator, summary.simulated, summary.ending, summary.delivered_ms,
        summary.planned_ms, told.energy_mj, told.dose_mj_cm2, visit.pain_before, visit.pain_after,
    )  # fmt: skip
