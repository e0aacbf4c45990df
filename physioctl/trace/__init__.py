"""Traces: the bytes of a session, both ways, with what a replay of it needs. Described in docs/trace.md."""
