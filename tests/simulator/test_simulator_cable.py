"""The cable, on virtual time: when bytes arrive, what is lost, and in what order things happen."""

from __future__ import annotations

from queue import SimpleQueue

import pytest

from device.clock import VirtualClock
from device.wire.frame import Decoder, Frame, encode
from device.wire.messages import (
    Arm,
    GetStatus,
    Identify,
    Identity,
    Message,
    Renew,
    Set,
    Status,
    Stop,
    UnitState,
    read,
)
from simulator.cable import Cable, transmit_ms
from simulator.faults import parse
from simulator.unit import SimulatedUnit


class Host:
    """A host of few words at the end of a cable."""

    def __init__(self, *faults: str, seed: int = 0) -> None:
        read_faults = tuple(parse(fault) for fault in faults)
        self.unit = SimulatedUnit("us111", seed=seed, faults=read_faults)
        self.cable = Cable(self.unit, seed=seed, faults=read_faults)
        self.clock = VirtualClock()
        self.clock.add(self.cable)
        self.inbox: SimpleQueue[bytes] = SimpleQueue()
        self.cable.on_arrival = self.inbox.put
        self.seq = 0
        self.damaged = 0
        self.unit_uptime_ms = 0  # when the unit last said something, by its own clock
        self._decoder = Decoder()

    def send(self, message: Message) -> None:
        self.seq += 1
        self.cable.send(encode(Frame(message.TYPE, self.seq, message.pack())), self.clock.now_ms())

    def answers(self, for_ms: int) -> list[Message]:
        until_ms = self.clock.now_ms() + for_ms
        said: list[Message] = []
        while (data := self.clock.wait(self.inbox, until_ms)) is not None:
            for item in self._decoder.feed(data):
                message = read(item.type, item.body) if isinstance(item, Frame) else None
                if message is None:
                    self.damaged += 1
                else:
                    said.append(message)
        return said

    def start(self, for_ms: int = 60_000, lease_ms: int = 500) -> int:
        self.send(Identify())
        (identity,) = self.answers(20)
        assert isinstance(identity, Identity)
        self.send(GetStatus())
        (looked,) = self.answers(20)
        assert isinstance(looked, Status)
        self.send(Arm(identity.nonce, 1, 440, 600_000, 10_000_000, looked.uptime_ms))
        (armed,) = self.answers(20)
        assert isinstance(armed, Status)
        self.unit_uptime_ms = armed.uptime_ms
        self.send(Set(identity.nonce, 1, 440, 50, 1000, 100, for_ms, 0, self.unit_uptime_ms, lease_ms))
        self.answers(20)
        return identity.nonce


