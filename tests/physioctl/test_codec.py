"""Events as JSON and back: nothing is lost on the way, and nothing that is no event is taken for one."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device import events as of_units
from device.clock import VirtualClock
from device.events import JSON, AlarmRaised, Event, Priority, StateChanged, name_of
from physioctl import events as of_sessions
from physioctl.record.codec import EVENTS, NotAnEvent, from_json, to_json
from physioctl.record.entries import Damaged, Entry, all_of
from physioctl.record.journal import Journal

WHOLE = st.integers(-(2**53), 2**53)
PLAIN = st.recursive(
    st.none() | st.booleans() | WHOLE | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.text(), PLAIN, max_size=4)
ALARM = AlarmRaised(at_ms=3, code="A", priority=Priority.HIGH, what="so", action="that", status={"output": 1})
CHANGED = StateChanged(at_ms=1, state="armed", before="idle", trigger="arm", may=("stop", "pause"))


def events_of(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Any event of this kind."""
    hints = get_type_hints(kind)
    objects = {name: OBJECTS for name, hint in hints.items() if hint in (JSON, JSON | None)}
    wholes = {name: WHOLE for name, hint in hints.items() if hint is int}
    return st.builds(kind, **objects, **wholes)


def test_every_event_there_is_has_its_place_in_the_codec() -> None:
    made = {
        kind
        for module in (of_units, of_sessions)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Event) and kind is not Event
    }

    assert set(EVENTS) == made
    assert len({name_of(kind) for kind in EVENTS}) == len(EVENTS)


@pytest.mark.hazard("H-21")
@given(st.sampled_from(EVENTS).flatmap(events_of))
def test_an_event_is_read_back_as_it_was(event: Event) -> None:
    written = json.dumps(to_json(event))

    again = from_json(json.loads(written))

    assert again == event
    assert type(again) is type(event)
    assert json.dumps(to_json(again)) == written


def test_an_enum_and_a_tuple_are_read_back_as_such() -> None:
    alarm, changed = from_json(to_json(ALARM)), from_json(to_json(CHANGED))

    assert isinstance(alarm, AlarmRaised)
    assert alarm.priority is Priority.HIGH
    assert isinstance(changed, StateChanged)
    assert changed.may == ("stop", "pause")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"event": "alarm_rised"}, "event"),
        ({"event": None}, "event"),
        ({"event": 5}, "event"),
        ({"priority": "urgent"}, "priority"),
        ({"priority": None}, "priority"),
        ({"at_ms": "3"}, "at_ms"),
        ({"at_ms": 3.5}, "at_ms"),
        ({"at_ms": True}, "at_ms"),
        ({"code": 5}, "code"),
        ({"report": []}, "report"),
        ({"sound": "loud"}, "has no sound"),
        ({"what": "\ud800"}, "event"),
    ],
)
def test_what_is_no_event_is_refused_by_name(change: dict[str, Any], what: str) -> None:
    with pytest.raises(NotAnEvent, match=what):
        from_json(to_json(ALARM) | change)


def test_an_event_that_lacks_something_is_refused_unless_it_has_a_default() -> None:
    said = to_json(CHANGED)
    del said["may"]

    assert from_json(said) == replace(CHANGED, may=())
    del said["trigger"]
    with pytest.raises(NotAnEvent, match="trigger"):
        from_json(said)


@pytest.mark.hazard("H-21")
def test_an_entry_of_the_journal_is_read_back_typed() -> None:
    journal = Journal.in_memory(VirtualClock())
    journal.append("a", ALARM)
    journal.append("a", CHANGED)

    with journal.transaction() as connection:
        told = [entry.event() for entry in all_of(connection, "ORDER BY entries.seq")]

    assert told == [ALARM, CHANGED]


def test_an_entry_whose_body_is_of_another_form_is_damaged() -> None:
    body = {key: value for key, value in to_json(ALARM).items() if key not in ("event", "at_ms", "what")}
    entry = Entry("a", 7, datetime(2026, 1, 1, tzinfo=UTC), 3, "alarm_raised", body, "0" * 64)

    with pytest.raises(Damaged, match=r"entry 7: .*what"):
        entry.event()
