"""A session as a FHIR R4B Bundle: the same record gives the same bytes.

The Bundle is a collection (docs/decisions/0040-fhir.md says why), and its resources refer to each other by
``urn:uuid:``. Persons are pseudonymous references by identifier; no names, and no narrative.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from physioctl.errors import InvalidUsage
from physioctl.record.account import Account
from physioctl.record.export.codes import NO_CODES, Codes
from physioctl.record.export.context import Context, Maker
from physioctl.record.export.datatypes import Json
from physioctl.record.export.devices import devices
from physioctl.record.export.observations import observations
from physioctl.record.export.procedure import procedure
from physioctl.record.export.trail import audit_events, provenance


def bundle(account: Account, codes: Codes = NO_CODES, *, test_data: bool = False) -> Json:
    """The Bundle of a session.

    A session on a simulated unit is nobody's: raise `InvalidUsage` unless ``test_data`` is asked for, which
    labels every resource so and leaves the person out. Only such a session can be test data.
    """
    summary = account.summary
    checked_test_data(f"session {summary.id}", test_data, simulated=summary.simulated)
    context = Context(summary.id, codes, summary.person, test_data, account)
    told = [procedure(context), *observations(context)]
    return collected(context, [*told, *devices(context), *audit_events(context), provenance(context, told)])


def checked_test_data(what: str, asked: bool, *, simulated: bool) -> None:
    """Raise `InvalidUsage` unless test data, and nothing else, is ``asked`` for as such."""
    if simulated and not asked:
        raise InvalidUsage(
            f"{what} was on a simulated unit: it is nobody's treatment",
            "Add --test-data to export it, labelled as test data and without a person.",
        )
    if asked and not simulated:
        raise InvalidUsage(
            f"{what} was not on a simulated unit: it is no test data", "Leave --test-data out."
        )


def collected(maker: Maker, resources: Sequence[Json]) -> Json:
    """A Bundle of ``resources``."""
    entries = [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in resources]
    return maker.resource("Bundle", "bundle", type="collection", entry=entries)


def as_text(made: Json) -> str:
    """A Bundle as JSON, in ASCII."""
    return json.dumps(made, indent=2, allow_nan=False) + "\n"
