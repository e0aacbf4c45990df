"""The plan that a protocol makes on a model, by the numbers of its nameplate."""

from __future__ import annotations

from pathlib import Path

from device.models import MODELS, Model, model_named
from device.models import model as model_of
from protocols.compile import compile_plan
from protocols.library import find
from protocols.limits import Limits
from protocols.model import Protocol
from protocols.plan import Plan


def plan_for(protocol: Protocol | Path | str, model: Model | str) -> Plan:
    """The plan of ``protocol``, a file or the id of a bundled one, on ``model``, such as ``us111``.

    A unit's own declaration and a person can still lower its limits. Raise `Refused` with everything that
    stands against it, `ProtocolInvalid`, and `WrongUnit` for a model that we do not know.
    """
    found = protocol if isinstance(protocol, Protocol) else find(protocol)
    if isinstance(model, str):
        model = model_of(model) if model in MODELS else model_named(model)
    return compile_plan(
        found, model=model.id, family=model.family, area_mm2=model.area_mm2, limits=Limits(model.bounds)
    )
