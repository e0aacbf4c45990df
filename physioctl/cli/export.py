"""``physioctl export``: a session as another program's format has it."""

from __future__ import annotations

from pathlib import Path

import click

from physioctl.cli.printing import aside
from physioctl.cli.recorded import JOURNAL, print_file
from physioctl.errors import InvalidUsage
from physioctl.record.journal import default_path
from physioctl.record.report.files import expect_writable, write_whole

WRITTEN = "r4b"  # the release of FHIR that is written: docs/decisions/0040-fhir.md
_STDOUT = "-"


@click.command()
@click.argument("session", required=False)
@JOURNAL
@click.option(
    "--fhir", "release", type=click.Choice(["r4b", "r5"]), required=True, help="FHIR's release: r4b."
)
@click.option(
    "--codes", metavar="FILE", type=click.Path(path_type=Path), help="Your clinic's codes, in TOML."
)
@click.option("--test-data", is_flag=True, help="For a session on a simulated unit: labelled so, of nobody.")
@click.option("--refused", is_flag=True, help="No session: the latest refusal of one, or that of an entry.")
@click.option(
    "--output",
    metavar="FILE",
    help="Write it here; - is standard output.  [default: the session's id, in this folder]",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def export(
    session: str | None,
    journal: Path | None,
    release: str,
    codes: Path | None,
    test_data: bool,
    refused: bool,
    output: str | None,
    force: bool,
) -> None:
    """Export a session as a FHIR Bundle: by the beginning of its id, or else the latest.

    \b
    Examples:
      physioctl export --fhir r4b
      physioctl export 20261122 --fhir r4b \\
        --codes clinic.toml --output -
    """
    if release != WRITTEN:
        raise InvalidUsage(f"physioctl does not write FHIR {release.upper()}", f"Write --fhir {WRITTEN}.")
    path = journal or default_path()
    if journal is None and not path.exists():
        raise InvalidUsage("there is no session in the journal yet", "physioctl run begins one.")
    if output not in (None, _STDOUT):
        expect_writable(Path(output or ""), force=force)
    name, text = _made(path, session, codes, test_data=test_data, refused=refused)
    if output == _STDOUT:
        print_file(text)
        return
    to = Path(output or f"{name}.fhir.json")
    write_whole(to, text, force=force)
    aside(f"The Bundle is in {to.absolute()}")


def _made(
    path: Path, chosen: str | None, codes: Path | None, *, test_data: bool, refused: bool
) -> tuple[str, str]:
    """What the export is called, and its text."""
    from physioctl.record.export.bundle import as_text, bundle  # pydantic is slow to import
    from physioctl.record.export.codes import NO_CODES, read_codes

    known = NO_CODES if codes is None else read_codes(codes)
    if refused:
        from physioctl.record.export.refusal import refusal, refusal_bundle

        found = refusal(path, None if chosen is None else _number(chosen))
        return f"refusal-{found.entry.seq}", as_text(refusal_bundle(found, known, test_data=test_data))
    from physioctl.record.account import account
    from physioctl.record.history import session

    told = account(session(path, chosen))
    return told.summary.id, as_text(bundle(told, known, test_data=test_data))


def _number(typed: str) -> int:
    """The number of an entry, as typed."""
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 15):
        raise InvalidUsage(
            f"{typed[:40]!r} is no entry's number", "With --refused, name an entry by its number, or none."
        )
    return int(typed)
