"""How hypothesis runs here: the same examples every time, and no deadline that a busy machine could miss."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("project", derandomize=True, deadline=None)
settings.load_profile("project")
