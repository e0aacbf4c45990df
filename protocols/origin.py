"""Where a protocol came from: the file, its lines, and whether it is one that ships."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from protocols.errors import Problem, Where

if TYPE_CHECKING:  # whoever reads a file has paid for the YAML library already
    from protocols.reading import Node


@dataclass(frozen=True, slots=True)
class Origin:
    """The file a protocol was read from. Plain data, so that a protocol can be pickled."""

    file: str
    root: Node | None = None  # what was read, with its places; None when there was no file
    bundled: bool = False  # it ships with physioctl
    content_hash: str = ""  # of the protocol as it was read

    def source(self, where: Where) -> str:
        """``file:line`` of what ``where`` leads to."""
        if self.root is None:
            return self.file
        line, _ = self.root.place(where, of_key=True)
        return f"{self.file}:{line}"

    def placed(self, problem: Problem) -> Problem:
        """``problem`` with the file, the line and the column of what its ``where`` leads to."""
        line, column = (0, 0) if self.root is None else self.root.place(problem.where)
        return replace(problem, file=self.file, line=line, column=column)
