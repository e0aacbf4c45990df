"""What is done to an emulated board, again and again, and what its own log has to say of its output.

Each trial takes a board that runs, a count and a seed, and returns one line of what was measured. A board
that gives output where it should not raises an AssertionError. Every judgement is by the board's own clock.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from device.wire import messages as wire
from device.wire.frame import Frame, encode
from device.wire.messages import UnitState
from tests.firmware.bare_host import BareHost, NoAnswer
from tests.firmware.board import Atmega, Board, Change, pause, waited
from tests.firmware.recorder import recorded
from tests.processes import session, short_protocol

LAPSE_MS = 2  # what the end of a lease may be off by, of the unit's clock
LEVEL = 530
PWM = LEVEL * 255 // 1060
PASS_MS = 2.0  # the Cortex-M3 does not tell its passes: one takes about a millisecond
FLIPPED_LEASE_MS = 150
SET_TAKES_MS = 40  # from the status that dates a lease to the output under it, at most, as a rule
LATE_MS = {"atmega328p": 22.0, "lm3s6965evb": 60.0}  # a hung loop, to its end by the tick interrupt
WATCHDOG_MS = {"atmega328p": 66.0, "lm3s6965evb": 150.0}
RESETS = (
    "start",
    "power",
    "brownout",
    "watchdog",
)  # a line of the log with one of these: it began anew, or will


def _on(board: Board, host: BareHost, lease_ms: int = 500) -> None:
    """Output is given, and the log has it."""
    assert _can_be_on(board, host, lease_ms), f"no output can be had: {host.last}"


def _can_be_on(board: Board, host: BareHost, lease_ms: int) -> bool:
    """Whether output is given; if so, the log has it."""

    def given() -> bool:
        with suppress(NoAnswer):
            return host.begin(LEVEL, lease_ms=lease_ms).state is UnitState.EMITTING
        return False

    if not waited(given, 2):
        return False
    assert waited(lambda: board.output() > 0, 2), "the log has no output"
    return True


def _off_after(board: Board, count: int, within_s: float = 3) -> Change:
    """The first change after ``count`` lines of the log that ends output."""
    assert waited(lambda: any(not each.output for each in board.changes()[count:]), within_s), (
        "output stays on"
    )
    return next(each for each in board.changes()[count:] if not each.output)


def _late(off: Change, ends_ms: float) -> float:
    """How long after the end of its lease output was off: in the first pass after it, and no later."""
    late = off.ms - ends_ms
    assert -LAPSE_MS <= late <= max(LAPSE_MS, off.since_pass_ms), f"off {late:+.1f} ms after the lease: {off}"
    return late


def killed_hosts(board: Board, folder: Path, count: int, seed: int) -> str:
    """The host is killed at random moments: output is off when the latest lease asked for has run out."""
    rng, late = random.Random(seed), list[float]()
    protocol = short_protocol(folder, 60)
    for _ in range(count):
        with recorded(board.port) as line:
            with session(line.port, folder / "journal.sqlite", protocol) as process:
                assert waited(lambda: board.output() > 0), f"no output: {process.poll()}"
                pause(rng.uniform(0, 2.5))
                known = len(board.changes())
                process.kill()
                ended = _off_after(board, known)
            late.append(_late(ended, line.lease_until_ms()))
    return f"{count} hosts killed: output off {min(late):+.2f} to {max(late):+.2f} ms after the lease's end"


def hung_loops(board: Board, count: int, seed: int, *, watchdog_takes: int = 1) -> str:
    """The loop is hung, every second time with interrupts off: output ends, and the watchdog begins anew."""
    rng, took = random.Random(seed), dict[bool, list[float]]({False: [], True: []})
    with BareHost(board.port) as host:
        for number in range(count):
            dead = bool(number % 2)
            _on(board, host, 1000)
            nonce = host.status().nonce
            pause(rng.uniform(0, 0.05))
            known = len(board.changes())
            hung_ms = board.hang(dead=dead)
            ended = _off_after(board, known)
            after = _begun_anew(host, nonce)
            assert (after.state, after.session, after.measured_level) == (UnitState.IDLE, 0, 0)
            if ended.why != "start":  # by its own log the Cortex-M3 cannot tell when a reset has ended output
                took[dead].append(ended.ms - hung_ms)
                limit_ms = WATCHDOG_MS[board.kind] * watchdog_takes if dead else LATE_MS[board.kind]
                assert took[dead][-1] <= limit_ms, f"off {took[dead][-1]:.1f} ms after it was hung"
    said = [
        f"{'interrupts off' if dead else 'interrupts on'}: output off after at most {max(each):.1f} ms"
        for dead, each in took.items()
        if each
    ]
    return f"{count} hung loops, each begun anew by the watchdog; " + "; ".join(said)


def _begun_anew(host: BareHost, nonce: int) -> wire.Status:
    """The first status under another nonce."""
    found: list[wire.Status] = []

    def anew() -> bool:
        with suppress(NoAnswer):
            found.append(host.ask(wire.GetStatus(), 0.2))
            return found[-1].nonce != nonce
        return False

    assert waited(anew, 5), "it has not begun anew"
    return found[-1]


def flipped_bits(board: Board, count: int, seed: int) -> str:
    """One bit is changed while output is on, under a lease that nothing renews.

    Output stays at what was set, or is off; another level than that lasts no longer than one pass of the
    loop. It is off when the lease has run out, which began no later than output did.
    """
    rng, ends, wrong_longest = random.Random(seed), Counter[str](), 0.0
    with BareHost(board.port) as host:
        for _ in range(count):
            before = len(board.changes())
            if not _can_be_on(board, host, FLIPPED_LEASE_MS):  # what it refuses by has been changed
                assert board.output() == 0, "it refuses output, and gives it"
                ends["(of these) refused all output from then on"] += 1
                board.switch_off_and_on()
                _on(board, host, FLIPPED_LEASE_MS)
            pause(rng.uniform(0, 0.04))
            known = len(board.changes())
            place = board.flip(rng)
            assert waited(lambda: board.output() == 0, 2), f"{place}: output stays on"
            changes = board.changes()
            wrong_longest = max(wrong_longest, _wrong(board, changes[known:], place))
            if any(each.why in RESETS for each in changes[known:]):
                ends["begun anew"] += 1
                continue
            off = _last_off(changes)
            on = next(each for each in changes[before:] if each.output)
            late = off.ms - on.ms - FLIPPED_LEASE_MS
            assert late <= max(LAPSE_MS, off.since_pass_ms), f"{place}: off {late:.1f} ms after the lease"
            ends["off before its time" if late < -SET_TAKES_MS else "as if nothing had been"] += 1
    told = ", ".join(f"{number} {end}" for end, number in sorted(ends.items()))
    unit = "passes" if board.kind == "atmega328p" else "ms"
    return f"{count} bits flipped: {told}; a level that was not set for at most {wrong_longest:.1f} {unit}"


def _last_off(changes: list[Change]) -> Change:
    """The change that has ended output for the last time."""
    off = changes[-1]
    for change in reversed(changes):
        if change.output:
            break
        off = change
    return off


def _wrong(board: Board, changes: list[Change], place: str) -> float:
    """For how long output was at a level not set: passes, or milliseconds where they are not told."""
    longest = 0.0
    for change, after in pairwise(changes):
        if change.output in (0, PWM):
            continue
        took = float(after.passes - change.passes) if change.passes else max(after.ms - change.ms, 0.0)
        assert took <= (1 if change.passes else PASS_MS), f"{place}: {change.output} for {took}"
        longest = max(longest, took)
    assert not changes or changes[-1].output in (0, PWM), f"{place}: {changes[-1]}"
    return longest


def dipping_supply(board: Board, count: int, seed: int) -> str:
    """The supply dips at random, also while the unit begins: output is off, and the session forgotten."""
    rng, nonces, resets = random.Random(seed), set[int](), 0
    with BareHost(board.port) as host:
        for _ in range(count):
            _on(board, host, 1000)
            driven = host.status()
            nonces.add(driven.nonce)
            pause(rng.uniform(0, 0.03))
            known = len(board.changes())
            for _ in range(rng.randrange(1, 6)):
                board.reset(rng)
                resets += 1
                pause(rng.uniform(0, 0.03))
            after = _begun_anew(host, driven.nonce)
            assert after.nonce not in nonces, "a nonce comes back"
            assert (after.state, after.session, after.delivered_ms) == (UnitState.IDLE, 0, 0)
            refused = host.ask(wire.Set(driven.nonce, 1, LEVEL, 100, 1000, 0, 1000, 0, after.uptime_ms, 500))
            assert refused.result is wire.Result.BAD_NONCE
            assert waited(lambda: board.output() == 0, 1), "output is on after a reset"
            began = next(at for at, each in enumerate(board.changes()) if at >= known and each.why in RESETS)
            assert not any(each.output for each in board.changes()[began:]), "output after a reset"
    return (
        f"{count} times, {resets} resets: output off after each, no session, {len(nonces)} nonces, none twice"
    )


def clock_turning_over(board: Board, count: int, seed: int) -> str:
    """The unit's clock passes 2**32 under a lease that is renewed, and under one that runs out across it."""
    rng, late = random.Random(seed), list[float]()
    with BareHost(board.port) as host:
        for number in range(count):
            host.stop()
            ahead = board.set_uptime(0x100000000 - rng.randrange(150, 450))
            _on(board, host, 500)
            for _ in range(6 if number % 2 else 0):
                pause(0.1)
                assert host.renew(500).result is wire.Result.OK
            last = host.last
            assert last is not None
            known = len(board.changes())
            ends = (last.uptime_ms + last.lease_left_ms) % 0x100000000
            off = _off_after(board, known)
            apart = (int(off.ms) + ahead - ends) % 0x100000000
            late.append(apart - (0x100000000 if apart > 0x80000000 else 0))
            assert abs(late[-1]) <= LAPSE_MS, f"off {late[-1]} ms after the lease"
            after = host.status()
            assert after.state is UnitState.LAPSED
            assert after.uptime_ms < 0x80000000
    return (
        f"{count} times past 2^32: output off {min(late):+.1f} to {max(late):+.1f} ms after the lease's end"
    )


