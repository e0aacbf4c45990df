"""Every check, one after the other; the ports at once. Each comes to an end in a bounded time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from device.clock import Clock
from device.link import Port
from device.link import ports as system_ports
from physioctl.at_once import TookTooLong
from physioctl.doctor import computer
from physioctl.doctor.bounded import bounded
from physioctl.doctor.clocks import ClockWatch
from physioctl.doctor.findings import Finding, found, ok
from physioctl.doctor.journal import Named, journal
from physioctl.doctor.ports import Asked, listed, ports
from physioctl.settings import OPERATOR_VARIABLE, PORT_VARIABLE, Settings, settings
from physioctl.translation import read_translation
from protocols.errors import PhysioctlError

LIMIT_MS = 5000  # for a list, or a small file; this project's own figure


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person has asked for; None: what the settings say, or the usual."""

    port: str | None = None
    dialect: str | None = None
    journal: Path | None = None


def examine(
    wanted: Wanted,
    clock: Clock,
    *,
    system: Callable[[], Iterable[Port]] = system_ports,
    said: Callable[[], Settings] = settings,
) -> Iterator[Finding]:
    """Whatever is found, as it is found. ``system`` lists the serial ports, ``said`` reads the settings."""
    watch = ClockWatch(clock)
    yield from _whatever_comes("versions", lambda: [computer.versions()])
    yield from _whatever_comes("terminal", lambda: [computer.terminal()])
    yield from _whatever_comes("packages", computer.packages)
    mine, finding = _settings(said)
    yield finding
    if mine.texts is not None:
        yield _texts(mine.texts)
    yield computer.speed(clock)
    watch.look()
    if wanted.journal is not None:
        named = Named(wanted.journal, "--journal names")
    else:
        named = Named(mine.journal, "your settings name")
    yield from _whatever_comes("journal", lambda: journal(named, clock))
    watch.look()
    asked, trouble = _asked(wanted, mine, system)
    yield from trouble
    yield from ports(asked, clock)
    yield watch.finding()


def _whatever_comes(check: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What ``look`` finds. A check that breaks off keeps no other from being done."""
    try:
        yield from look()
    except Exception as error:  # noqa: BLE001 - told as a finding
        yield found("check.failed", check=check, why=error)


def _settings(said: Callable[[], Settings]) -> tuple[Settings, Finding]:
    try:
        mine = bounded("settings", said, LIMIT_MS)
    except PhysioctlError as error:
        return Settings(), found("settings.invalid", why=error.what, todo=error.action)
    except TookTooLong as error:
        return Settings(), found("check.failed", check="settings", why=error)
    given = [f"{name} {value}" for name, value in _given(mine)]
    return mine, ok("settings", f"your settings say: {', '.join(given) or 'nothing'}")


def _given(mine: Settings) -> Iterator[tuple[str, object]]:
    yield from ((name, value) for name, value in asdict(mine).items() if value is not None)
    for variable in (PORT_VARIABLE, OPERATOR_VARIABLE):
        if value := os.environ.get(variable):
            yield variable, value


def _texts(path: Path) -> Finding:
    """Whether the texts in another language can be shown: a mistake in them refuses each session."""
    try:
        read = bounded("texts", lambda: read_translation(path), LIMIT_MS)
    except PhysioctlError as error:
        return found("texts.invalid", why=error.what, todo=error.action)
    except TookTooLong as error:
        return found("check.failed", check="texts", why=error)
    count = sum(len(table) for table in (read.questions, read.alarms, read.instructions))
    return ok(
        "texts", f"your texts in {path} are in {read.language}: {count} entries; the rest is in English"
    )


def _asked(
    wanted: Wanted, mine: Settings, system: Callable[[], Iterable[Port]]
) -> tuple[tuple[Asked, ...], tuple[Finding, ...]]:
    """The ports to look at, and what is wrong with the system's list of them."""
    if wanted.port is not None:
        return (Asked(wanted.port, True, wanted.dialect),), ()
    usual = os.environ.get(PORT_VARIABLE) or mine.port
    try:
        return listed(bounded("ports", lambda: tuple(system()), LIMIT_MS), usual, wanted.dialect), ()
    except Exception as error:  # noqa: BLE001 - whatever the system raises, the usual port is looked at
        return listed((), usual, wanted.dialect), (found("check.failed", check="list of ports", why=error),)
