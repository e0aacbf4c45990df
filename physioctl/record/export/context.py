"""What every resource of one export shares: the account, the codes, ids, times and references."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from physioctl.errors import JournalUnusable
from physioctl.record.account import Account
from physioctl.record.export.codes import Codes
from physioctl.record.export.datatypes import Json, concept, element, identified, identifier, instant, text

NAMESPACE = UUID("7c1c7c1e-9d3f-5b1a-8a53-0b6d6b0f9a41")  # of the ids: this project's own
HTEST = {  # HL7's own label of what is no patient's data
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "HTEST",
    "display": "test health data",
}
_NOBODY = ("script", "answers-file")  # what the record says where nobody was named


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the resources of one export. Each has an id that follows from ``about`` and its own name."""

    about: str  # the session's id
    codes: Codes
    person: str | None
    test_data: bool

    def id(self, name: str) -> str:
        """The id of the resource called ``name``."""
        return str(uuid5(NAMESPACE, f"{self.about}/{name}"))

    def resource(self, kind: str, name: str, **fields: Any) -> Json:
        """A resource of what is not empty in ``fields``."""
        meta = {"security": [HTEST]} if self.test_data else None
        return element(resourceType=kind, id=self.id(name), meta=meta, **fields)

    def to(self, kind: str, name: str) -> Json:
        """A Reference to the resource called ``name`` in the same bundle."""
        return {"reference": f"urn:uuid:{self.id(name)}", "type": kind}

    def concept(self, table: str, key: str, said: str) -> Json | None:
        """A CodeableConcept: ``said``, and the clinic's code for it."""
        return concept(said, self.codes.coding(table, key))

    def coding(self, table: str, key: str, said: str) -> Json:
        """The clinic's Coding, or one that has words alone."""
        return self.codes.coding(table, key) or element(display=text(said))

    def system(self, name: str) -> str | None:
        """The system of a kind of identifiers, where the clinic has named it."""
        return self.codes.systems.get(name)

    @property
    def subject(self) -> Json:
        """The person, by a pseudonymous reference; nobody in test data."""
        if self.test_data:
            return identified("Patient", None, "nobody: the unit was simulated")
        who = identifier(self.person, self.system("person"))
        return identified("Patient", who, "" if who else "nobody was named")

    def practitioner(self, who: str | None) -> Json:
        """Who treats, by a pseudonymous reference."""
        found = identifier(who, self.system("operator"))
        return identified("Practitioner", found, "" if found else "not recorded")


@dataclass(frozen=True, slots=True)
class Context(Maker):
    """The same of a session, with its account."""

    account: Account

    def at(self, ms: int) -> datetime:
        """The time of day at ``ms`` of the session; `JournalUnusable` where there is no such time."""
        try:
            return self.account.at(ms)
        except OverflowError:
            raise JournalUnusable(
                f"session {self.about}: its record holds a time that no calendar has",
                "Check the journal with: physioctl verify",
            ) from None

    def when(self, ms: int) -> str:
        """The same as FHIR writes it."""
        return instant(self.at(ms))

    def period(self, began_ms: int, ended_ms: int | None) -> Json:
        """A Period of the session; without an end it goes on, as far as is known."""
        end = None if ended_ms is None else self.when(max(began_ms, ended_ms))
        return element(start=self.when(began_ms), end=end)

    def by(self, who: str | None) -> Json:
        """Who did something: ``operator`` stands for whoever treats, and some words for nobody."""
        if who in _NOBODY:
            return identified("Practitioner", None, f"not named: {who}")
        return self.practitioner(self.account.operator if who in (None, "operator") else who)
