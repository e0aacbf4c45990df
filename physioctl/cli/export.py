"""One session as another program's format has it."""

from __future__ import annotations

from pathlib import Path

import click

from physioctl.cli.printing import aside
from physioctl.cli.recorded import JOURNAL
from physioctl.errors import InvalidUsage
from physioctl.record.journal import default_path

WRITTEN = "r4b"  # the release of FHIR that is written


@click.command()
@click.argument("session", required=False)
@JOURNAL
@click.option(
    "--fhir", "release", type=click.Choice(["r4b", "r5"]), required=True, help="The release of FHIR."
)
@click.option(
    "--codes", metavar="FILE", type=click.Path(path_type=Path), help="Your clinic's codes, in TOML."
)
@click.option("--test-data", is_flag=True, help="A session on a simulated unit, labelled so, and of nobody.")
@click.option(
    "--refused", is_flag=True, help="Not a session, but the latest refusal, or that of entry SESSION."
)
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True), default=Path("-"),
              help="Where to write it.  [default: standard output]")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace FILE where it is there.")
def export(
    session: str | None,
    journal: Path | None,
    release: str,
    codes: Path | None,
    test_data: bool,
    refused: bool,
    output: Path,
    force: bool,
) -> None:
    """Export one session as a FHIR Bundle: by the beginning of its id, or else the latest.

    \b
    Example:
      physioctl export --fhir r4b --codes clinic.toml --output session.json
    """
    if release != WRITTEN:
        raise InvalidUsage(f"FHIR {release.upper()} is not written by physioctl", f"Write --fhir {WRITTEN}.")
    from physioctl.record.export.bundle import as_text, bundle  # pydantic is slow to import
    from physioctl.record.export.codes import NO_CODES, read_codes
    from physioctl.record.report.files import expect_writable, write_whole

    path = journal or default_path()
    if journal is None and not path.exists():
        raise InvalidUsage("there is no session in the journal yet", "physioctl run begins one.")
    if output != Path("-"):
        expect_writable(output, force=force)
    known = NO_CODES if codes is None else read_codes(codes)
    if refused:
        from physioctl.record.export.refusal import refusal, refusal_bundle

        made = refusal_bundle(refusal(path, _entry(session)), known, test_data=test_data)
    else:
        from physioctl.record import history
        from physioctl.record.account import account

        made = bundle(account(history.session(path, session)), known, test_data=test_data)
    if output == Path("-"):
        click.echo(as_text(made), nl=False)
        return
    write_whole(output, as_text(made), force=force)
    aside(f"{output} is written.")


def _entry(typed: str | None) -> int | None:
    """The number of an entry, as typed."""
    if typed is None:
        return None
    if not typed.isascii() or not typed.isdigit() or len(typed) > 15:
        raise InvalidUsage(
            f"{typed[:40]!r} is no number of an entry", "With --refused, name an entry's number."
        )
    return int(typed)
