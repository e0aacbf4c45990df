"""The report of one session, in each of its forms."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from physioctl.record.account import Account
from physioctl.record.history import Unreadable


class Form(StrEnum):
    """In what form a report is written."""

    HTML = "html"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Made:
    """A report that has been made."""

    text: str
    pictured: bool = True  # False: a picture belongs in it, and the library that draws it is not there
    unreadable: tuple[Unreadable, ...] = ()  # sessions that may be missing in it


def session_report(account: Account, form: Form = Form.HTML) -> Made:
    """Return the report of a session: a page, its readings as CSV, or all that is recorded as JSON."""
    if form is not Form.HTML:
        from physioctl.record.report import data

        return Made(data.readings_csv(account) if form is Form.CSV else data.account_json(account))
    from physioctl.record.report.page import session_page

    try:
        from physioctl.record.report.picture import picture
    except ImportError:  # matplotlib is an extra, and what it needs may be broken
        return Made(session_page(account, None, drawable=False), pictured=False)
    return Made(session_page(account, picture(account)))
