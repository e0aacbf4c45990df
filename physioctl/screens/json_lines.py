"""The events of a session for other programs: one JSON object a line."""

from __future__ import annotations

import json

from device.events import Event
from physioctl.screens.lines import Say


class JsonLines:
    """One JSON object a line, for other programs."""

    def __init__(self, say: Say) -> None:
        from physioctl.record.codec import to_json  # pydantic is slow to import, and a stop may not wait

        self._say = say
        self._to_json = to_json

    def on_event(self, event: Event) -> None:
        """Print ``event``."""
        self._say(json.dumps(self._to_json(event), ensure_ascii=False, separators=(", ", ": ")))
