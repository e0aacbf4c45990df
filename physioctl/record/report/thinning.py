"""Fewer points of a curve, by which it looks the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

Point = tuple[float, float]  # time, value; NaN where there is none


def thinned(points: Iterable[Point], columns: int) -> Sequence[Point]:
    """At most four of the points in each of ``columns``: the first, the lowest, the highest and the last.

    So no extreme is lost, however short it was. Points without a value stay where they begin a gap.
    ``points`` come in the order of their times.
    """
    every = tuple(points)
    if len(every) <= 4 * columns:
        return every
    began, ended = every[0][0], every[-1][0]
    width = (ended - began) / columns or 1.0

    def column(point: Point) -> tuple[int, bool]:
        return min(int((point[0] - began) / width), columns - 1), point[1] != point[1]

    kept: list[Point] = []
    for (_, missing), group in groupby(every, key=column):
        of_one = tuple(group)
        if missing:
            kept.append(of_one[0])
            continue
        lowest, highest = min(of_one, key=_value), max(of_one, key=_value)
        kept += sorted({of_one[0], lowest, highest, of_one[-1]})
    return tuple(kept)


def _value(point: Point) -> float:
    return point[1]
