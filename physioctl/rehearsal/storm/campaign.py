"""Campaigns: thousands of scenarios over every core, and what they come to.

The scenarios, and so the outcomes, are the same whatever the number of processes.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from typing import Any

from physioctl import siblings
from physioctl.rehearsal.storm.play import NOTHING, Outcome, play
from physioctl.rehearsal.storm.scenario import Scenario, draw, seed_of
from physioctl.rehearsal.storm.shrink import shrink
from physioctl.rehearsal.storm.time_to_safe import BOUND_MS, LATENT, Figure, plain_bound_ms


@dataclass(frozen=True, slots=True)
class Campaign:
    """Which scenarios to play."""

    count: int
    seed: int
    model: str | None = None  # None: any
    protocol: str | None = None  # None: the expected runs made for storms
    dialect: str = "native"
    host_loss: str | None = None  # None for native

    def played(self, jobs: int) -> Iterator[Outcome]:
        """The outcomes, in the order of the scenarios."""
        one = partial(_played, self)
        if jobs == 1:
            yield from map(one, range(self.count))
            return
        with _interrupts_held_back():  # else what is half made is taken apart, which is said in a traceback
            pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin_worker)
        try:
            with _interrupts_held_back():
                outcomes = pool.map(one, range(self.count))  # starts the processes
            yield from outcomes
        finally:
            with _interrupts_held_back():  # else what it shares is gone before its last process has begun
                pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Row:
    """What one kind of trouble came to."""

    kind: str
    ended: dict[str, int]  # how the sessions ended in whose scenarios it was → how many
    figures: tuple[Figure, ...]
    plain_ms: int = BOUND_MS  # the bound, with a clock that is right and a unit that can be stopped

    @property
    def scenarios(self) -> int:
        """How many scenarios had it."""
        return sum(self.ended.values())

    @property
    def latent(self) -> bool:
        """Nothing goes out beyond what was set, or nothing but the unit's own switch can end it."""
        return self.kind in LATENT

    def times(self, *, stretched: bool) -> tuple[int, ...]:
        """Milliseconds to output off, in order: those held to the plain bound, or to a stretched one."""
        return tuple(sorted(figure.took_ms for figure in self.figures if figure.stretched is stretched))

    def as_json(self) -> dict[str, Any]:
        """The row as plain values."""
        plain, stretched = self.times(stretched=False), self.times(stretched=True)
        return {
            "kind": self.kind,
            "scenarios": self.scenarios,
            "ended": self.ended,
            "latent": self.latent,
            "timed": len(plain),
            "p99_ms": percentile(plain, 99),
            "worst_ms": max(plain, default=None),
            "bound_ms": None if self.latent or self.kind == NOTHING else self.plain_ms,
            "stretched": len(stretched),
            "stretched_worst_ms": max(stretched, default=None),
        }


def rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """One row for each kind of trouble, by name."""
    ended: dict[str, Counter[str]] = {}
    figures: dict[str, list[Figure]] = {}
    plain_ms = max((plain_bound_ms(outcome.scenario) for outcome in outcomes), default=BOUND_MS)
    for outcome in outcomes:
        for kind in outcome.kinds:
            ended.setdefault(kind, Counter())[outcome.ended] += 1
        for figure in outcome.figures:
            figures.setdefault(figure.kind, []).append(figure)
    return [Row(kind, dict(ended[kind]), tuple(figures.get(kind, ())), plain_ms) for kind in sorted(ended)]


def percentile(times: Sequence[int], percent: int) -> int | None:
    """The smallest of ``times``, in order, that no more than the rest of 100 in 100 exceed."""
    return times[-(-len(times) * percent // 100) - 1] if times else None


def shortest(outcome: Outcome, replay: Callable[[Scenario], Outcome] = play) -> Outcome:
    """The outcome of the shortest scenario that still breaks the first rule that ``outcome`` broke."""
    rule = outcome.violations[0].rule
    return replay(
        shrink(outcome.scenario, lambda scenario: any(v.rule is rule for v in replay(scenario).violations))
    )


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let no Ctrl-C come here before the end of the block, and none at all to processes begun in it.

    They inherit that from their first moment, which no code of theirs could see to. POSIX only.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker() -> None:
    """Leave Ctrl-C, which reaches every process of a terminal's job, to the one that hands scenarios out.

    When that one ends, however it ends, this one does.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_campaign, daemon=True).start()
    siblings.install()


def _end_with_the_campaign() -> None:
    if (campaign := parent_process()) is not None:
        campaign.join()
        os._exit(1)


def _played(campaign: Campaign, index: int) -> Outcome:
    seed = seed_of(campaign.seed, index)
    return play(draw(seed, campaign.model, campaign.protocol, campaign.dialect, campaign.host_loss))