def flooded_line(board: Board, count: int, seed: int) -> str:
    """Noise and frames at ten times the line's rate: the lease ends when it ends, a Stop is answered."""
    rng, late = random.Random(seed), list[float]()
    with BareHost(board.port) as host:
        asked = _frame(wire.GetStatus(), 7)
        for _ in range(count):
            _on(board, host, 500)
            last = host.last
            assert last is not None
            known = len(board.changes())
            if isinstance(board, Atmega):
                board.command("rate 1000")
            for _ in range(30):
                host.send(asked * 20 + rng.randbytes(200) + rng.randbytes(60) + b"\0" + asked[:-3])
                pause(0.01)
            if isinstance(board, Atmega):
                assert waited(lambda: _drained(board), 5)
                board.command("rate 100")
            off = _off_after(board, known)
            late.append(_late(off, last.uptime_ms + last.lease_left_ms))
            host.send(b"\0")
            assert host.status().state is UnitState.LAPSED
            stopped = host.stop()
            assert (stopped.state, stopped.measured_level) == (UnitState.IDLE, 0)
        told = f"{board.stats()['overruns']} overruns of the receiver, " if isinstance(board, Atmega) else ""
        bad = host.status().bad_frames
    return (
        f"{count} floods: output off {min(late):+.2f} to {max(late):+.2f} ms after the lease's end; "
        f"{told}{bad} frames thrown away"
    )


