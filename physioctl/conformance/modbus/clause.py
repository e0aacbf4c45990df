"""How a clause of docs/modbus.md is made; what that page takes over from docs/wire.md stands in `clauses`."""

from __future__ import annotations

from functools import partial

from physioctl.conformance.outcomes import clause

LINE = "The line"
CONVERSATION = "The conversation"
KINDS = "Kinds of unit"
SETTLE_MS = 150  # for what may still be on its way
modbus_clause = partial(clause, page="modbus")
