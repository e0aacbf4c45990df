"""Bundles as tests read them: written, validated by `fhir.resources`, and held against `fhir_rules`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir.resources.R4B.bundle import Bundle

from device.clock import VirtualClock
from device.events import Event
from physioctl.record.account import Account, account
from physioctl.record.export.bundle import as_text, bundle
from physioctl.record.export.codes import NO_CODES, Codes
from physioctl.record.history import Session, session
from physioctl.record.journal import Journal
from tests.physioctl.fhir_rules import broken, walk
from tests.physioctl.recorded_sessions import record_session

UCUM = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Exported:
    """A Bundle that has been written, validated and read back."""

    text: str
    resources: tuple[dict[str, Any], ...]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.resources if each["resourceType"] == kind]

    @property
    def procedure(self) -> dict[str, Any]:
        (found,) = self.of("Procedure")
        return found

    def observation(self, said: str) -> dict[str, Any]:
        (found,) = (each for each in self.of("Observation") if each["code"]["text"] == said)
        return found

    def value(self, said: str) -> tuple[float, str]:
        value = self.observation(said)["valueQuantity"]
        assert value["system"] == UCUM
        return value["value"], value["code"]

    @property
    def codings(self) -> Iterator[tuple[str, str, str]]:
        """Path, system and code of everything that has a system; units and identifiers excepted."""
        for entry in self.resources:
            for path, value in walk(entry, entry["resourceType"]):
                if isinstance(value, dict) and "code" in value and value.get("system") not in (None, UCUM):
                    yield path, value["system"], value["code"]


def validated(made: dict[str, Any]) -> Exported:
    text = as_text(made)
    said = json.loads(text)
    Bundle.model_validate_json(text)
    assert broken(said) == []
    return Exported(text, tuple(entry["resource"] for entry in said["entry"]))


def exported(of: Session | Account, codes: Codes = NO_CODES, *, test_data: bool = False) -> Exported:
    return validated(bundle(account(of) if isinstance(of, Session) else of, codes, test_data=test_data))


def told(*events: Event) -> Account:
    """The account of a session ``s`` that is made of ``events``."""
    with Journal.in_memory(VirtualClock()) as journal:
        log = journal.begin("s")
        for event in events:
            log.record(event)
        return account(session(journal))


@cache
def eventful() -> Session:
    """A session with a lift-off, a pause, a lowering, one that was refused, a note and pain scores."""
    with Journal.in_memory(VirtualClock()) as journal:
        record_session(journal)
        return session(journal)
