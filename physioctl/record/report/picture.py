"""The picture of a report: what was output and measured over time, drawn by matplotlib as SVG.

The only modules that import matplotlib are this one and `course_picture`, and both are imported late: without
the extra ``physioctl[report]`` a report comes out without its picture. The same record gives the same bytes.
Colours are those of Okabe and Ito, told apart by people who are colour-blind, and each line and shading
differs from the others in black and white too. No text of the record is in it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from physioctl.record.account import Account, Reading
from physioctl.record.report.thinning import Point, thinned
from physioctl.record.report.wording import happenings
from protocols.families import definition
from protocols.limits import Family, Quantity

BLUE, VERMILION, GREEN, GREY, INK = "#0072B2", "#D55E00", "#007A5A", "#8A8F94", "#1F2933"
WIDTH_IN = 7.0
LABEL_AT = -0.072  # of a vertical axis: they stand in line, whatever their numbers are
_STRIP_IN, _PANEL_IN, _FOOT_IN = 0.55, 0.92, 0.7
_COLUMNS = 700  # of pixels at most, that the picture is wide on a page
_LABELLED_MAX = 30  # of marks whose number is written beside them
_TICKS_MAX = 9
_EVERY_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "physioctl",
    "font.size": 9,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#DDE1E4",
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.5,
    "legend.edgecolor": "none",
    "legend.fancybox": False,
    "legend.fontsize": 8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
# State → what it is called beneath the picture, its shade and its hatching.
_SHADED = {
    "paused": ("pause", "#E8E8E8", "////"),
    "suspended": ("no contact", "#FBE3D3", "\\\\\\\\"),
    "fault": ("fault", "#CFCFCF", "xxxx"),
    "uncertain": ("fault", "#CFCFCF", "xxxx"),
}


@dataclass(frozen=True, slots=True)
class _Panel:
    """One curve over time."""

    label: str
    points: Sequence[Point]
    colour: str
    from_zero: bool = True
    planned: float | None = None  # a line across
    other: Sequence[Point] = ()  # drawn dashed, with the names of both
    names: tuple[str, str] = ("", "")


def picture(account: Account) -> str | None:
    """The picture of ``account`` as SVG, to be put into a page; None where there is nothing to draw."""
    if account.summary.family is None or not account.readings:
        return None
    panels = tuple(_panels(account, account.summary.family))
    with styled():
        figure = Figure(figsize=(WIDTH_IN, _STRIP_IN + _PANEL_IN * len(panels) + _FOOT_IN))
        axes = figure.subplots(
            len(panels) + 1, 1, sharex=True, height_ratios=[_STRIP_IN, *[_PANEL_IN] * len(panels)]
        )
        _draw_marks(axes[0], account)
        for axis, panel in zip(axes[1:], panels, strict=True):
            _draw_panel(axis, panel)
            _draw_shades(axis, account)
        _draw_time(axes[-1], account)
        for axis in axes[:-1]:
            axis.xaxis.set_visible(False)  # each tick costs time to lay out, and they are the same for all
        figure.subplots_adjust(
            left=0.115, right=0.985, top=0.985, bottom=0.62 / figure.get_figheight(), hspace=0.16
        )
        _draw_legend(figure, account)
        return as_svg(
            figure, "Output and readings over the time of the session; the same stands in the tables"
        )


@contextmanager
def styled() -> Iterator[None]:
    """Draw in this project's own style, whatever the user's own is."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def as_svg(figure: Figure, label: str) -> str:
    """``figure`` as an ``svg`` element that is scaled to its place in a page."""
    drawn = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(drawn, metadata=nothing)  # type: ignore[no-untyped-call]
    svg = drawn.getvalue()
    svg = re.sub(r"<style.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    return re.sub(r' width="[^"]*" height="[^"]*"', f' role="img" aria-label="{label}"', svg, count=1)


def _panels(account: Account, family: Family) -> Iterator[_Panel]:
    readings, level = account.readings, definition(family).level
    scale, unit = (1000, "W/cm²") if level is Quantity.INTENSITY_MW_CM2 else (1, level.unit)

    def points(name: str, scale: int) -> Sequence[Point]:
        return thinned(_values(readings, name, scale), _COLUMNS)

    def known(name: str) -> bool:
        return any(getattr(reading, name) is not None for reading in readings)

    asked = points("level_set", scale)
    if known("measured_level"):
        measured = points("measured_level", scale)
        yield _Panel(f"{level.label}\n{unit}", measured, BLUE, other=asked, names=("measured", "set"))
    else:
        yield _Panel(f"{level.label} set\n{unit}", asked, BLUE)
    if known("energy_mj"):
        planned_mj = account.summary.planned_energy_mj
        planned = None if planned_mj is None else planned_mj / 1000
        reckoned = "\n(reckoned)" if "energy" in account.unit.reckoned else ""
        yield _Panel(f"energy\nJ{reckoned}", points("energy_mj", 1000), GREEN, planned=planned)
    if definition(family).has_head and known("head_temp_ddeg_c"):
        yield _Panel("head\n°C", points("head_temp_ddeg_c", 10), VERMILION, from_zero=False)
    if definition(family).has_head and known("contact_pct"):
        yield _Panel("contact\n%", points("contact_pct", 1), INK)
    if known("battery_pct"):
        yield _Panel("battery\n%", points("battery_pct", 1), INK)


def _values(readings: Iterable[Reading], name: str, scale: int) -> Iterator[Point]:
    for reading in readings:
        value = getattr(reading, name)
        yield reading.at_ms / 1000, float("nan") if value is None else value / scale


def _draw_panel(axis: Axes, panel: _Panel) -> None:
    times, values = [x for x, _ in panel.points], [y for _, y in panel.points]
    axis.plot(times, values, color=panel.colour, linewidth=1.4, label=panel.names[0])
    if panel.other:
        times, values = [x for x, _ in panel.other], [y for _, y in panel.other]
        axis.plot(times, values, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), label=panel.names[1])
        axis.legend(loc="upper right", ncols=2, borderaxespad=0, handlelength=2.4)
    if panel.planned is not None:
        axis.axhline(panel.planned, color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
        axis.annotate("planned", (0.005, panel.planned), xycoords=("axes fraction", "data"),
                      xytext=(0, -2), textcoords="offset points", va="top", fontsize=8)  # fmt: skip
    if panel.from_zero:
        axis.margins(y=0.45 if panel.other else 0.12)  # room for what names the two
        axis.set_ylim(bottom=0)
    axis.set_ylabel(panel.label)
    axis.yaxis.set_label_coords(LABEL_AT, 0.5)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))


