"""Kills, stops, ends and hangs up real sessions at random moments, and reads the unit's own log.

Each session is a process of its own on the pty of a unit in another. After SIGKILL and SIGSTOP nobody is
left to say stop, so the unit's lease has to; after SIGTERM and SIGHUP the session says it. A stopped
session is then let go on: it has to end as interrupted, without ever having output again.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from subprocess import Popen
from threading import Event

from physioctl.record.verify import verify
from tests.processes import LEASE_MS, SLACK_MS, ServedUnit, now_ms, served_unit, session

AT_ONCE = 8
SIGNALS = (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP)
ENDS: dict[signal.Signals, tuple[int, ...]] = {
    signal.SIGKILL: (-signal.SIGKILL,),
    signal.SIGSTOP: (7,),  # interrupted by a fault
    signal.SIGTERM: (6,),  # stopped by the operator
    signal.SIGHUP: (6,),
}


@dataclass(frozen=True, slots=True)
class Death:
    """What became of one session."""

    signal: signal.Signals
    at_ms: int
    safe_ms: float | None  # from the signal to the unit's output off; None when it had no output then
    faults: tuple[str, ...]


def die(number: signal.Signals, at_ms: int) -> Death:
    """Run one session, send it ``number`` ``at_ms`` after its process began, and judge what followed."""
    with tempfile.TemporaryDirectory() as folder, served_unit(Path(folder)) as unit:
        journal = Path(folder) / "journal.sqlite"
        with session(unit.port, journal) as process:
            Event().wait(at_ms / 1000)
            ended_before = process.poll() is not None
            struck_ms = now_ms()
            process.send_signal(number)
            if number is signal.SIGSTOP:
                Event().wait(2.5)  # longer than any lease the wire can carry
                process.send_signal(signal.SIGCONT)
            process.communicate(timeout=30)
        Event().wait(0.7)  # a lease and more: whatever the unit was still allowed is over
        faults = [] if ended_before else list(_faults(number, struck_ms, process, unit, journal))
        return Death(number, at_ms, _safe_ms(unit, struck_ms), tuple(faults))


def _safe_ms(unit: ServedUnit, struck_ms: float) -> float | None:
    lines = unit.rest()
    on_before = [line for line in lines if unit.came_ms(line) <= struck_ms]
    if not on_before or on_before[-1].output == 0:
        return None
    output_off = next((line for line in lines if line.output == 0), None)
    return unit.came_ms(output_off) - struck_ms if output_off else float("inf")


def _faults(
    number: signal.Signals, struck_ms: float, process: Popen[str], unit: ServedUnit, journal: Path
) -> Iterable[str]:
    lines = unit.rest()
    safe_ms = _safe_ms(unit, struck_ms)
    if safe_ms is not None and safe_ms > LEASE_MS + SLACK_MS:
        yield f"output off only after {safe_ms:.0f} ms"
    if lines and lines[-1].output:
        yield "output is still on"
    if sum(1 for line in lines if line.why == "set") > 1:
        yield "output began a second time"
    if safe_ms is not None and process.returncode not in ENDS[number]:
        yield f"exit code {process.returncode}"
    if journal.exists() and journal.stat().st_size:
        verification = verify(journal)
        if not verification.whole:
            yield f"the journal does not verify: {verification}"


def main(count: int | None, seed: int) -> int:
    """``count`` of each signal."""
    rng = Random(seed)
    cases = [(number, rng.randrange(9_500)) for number in SIGNALS for _ in range(count or 10)]
    rng.shuffle(cases)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        deaths = list(pool.map(lambda case: die(*case), cases))
    for number in SIGNALS:
        mine = [death for death in deaths if death.signal is number]
        safe = sorted(death.safe_ms for death in mine if death.safe_ms is not None)
        at = f"median {safe[len(safe) // 2]:.0f} ms, worst {safe[-1]:.0f} ms" if safe else "none had output"
        bad = sum(1 for death in mine if death.faults)
        print(f"{number.name:8} {len(mine)} sessions, {len(safe)} with output on: {at}; {bad} faulty")
    for death in deaths:
        for fault in death.faults:
            print(f"  {death.signal.name} at {death.at_ms} ms: {fault}")
    return 1 if any(death.faults for death in deaths) else 0
