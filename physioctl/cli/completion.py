"""What a shell may complete: protocol ids and files. It reads folder listings and nothing else."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

import protocols

_LIBRARY = Path(str(protocols.__file__)).parent / "library"


class ProtocolName(click.ParamType[str]):
    """The id of a bundled protocol, or a file."""

    name = "protocol"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Ids that begin so; else the shell's own files."""
        ids = sorted(path.stem for path in _LIBRARY.glob("*.yaml") if path.stem.startswith(incomplete))
        return [CompletionItem(id_) for id_ in ids] or [CompletionItem(incomplete, type="file")]
