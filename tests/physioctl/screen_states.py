"""Sessions as lists of events, made by hand, and what the full screen shows of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from device.events import (
    AlarmRaised,
    Event,
    LevelLowered,
    OffConfirmation,
    Priority,
    Progress,
    StartAwaited,
    StateChanged,
    StepStarted,
    StopOutcome,
)
from physioctl.events import Outcome, PlannedStep, SessionEnded, SessionPlanned, SessionStarted
from physioctl.screens.tui.fold import Seen, after, view
from physioctl.screens.tui.view import ViewState

STEPS = (
    PlannedStep(kind="guide", duration_ms=60_000, level=None),
    PlannedStep(kind="emit", duration_ms=480_000, level=440),
    PlannedStep(kind="rest", duration_ms=30_000, level=None),
    PlannedStep(kind="guide", duration_ms=90_000, level=None),
)
TOTAL_MS = sum(step.duration_ms for step in STEPS)

STARTED = SessionStarted(
    at_ms=0,
    session="20261121-100000-abcdef",
    protocol="calf-tightness-ultrasound",
    title="Calf tightness that has lasted: ultrasound, then stretch",
    content_hash="0" * 64,
    family="ultrasound",
    body_site="calf",
    side="left",
    person="P-017",
    simulated=False,
    model="US111",
    serial="US-0042",
    nonce=1,
    firmware="1.0",
    planned_ms=480_000,
    planned_energy_mj=844_800,
    total_ms=TOTAL_MS,
    lease_ms=500,
    assumed=True,
    utc_offset_min=0,
    boot_id=None,
    boot_ms=None,
    boot_utc_ms=None,
    physioctl="0.1.0",
)
PLANNED = SessionPlanned(at_ms=0, steps=STEPS, area_mm2=400)
SAY = {
    1: "Lie face down, the foot over the edge. Gel on the calf, over an area twice the head's.",
    2: "Keep the head moving. A deep ache means bone is near, so move off it.",
    3: "",
    4: "Step back with the straight leg and press the heel down; hold without bouncing.",
}
RUNNING = ("pause", "stop", "lower")


def step(number: int, may: Sequence[str] = RUNNING) -> StepStarted:
    """The beginning of a step."""
    planned = STEPS[number - 1]
    return StepStarted(
        at_ms=0,
        step=number,
        steps=len(STEPS),
        kind=planned.kind,
        say=SAY[number],
        duration_ms=planned.duration_ms,
        may=tuple(may),
    )


def state(name: str, may: Sequence[str] = RUNNING) -> StateChanged:
    """The controller goes into a state."""
    return StateChanged(at_ms=0, state=name, before="", trigger="", may=tuple(may))


def progress(number: int, left_ms: int, name: str, *, level: int = 0, energy_mj: int = 0) -> Progress:
    """A report, ``left_ms`` before the end of a step."""
    return Progress(
        at_ms=0,
        step=number,
        remaining_ms=left_ms + sum(each.duration_ms for each in STEPS[number:]),
        state=name,
        level_set=level,
        measured_level=level,
        delivered_ms=0,
        energy_mj=energy_mj,
        head_temp_ddeg_c=312,
        contact_pct=88 if level else 12,
        battery_pct=81,
        step_remaining_ms=left_ms,
    )


BEGUN: tuple[Event, ...] = (STARTED, PLANNED, state("armed"))
EMITTING = (
    *BEGUN,
    step(2),
    state("emitting"),
    progress(2, 271_000, "emitting", level=430, energy_mj=367_600),
)
OVERHEATED = AlarmRaised(
    at_ms=0,
    code="HEAD_OVERTEMP",
    priority=Priority.HIGH,
    what="the head is too warm",
    action="Lift the head off. Let it cool below 39 °C, apply more gel, and check contact before a new "
    "session.",
    status=None,
)
LIFTED = AlarmRaised(
    at_ms=0,
    code="CONTACT_LOST",
    priority=Priority.LOW,
    what="contact is lost; output is off and the timer stands still",
    action="Put the head back flat on the skin, with gel. It goes on by itself.",
    status=None,
)
ENDED = SessionEnded(
    at_ms=0,
    session=STARTED.session,
    outcome=Outcome.COMPLETED,
    why="",
    output_off=OffConfirmation.CONFIRMED,
    delivered_ms=480_000,
    planned_ms=480_000,
    energy_mj=839_000,
    planned_energy_mj=844_800,
    duration_ms=TOTAL_MS,
)
OFF = StopOutcome(at_ms=0, output_off=OffConfirmation.CONFIRMED, took_ms=30)

SESSIONS: dict[str, tuple[Event, ...]] = {
    "waiting": (
        STARTED,
        PLANNED,
        state("awaiting_start", ("start", "stop")),
        StartAwaited(at_ms=0, instruction="Gel on, head flat on the skin"),
        progress(1, 60_000, "awaiting_start"),
    ),
    "emitting": EMITTING,
    "contact": (*EMITTING, state("suspended"), LIFTED, progress(2, 268_000, "suspended", energy_mj=372_000)),
    "paused": (
        *EMITTING,
        LevelLowered(at_ms=0, by="operator", before=440, after=396, quantity="intensity_mw_cm2"),
        state("paused", ("resume", "stop", "lower")),
        progress(2, 250_000, "paused", energy_mj=395_000),
    ),
    "guided": (*BEGUN, step(4, (*RUNNING, "skip")), progress(4, 74_000, "armed", energy_mj=839_000)),
    "fault": (*EMITTING, OVERHEATED, state("fault", ("stop",)), OFF),
    "ended": (
        *BEGUN,
        step(4),
        progress(4, 0, "armed", energy_mj=839_000),
        state("stopping"),
        OFF,
        state("idle"),
        ENDED,
    ),
}


def shown(events: Iterable[Event]) -> ViewState:
    """What the screen shows once these events have been told."""
    seen = Seen()
    for event in events:
        seen = after(seen, event)
    return view(seen)
