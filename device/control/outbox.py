"""What a controller has produced: events to record and bytes to send, in the order in which that is done.

It counts the events that go to the recorder, and knows which of them are not on the disk yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from device.events import Event


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes for the unit."""

    data: bytes
    is_stop: bool
    starts_output: bool


Produced: TypeAlias = Event | Outgoing


class Outbox:
    """Events and bytes on their way out of one controller."""

    def __init__(self) -> None:
        self.recording = False  # there is a recorder, and every event is handed to it
        self.handed_over = 0  # events for the recorder so far
        self.write_ms: int | None = None  # how long the recorder's latest write took; None: none is done
        self._produced: deque[Produced] = deque()
        self._unwritten: deque[tuple[int, int]] = deque()  # number and time of events not yet on the disk

    @property
    def next(self) -> Produced | None:
        """The next event to record or bytes to send; None when there is nothing."""
        return self._produced[0] if self._produced else None

    def done(self) -> None:
        """Remove what `next` returned: it has been recorded, or is being sent."""
        self._produced.popleft()

    def publish(self, event: Event, now_ms: int) -> None:
        """Have ``event`` recorded, and shown afterwards."""
        if self.recording:
            self.handed_over += 1
            self._unwritten.append((self.handed_over, now_ms))
        self._produced.append(event)

    def send(self, outgoing: Outgoing) -> None:
        """Have ``outgoing`` sent."""
        self._produced.append(outgoing)

    def withdraw(self, unwanted: Callable[[Outgoing], bool]) -> list[Outgoing]:
        """Let the bytes that are ``unwanted`` and have not been sent never leave; return them."""
        kept: deque[Produced] = deque()
        withdrawn: list[Outgoing] = []
        for item in self._produced:
            if isinstance(item, Outgoing) and unwanted(item):
                withdrawn.append(item)
            else:
                kept.append(item)
        self._produced = kept
        return withdrawn

    # --- on the disk -----------------------------------------------------------------------------------

    def recorded(self, up_to: int) -> None:
        """The first ``up_to`` events that were handed to the recorder are on the disk."""
        while self._unwritten and self._unwritten[0][0] <= up_to:
            self._unwritten.popleft()

    def is_written(self, number: int) -> bool:
        """Whether the event ``number`` is on the disk."""
        return not self._unwritten or self._unwritten[0][0] > number

    @property
    def all_written(self) -> bool:
        """Whether every event so far is on the disk."""
        return not self._unwritten

    @property
    def unwritten_since_ms(self) -> int | None:
        """When the oldest event was published that is not on the disk yet; None when all are."""
        return self._unwritten[0][1] if self._unwritten else None

    @property
    def latest_write(self) -> str:
        """How long the recorder's latest write took, in words."""
        if self.write_ms is None:
            return "no write has been done"
        return f"the latest write took {self.write_ms} ms"
