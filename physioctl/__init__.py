"""Timed therapy sessions from protocol files, inside their limits, with a record."""

__version__ = "0.1.0"