def test_an_answer_takes_the_time_its_bytes_take() -> None:
    host = Host()
    host.send(GetStatus())

    data = host.clock.wait(host.inbox, 100)

    assert data is not None
    asked_ms, answered_ms = transmit_ms(10) + 1, transmit_ms(len(data)) + 1
    assert host.clock.now_ms() == asked_ms + answered_ms
    assert transmit_ms(len(data)) == -(-len(data) * 10_000 // 115_200)


def test_a_lease_that_runs_out_in_the_millisecond_a_renewal_arrives_has_run_out() -> None:
    for early_ms, state in ((1, UnitState.EMITTING), (0, UnitState.LAPSED)):
        host = Host()
        nonce = host.start()
        arrives_ms = host.unit_uptime_ms + 500 - early_ms
        renewal = Renew(nonce, 1, arrives_ms, 500)
        takes_ms = transmit_ms(len(encode(Frame(renewal.TYPE, 1, renewal.pack())))) + 1
        host.answers(arrives_ms - takes_ms - host.clock.now_ms())

        host.send(renewal)
        (status,) = host.answers(40)

        assert isinstance(status, Status)
        assert status.state is state


def test_a_pulled_cable_is_seen_at_the_host_and_ends_its_output_by_its_lease() -> None:
    host = Host("cable_pulled@300ms+2s")
    pulled_at: list[int] = []
    host.cable.on_pulled = lambda: pulled_at.append(host.clock.now_ms())
    host.start()

    host.answers(400)
    host.send(Stop())
    host.answers(1000)

    assert pulled_at == [300]
    assert host.cable.pulled
    assert host.unit.output_off_since_ms == host.unit_uptime_ms + 500
    host.answers(2000)
    assert not host.cable.pulled
    host.send(GetStatus())
    assert len(host.answers(50)) == 1


def test_a_cable_can_be_pulled_and_plugged_by_hand() -> None:
    host = Host()
    host.send(GetStatus())

    host.cable.pull()
    lost = host.answers(50)
    host.cable.plug()
    host.send(GetStatus())

    assert lost == []
    assert len(host.answers(50)) == 1


@pytest.mark.parametrize(("dead", "heard"), [("0", False), ("1", True)])
def test_a_half_open_line_passes_one_way_only(dead: str, heard: bool) -> None:
    host = Host(f"half_open@100ms+2s={dead}")
    host.start(lease_ms=1000)
    host.answers(100)

    host.send(Stop())
    answers = host.answers(100)

    assert answers == []
    assert (host.unit.output == 0) is heard


@pytest.mark.parametrize("kind", ["bytes_lost", "bytes_struck"])
def test_a_noisy_line_costs_frames_and_nothing_else(kind: str) -> None:
    host = Host(f"{kind}@0s+10s=0.01", seed=5)

    said = []
    for _ in range(60):
        host.send(GetStatus())
        said += host.answers(20)
    host.answers(10_000)
    host.send(GetStatus())
    (status,) = host.answers(50)

    assert isinstance(status, Status)
    assert 0 < len(said) < 60
    assert host.damaged + status.bad_frames > 0
    assert host.unit.breaches == []


def test_a_doubled_request_is_answered_twice_and_done_once() -> None:
    host = Host("bytes_doubled@100ms+10s=1")
    host.start()
    host.answers(100)

    host.send(GetStatus())

    assert len(host.answers(60)) == 4  # twice asked, and each answer doubled
    assert len(host.unit.changes) == 1


def test_late_bytes_come_in_order() -> None:
    host = Host("bytes_late@0s+50ms=300")
    host.send(Identify())
    host.answers(60)
    host.send(GetStatus())

    said = host.answers(1000)

    assert [type(message) for message in said] == [Identity, Status]


def test_reordered_requests_overtake_each_other_and_a_stop_still_stands() -> None:
    host = Host("frames_reordered@100ms+20ms=1")
    nonce = host.start()
    host.answers(100 - host.clock.now_ms())

    host.send(Set(nonce, 1, 400, 50, 1000, 100, 60_000, 0, host.unit_uptime_ms, 500))
    host.answers(25)
    host.send(Stop())
    host.answers(400)

    assert [change.why for change in host.unit.changes] == ["set", "stop"]
    assert host.unit.breaches == []


def test_a_line_is_the_same_every_time() -> None:
    runs = []
    for _ in range(2):
        host = Host("bytes_struck@100ms+10s=0.01", "bytes_lost@100ms+10s=0.01", seed=9)
        host.start()
        for _ in range(20):
            host.send(GetStatus())
            host.answers(30)
        runs.append((host.damaged, host.unit.changes, host.unit.energy_mj))

    assert runs[0] == runs[1]


@pytest.mark.parametrize(("half_duplex", "answered"), [(True, 0), (False, 2)])
def test_on_one_pair_of_wires_both_are_lost_when_both_ends_talk_at_once(
    half_duplex: bool, answered: int
) -> None:
    host = Host()
    host.unit.half_duplex = half_duplex
    host.send(Identify())
    host.answers(4)  # the request has arrived, and its answer is being transmitted

    host.send(GetStatus())

    assert len(host.answers(100)) == answered
    assert len(host.cable.collisions_ms) == half_duplex


def test_one_end_that_sends_in_pieces_loses_nothing() -> None:
    host = Host()
    host.unit.half_duplex = True
    frame = encode(Frame(GetStatus.TYPE, 1, GetStatus().pack()))

    host.cable.send(frame[:5], 0)
    host.cable.send(frame[5:], 0)

    assert len(host.answers(100)) == 1
    assert host.cable.collisions_ms == []
