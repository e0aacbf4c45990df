"""``physioctl protocols new``."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from physioctl.cli.choosing import Named
from physioctl.cli.printing import aside
from physioctl.errors import InvalidUsage
from physioctl.record.report.files import write_whole
from protocols import library
from protocols.errors import shorten
from protocols.fields import Id
from protocols.limits import Family
from protocols.model import NO_FAMILY
from protocols.template import MARK, template

_STDOUT = "-"
_USUAL_ID = "my-protocol"


@click.command()
@click.argument("id_", metavar="ID", required=False)
@click.option(
    "--family",
    type=Named("family", [*Family, NO_FAMILY]),
    default=NO_FAMILY,
    help="What it drives; none: guidance only.  [default: none]",
)
@click.option("--output", metavar="FILE", help="Write it here; - is standard output.  [default: ID.yaml]")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def new(id_: str | None, family: str, output: str | None, force: bool) -> None:
    """Begin a protocol file of your own, with the places marked that are to be filled in.

    Until they are, physioctl protocols check names each of them. The first line names the schema, so that an
    editor with a YAML language server completes and checks as you type.

    \b
    Example:
      physioctl protocols new my-protocol --family percussion
    """
    in_file = output is not None and output != _STDOUT
    id_ = _sound_id(id_ or (Path(output).stem if in_file and output else _USUAL_ID))
    text = template(id_, None if family == NO_FAMILY else Family(family))
    if output == _STDOUT:
        click.echo(text, nl=False)
        return
    to = Path(output or f"{id_}.yaml")
    write_whole(to, text, force=force)
    aside(f"The file is {to.absolute()}")
    places = f"{text.count(MARK)} places marked “{MARK.strip()}”"
    aside(f"  to do: Fill in the {places}, then: physioctl protocols check {to}")


def _sound_id(id_: str) -> str:
    """``id_``, or `InvalidUsage` where no protocol of one's own can be called so."""
    try:
        TypeAdapter[str](Id).validate_python(id_)
    except ValidationError:
        what = f"{shorten(id_)!r} is no id of a protocol"
        raise InvalidUsage(what, "Write small letters, digits and hyphens, such as calf-stretch.") from None
    if id_ in library.bundled():
        raise InvalidUsage(f"{id_} is the id of a protocol that ships", "Take another.")
    return id_
