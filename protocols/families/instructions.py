"""What has to be so before the first output, told to whoever starts it, by family.

Made from instructions.toml by `python -m tools.generate`: do not edit.
"""

from __future__ import annotations

ULTRASOUND_BEFORE_START = "Gel on, head flat on the skin"
ULTRASOUND_BEFORE_CHECK = "On nobody, head face down in water"
PERCUSSION_BEFORE_START = "Muscle relaxed, the gun's head flat on it"
PERCUSSION_BEFORE_CHECK = "On nobody, the gun held by its grip, its head in the air"
