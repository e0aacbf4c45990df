"""What was set, delivered, measured and said in a session, as Observations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from physioctl.record.account import Account, ActionTaken
from physioctl.record.export.context import Context
from physioctl.record.export.curves import HOLD_PERIODS, PERIOD_MS, end_ms, period_ms, sampled
from physioctl.record.export.datatypes import Json, Unit, annotation, listed, quantity, text, unit_of
from physioctl.record.export.devices import Metric, metrics
from protocols.limits import Quantity

_QUANTITIES = {each.name.lower(): each for each in Quantity}


def observations(context: Context) -> Iterator[Json]:
    """The Observations of a session."""
    known = {metric.key: metric for metric in metrics(context.account)}
    yield from _totals(context, known)
    for metric in known.values():
        if metric.curve:
            yield _curve(context, metric)
    if "head_temperature" in known:
        yield _highest_temperature(context, known["head_temperature"])
    yield from _settings(context)
    lowered = [act for act in context.account.actions if act.action == "lower" and not act.refused]
    for number, act in enumerate(lowered, 1):
        yield _lowered(context, number, act)
    for number, pain in enumerate(context.account.pains, 1):
        said = f"pain {pain.moment} the session, 0 to 10"
        effective = {"effectiveDateTime": context.when(pain.at_ms)}
        yield _observation(
            context, f"pain/{number}", f"pain_{pain.moment}", said, effective, **_score(pain.score)
        )


def _observation(
    context: Context,
    name: str,
    key: str,
    said: str,
    effective: Json,
    metric: Metric | None = None,
    **fields: Any,
) -> Json:
    return context.resource(
        "Observation",
        f"observation/{name}",
        partOf=[context.to("Procedure", "procedure")],
        status="preliminary" if context.account.summary.outcome is None else "final",
        code=context.concept("observation", key, said),
        subject=context.subject,
        **effective,
        device=None if metric is None else context.to("DeviceMetric", metric.name),
        **fields,
    )


def _whole(context: Context) -> Json:
    """The time of the session."""
    account = context.account
    ended_ms = None if account.summary.outcome is None else account.lasted_ms
    return {"effectivePeriod": context.period(0, ended_ms)}


def _totals(context: Context, known: dict[str, Metric]) -> Iterator[Json]:
    account = context.account
    totals = (
        ("delivered_time", account.summary.delivered_ms, _not_counted(account)),
        ("energy", account.energy_mj, None),
        ("dose", account.dose_mj_cm2, _area(account)),
    )
    for key, value, note in totals:
        if key in known and value is not None:
            metric = known[key]
            calculated = metric.category == "calculation"
            yield _observation(
                context, key, key, metric.said, _whole(context), metric,
                valueQuantity=quantity(value, metric.unit),
                note=listed([annotation(note)]),
                method={"text": "calculated by the program, not told by the unit"} if calculated else None,
            )  # fmt: skip


def _not_counted(account: Account) -> str | None:
    """What may have been given beyond what the unit has counted."""
    summary = account.summary
    if summary.at_most_ms <= summary.delivered_ms:
        return None
    at_most = Unit.SECOND.of(summary.at_most_ms)
    return f"This is what was last heard of the unit. At most {at_most} s may have been delivered."


def _area(account: Account) -> str | None:
    return f"Effective radiating area: {account.area_mm2 / 100} cm²." if account.area_mm2 else None


def _curve(context: Context, metric: Metric) -> Json:
    last_ms = end_ms(metric.curve)
    period = period_ms(metric.curve[-1][0])
    method = (
        f"one sample in {period // 1000} s: the unit's latest report by then; "
        f"E: none within {HOLD_PERIODS * period // 1000} s"
    )
    longer = f"The record is too long for one sample a second: one in {period // 1000} s is given."
    return _observation(
        context, metric.key, metric.key, metric.said, {"effectivePeriod": context.period(0, last_ms)}, metric,
        valueSampledData=sampled(metric.curve, metric.unit),
        note=listed([annotation(longer if period > PERIOD_MS else None)]),
        method={"text": method},
    )  # fmt: skip


def _highest_temperature(context: Context, metric: Metric) -> Json:
    at_ms, highest = max(metric.curve, key=lambda point: (point[1], -point[0]))
    return _observation(
        context, "head_temperature_max", "head_temperature_max", "highest temperature of the head",
        {"effectiveDateTime": context.when(at_ms)}, metric,
        valueQuantity=quantity(highest, metric.unit),
    )  # fmt: skip


def _settings(context: Context) -> Iterator[Json]:
    """Each setting that the plan asks for, once."""
    settings = list[dict[str, int]]()
    for step in context.account.planned_steps:
        if step.setting and step.setting not in settings:
            settings.append(step.setting)
    for number, setting in enumerate(settings, 1):
        components = [_component(context, key, key, value) for key, value in setting.items()]
        yield _observation(
            context, f"setting/{number}", "setting", "setting planned", _whole(context),
            component=components,
        )  # fmt: skip


def _lowered(context: Context, number: int, act: ActionTaken) -> Json:
    levels = [("level_before", act.before), ("level_after", act.after)]
    return _observation(
        context, f"lowered/{number}", "level_lowered", "level lowered",
        {"effectiveDateTime": context.when(act.at_ms)},
        component=[
            _component(context, key, act.quantity or "", value) for key, value in levels if value is not None
        ],
    )  # fmt: skip


def _score(score: int) -> Json:
    """The value of a pain score; of what is none, as the record has it."""
    return {"valueInteger": score} if 0 <= score <= 10 else {"valueString": f"{score}, which is no score"}


def _component(context: Context, key: str, quantity_name: str, value: int) -> Json:
    """A component: a value with its unit, or, of a quantity that is not known here, as the record has it."""
    known = _QUANTITIES.get(quantity_name)
    said = key.replace("_", " ") if key != quantity_name or known is None else known.label
    code = context.concept("observation", key, said.strip() or "not named")
    if known is None:
        return {"code": code, "valueString": text(f"{value} {quantity_name}")}
    return {"code": code, "valueQuantity": quantity(value, unit_of(known))}
