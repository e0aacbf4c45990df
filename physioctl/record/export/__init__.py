"""Sessions as other programs' formats have them: FHIR R4B."""
