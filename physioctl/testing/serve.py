"""A simulated unit on a pty, in a process of its own: what ``physio_port`` starts.

It prints one JSON object a line: first its port, then each change of output, and at its end what the unit was
asked that it should not have been. It ends when its standard input does, so that it never outlives a test.
"""

from __future__ import annotations

import json
import sys
import threading
from datetime import date

from device.clock import SystemClock
from simulator.cable import Cable
from simulator.dialects import maker
from simulator.faults import parse
from simulator.serve import serve_pty

_EPOCH = date(2020, 1, 1)


def main(arguments: str) -> None:
    """Serve the unit that ``arguments`` describe: JSON with model, seed, faults, dialect and host_loss."""
    asked = json.loads(arguments)
    ended = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(ended,), daemon=True).start()
    clock = SystemClock()
    faults = tuple(map(parse, asked["faults"]))
    unit = maker(asked["dialect"], asked["host_loss"])(
        asked["model"],
        seed=asked["seed"],
        faults=faults,
        on_change=lambda change: _say(change.as_json()),
        calibrated=(clock.utc().date() - _EPOCH).days,
    )
    cable = Cable(unit, seed=asked["seed"], faults=faults)
    serve_pty(cable, announce=lambda port: _say({"port": port}), ended=ended.is_set, clock=clock)
    breaches = [str(breach) for each in (unit, *cable.others) for breach in each.breaches]
    _say({"output": max(each.output for each in (unit, *cable.others)), "breaches": breaches})


def _wait_for_the_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def _say(what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
