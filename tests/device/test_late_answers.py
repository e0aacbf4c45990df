"""The deadline of an answer, as docs/wire.md has it: 70 ms late passes, 80 ms does not."""

from __future__ import annotations

import pytest

from device.clock import VirtualClock
from device.control.delivery import Ended
from device.link import Inbox
from physioctl.rehearsal.rig import CableLink, Rig
from simulator.cable import Cable
from tests.support import SECOND_MS, Ledger, emit, session_on


class LateLink(CableLink):
    """Hands every answer over later than the unit has given it, from two seconds on."""

    late_ms = 0

    def __init__(self, cable: Cable, clock: VirtualClock, inbox: Inbox) -> None:
        super().__init__(cable, clock, inbox)
        self._waiting: list[tuple[int, bytes]] = []
        cable.on_arrival = self._arrived
        clock.add(self)

    def _arrived(self, data: bytes) -> None:
        now_ms = self._clock.now_ms()
        self._waiting.append((now_ms + (self.late_ms if now_ms >= 2 * SECOND_MS else 0), data))

    def next_ms(self) -> int | None:
        return self._waiting[0][0] if self._waiting else None

    def move_to(self, now_ms: int) -> None:
        while self._waiting and self._waiting[0][0] <= now_ms:
            self._inbox.put(self._waiting.pop(0)[1])


def late_by(ms: int) -> type[LateLink]:
    class _Link(LateLink):
        late_ms = ms

    return _Link


@pytest.mark.parametrize(("late_ms", "ended"), [(70, Ended.COMPLETED), (80, Ended.INTERRUPTED)])
def test_a_unit_may_answer_70_ms_late_and_not_80(late_ms: int, ended: Ended) -> None:
    rig = Rig("us111", link=late_by(late_ms))

    delivery = session_on(rig, emit(rig, 6 * SECOND_MS), ledger=Ledger())

    assert delivery.ended is ended
    assert rig.unit.output == 0
