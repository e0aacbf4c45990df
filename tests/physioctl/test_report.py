"""The page of a session says what the record says, asks for nothing, and is the same each time."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from device.clock import VirtualClock
from device.events import OffConfirmation
from physioctl.events import Outcome
from physioctl.record.account import Account, account
from physioctl.record.history import session
from physioctl.record.report.page import TEXT_MAX, session_page
from physioctl.record.report.session import session_report
from protocols.library import find
from tests.physioctl.recorded_sessions import record_session
from tests.physioctl.test_account import with_bodies
from tests.physioctl.test_cli_record import started, tell
from tests.processes import LIMIT_S, PHYSIOCTL, finished

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    "<!--",
    "</svg></style><b>",
    '=HYPERLINK("http://x")',
    "&lt;b&gt;",
    "\u202egnp.exe\u2066 \x1b[2J\x07\r\n",
    "עברית <i>",
    "x" * 10_000,
)


# Keys of entries' bodies whose value is a text that was typed, or said by a unit.
TEXTS = {
    "person", "operator", "title", "protocol", "model", "serial", "firmware", "dialect", "text", "by", "why",
    "what", "action", "say",
}  # fmt: skip
# Attributes whose value a browser follows, by itself or by a click.
ADDRESSES = {
    "href", "src", "srcset", "action", "formaction", "data", "poster", "background", "xlink:href"
}  # fmt: skip


class Page(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.styles = ""
        self._inside: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._apart(tag)
        if tag in ("style", "script"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()
        self._apart(tag)

    def _apart(self, tag: str) -> None:
        if tag not in ("bdi", "b", "span", "small"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.styles += data
        else:
            self.text += data

    def named(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with a session that had a lift-off, a pause, a lowering, an alarm, a note and pain scores."""
    path = tmp_path_factory.mktemp("report") / "j"
    record_session(path)
    return path


@pytest.fixture(scope="module")
def told(journal: Path) -> Account:
    return account(session(journal))


@pytest.fixture(scope="module")
def html(told: Account) -> str:
    return session_report(told).text


def said(page: str) -> str:
    """The text of a page, with single spaces."""
    return " ".join(Page(page).text.split())


# --- what it says ---------------------------------------------------------------------------------------


def test_it_says_who_what_where_when_and_by_which_unit(html: str, told: Account) -> None:
    text = said(html)

    for expected in (
        told.summary.title, "Person p-017", "Treated by t-2", "left calf", "2026-01-01 00:00 UTC",
        "US111", "SIM-US-0000", "Firmware 1.4.2", "Calibrated 2025-11-01", "numbers of its model assumed",
    ):  # fmt: skip
        assert expected in text


def test_it_sets_what_was_delivered_beside_what_was_planned(html: str, told: Account) -> None:
    text = said(html)

    assert "Delivered time 2:00 min:s of 2:00 planned" in text
    assert f"Energy {told.summary.energy_mj / 1000:.1f} J of 208.6 J planned" in text
    assert f"{(told.dose_mj_cm2 or 0) / 1000:.1f} J/cm² of 52.1 planned; 4.0 cm²" in text
    assert "Emit, 0.44 W/cm² at 100 % (average 0.44 W/cm²), 1 MHz" in text


def test_it_tells_alarms_actions_notes_pain_answers_and_limits(html: str, told: Account) -> None:
    text = said(html)

    assert "Low alarm CONTACT_LOST Contact is lost; output is off and the timer stands still." in text
    assert "Told: Put the head back flat on the skin, with gel. It goes on by itself. Ended at 1:58" in text
    assert "Paused" in text
    assert "Level lowered To 0.352 W/cm² from 0.44 W/cm²." in text
    assert "Refused: lower The lowest level is 0.29 W/cm²" in text
    assert "Skin warm, no redness" in text
    assert "6 before 3 after" in text
    assert "Pregnancy no" in text
    assert "at most 0.5 W/cm² (binds) protocol" in text
    assert "families.toml: physioctl's own ceiling for ultrasound" in text
    assert told.summary.content_hash in text
    assert told.last_hash in text