def _draw_shades(axis: Axes, account: Account) -> None:
    for state, (_, colour, hatch) in _SHADED.items():
        spans = [
            (stretch.began_ms / 1000, (stretch.ended_ms - stretch.began_ms) / 1000)
            for stretch in account.states
            if stretch.state == state
        ]
        if spans:
            axis.broken_barh(
                spans, (0, 1), transform=axis.get_xaxis_transform(), facecolor=colour, edgecolor=GREY,
                hatch=hatch, linewidth=0, zorder=0,
            )  # fmt: skip


def _draw_marks(axis: Axes, account: Account) -> None:
    """Steps as a band; above it, the alarms and what the operator did, by their numbers in the table."""
    for step in account.steps:
        ended_ms = step.ended_ms if step.ended_ms is not None else account.lasted_ms
        emits = step.kind == "emit"
        axis.broken_barh(
            [(step.began_ms / 1000, max(0, ended_ms - step.began_ms) / 1000)], (0, 0.8),
            facecolor=BLUE if emits else "#FFFFFF", edgecolor=INK, linewidth=0.6, alpha=0.85 if emits else 1,
        )  # fmt: skip
        if ended_ms - step.began_ms >= account.lasted_ms / 40:
            axis.text((step.began_ms + ended_ms) / 2000, 0.4, str(step.number), ha="center", va="center",
                      fontsize=8, color="white" if emits else INK)  # fmt: skip
    found = happenings(account)
    for alarm, marker, colour in ((True, "v", VERMILION), (False, "o", INK)):
        times = [each.at_ms / 1000 for each in found if each.is_alarm is alarm]
        axis.plot(times, [1.35] * len(times), linestyle="none", marker=marker, color=colour, markersize=4.5,
                  clip_on=False)  # fmt: skip
    apart_ms = _last_s(account) * 1000 / 50
    labelled_ms = -apart_ms
    for each in found[:_LABELLED_MAX]:
        if each.at_ms - labelled_ms >= apart_ms:
            labelled_ms = each.at_ms
            axis.text(each.at_ms / 1000, 1.75, str(each.number), ha="center", va="bottom", fontsize=7.5)
    axis.set_ylim(-0.1, 2.6)
    axis.set_yticks([0.4, 1.35], ["step", "event"])
    axis.tick_params(axis="y", length=0)
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _draw_time(axis: Axes, account: Account) -> None:
    last_s = _last_s(account)
    every_s = next((step for step in _EVERY_S if last_s / step <= _TICKS_MAX), 86_400)
    axis.set_xlim(0, last_s)
    axis.xaxis.set_major_locator(MultipleLocator(every_s))
    hours = last_s >= 3600
    axis.xaxis.set_major_formatter(FuncFormatter(lambda at_s, _: _clock(round(at_s), hours=hours)))
    axis.set_xlabel("time of the session, h:min" if hours else "time of the session, min:s", labelpad=2)


def _last_s(account: Account) -> float:
    """Where the time of the picture ends."""
    return max(1.0, account.lasted_ms / 1000, account.readings[-1].at_ms / 1000)


def _clock(at_s: int, *, hours: bool) -> str:
    whole, part = divmod(at_s // 60, 60) if hours else divmod(at_s, 60)
    return f"{whole}:{part:02d}"


def _draw_legend(figure: Figure, account: Account) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    states = {stretch.state for stretch in account.states if stretch.ended_ms > stretch.began_ms}
    shades = {
        name: Patch(facecolor=colour, edgecolor=GREY, hatch=hatch, linewidth=0.4)
        for state, (name, colour, hatch) in _SHADED.items()
        if state in states
    }
    marks = {
        "step with output": Patch(facecolor=BLUE, edgecolor=INK, linewidth=0.6, alpha=0.85),
        "step without": Patch(facecolor="white", edgecolor=INK, linewidth=0.6),
        "alarm": Line2D([], [], linestyle="none", marker="v", color=VERMILION, markersize=4.5),
        "action": Line2D([], [], linestyle="none", marker="o", color=INK, markersize=4.5),
    }
    entries = marks | shades
    figure.legend(
        list(entries.values()), list(entries), loc="lower center", ncols=len(entries), handlelength=1.5,
        columnspacing=1.2, borderaxespad=0.1,
    )  # fmt: skip
