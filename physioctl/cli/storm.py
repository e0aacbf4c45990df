"""``physioctl storm``: thousands of seeded sessions in which things go wrong, judged from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from json import JSONDecodeError
from pathlib import Path

import click

from device.models import MODELS
from physioctl import __version__
from physioctl.cli.choosing import Named
from physioctl.cli.exits import Exit
from physioctl.cli.printing import JSON, json_line, say
from physioctl.cli.simulated import DIALECT, HOST_LOSS, seed_option
from physioctl.cli.tables import print_table
from physioctl.errors import InvalidUsage
from physioctl.rehearsal.storm.campaign import Campaign, Row, rows, shortest
from physioctl.rehearsal.storm.expected_run import expected_run
from physioctl.rehearsal.storm.kinds import KINDS, host_loss_of
from physioctl.rehearsal.storm.play import Outcome, play
from physioctl.rehearsal.storm.scenario import Scenario, draw
from physioctl.rehearsal.storm.timeline import trace
from protocols.errors import PhysioctlError, shorten

_AS_PRINTED = "Give a scenario's seed, or its JSON as a storm printed it."
_JOBS_MAX = 256  # processes; this project's own figure
_SHOWN = 3  # violations that are shrunk and told
_ENDS = ("completed", "stopped", "interrupted", "host died")


@click.command()
@click.option(
    "--count",
    metavar="N",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Scenarios to play.",
)
@seed_option("scenarios", default=1)
@click.option("--unit", type=Named("model", MODELS), help="Only this model.")
@click.option("--protocol", metavar="PROTOCOL", help="Play this protocol; needs --unit.")
@DIALECT
@HOST_LOSS
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1, _JOBS_MAX),
    help="Processes to use; one for each core by default.",
)
@click.option("--scenario", metavar="SEED|JSON", help="Play one scenario, and print its trace.")
@JSON
def storm(
    count: int,
    seed: int,
    unit: str | None,
    protocol: str | None,
    dialect: str,
    host_loss: str | None,
    jobs: int | None,
    scenario: str | None,
    as_json: bool,
) -> int:
    """Play seeded sessions full of faults on simulated units, and judge every millisecond.

    Nothing is connected. It prints how long output went on after each kind of trouble began, and fails with
    the shortest scenario it can find when anything went out that should not have.

    \b
    Examples:
      physioctl storm --count 10000 --seed 1
      physioctl storm --dialect modbus --host-loss timer \\
        --count 2000
      physioctl storm --scenario 141736749522567
    """
    asked = Campaign(count, seed, unit, protocol, *_kind(dialect, host_loss))
    if protocol is not None:
        _try_out(asked, protocol)
    if scenario is not None:
        return _tell(_scenario(scenario, asked))
    outcomes = list(_played(asked, jobs or os.cpu_count() or 1))
    broken = [outcome for outcome in outcomes if outcome.violations]
    if as_json:
        _as_json(asked, outcomes, broken)
    else:
        _as_text(asked, outcomes, broken)
    return Exit.FAULT if broken else Exit.DONE


def _kind(dialect: str, host_loss: str | None) -> tuple[str, str | None]:
    """The dialect and what ends output without a host, as scenarios have them."""
    host_loss = host_loss_of(dialect, host_loss)
    if (dialect, host_loss) not in KINDS:
        raise InvalidUsage(f"a {dialect} unit has a lease, and nothing else", "Use --dialect modbus as well.")
    return dialect, host_loss


def _try_out(asked: Campaign, protocol: str) -> None:
    """See that the protocol can be run at all, before it is called a fault that it cannot."""
    if asked.model is None:
        raise InvalidUsage("a protocol is for one family of units", "Name the model too, with --unit.")
    outcome = play(Scenario(0, asked.model, protocol, dialect=asked.dialect, host_loss=asked.host_loss))
    if outcome.violations:
        raise InvalidUsage(
            f"{protocol} does not run on a sound {asked.model}: {outcome.violations[0].what}",
            f"See why with: physioctl rehearse {protocol} --unit {asked.model}",
        )


def _scenario(text: str, asked: Campaign) -> Scenario:
    try:
        if text.isdigit():
            scenario = draw(int(text), asked.model, asked.protocol, asked.dialect, asked.host_loss)
        else:
            scenario = Scenario.from_json(text)
        expected_run(scenario.protocol, scenario.model)
    except JSONDecodeError as error:
        raise InvalidUsage("this is no scenario: it is neither a seed nor whole JSON", _AS_PRINTED) from error
    except (ValueError, TypeError, AttributeError, LookupError, PhysioctlError) as error:
        raise InvalidUsage(f"this is no scenario: {shorten(str(error), 200)}", _AS_PRINTED) from error
    except RecursionError as error:
        raise InvalidUsage("this is no scenario: it is nested too deeply", _AS_PRINTED) from error
    return scenario


def _tell(scenario: Scenario) -> int:
    outcome, lines = trace(scenario)
    for line in lines:
        say(line)
    say(f"the session: {outcome.ended}")
    for violation in outcome.violations:
        say(f"BROKEN at {violation.at_ms} ms: {violation.rule.value}: {violation.what}")
    return Exit.FAULT if outcome.violations else Exit.DONE


def _played(campaign: Campaign, jobs: int) -> Iterator[Outcome]:
    played = campaign.played(jobs)
    if not sys.stderr.isatty():
        yield from played
        return
    with click.progressbar(played, length=campaign.count, label="storm", file=sys.stderr) as bar:
        yield from bar


def _as_json(campaign: Campaign, outcomes: Sequence[Outcome], broken: Sequence[Outcome]) -> None:
    for row in rows(outcomes):
        json_line({"event": "storm_kind"} | row.as_json())
    for outcome in broken[:_SHOWN]:
        short = shortest(outcome)
        json_line(
            {
                "event": "storm_violation",
                "rule": short.violations[0].rule.value,
                "what": short.violations[0].what,
                "seed": outcome.scenario.seed,
                "version": _version(),
                "scenario": short.scenario.as_json(),
            }
        )
    json_line(
        {"event": "storm_ended", "count": campaign.count, "seed": campaign.seed, "violations": len(broken)}
    )


def _as_text(campaign: Campaign, outcomes: Sequence[Outcome], broken: Sequence[Outcome]) -> None:
    columns = ("kind", "scenarios", *_ENDS, "other", "timed", "p99 ms", "worst ms", "bound ms", "stretched")
    print_table(columns, [_cells(row) for row in rows(outcomes)])
    say("timed: how often it ended an output; from its onset to output off.")
    say(
        "latent: nothing goes out beyond what was set; of a stuck output, only the unit's own switch ends it."
    )
    say("stretched: the worst while the unit's own clock was slow as well, which makes its lease longer,")
    say("or, on a unit without a lease, while the host or the line was lost.")
    for outcome in broken[:_SHOWN]:
        short = shortest(outcome)
        violation = short.violations[0]
        say(f"BROKEN: {violation.rule.value}: {violation.what}")
        say(f"  scenario {outcome.scenario.seed}, {_version()}; the shortest that still fails:")
        say(f"  physioctl storm --scenario '{short.scenario.as_json()}'")
    say(f"{campaign.count} scenarios, seed {campaign.seed}: {len(broken) or 'no'} violations")


def _cells(row: Row) -> list[str]:
    said = row.as_json()
    ends = [str(row.ended.get(end, 0)) for end in _ENDS]
    other = row.scenarios - sum(row.ended.get(end, 0) for end in _ENDS)
    figures = ["-" if said[key] is None else str(said[key]) for key in ("p99_ms", "worst_ms")]
    bound = "latent" if row.latent else str(said["bound_ms"] or "-")
    stretched = "-" if said["stretched_worst_ms"] is None else str(said["stretched_worst_ms"])
    return [row.kind, str(row.scenarios), *ends, str(other), str(said["timed"]), *figures, bound, stretched]


def _version() -> str:
    """The commit where there is one, and the version."""
    git = shutil.which("git")
    if git is None:
        return f"physioctl {__version__}"
    found = subprocess.run(  # noqa: S603 - git, as found, with words of our own
        [git, "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    commit = found.stdout.strip()
    return f"physioctl {__version__}" + (f", commit {commit}" if commit else "")