def test_the_picture_marks_pauses_and_lost_contact_and_numbers_what_happened(html: str) -> None:
    drawn = html[html.index("<svg") : html.index("</svg>")]
    text = re.sub("<[^>]*>", " ", drawn)

    for expected in ("measured", "set", "planned", "pause", "no contact", "alarm", "action", "°C", "W/cm²"):
        assert expected in text
    assert [str(number) in text.split() for number in range(1, 7)] == [True] * 6


def test_no_effect_is_claimed(html: str) -> None:
    for word in ("improve", "better", "relief", "reliev", "reduc", "effective ", "success", "heal"):
        assert word not in said(html).lower().replace("effective radiating", ""), word


def test_a_session_that_was_given_as_planned_has_no_notice(html: str) -> None:
    assert 'role="note"' not in html


@pytest.mark.parametrize(
    ("other", "marked"),
    [
        ({"simulated": True}, "SIMULATED: nobody was treated."),
        (
            {"outcome": Outcome.INTERRUPTED, "why": "the head is too warm"},
            "INTERRUPTED. The head is too warm.",
        ),
        ({"outcome": Outcome.FAILED, "why": "x"}, "FAILED. X."),
        ({"outcome": Outcome.STOPPED, "why": "stopped by the operator"}, "Stopped before its end."),
        ({"outcome": None, "output_off": None}, "NOT ENDED."),
        ({"output_off": OffConfirmation.PRESUMED}, "Output off was presumed, not confirmed."),
        ({"output_off": OffConfirmation.UNKNOWN}, "Switch the unit off at its own switch now."),
        ({"rest_of": "20260101-000000-aaaaaa"}, "It goes on with session 20260101-000000-aaaaaa."),
    ],
)
def test_what_was_otherwise_than_planned_stands_first(
    told: Account, other: dict[str, Any], marked: str
) -> None:
    page = session_page(replace(told, summary=replace(told.summary, **other)), None)

    assert marked in said(page)
    assert page.index('role="note"') < page.index('class="tiles"')


def test_a_session_on_the_simulated_unit_is_marked_as_such(tmp_path: Path) -> None:
    record_session(tmp_path / "j", find("unit-check"), simulated=True, side=None, actions=(), faults=(),
                   awaits_start=False)  # fmt: skip

    page = session_report(account(session(tmp_path / "j"))).text

    assert "SIMULATED: nobody was treated." in said(page)


def test_guidance_without_a_unit_has_a_report_without_a_picture(told: Account) -> None:
    guidance = replace(
        told, summary=replace(told.summary, family=None, model="", serial=""), readings=(), limits=(),
        unit=replace(told.unit, model="", serial=""),
    )  # fmt: skip

    made = session_report(guidance)

    assert "no unit was used, and nothing was output" in said(made.text)
    assert "<svg" not in made.text
    assert made.pictured


def test_an_old_record_without_limits_still_gives_a_report(journal: Path) -> None:
    old = with_bodies(session(journal), "session_planned", limits=None)
    old = with_bodies(old, "session_started", sensors=None, operator=None)
    old = with_bodies(old, "screened", answers={"PREG_ANY": "no"})

    page = session_report(account(old)).text

    assert "The record does not say which limits held: it was made by an earlier version." in said(page)
    assert "Treated by not recorded" in said(page)
    assert "PREG_ANY no" in said(page)
    assert "<svg" in page


def test_steps_are_told_where_no_plan_was_recorded(told: Account) -> None:
    text = said(session_page(replace(told, planned_steps=()), None))

    assert "1 Guide Lie face down" in text
    assert "2 Emit Keep the head moving" in text


def test_entries_that_cannot_be_read_are_named(journal: Path) -> None:
    of = with_bodies(session(journal), "session_started", tempo="fast")

    page = said(session_report(account(of)).text)

    assert f"1 of {len(of.entries)} entries of this record cannot be shown." in page
    assert "session_started its body is not that of an event: session_started has no tempo" in page