def _drained(board: Atmega) -> bool:
    before = board.stats()["overruns"]
    pause(0.02)
    return board.stats()["overruns"] == before


def _frame(message: wire.Message, seq: int) -> bytes:
    return encode(Frame(message.TYPE, seq, message.pack()))


def framing_errors(board: Atmega, count: int, seed: int) -> str:
    """Bytes that arrive without their stop bit, in frames that would be done: none is, each is counted."""
    rng = random.Random(seed)
    with BareHost(board.port) as host:
        _on(board, host, 1000)
        for _ in range(count):
            before = host.renew(1000)
            board.command(f"framing {rng.randrange(1, 4)}")
            host.send(_frame(wire.Stop(), rng.randrange(60000, 65000)))
            pause(0.01)
            board.command("framing 0")
            after = host.status()
            assert after.state is UnitState.EMITTING, "a Stop with a framing error was carried out"
            assert (after.bad_frames - before.bad_frames) % 0x10000 >= 1
        host.stop()
    return f"{count} frames with framing errors: each thrown away and counted, output as it was"


def late_watchdog(board: Atmega, count: int, seed: int) -> str:
    """A watchdog that takes twice its time: the tick interrupt ends the output of a hung loop before it."""
    board.command("watchdog 200")
    said = hung_loops(board, count, seed, watchdog_takes=2)
    board.command("watchdog 100")
    return said
