"""A stop that is not ours, from the unit's key or another program, ends the session whenever it comes.

What another program only asks ends nothing.
"""

from __future__ import annotations

import pytest

from device.control.delivery import Ended
from device.dialects.base import Arm, GetCapabilities, GetStatus, Identify, Intent, Permitted, Renew, Stop
from device.dialects.native import Native
from device.events import Commanded
from device.operator import SessionAction
from device.wire.messages import Type
from physioctl.rehearsal.rig import CableLink, Rig
from protocols.plan import Guide, Rest, Step
from tests.support import SECOND_MS, Ledger, MakeRig, emit, session_on

GUIDE_MS, EMIT_MS, REST_MS = 3 * SECOND_MS, 2 * SECOND_MS, 3 * SECOND_MS


class AnotherProgram:
    """Sends one request to the unit at a given time. Its requests have numbers of their own."""

    def __init__(self, rig: Rig, at_ms: int, intent: Intent | None = None, seq: int = 40_000) -> None:
        self._rig = rig
        self._at_ms: int | None = at_ms
        self._data = Native().say(Permitted(intent or Stop()), seq)

    def next_ms(self) -> int | None:
        return self._at_ms

    def move_to(self, now_ms: int) -> None:
        if self._at_ms is not None and now_ms >= self._at_ms:
            self._at_ms = None
            self._rig.cable.send(self._data, now_ms)


def steps(rig: Rig) -> tuple[Step, ...]:
    return (
        Guide("Lie down.", GUIDE_MS),
        emit(rig, EMIT_MS),
        Rest(REST_MS),
        emit(rig, EMIT_MS),
    )


@pytest.mark.hazard("H-19")
@pytest.mark.parametrize("at_ms", range(SECOND_MS, 11 * SECOND_MS, 700))
def test_a_stop_from_elsewhere_ends_the_session_in_every_step(make_rig: MakeRig, at_ms: int) -> None:
    rig, ledger = make_rig("us111"), Ledger()
    rig.clock.add(AnotherProgram(rig, at_ms))

    delivery = session_on(rig, *steps(rig), ledger=ledger)

    later = [change for change in rig.unit.changes if change.ms > at_ms + 100 and change.output]
    if delivery.ended is not Ended.COMPLETED:
        assert (delivery.ended, delivery.why) == (Ended.INTERRUPTED, "someone else has stopped the unit")
        assert later == []
    else:
        assert at_ms > ledger.events[-1].at_ms - 200  # all had been delivered by then


@pytest.mark.parametrize("seq", [1, 0x7FFF, 0x8000, 0xFFFF])
@pytest.mark.parametrize(
    "intent",
    [GetStatus(), Identify(), GetCapabilities(), Arm(1, 9, 300, 1000, 1000, 0), Renew(1, 7, 0, 500)],
    ids=repr,
)
def test_what_another_program_only_asks_ends_no_session(make_rig: MakeRig, intent: Intent, seq: int) -> None:
    rig, ledger = make_rig("us111"), Ledger()
    for at_ms in (1000, 4000, 5000, 7000, 9000):
        rig.clock.add(AnotherProgram(rig, at_ms, intent, seq))

    delivery = session_on(rig, *steps(rig), ledger=ledger)

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 2 * EMIT_MS)
    assert ledger.named("alarm_raised") == []


def test_a_pause_and_a_stop_of_our_own_are_not_taken_for_somebody_elses(make_rig: MakeRig) -> None:
    actions = [
        (at_ms, action)
        for second in range(1, 10, 2)
        for at_ms, action in (
            (second * SECOND_MS, SessionAction.PAUSE),
            (second * SECOND_MS + 600, SessionAction.RESUME),
        )
    ]
    rig = make_rig("us111", actions=actions)

    delivery = session_on(rig, *steps(rig), attended=True)

    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, 2 * EMIT_MS)


def test_a_session_without_output_arms_nothing(make_rig: MakeRig) -> None:
    rig, ledger = make_rig("us111"), Ledger()

    delivery = session_on(rig, Guide("Breathe.", SECOND_MS), ledger=ledger)

    assert delivery.ended is Ended.COMPLETED
    assert ledger.named("commanded") == []


class LosesTheFirstStart(CableLink):
    """Loses the first request to start output, and hands it over much later."""

    kept: bytes | None = None

    def send(self, data: bytes) -> bool:
        if self.kept is None and data[2] == Type.SET:
            self.kept = data
            return True
        return super().send(data)


@pytest.mark.hazard("H-09")
def test_a_start_that_nobody_has_heard_of_is_fenced_off_before_another_is_sent() -> None:
    rig, ledger = Rig("us111", link=LosesTheFirstStart), Ledger()

    delivery = session_on(rig, emit(rig, EMIT_MS), ledger=ledger)
    link = rig.driver.link
    assert isinstance(link, LosesTheFirstStart)
    assert link.kept is not None
    rig.cable.send(link.kept, rig.clock.now_ms())
    rig.wait(1000)

    asked = [event.intent for event in ledger.events if isinstance(event, Commanded)]
    assert asked == ["Arm", "SetOutput", "Arm", "SetOutput"]
    assert (delivery.ended, delivery.delivered_ms) == (Ended.COMPLETED, EMIT_MS)
    assert len([change for change in rig.unit.changes if change.output]) == 1
