"""The driver's loop: for how long it takes in what has come, and what leaves at the end of a script."""

from __future__ import annotations

from contextlib import nullcontext
from queue import SimpleQueue

import pytest

from device.clock import VirtualClock
from device.control.controller import Script
from device.control.driver import Driver
from device.dialects.base import Heard
from device.dialects.native import Native
from device.errors import LinkLost
from device.events import Written
from device.link import Inbox, News
from device.operator import SessionAction
from physioctl.rehearsal.rig import Rig
from tests.support import SECOND_MS


class Nowhere:
    """A link that leads nowhere, and keeps what was sent."""

    name = "nowhere"
    simulated = True

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> bool:
        self.sent.append(data)
        return True

    def close(self) -> None:
        """Nothing is held."""


class SlowNative(Native):
    """Takes a millisecond over each piece that it hears."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.heard = 0
        self._clock = clock

    def hear(self, data: bytes) -> list[Heard]:
        self.heard += 1
        nothing: Inbox = SimpleQueue()
        self._clock.wait(nothing, self._clock.now_ms() + 1)
        return super().hear(data)


def test_what_has_come_is_taken_in_for_five_milliseconds_before_anything_else_is_done() -> None:
    clock, inbox = VirtualClock(), SimpleQueue[News]()
    dialect = SlowNative(clock)
    driver = Driver(Nowhere(), clock, inbox, dialect)
    for _ in range(20):
        inbox.put(b"\x55")

    driver.step(clock.now_ms() + SECOND_MS)

    assert dialect.heard == 5


def test_a_script_begins_at_the_time_it_is(rig: Rig) -> None:
    def look_at_the_time() -> Script[int]:
        yield from ()
        return rig.controller.now_ms

    rig.wait(10 * SECOND_MS)

    assert rig.driver.run(look_at_the_time()) == rig.clock.now_ms()


@pytest.mark.hazard("H-18")
@pytest.mark.parametrize("breaks", [True, False])
def test_a_stop_that_a_script_ends_with_is_sent_even_if_the_script_breaks(breaks: bool) -> None:
    clock, link = VirtualClock(), Nowhere()
    driver = Driver(link, clock, SimpleQueue(), Native())

    def stops() -> Script[None]:
        yield from ()
        driver.controller.stop()
        if breaks:
            raise ValueError("for a test")

    with pytest.raises(ValueError, match="for a test") if breaks else nullcontext():
        driver.run(stops())

    assert len(link.sent) == 1


@pytest.mark.hazard("H-18")
def test_on_the_way_out_a_stop_is_sent_past_the_loop_and_the_loop_is_told() -> None:
    clock, link, inbox = VirtualClock(), Nowhere(), SimpleQueue[News]()
    driver = Driver(link, clock, inbox, Native())

    driver.stop_at_exit()

    assert (len(link.sent), inbox.get_nowait()) == (1, SessionAction.STOP)


def test_what_falls_due_in_a_turn_leaves_in_that_turn() -> None:
    clock, link = VirtualClock(), Nowhere()
    driver = Driver(link, clock, SimpleQueue(), Native())
    driver.controller.stop()

    driver.step(clock.now_ms() + SECOND_MS)

    assert (len(link.sent), clock.now_ms()) == (2, 40)  # it is repeated


@pytest.mark.hazard("H-18")
def test_a_stop_is_sent_before_anything_that_came_after_it_is_taken_in() -> None:
    clock, inbox, heard = VirtualClock(), SimpleQueue[News](), list[int]()
    dialect = SlowNative(clock)

    class Noting(Nowhere):
        def send(self, data: bytes) -> bool:
            heard.append(dialect.heard)
            return super().send(data)

    driver = Driver(Noting(), clock, inbox, dialect)
    for news in (b"\x55", SessionAction.STOP, b"\x55", b"\x55"):
        inbox.put(news)

    driver.step(clock.now_ms() + SECOND_MS)

    assert heard[0] == 1


def test_a_link_that_is_lost_and_an_event_that_could_not_be_kept_are_news() -> None:
    inbox = SimpleQueue[News]()
    driver = Driver(Nowhere(), VirtualClock(), inbox, Native())
    inbox.put(LinkLost("it is gone", "Plug it in."))
    inbox.put(Written())

    driver.step(SECOND_MS)
    inbox.put(Written(OSError("for a test")))

    assert driver.controller.lost is not None
    with pytest.raises(OSError, match="for a test"):
        driver.step(SECOND_MS)


def test_a_link_that_is_lost_in_sending_is_lost() -> None:
    class Gone(Nowhere):
        def send(self, data: bytes) -> bool:
            raise LinkLost("it is gone", "Plug it in.")

    driver = Driver(Gone(), VirtualClock(), SimpleQueue(), Native())
    driver.controller.stop()

    driver.carry_out()

    assert driver.controller.lost is not None
