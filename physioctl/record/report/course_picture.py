"""The picture of a course: what each session delivered, and the pain scores before and after it."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from device.operator import PAIN_MAX
from physioctl.record.report.course import Visit
from physioctl.record.report.picture import BLUE, INK, LABEL_AT, VERMILION, WIDTH_IN, as_svg, styled


def picture(course: Sequence[Visit]) -> str | None:
    """The picture of ``course`` as SVG; None where nothing was delivered. Simulated sessions are left out."""
    shown = [visit for visit in course if not visit.account.summary.simulated]
    if not any(visit.account.summary.delivered_ms for visit in shown):
        return None
    with_pain = any(score is not None for visit in shown for score in (visit.pain_before, visit.pain_after))
    rows = 2 if with_pain else 1
    with styled():
        figure = Figure(figsize=(WIDTH_IN, 1.7 * rows + 0.5))
        axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
        _draw_delivered(axes[0], shown)
        if with_pain:
            _draw_pain(axes[1], shown)
        axes[-1].set_xlabel("number of the session, as in the table", labelpad=2)
        axes[-1].set_xlim(0.4, course[-1].number + 0.6)
        axes[-1].xaxis.set_major_locator(MaxNLocator(nbins=20, integer=True, min_n_ticks=1))
        figure.subplots_adjust(
            left=0.115, right=0.985, top=0.97, bottom=0.5 / figure.get_figheight(), hspace=0.14
        )
        return as_svg(figure, "Delivered and pain scores over the sessions; the same stands in the table")


def _draw_delivered(axis: Axes, course: Sequence[Visit]) -> None:
    """The dose where each session has one, or else the time."""
    doses = [visit.account.dose_mj_cm2 for visit in course]
    heights = [dose / 1000 for dose in doses if dose is not None]
    label = "dose\nJ/cm²"
    if len(heights) < len(course):
        heights = [visit.account.summary.delivered_ms / 60_000 for visit in course]
        label = "delivered\nmin"
    axis.bar([visit.number for visit in course], heights, width=0.5, color=BLUE)
    axis.yaxis.set_label_coords(LABEL_AT, 0.5)
    axis.set_ylabel(label)


def _draw_pain(axis: Axes, course: Sequence[Visit]) -> None:
    both = [
        (visit.number, visit.pain_before, visit.pain_after)
        for visit in course
        if visit.pain_before is not None and visit.pain_after is not None
    ]
    numbers, from_, to = ([each[part] for each in both] for part in range(3))
    axis.vlines(numbers, from_, to, color=INK, linewidth=0.8)
    before = [(visit.number, visit.pain_before) for visit in course if visit.pain_before is not None]
    after = [(visit.number, visit.pain_after) for visit in course if visit.pain_after is not None]
    axis.plot([x for x, _ in before], [y for _, y in before], linestyle="none", marker="o", label="before",
              markerfacecolor="white", markeredgecolor=INK, markersize=6)  # fmt: skip
    axis.plot([x for x, _ in after], [y for _, y in after], linestyle="none", marker="s", label="after",
              color=VERMILION, markersize=5)  # fmt: skip
    axis.set_ylim(-0.6, PAIN_MAX + 0.6)
    axis.set_yticks(range(0, PAIN_MAX + 1, 2))
    axis.yaxis.set_label_coords(LABEL_AT, 0.5)
    axis.set_ylabel("pain\n0 to 10")
    axis.legend(loc="upper right", ncols=2, borderaxespad=0.2)
