"""Units that break one promise of docs/wire.md each, and in `modbus` of docs/modbus.md, for a suite to find.

They are sound in everything else, and named for the clause of the suite that has to fail on them.
"""

from simulator.broken import answers, output, requests
from simulator.broken.registry import BROKEN

__all__ = ["BROKEN", "answers", "output", "requests"]
