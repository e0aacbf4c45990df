"""Judging every report of a unit: the alarms, and what a run of reports shows."""
