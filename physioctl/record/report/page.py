"""The page of a report: one HTML file that needs nothing else, from an account and its picture.

Every text that a template is given has its control characters written out, is cut where it is longer than
a page can hold, and is escaped by Jinja2: that holds for all of them at once, in `_environment`. The page has
no script and asks nothing of the network; its content security policy says so to the browser too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from device.events import Moment
from physioctl.events import PlannedStep
from physioctl.person import reference
from physioctl.record.account import Account, Step
from physioctl.record.report import wording
from physioctl.record.report.course import Series
from physioctl.record.report.notices import notices
from physioctl.record.selection import Selection
from physioctl.text import clean

TEXT_MAX = 2_000  # characters of one text; this project's own figure. `--format json` has it whole
TITLE_MAX = 160
ROWS_MAX = 500  # of one table, likewise
_TEMPLATES = Path(__file__).parent / "templates"
NO_PICTURE = (
    "The picture is left out, for the library that draws it is not installed: "
    "pip install 'physioctl[report]'. Nothing else is missing."
)


def session_page(account: Account, picture: str | None, *, drawable: bool = True) -> str:
    """The page of one session. ``drawable`` says whether the library for pictures was there."""
    happened = wording.happenings(account)
    return render(
        "session.html",
        {
            "account": account,
            "summary": account.summary,
            "happened": happened[:ROWS_MAX],
            "more_happened": max(0, len(happened) - ROWS_MAX),
            "limits": tuple(wording.limit_lines(account)),
            "notices": tuple(notices(account)),
            "picture": None if picture is None else Markup(picture),  # noqa: S704 - drawn here, of numbers alone
            "no_picture": "" if drawable else NO_PICTURE,
            "steps": _steps(account),
            "pain": {moment.value: account.pain(moment) for moment in Moment},
        },
    )


def course_page(
    person: str, chosen: Selection, course: Series, picture: str | None, *, drawable: bool = True
) -> str:
    """The page of several sessions of one person: those that are ``chosen``."""
    return render(
        "course.html",
        {
            "person": reference(person),
            "narrowed": wording.narrowed(chosen),
            "course": course.visits,
            "shown": course.visits[-ROWS_MAX:],
            "more": max(0, len(course.visits) - ROWS_MAX),
            "unreadable": course.unreadable,
            "simulated": sum(visit.account.summary.simulated for visit in course.visits),
            "picture": None if picture is None else Markup(picture),  # noqa: S704 - likewise
            "no_picture": "" if drawable else NO_PICTURE,
        },
    )


def _steps(account: Account) -> tuple[tuple[int, PlannedStep, Step | None], ...]:
    """The steps that were planned, each with how it was carried out: None where it was not begun.

    In a record without a plan they are those that were begun.
    """
    carried_out = {step.number: step for step in account.steps}
    planned = dict(enumerate(account.planned_steps, 1)) or {
        step.number: PlannedStep(step.kind, step.planned_ms, level=None, say=step.say)
        for step in account.steps
    }
    return tuple((number, step, carried_out.get(number)) for number, step in planned.items())


def render(template: str, values: Mapping[str, object]) -> str:
    """The page that ``template`` makes of ``values``."""
    return _environment().get_template(template).render(words=wording, rows_max=ROWS_MAX, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["title"] = _title
    return environment


def _shown(value: object) -> object:
    """``value`` as it stands in the page, before it is escaped."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return clean(_cut(value, TEXT_MAX))


def _title(text: str) -> str:
    return _cut(text, TITLE_MAX)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most} more characters)"
