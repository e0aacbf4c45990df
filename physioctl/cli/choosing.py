"""Which protocol a person means by what was typed."""

from __future__ import annotations

from physioctl.cli.printing import aside
from protocols.library import find, namesakes
from protocols.model import Protocol


def chosen(name: str) -> Protocol:
    """The protocol called ``name``. Where another could have been meant, say so on standard error."""
    protocol = find(name)
    for line in namesakes(name, protocol):
        aside(f"note: {line}")
    return protocol
