"""A day as a person types it."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

import click

from device.clock import SystemClock
from physioctl.errors import InvalidUsage

_WORDS = {"today": 0, "yesterday": 1}  # days before this one
_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS = range(1970, 9000)  # as the journal has them


class Day(click.ParamType[date]):
    """A local day: ``today``, ``yesterday``, or year, month and day, such as ``2026-11-21``."""

    name = "day"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day that is meant; raise `click.BadParameter`, with what is accepted, for none."""
        if isinstance(value, date):
            return value
        from physioctl.screening import day_of  # slow to import, and most lists name no day

        if (back := _WORDS.get(value.casefold())) is not None:
            return day_of(SystemClock()) - timedelta(days=back)
        try:
            day = date.fromisoformat(value) if _WRITTEN.fullmatch(value) else None
        except ValueError:
            day = None
        if day is None or day.year not in _YEARS:
            example = day_of(SystemClock())
            raise click.BadParameter(
                f"{value[:40]!r} is no day. Write today, yesterday, or year-month-day, such as {example}.",
                ctx,
                param,
            )
        return day


def begin_of(day: date) -> datetime:
    """When a local day begins."""
    return datetime.combine(day, time.min).astimezone()


def end_of(day: date) -> datetime:
    """When a local day is over."""
    return begin_of(day + timedelta(days=1))


def between(since: date | None, until: date | None) -> tuple[datetime | None, datetime | None]:
    """When the first of these days begins, and when the last is over; None: without a bound on that side.

    Raise `InvalidUsage` where the last comes before the first.
    """
    if since is not None and until is not None and until < since:
        raise InvalidUsage(f"--until {until} comes before --since {since}", "Write them the other way round.")
    return None if since is None else begin_of(since), None if until is None else end_of(until)
