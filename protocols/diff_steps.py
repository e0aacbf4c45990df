"""What changed between the steps of two protocols.

Steps are matched so that as many as possible stay the same, and then so that as many as possible are of the
same kind. What matches no step of the other protocol was added or taken out, or stands elsewhere now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from protocols.limits import Quantity
from protocols.plan import Emit, quantities
from protocols.plan import Step as Planned
from protocols.steps import RepeatStep, Step


@dataclass(frozen=True, slots=True)
class _Repeat:
    """Steps that come several times, as planned."""

    times: int
    steps: tuple[_Said, ...]


_Said: TypeAlias = Planned | _Repeat  # a step of a file, without what makes no difference to the plan
_Pair: TypeAlias = tuple[
    int | None, int | None
]  # indices: of the one, of the other; None: it has no such step
Difference: TypeAlias = tuple[str, str]  # its subject, and what it is

_SAME, _LIKE = 3, 1  # what a match is worth: one that is the same, more than two that are of the same kind


def between(a: Sequence[Step], b: Sequence[Step]) -> Iterator[Difference]:
    """Every difference from ``a`` to ``b``; at least one where they plan different timelines."""
    return _between(_said(a), _said(b), "")


def moved_by(quantity: Quantity, was: int, now: int) -> str:
    """Both values, with their unit once where it is the same: ``0.5 → 0.4 W/cm²``."""
    before, after = quantity.show(was), quantity.show(now)
    number, _, unit = before.partition(" ")
    return f"{number if after.partition(' ')[2] == unit else before} → {after}"


def _said(steps: Sequence[Step]) -> tuple[_Said, ...]:
    return tuple(
        _Repeat(step.times, _said(step.steps)) if isinstance(step, RepeatStep) else step.planned()
        for step in steps
    )


def _between(a: Sequence[_Said], b: Sequence[_Said], inside: str) -> Iterator[Difference]:
    pairs = _matched(a, b)
    new = [j for i, j in pairs if i is None and j is not None]
    moved: dict[int, int] = {}
    for i, j in pairs:
        if (
            i is not None
            and j is None
            and (to := next((to for to in new if b[to] == a[i]), None)) is not None
        ):
            new.remove(to)
            moved[i] = to
    for i, j in pairs:
        if i is not None and j is not None:
            yield from _changed(a[i], b[j], f"{inside}{i + 1}")
        elif i is not None and i in moved:
            what = f"order changed, now step {inside}{moved[i] + 1}: {_about(a[i])}"
            yield f"step {inside}{i + 1}", what
        elif i is not None:
            yield f"step {inside}{i + 1}", f"taken out: {_about(a[i])}"
        elif j in new:
            yield f"new step {inside}{j + 1}", f"added: {_about(b[j])}"


def _matched(a: Sequence[_Said], b: Sequence[_Said]) -> list[_Pair]:
    """Every step of both, in order, each beside the one that it is matched with.

    The pairs of the greatest worth, by the usual table of a longest common subsequence.
    """
    numbers: dict[_Said, int] = {}
    first, second = ([numbers.setdefault(step, len(numbers)) for step in steps] for steps in (a, b))
    kinds = [_kind(step) for step in numbers]

    def worth(i: int, j: int) -> int:
        if first[i] == second[j]:
            return _SAME
        return _LIKE if kinds[first[i]] == kinds[second[j]] else 0

    best = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]  # of what is left from there on
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            best[i][j] = max(best[i + 1][j + 1] + worth(i, j), best[i + 1][j], best[i][j + 1])
    pairs: list[_Pair] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if (value := worth(i, j)) and best[i][j] == best[i + 1][j + 1] + value:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return [
        *pairs,
        *((left, None) for left in range(i, len(a))),
        *((None, left) for left in range(j, len(b))),
    ]


def _kind(step: _Said) -> str:
    """Steps of one kind are compared value by value."""
    if isinstance(step, _Repeat):
        return "repeat"
    return f"emit {step.setting.family}" if isinstance(step, Emit) else step.kind


def _changed(was: _Said, now: _Said, number: str) -> Iterator[Difference]:
    subject = f"step {number}"
    if isinstance(was, _Repeat):
        assert isinstance(now, _Repeat)
        if was.times != now.times:
            yield subject, f"{now.times} times instead of {was.times}"
        yield from _between(was.steps, now.steps, f"{number}.")
        return
    assert not isinstance(now, _Repeat)
    if was.duration_ms != now.duration_ms:
        by_ms = now.duration_ms - was.duration_ms
        shown = moved_by(Quantity.STEP_MS, was.duration_ms, now.duration_ms)
        yield subject, f"{Quantity.STEP_MS.show(abs(by_ms))} {'longer' if by_ms > 0 else 'shorter'}: {shown}"
    if isinstance(was, Emit) and isinstance(now, Emit):
        yield from ((subject, what) for what in _set_otherwise(was, now))
    if was.say != now.say:
        yield subject, f"reworded: “{was.say}” → “{now.say}”"


def _set_otherwise(was: Emit, now: Emit) -> Iterator[str]:
    before, after = dict(quantities(was.setting)), dict(quantities(now.setting))
    for quantity, value in after.items():
        if not value * before[quantity] and value != before[quantity]:  # continuous, or pulsed
            was_shown, shown = (quantity.show(each) if each else "none" for each in (before[quantity], value))
            yield f"{quantity.label}: {was_shown} → {shown}"
        elif value != before[quantity]:
            direction = "lower" if value < before[quantity] else "higher"
            yield f"{quantity.label} {direction}: {moved_by(quantity, before[quantity], value)}"
    if was.ramp_ms != now.ramp_ms:
        direction = "shorter" if now.ramp_ms < was.ramp_ms else "longer"
        yield f"ramp {direction}: {moved_by(Quantity.STEP_MS, was.ramp_ms, now.ramp_ms)}"


def _about(step: _Said) -> str:
    """A step in a few words."""
    if isinstance(step, _Repeat):
        return f"{step.times} times {', then '.join(map(_about, step.steps))}"
    level = f" {step.setting.describe()}" if isinstance(step, Emit) else ""
    text = f": {step.say}" if step.say else ""
    return f"{Quantity.STEP_MS.show(step.duration_ms)} {step.kind}{level}{text}"
