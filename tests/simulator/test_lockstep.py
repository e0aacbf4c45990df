"""The simulated firmware and a unit written from the page alone, asked the same things at the same times.

Where they differ, one of them or the page is wrong.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from random import Random
from typing import TypeVar

import pytest

from device.wire.frame import Decoder, Frame, encode
from simulator.nameplate import nameplate
from tests.simulator import page_unit as page
from tests.simulator.bare_firmware import SENSED_EVERY_MS, BareFirmware
from tests.simulator.page_unit import ARM, CLEAR, LOWER, RENEW, SET, PageUnit
from tools import wire as generate

UNITS, REQUESTS = 40, 500
CONVERSATION = json.loads(generate.TABLE.with_name("vectors.json").read_text(encoding="utf-8"))[
    "conversation"
]
# Short, so that holds end by themselves too.
PLATE = CONVERSATION["capabilities"] | {"suspension_max_ms": 900}
ENERGY_MJ = 4_000_000_000  # a ceiling that is never reached: how early it cuts is a unit's own
MEASURED_MJ = MEASURED_LEVEL = 1  # the last digit of what is measured is a unit's own
LEADS_ON = {
    page.IDLE: (ARM,),
    page.READY: (SET,),
    page.EMITTING: (RENEW, RENEW, RENEW, LOWER, SET),
    page.SUSPENDED: (RENEW, RENEW, RENEW, LOWER, SET),
    page.LAPSED: (ARM,),
    page.FAULT: (CLEAR,),
}
T = TypeVar("T")


class Asker:
    """Makes requests, most of them such as a host makes, from what the unit has last said."""

    def __init__(self, seed: int, nonce: int) -> None:
        self.rng = Random(seed)
        self.nonce = nonce
        self.session, self.seq, self.uptime_ms, self.state = 1, self.rng.randrange(65536), 0, page.IDLE
        self.said: list[tuple[int, int, bytes]] = []

    def next(self) -> tuple[int, int, bytes]:
        rng = self.rng
        if self.said and rng.random() < 0.08:
            return rng.choice(self.said[-4:])
        kinds = (
            page.IDENTIFY,
            page.GET_CAPABILITIES,
            page.GET_STATUS,
            ARM,
            SET,
            RENEW,
            page.STOP,
            CLEAR,
            LOWER,
            0x0A,
            0x00,
        )
        type_ = rng.choices(kinds, weights=(1, 1, 4, 6, 6, 6, 2, 3, 4, 1, 1))[0]
        if rng.random() < 0.6:
            type_ = rng.choice(LEADS_ON[self.state])
        if rng.random() < 0.01:
            type_ = rng.randrange(256)
        body = self.body(type_)
        if rng.random() < 0.02:
            body = rng.choice((body + b"\0", body[:-1], b""))[:64]
        said = type_, self.number(), body
        self.said.append(said)
        return said

    def number(self) -> int:
        usual = (self.seq + 1) % 65536
        ahead = self.rng.choice((0, 1, -1, -40, 0x7FFE, 0x7FFF, 0x8000, self.rng.randrange(65536)))
        if self.rng.random() < 0.9:
            self.seq = usual
            return usual
        return (self.seq + ahead) % 65536

    def body(self, type_: int) -> bytes:
        layout = page.LAYOUTS.get(type_)
        if layout is None:
            return self.rng.randbytes(self.rng.choice((0, 0, 0, 1, 13, 64)))
        if type_ == ARM and self.rng.random() < 0.2:
            self.session = self.rng.choice((self.session + 1, self.rng.randrange(1, 60)))
        fields = {
            ARM: (self.rare(440, 0, 289, 530, 1060, 1061), self.rare(600_000, 0, 1, 900_000, 900_001),
                  self.rare(ENERGY_MJ, 0, ENERGY_MJ - 1), self.date()),
            SET: (self.rng.choice((290, 300, 440)), *self.kind(), *self.times(), self.date(), self.lease()),
            RENEW: (self.date(), self.lease()),
            CLEAR: (self.date(),),
            LOWER: (self.rare(self.rng.randrange(290, 441), 0, 289, 290, 441, 65535),),
        }  # fmt: skip
        if type_ not in fields:
            return b""
        of_session = () if type_ == CLEAR else (self.rare(self.session, 0, self.session + 1, 1),)
        return layout.pack(self.rare(self.nonce, 0, self.nonce ^ 1), *of_session, *fields[type_])

    def kind(self) -> tuple[int, int, int]:
        usual = self.rng.choice(((50, 1000, 100), (100, 1000, 0), (20, 1000, 100)))
        return self.rare_one_of(usual, ((50, 1000, 0), (100, 1000, 100), (30, 1000, 100), (50, 3000, 100)))

    def times(self) -> tuple[int, int]:
        for_ms = self.rare(self.rng.randrange(1, 4000), 0, 600_000, 600_001, 900_001)
        return for_ms, self.rare(self.rng.randrange(min(for_ms, 1000) + 1), min(for_ms + 1, 65535))

    def date(self) -> int:
        age_ms = self.rng.choice((0, 0, 5, 5, 20, 90))
        late_ms = self.rng.choice((-1, 99, 100, 499, 500, 999, 1000, 1001, 5000, 2**31))
        return (self.uptime_ms - self.rare(age_ms, late_ms)) % 2**32

    def lease(self) -> int:
        return self.rare(self.rng.choice((9, 49, 49, 99)), 0, 8, 100, 255)

    def rare(self, usual: int, *others: int) -> int:
        return self.rare_one_of(usual, others)

    def rare_one_of(self, usual: T, others: tuple[T, ...]) -> T:
        return self.rng.choice(others) if self.rng.random() < 0.025 else usual


@pytest.mark.hazard("H-09")
def test_twenty_thousand_requests_are_answered_alike_by_the_firmware_and_by_the_page() -> None:
    results: Counter[int] = Counter()
    states: Counter[int] = Counter()
    for seed in range(UNITS):
        for status in _life(seed):
            results[status[1]] += 1
            states[status[2]] += 1

    assert set(results) == set(range(13))  # every result there is, and every state
    assert set(states) == set(range(6))
    assert results[page.OK] > 5000


def _life(seed: int) -> list[tuple[int, ...]]:
    """Ask both for as long as one unit runs; return the statuses."""
    rng = Random(seed)
    nonce = rng.randrange(1, 2**32)
    firmware = BareFirmware(
        nonce, "SIM-0001", replace(nameplate("us111"), suspension_max_ms=PLATE["suspension_max_ms"])
    )
    other = PageUnit(
        nonce,
        PLATE,
        suspensions_ms=CONVERSATION["holds_after_ms"],
        goes_on_ms=CONVERSATION["goes_on_after_ms"],
        sensed_every_ms=SENSED_EVERY_MS,
    )
    asker, found = Asker(seed, nonce), []
    for number in range(REQUESTS):
        to_ms = other.now_ms + rng.choice((0, 0, 1, 7, 30, 30, 80, 90, 90, 200, 450, 1200))
        contact_pct = rng.choice((92, 92, 92, 50, 49, 0)) if rng.random() < 0.1 else None
        supply_low = rng.random() < 0.5 if rng.random() < 0.01 or other.supply_low else None
        for unit in (firmware, other):
            unit.move_to(to_ms)
            if contact_pct is not None or supply_low is not None:
                unit.read(contact_pct=contact_pct, supply_low=supply_low)
        type_, seq, body = asker.next()
        answered, expected = _heard(firmware, type_, seq, body), other.hear(type_, seq, body)
        where = f"unit {seed}, request {number} at {to_ms} ms: type {type_}, seq {seq}, {body.hex(' ')}"
        if expected is None or answered is None:
            assert answered is None, where
            assert expected is None, where
            continue
        assert (answered.type, answered.seq) == (expected[0], seq), where
        if expected[0] == page.STATUS:
            status = page.STATUS_LAYOUT.unpack(answered.body)
            assert _alike(status, page.STATUS_LAYOUT.unpack(expected[1])), where
            asker.uptime_ms, asker.state = to_ms, status[2]
            found.append(status)
    return found


def _heard(firmware: BareFirmware, type_: int, seq: int, body: bytes) -> Frame | None:
    said = Decoder().feed(firmware.hear(encode(Frame(type_, seq, body))))
    if not said:
        return None
    (frame,) = said
    assert isinstance(frame, Frame)
    return frame


def _alike(said: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Whether two statuses say the same; what is measured may be a digit apart."""
    slack = {page.ENERGY: MEASURED_MJ, page.OUTPUT: MEASURED_LEVEL}
    pairs = enumerate(zip(said, expected, strict=True))
    differs = {place: pair for place, pair in pairs if abs(pair[0] - pair[1]) > slack.get(place, 0)}
    assert differs == {}
    return not differs
