"""``physioctl protocols list``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from physioctl.cli.choosing import BODY_SITE, Named
from physioctl.cli.printing import aside, json_line, say
from physioctl.cli.tables import Column, print_list
from physioctl.text import minutes
from protocols.index import Entry, listed

NO_FAMILY = "none"  # as a protocol file has it, whose model is slow to import
_COLUMNS = (
    Column("id", 1),
    Column("title", 2, least=16),
    Column("family", 5),
    Column("site", 4, least=12),
    Column("minutes", 3),
    Column("evidence", 6),
)


def _families() -> list[str]:
    from protocols.limits import Family

    return [*(family.value for family in Family), NO_FAMILY]


@click.command("list")
@click.argument("words", nargs=-1)
@click.option("--family", type=Named("family", _families), help="Only this family; none: guidance only.")
@click.option("--site", type=BODY_SITE, metavar="SITE", help="Only this body site.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(words: Sequence[str], family: str | None, site: str | None, as_json: bool) -> None:
    """List the protocols that ship, or those of them that have WORDS: what hurts, and where.

    \b
    Examples:
      physioctl protocols list night calf
      physioctl protocols list --family percussion
    """
    chosen = [
        entry
        for entry in listed()
        if family in (None, entry["about"]["family"] or NO_FAMILY)
        and site in (None, entry["about"]["body_site"])
    ]
    if words:
        chosen = list(_having(words, chosen))
    if as_json:
        for entry in chosen:
            json_line({"event": "protocol"} | entry["about"])
    elif chosen:
        print_list(_COLUMNS, map(_row, chosen))
    else:
        say("No protocol that ships is for that.")


def _having(words: Sequence[str], entries: Sequence[Entry]) -> Iterator[Entry]:
    """Those that have ``words``, the nearest first; what was made of the words is said."""
    from protocols.search import known_by, said_of, search  # its tables are slow to read

    by_id = {entry["about"]["id"]: entry for entry in entries}
    found = search(" ".join(words), {id_: known_by(*_known_by(entry)) for id_, entry in by_id.items()})
    for line in said_of(found):
        aside(line)
    return (by_id[id_] for id_ in found.ids)


def _known_by(entry: Entry) -> tuple[str, str, str, str, str | None]:
    about = entry["about"]
    return about["id"], about["title"], about["body_site"], entry["site"], about["family"]


def _row(entry: Entry) -> tuple[str, ...]:
    about = entry["about"]
    return (
        about["id"],
        about["title"],
        about["family"] or NO_FAMILY,
        entry["site"],
        minutes(about["delivered_ms"]) if about["family"] else "guidance",
        about["evidence"]["grade"].replace("_", " "),
    )
