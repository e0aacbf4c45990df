"""A kind of import contract that lists what is allowed, so that a new file is covered from its first day."""

from __future__ import annotations

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class AllowedImports(Contract):
    """The modules of a package may import these modules of ours, each other, and nothing else of ours.

    ``package`` is the package; ``allowed`` are modules or packages, taken with what is in them; ``ours`` are
    the root packages that count.
    """

    type_name = "allowed"

    package = fields.StringField()
    allowed = fields.ListField(subfield=fields.StringField())
    ours = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find every import that is not allowed."""
        package, ours = str(self.package), list(map(str, self.ours))  # type: ignore[call-overload]  # values, once read
        allowed = [package, *map(str, self.allowed)]  # type: ignore[call-overload]
        found = [
            (importer, imported)
            for importer in sorted(graph.modules)
            if _is_in(importer, [package])
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if _is_in(imported, ours) and not _is_in(imported, allowed)
        ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each of them."""
        found: list[Any] = check.metadata["found"]
        for importer, imported in found:
            output.print_error(f"{importer} imports {imported}, which is not allowed for {self.package}")


def _is_in(module: str, packages: list[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
