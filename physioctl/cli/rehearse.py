"""``physioctl rehearse``: the whole stack on virtual time, with a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from device.control.driver import Driver
from device.events import Event
from device.models import MODELS, model
from physioctl.cli.choosing import chosen
from physioctl.cli.completion import ProtocolName
from physioctl.cli.exits import Exit
from physioctl.cli.options import REPLACE_TRACE, TRACE
from physioctl.cli.printing import JSON, aside, json_line, json_text, say
from physioctl.cli.session import exit_code
from physioctl.cli.simulated import DIALECT, FAULTS, HOST_LOSS, MODEL, seed_option
from physioctl.errors import InvalidUsage
from physioctl.events import SessionEnded
from physioctl.rehearsal.cues import ScenarioImpossible
from physioctl.rehearsal.rehearse import Rehearsal, rehearse, rehearse_guidance
from physioctl.rehearsal.rig import MakeDriver, Rig, speaking
from physioctl.rehearsal.scenario_file import read_scenario
from physioctl.screens.json_lines import JsonLines
from physioctl.screens.lines import Plain
from physioctl.screens.wording import summary
from protocols.model import Protocol
from simulator.faults import parse
from simulator.nameplate import UnknownModel


@click.command("rehearse")
@click.argument("protocol", type=ProtocolName())
@click.option(
    "--unit",
    metavar="MODEL",
    type=MODEL,
    help=f"The model to simulate: {', '.join(MODELS)}, or an added one; guidance alone needs none.",
)
@seed_option("bytes")
@click.option(
    "--scenario",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What happens, and what must be true after.",
)
@FAULTS
@DIALECT
@HOST_LOSS
@TRACE
@REPLACE_TRACE
@JSON
def rehearse_(
    protocol: str,
    unit: str | None,
    seed: int,
    file: Path | None,
    faults: tuple[str, ...],
    dialect: str,
    host_loss: str | None,
    trace: Path | None,
    replace_trace: bool,
    as_json: bool,
) -> int:
    """Run PROTOCOL on a simulated unit in virtual time: timeline, dose, verdict.

    \b
    Examples:
      physioctl rehearse calf-tightness-ultrasound \\
        --unit us111
      physioctl rehearse unit-check --unit us111 \\
        --fault cable_pulled@5s --json
      physioctl rehearse hand-cramp-guidance
    """
    found = chosen(protocol)
    if unit is None:
        if file or faults or host_loss or trace:
            what = "faults, scenarios, --host-loss and --trace are a unit's, and none is named"
            raise InvalidUsage(what, "Add --unit.")
        return _rehearse_guidance(found, seed, as_json=as_json)
    scenario = None if file is None else read_scenario(file)
    observer = _AllButTheEnd() if as_json else Plain(say)
    with ExitStack() as stack:
        driver = Driver if trace is None else _traced(trace, replace_trace, stack)
        rig = _rig(unit, seed, faults, dialect, host_loss, driver)
        try:
            rehearsal = rehearse(
                found, rig, seed=seed, attended=host_loss == "none", scenario=scenario, observers=[observer]
            )
        except ScenarioImpossible as problem:
            raise InvalidUsage(
                f"{file}: {problem}", "Change the scenario, or name another --unit."
            ) from problem
    if as_json:
        json_line(rehearsal.as_json())
    else:
        for line in [*summary(rehearsal.ended), *_verdict(rehearsal)]:
            say(line)
    if rehearsal.expectations:
        return Exit.DONE if rehearsal.as_expected else Exit.FAULT
    code = exit_code(rehearsal.ended)
    return code if rehearsal.agrees or code is not Exit.DONE else Exit.FAULT


def _rehearse_guidance(protocol: Protocol, seed: int, *, as_json: bool) -> int:
    """Rehearse guidance alone; raise `InvalidUsage` for a protocol that gives output."""
    if protocol.family is not None:
        fit = ", ".join(id_ for id_ in MODELS if model(id_).family is protocol.family)
        raise InvalidUsage(
            f"{protocol.id} gives output ({protocol.family}), and no unit is named", f"Add --unit: {fit}."
        )
    ended = rehearse_guidance(
        protocol, seed=seed, observers=[JsonLines(json_text) if as_json else Plain(say)]
    )
    if not as_json:
        for line in summary(ended, unit=False):
            say(line)
    return exit_code(ended)


class _AllButTheEnd(JsonLines):
    """JSON lines whose last, with the unit's truth in it, is printed by the command."""

    def __init__(self) -> None:
        super().__init__(json_text)

    def on_event(self, event: Event) -> None:
        if not isinstance(event, SessionEnded):
            super().on_event(event)


def _verdict(rehearsal: Rehearsal) -> list[str]:
    lines = [
        f"  the unit's own physics: {rehearsal.unit_delivered_ms / 1000:.3f} s, "
        f"{rehearsal.unit_energy_mj / 1000:.1f} J, "
        f"{'output off' if rehearsal.unit_output_off else 'OUTPUT NOT OFF'}",
        f"  breaches: {', '.join(rehearsal.breaches) or 'none'}",
    ]
    if not rehearsal.agrees:
        lines.append("  the record and the unit do not agree")
    return [*lines, *(f"  {each}" for each in rehearsal.expectations)]


def _traced(trace: Path, replace: bool, stack: ExitStack) -> MakeDriver:
    """What makes a driver that keeps a trace, for as long as ``stack`` lasts."""
    from physioctl.trace.recording import traced  # a rehearsal without a trace does without
    from physioctl.trace.writing import writing

    return traced(stack.enter_context(writing(trace, replace=replace, in_thread=False, tell=aside)))


def _rig(
    unit: str,
    seed: int,
    texts: Sequence[str],
    dialect: str,
    host_loss: str | None,
    driver: MakeDriver,
) -> Rig:
    try:
        struck = tuple(map(parse, texts))
        spoken = speaking(dialect, host_loss)
        return Rig(unit, seed=seed, faults=struck, unit=spoken.unit, dialect=spoken.dialect, driver=driver)
    except (OSError, UnknownModel, ValueError) as problem:
        raise InvalidUsage(str(problem), "See physioctl rehearse --help.") from problem
