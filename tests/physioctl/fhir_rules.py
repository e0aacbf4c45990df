"""Rules of FHIR R4B, written out by hand from hl7.org/fhir/R4B, for what an export holds.

They are those that `fhir.resources` does not check, and those that it may not: formats of primitive types,
value sets that are required, invariants, and that every reference leads somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# required bindings, by the path without indices; what is not written by an export is not listed
REQUIRED = {
    "Bundle.type": {
        "document", "message", "transaction", "transaction-response", "batch", "batch-response", "history",
        "searchset", "collection",
    },
    "Procedure.status": {
        "preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error",
        "unknown",
    },
    "Observation.status": {
        "registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error",
        "unknown",
    },
    "Device.deviceName.type": {
        "udi-label-name", "user-friendly-name", "patient-reported-name", "manufacturer-name", "model-name",
        "other",
    },
    "DeviceMetric.category": {"measurement", "setting", "calculation", "unspecified"},
    "DeviceMetric.calibration.type": {"unspecified", "offset", "gain", "two-point"},
    "DeviceMetric.calibration.state": {
        "not-calibrated", "calibration-required", "calibrated", "unspecified",
    },
    "AuditEvent.action": {"C", "R", "U", "D", "E"},
    "AuditEvent.outcome": {"0", "4", "8", "12"},
    "Provenance.entity.role": {"derivation", "revision", "quotation", "source", "removal"},
}  # fmt: skip
# elements with a cardinality of 1..1 or 1..*, by type of resource or by path
MANDATORY = {
    "Procedure": {"status", "subject"},
    "Observation": {"status", "code"},
    "DeviceMetric": {"type", "category"},
    "AuditEvent": {"type", "recorded", "agent", "source"},
    "Provenance": {"target", "recorded", "agent"},
    "Device": set(),
    "Procedure.performer": {"actor"},
    "Procedure.note": {"text"},
    "Observation.note": {"text"},
    "Observation.component": {"code"},
    "Observation.valueSampledData": {"origin", "period", "dimensions"},
    "Device.deviceName": {"name", "type"},
    "Device.version": {"value"},
    "Device.property": {"type"},
    "AuditEvent.agent": {"requestor"},
    "AuditEvent.source": {"observer"},
    "Provenance.agent": {"who"},
    "Provenance.entity": {"role", "what"},
}
# elements that hold one value: any other value is in a list
LISTS = {
    "Procedure": {"identifier", "partOf", "performer", "bodySite", "note", "usedReference"},
    "Observation": {"partOf", "component", "note"},
    "Device": {"identifier", "deviceName", "version", "property", "note"},
    "DeviceMetric": {"calibration"},
    "AuditEvent": {"subtype", "agent", "entity"},
    "Provenance": {"target", "agent", "entity"},
    "Bundle": {"entry"},
}
REFERS_TO = {
    "Procedure.subject": {"Patient", "Group"},
    "Procedure.partOf": {"Procedure", "Observation", "MedicationAdministration"},
    "Procedure.performer.actor": {
        "Practitioner", "PractitionerRole", "Organization", "Patient", "RelatedPerson", "Device",
    },
    "Procedure.usedReference": {"Device", "Medication", "Substance"},
    "Observation.partOf": {
        "MedicationAdministration", "MedicationDispense", "MedicationStatement", "Procedure", "Immunization",
        "ImagingStudy",
    },
    "Observation.subject": {
        "Patient", "Group", "Device", "Location", "Organization", "Procedure", "Practitioner", "Medication",
        "Substance",
    },
    "Observation.device": {"Device", "DeviceMetric"},
    "DeviceMetric.source": {"Device"},
    "AuditEvent.agent.who": {
        "PractitionerRole", "Practitioner", "Organization", "Device", "Patient", "RelatedPerson",
    },
    "AuditEvent.source.observer": {
        "PractitionerRole", "Practitioner", "Organization", "Device", "Patient", "RelatedPerson",
    },
    "Provenance.agent.who": {
        "PractitionerRole", "Practitioner", "Organization", "Device", "Patient", "RelatedPerson",
    },
}  # fmt: skip

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
CODE = re.compile(r"[^\s]+(\s[^\s]+)*")
URI = re.compile(r"\S+")
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_DAY = r"([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)-(0[1-9]|1[0-2])-(0[1-9]|[1-2][0-9]|3[0-1])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_ZONE = r"(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
INSTANT = re.compile(f"{_DAY}T{_TIME}{_ZONE}")
SAMPLE = re.compile(rf"({DECIMAL.pattern}|E|U|L)")
TIMES = ("start", "end", "time", "recorded", "effectiveDateTime", "performedDateTime", "timestamp")
UCUM_CODES = {"s", "J", "J/cm2", "W/cm2", "/min", "Cel", "%", "kHz", "Hz"}


def broken(bundle: dict[str, Any]) -> list[str]:
    """Each rule that ``bundle`` breaks, as a sentence."""
    return [*_values(bundle, bundle["resourceType"]), *_bundle(bundle)]


def walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Each value within a value, with its path without indices; a resource begins a path of its own."""
    yield path, value
    if isinstance(value, dict):
        for name, inside in value.items():
            begins = name == "resource" and isinstance(inside, dict)
            yield from walk(inside, inside["resourceType"] if begins else f"{path}.{name}")
    elif isinstance(value, list):
        for inside in value:
            yield from walk(inside, path)


