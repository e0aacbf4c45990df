"""What has to be so before the first output, by family, told to whoever starts it.

Made from instructions.toml by `python -m tools.generate`: do not edit.
"""

from __future__ import annotations

ULTRASOUND_BEFORE_START = "Gel on, head flat on the skin"
PERCUSSION_BEFORE_START = "Muscle relaxed, the gun's head flat on it"
