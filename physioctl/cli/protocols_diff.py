"""``physioctl protocols diff``."""

from __future__ import annotations

import click

from physioctl.cli.choosing import chosen
from physioctl.cli.completion import ProtocolName
from physioctl.cli.printing import JSON, json_line, say
from protocols.diff import diff as changes_from

_NO_DIFFERENCE = "no clinical difference"


@click.command()
@click.argument("was", type=ProtocolName(), metavar="A")
@click.argument("now", type=ProtocolName(), metavar="B")
@JSON
def diff(was: str, now: str, as_json: bool) -> None:
    """Say in clinical terms what changed from protocol A to protocol B.

    Steps are counted as the files have them, 2.1 being the first inside a repeat. A name and a way of writing
    are no clinical difference. The exit code is 0 whatever changed.

    \b
    Example:
      physioctl protocols diff calf-tightness-ultrasound \\
        mine.yaml
    """
    before, after = chosen(was), chosen(now)
    changes = changes_from(before, after)
    clinical = any(change.clinical for change in changes)
    if as_json:
        hashes = {"from": before.content_hash, "to": after.content_hash}
        json_line({"event": "diff"} | hashes | {"changes": len(changes), "clinical": clinical})
        for change in changes:
            about = {"kind": change.kind, "subject": change.subject, "what": change.what}
            json_line({"event": "change"} | about | {"clinical": change.clinical})
        return
    if not clinical:
        say(_NO_DIFFERENCE)
    for change in changes:
        say(str(change))