def _values(bundle: dict[str, Any], root: str) -> Iterator[str]:
    for path, value in walk(bundle, root):
        name = path.rpartition(".")[2]
        if value is None or value in ("", [], {}):
            yield f"{path} is empty"
        if (
            isinstance(value, float | int)
            and not isinstance(value, bool)
            and not DECIMAL.fullmatch(repr(value))
        ):
            yield f"{path}: {value!r} is no decimal without an exponent"
        if isinstance(value, str):
            yield from _text(path, name, value)
        if isinstance(value, dict):
            yield from _object(path, value)


def _text(path: str, name: str, value: str) -> Iterator[str]:
    if len(value) > 1024 * 1024:
        yield f"{path} is longer than 1 MB"
    if value != value.strip() or any(ord(char) < 32 and char not in "\t\r\n" for char in value):
        yield f"{path} has spaces about it or control characters in it"
    forms = {"id": ID, "code": CODE, "status": CODE, "system": URI, "fullUrl": URI, "reference": URI}
    if (form := INSTANT if name in TIMES else forms.get(name)) and not form.fullmatch(value):
        yield f"{path}: {value!r} is not of its form"
    if path in REQUIRED and value not in REQUIRED[path]:
        yield f"{path}: {value!r} is not in its value set"


def _object(path: str, value: dict[str, Any]) -> Iterator[str]:
    for name in MANDATORY.get(path, set()) - set(value):
        yield f"{path}.{name} is missing"
    if "resourceType" in value:
        for name, inside in value.items():
            if isinstance(inside, list) != (name in LISTS[value["resourceType"]]):
                yield f"{path}.{name} is a list, or should be one"
    if path in REFERS_TO:
        yield from _reference(path, value)
    yield from _measure(path, value)
    if path == "Observation":
        yield from _observation(value)
    if path == "AuditEvent.entity" and {"name", "query"} <= set(value):  # sev-1
        yield f"{path} has a name and a query"


def _reference(path: str, value: dict[str, Any]) -> Iterator[str]:
    if not {"reference", "identifier", "display"} & set(value):  # ref-1 and Reference's own rule
        yield f"{path} refers to nothing"
    if value.get("type", "Patient") not in REFERS_TO[path] and "type" in value:
        yield f"{path} refers to a {value['type']}"


def _measure(path: str, value: dict[str, Any]) -> Iterator[str]:
    if value.get("system") == "http://unitsofmeasure.org" and value.get("code") not in UCUM_CODES:
        yield f"{path}: {value.get('code')} is not one of our units in UCUM"
    if {"value", "unit"} <= set(value) and not {"system", "code"} <= set(value):  # qty-3
        yield f"{path} has a unit without a code"
    if {"start", "end"} <= set(value) and value["start"] > value["end"]:  # per-1; all are UTC
        yield f"{path} ends before it begins"
    if path == "Observation.valueSampledData":
        if not value["period"] > 0 or not value["dimensions"] > 0:
            yield f"{path} has no period or no dimension"
        if not all(SAMPLE.fullmatch(each) for each in value["data"].split(" ")):
            yield f"{path}.data holds what is no sample"


def _observation(value: dict[str, Any]) -> Iterator[str]:
    values = [name for name in value if name.startswith("value")]
    if len(values) > 1 or len([name for name in value if name.startswith("effective")]) > 1:
        yield "Observation has two values or two times"
    if "dataAbsentReason" in value and values:
        yield "obs-6: Observation has a value, and a reason for having none"
    components = [component["code"] for component in value.get("component", [])]
    if values and value["code"] in components:
        yield "obs-7: Observation has a value, and a component of the same code"
    if not values and not components:
        yield "Observation says nothing"


def _bundle(bundle: dict[str, Any]) -> Iterator[str]:
    entries = bundle["entry"]
    urls = [entry["fullUrl"] for entry in entries]
    if len(set(urls)) != len(urls):
        yield "bdl-7: a fullUrl stands twice"
    for entry in entries:
        if set(entry) != {"fullUrl", "resource"}:
            yield "bdl-2, bdl-3, bdl-4: a collection has neither search, request nor response"
        if entry["fullUrl"] != f"urn:uuid:{entry['resource']['id']}":
            yield "a fullUrl is not of its resource"
    kinds = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in entries}
    for path, value in walk(bundle, "Bundle"):
        if (
            isinstance(value, dict)
            and "reference" in value
            and kinds.get(value["reference"]) != value["type"]
        ):
            yield f"{path} leads to nothing in the bundle"
