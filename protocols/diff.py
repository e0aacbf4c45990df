"""What changed from one protocol to another, in clinical terms.

`diff` compares what two protocols say, not how they are written: comments, layout, units and repeats that
are written out make no difference. It is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from protocols.diff_steps import between as steps_between
from protocols.diff_steps import moved_by
from protocols.limits import Quantity
from protocols.model import NO_FAMILY, OWN_LIMITS, Action, Protocol
from protocols.plan import Emit, Step, energy_mj

_CM2 = 100  # mm²: a dose is counted for one square centimetre of the head


class Kind(StrEnum):
    """What a change is of. All but the last two are clinical."""

    PURPOSE = "purpose"  # for whom, where and when
    EVIDENCE = "evidence"
    LIMIT = "limit"
    SCREENING = "screening"  # what is asked, and what sends the person on
    STEP = "step"
    DOSE = "dose"  # what the changed steps come to: delivered time, energy
    NAME = "name"  # id and title
    WRITING = "writing"  # the same, written in another way


@dataclass(frozen=True, slots=True)
class Change:
    """One difference from one protocol to another."""

    kind: Kind
    subject: str  # such as ``step 2`` or ``limit on intensity``
    what: str  # such as ``1 min longer`` or ``lower: 0.5 → 0.4 W/cm²``

    @property
    def clinical(self) -> bool:
        """Whether it can make a difference to the person who is treated, or to who is."""
        return self.kind not in (Kind.NAME, Kind.WRITING)

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"


def diff(a: Protocol, b: Protocol) -> list[Change]:
    """Every difference from ``a`` to ``b``; empty where both have the same content hash, and only there.

    Where none is `Change.clinical`, both compile to the same steps within the same bounds on every unit, or
    to none. Both are taken as files have them: what was changed in Python past the model's checks is not
    judged.

    >>> from protocols.library import find
    >>> protocol = find("calf-tightness-ultrasound")
    >>> said = protocol.model_dump()
    >>> said["limits"]["duration"] = "9 min"
    >>> [str(change) for change in diff(protocol, Protocol.model_validate(said))]
    ['limit on delivered time of the session: lower: 10 → 9 min']
    """
    if a.content_hash == b.content_hash:
        return []
    found = [
        *_purpose(a, b),
        *_evidence(a, b),
        *_limits(a, b),
        *_screening(a, b),
        *_steps(a, b),
        *_names(a, b),
    ]
    if not found:
        found.append(Change(Kind.WRITING, "writing", "the same is written in another way or order"))
    return found


def _replaced(kind: Kind, subject: str, was: str, now: str) -> Iterator[Change]:
    if was != now:
        yield Change(kind, subject, f"{was} → {now}")


def _reworded(kind: Kind, subject: str, was: str, now: str) -> Iterator[Change]:
    if was != now:
        yield Change(kind, subject, f"reworded: “{was}” → “{now}”")


def _gained_and_lost(kind: Kind, subject: str, was: Iterable[str], now: Iterable[str]) -> Iterator[Change]:
    """What one of two lists has and the other has not; their order is not looked at."""
    was, now = list(was), list(now)
    yield from (Change(kind, subject, f"added: {item}") for item in now if item not in was)
    yield from (Change(kind, subject, f"taken out: {item}") for item in was if item not in now)


def _purpose(a: Protocol, b: Protocol) -> Iterator[Change]:
    kind = Kind.PURPOSE
    yield from _replaced(kind, "family", a.family or NO_FAMILY, b.family or NO_FAMILY)
    yield from _replaced(kind, "body site", a.body_site, b.body_site)
    yield from _replaced(kind, "side", a.side, b.side)
    yield from _replaced(kind, "ages", _ages(a), _ages(b))
    yield from _reworded(kind, "purpose", a.purpose, b.purpose)


def _ages(protocol: Protocol) -> str:
    return ", ".join(sorted(set(protocol.ages))) or "those of the family"


def _evidence(a: Protocol, b: Protocol) -> Iterator[Change]:
    kind, was, now = Kind.EVIDENCE, a.evidence, b.evidence
    yield from _replaced(kind, "evidence grade", was.grade, now.grade)
    yield from _reworded(kind, "evidence note", was.note, now.note)
    yield from _gained_and_lost(kind, "source", was.sources, now.sources)


def _limits(a: Protocol, b: Protocol) -> Iterator[Change]:
    for name, key in OWN_LIMITS.items():
        was, now = getattr(a.limits, name), getattr(b.limits, name)
        if was != now:
            yield Change(Kind.LIMIT, f"limit on {key.quantity.label}", _limit_change(key.quantity, was, now))


def _limit_change(quantity: Quantity, was: int | None, now: int | None) -> str:
    if was is None or now is None:
        return (
            f"added: {quantity.show(now)}" if now is not None else f"taken out: was {quantity.show(was or 0)}"
        )
    return f"{'lower' if now < was else 'higher'}: {moved_by(quantity, was, now)}"


def _screening(a: Protocol, b: Protocol) -> Iterator[Change]:
    kind = Kind.SCREENING
    yield from _gained_and_lost(kind, "question of the project's own", a.asks, b.asks)
    asked = [{question.code: question.ask for question in each.screening} for each in (a, b)]
    yield from _by_code("question", *asked)
    signs = [{flag.code: flag.sign for flag in each.red_flags} for each in (a, b)]
    yield from _by_code("red flag", *signs)
    was, now = [{flag.code: flag.action for flag in each.red_flags} for each in (a, b)]
    for code in was.keys() & now.keys():
        if was[code] is not now[code]:
            urgent = "more" if now[code] is Action.REFER_NOW else "less"
            yield Change(kind, f"red flag {code}", f"{urgent} urgent: {was[code]} → {now[code]}")


def _by_code(subject: str, was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    kind = Kind.SCREENING
    for code, text in now.items():
        if code not in was:
            yield Change(kind, f"{subject} {code}", f"added: “{text}”")
        else:
            yield from _reworded(kind, f"{subject} {code}", was[code], text)
    for code, text in was.items():
        if code not in now:
            yield Change(kind, f"{subject} {code}", f"taken out: “{text}”")


def _steps(a: Protocol, b: Protocol) -> Iterator[Change]:
    was, now = _timeline(a), _timeline(b)
    if was == now:
        return
    yield from (Change(Kind.STEP, subject, what) for subject, what in steps_between(a.steps, b.steps))
    totals = [sum(step.duration_ms for step in each) for each in (was, now)]
    output = [sum(step.duration_ms for step in each if isinstance(step, Emit)) for each in (was, now)]
    doses = [sum(energy_mj(step, _CM2) for step in each if isinstance(step, Emit)) for each in (was, now)]
    yield from _total("delivered time", Quantity.DELIVERED_MS, output)
    yield from _total("dose", Quantity.ENERGY_MJ, doses, " per cm² of the head")
    yield from _total("whole time", Quantity.STEP_MS, totals)


def _timeline(protocol: Protocol) -> list[Step]:
    return [step.planned() for _, step in protocol.flat_steps()]


def _total(subject: str, quantity: Quantity, totals: list[int], per: str = "") -> Iterator[Change]:
    was, now = totals
    if was != now:
        share = f"{_share(was, now)}, " if was and now else ""
        yield Change(Kind.DOSE, subject, f"{share}{moved_by(quantity, was, now)}{per}")


def _share(was: int, now: int) -> str:
    """By how much it changed: ``+12 %``, never ``+0 %``."""
    exact = Decimal(100 * (now - was)) / was
    for digits in ("1", "0.1"):
        if rounded := exact.quantize(Decimal(digits), ROUND_HALF_EVEN):
            return f"{rounded:+f} %"
    return f"{'more' if now > was else 'less'} by under 0.1 %"


def _names(a: Protocol, b: Protocol) -> Iterator[Change]:
    yield from _replaced(Kind.NAME, "id", a.id, b.id)
    yield from _reworded(Kind.NAME, "title", a.title, b.title)
