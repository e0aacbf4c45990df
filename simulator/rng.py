"""Seeded random numbers: one seed, and a named stream for each use."""

from __future__ import annotations

from random import Random


def stream(seed: int, name: str) -> Random:
    """The numbers that ``seed`` holds for ``name``: the same every time, whoever else draws."""
    return Random(f"{seed}/{name}")  # noqa: S311 - noise and faults, not secrets
