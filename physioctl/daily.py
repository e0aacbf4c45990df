"""What a body site has had today, as a layer of limits of its own.

Both figures are this project's own: no source for a daily ceiling was read.
"""

from __future__ import annotations

from protocols.limits import Block, Bound, Family, Layer, Limits, Quantity

SESSIONS_MAX = 2  # of one family, on one site, in 24 hours


def day_layer(family: Family, sessions: int, delivered_ms: int, standing: Limits) -> Limits:
    """``standing`` with what is left of the day: a session's longest, as often as sessions are allowed."""
    source = f"the journal: {sessions} session(s) on this site in the last 24 hours"
    if sessions >= SESSIONS_MAX:
        reason = (
            f"this site has had {sessions} {family} sessions in the last 24 hours; the most is {SESSIONS_MAX}"
        )
        return standing.with_layer(blocks=[Block(family, Layer.PERSON, source, reason)])
    longest_ms = standing.at_most(Quantity.DELIVERED_MS)
    if longest_ms is None:
        return standing
    left_ms = max(0, SESSIONS_MAX * longest_ms - delivered_ms)
    return standing.with_layer([Bound(Quantity.DELIVERED_MS, Layer.PERSON, source, at_most=left_ms)])