def test_a_session_that_has_only_begun_gives_a_report(tmp_path: Path) -> None:
    tell(tmp_path / "j", "s", started("s"))

    page = session_report(account(session(tmp_path / "j"))).text

    assert "NOT ENDED." in said(page)


# --- what it is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_every_text_of_the_record_is_escaped_in_the_page(journal: Path, html: str, text: str) -> None:
    of, entries = session(journal), []
    for entry in of.entries:
        body = dict(entry.body)
        body |= dict.fromkeys(set(body) & TEXTS, text)
        if entry.name == "session_planned":
            body["steps"] = [step | {"say": text} for step in body["steps"]]
            body["limits"] = [limit | {"source": text, "layer": text} for limit in body["limits"]]
        if entry.name == "screened":
            body["answers"] = {text: {"answer": text, "title": text, "date": text, "question": text}}
            body["acknowledged"] = {text: text}
        entries.append(replace(entry, body=body))
    summary = replace(
        of.summary, person=text, title=text, protocol=text, model=text, serial=text, why=text, body_site=text,
        content_hash=text,
    )  # fmt: skip

    page = session_page(account(replace(of, summary=summary, entries=tuple(entries))), None)

    plain = Page(session_page(account(of), None))
    assert {tag for tag, _ in Page(page).elements} <= {tag for tag, _ in plain.elements}
    names = {name for _, attributes in plain.elements for name in attributes}
    assert {name for _, attributes in Page(page).elements for name in attributes} <= names
    assert "\u202e" not in page
    assert "\x1b" not in page
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)[:100]
    assert shown in Page(page).text
    assert len(page) < len(html) + 60 * (TEXT_MAX + 200)


def asked_for(page: Page) -> Iterator[str]:
    """Every address that a browser would follow by itself, or by a click."""
    for _, attributes in page.elements:
        for name, value in attributes.items():
            if name in ADDRESSES:
                yield value
            yield from re.findall(r"url\(([^)]*)\)", value)
    yield from re.findall(r"url\(([^)]*)\)", page.styles)
    yield from re.findall(r"@import[^;]*", page.styles)


def test_the_page_asks_nothing_of_the_network_and_runs_nothing(html: str) -> None:
    page = Page(html)

    assert [address for address in asked_for(page) if not address.strip("'\"").startswith("#")] == []
    assert page.named("script", "iframe", "object", "embed", "link", "base", "form", "a") == []
    assert [name for _, of in page.elements for name in of if name.startswith("on")] == []
    (policy,) = [meta for meta in page.named("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert html.index("Content-Security-Policy") < html.index("<style")


def test_the_same_record_gives_the_same_bytes(journal: Path, html: str) -> None:
    again = session_report(account(session(journal))).text

    assert again == html
    assert str(VirtualClock().utc().year) in html  # the session's day, and no other
    assert not re.search(r"20(?!26-01-01|260101)\d\d-\d\d-\d\dT", html)


def test_the_users_own_style_of_matplotlib_changes_nothing(journal: Path, tmp_path: Path) -> None:
    own, page = tmp_path / "matplotlibrc", tmp_path / "page.html"
    own.write_text("font.size : 40\nsvg.fonttype : path\naxes.grid : maybe\n", encoding="utf-8")
    code = f"import os; os.environ['MATPLOTLIBRC'] = {str(own)!r}; {PHYSIOCTL}"

    done = finished(tmp_path, "report", "--journal", journal, "--output", page, code=code)

    assert done.returncode == 0, done.stderr
    assert page.read_text(encoding="utf-8") == session_report(account(session(journal))).text


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed here")
@pytest.mark.parametrize("width", [794, 390])  # of A4, and of a phone
def test_a_browser_shows_it_without_a_complaint(html: str, tmp_path: Path, width: int) -> None:
    page, shown = tmp_path / "page.html", tmp_path / "page.png"
    page.write_text(html, encoding="utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
               "--disable-background-networking", "--enable-logging=stderr",
               f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1123",
               f"--screenshot={shown}")  # fmt: skip

    done = subprocess.run(
        [str(BROWSER), *options, page.as_uri()], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )

    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    assert shown.stat().st_size > 20_000  # a page that is not empty
