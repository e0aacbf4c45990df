"""A port: whether it may be used, what answers on it, and how that unit is."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from device.address import AddressUnusable, is_network, unit_port
from device.clock import Clock
from device.control.fault_clearing import latched_by
from device.control.handshake import Inspected
from device.dialects.base import Dialect
from device.dialects.registry import UnknownDialect
from device.errors import LinkLost, OutputNotConfirmedOff, PortUnusable, Stopped
from device.link import Port, error_number
from device.unit import known_unit
from physioctl.at_once import TookTooLong, at_once
from physioctl.doctor.access import OTHER_DEVICE, hindrance
from physioctl.doctor.findings import Finding, Mark, found, ok
from physioctl.doctor.line import PATIENCE, Answered, Patience, Probe, probing, setting, shown
from physioctl.holder import holding
from physioctl.nameplates import whose_nameplate
from physioctl.ports import dialect_for, dialects_of
from physioctl.runner import check_calibration
from physioctl.screening import day_of
from protocols.errors import PhysioctlError

# This project's own figure for all ports, which are looked at at once; each takes half of it at the most.
LIMIT_MS = 20_000
_NOT_ALONE = ("port.session", "unit.")  # what shows that there is a unit


@dataclass(frozen=True, slots=True)
class Asked:
    """A port that is looked at."""

    name: str
    named: bool  # by a person: then what is no unit is a problem, and other speeds are tried
    dialect: str | None = None
    patience: Patience = PATIENCE


def ports(asked: Iterable[Asked], clock: Clock, *, limit_ms: int = LIMIT_MS) -> Iterator[Finding]:
    """What is wrong with each port of ``asked``, as it is found out.

    Where nobody has named a port, what is wrong with it is a warning; that no unit is there is a problem.
    """
    by_name = {each.name: each for each in asked}
    work = {name: partial(port, each, clock) for name, each in by_name.items()}
    several = not any(each.named for each in by_name.values())
    unit = False
    for name, findings in at_once(work, limit_ms):
        for finding in _of(name, findings, limit_ms):
            unit = unit or finding.code.startswith(_NOT_ALONE) or finding.mark is Mark.OK
            swept = not by_name[name].named and finding.code.startswith("port.")
            yield replace(finding, mark=Mark.WARNING, exit_code=0) if swept else finding
    if several and not unit:
        yield found("unit.none")


def _of(name: str, findings: Sequence[Finding] | Exception, limit_ms: int) -> Sequence[Finding]:
    match findings:
        case TookTooLong():
            return (found("port.slow", port=name, seconds=limit_ms // 1000),)
        case Exception():
            return (found("check.failed", check=name, why=findings),)
    return findings


def port(asked: Asked, clock: Clock) -> Sequence[Finding]:
    """What is wrong with one port."""
    try:
        at = unit_port(asked.name).port
        why = _network(asked.name, at) if "://" in at else _device(asked.name, at)
        if why is not None:
            return (why,)
        dialects = tuple(_spoken(asked))
        with probing(asked.name, dialects[0]) as probe:
            return tuple(_asked(asked, probe, dialects, clock))
    except LinkLost as error:
        return (found("port.lost", why=error.what, todo=error.action),)
    except (Stopped, OutputNotConfirmedOff) as error:
        return (found("port.stop_asked", port=asked.name, why=error.what),)
    except PortUnusable as error:
        return (_not_opened(asked.name, error),)
    except PhysioctlError as error:
        return (found("port.unusable", why=error.what, todo=error.action),)


def _device(name: str, at: str) -> Finding | None:
    return None if sys.platform == "win32" else hindrance(name, at)


def _network(name: str, at: str) -> Finding | None:
    if is_network(at) and holding(at):
        return found("port.session", port=name, who="", path=shlex.quote(name))
    return None


def _spoken(asked: Asked) -> Iterator[Dialect]:
    """The dialects to try; the one that was named, or else all that take the port's address."""
    for name in dialects_of(asked.name, asked.dialect):
        if asked.dialect is not None:
            yield dialect_for(asked.name, name)
            continue
        with suppress(UnknownDialect, AddressUnusable):  # another may do
            yield dialect_for(asked.name, name)


def _not_opened(name: str, error: PortUnusable) -> Finding:
    match error_number(error.__cause__):
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:  # since it was looked at
            return found("port.missing", port=name)
        case errno.EBUSY | errno.EAGAIN:
            at = unit_port(name).port  # somebody has taken it since it was looked at, or cannot be seen
            return _device(name, at) or found("port.held_unseen", port=name, path=shlex.quote(at))
        case errno.ECONNREFUSED | errno.EHOSTUNREACH | errno.ETIMEDOUT | errno.ENETUNREACH:
            return found("port.nobody_listens", port=name)
        case errno.ENOTTY | errno.EINVAL:
            return found("port.not_serial", port=name, kind=OTHER_DEVICE)
    return found("port.unusable", why=error.what, todo=error.action)


def _asked(asked: Asked, probe: Probe, dialects: Sequence[Dialect], clock: Clock) -> Iterator[Finding]:
    patience = asked.patience
    probe.listen(dialects[0], patience.listen_ms)
    answer = probe.usual(dialects, patience)
    if answer is not None:
        yield from _unit(asked.name, probe, answer, patience, clock)
        return
    if asked.named and _has_a_speed(asked.name) and not probe.floods:
        answer = probe.unusual(dialects, patience.speed_ms)
        if answer is not None:
            yield found(
                "port.speed",
                port=asked.name,
                line=setting(answer.line),
                usual=setting(answer.dialect.promises.line),
                dialect=answer.dialect.name,
            )
            return
    yield _nobody(asked, probe, dialects)


def _has_a_speed(name: str) -> bool:
    """Whether the line behind a port can be set; the other kinds of address have none."""
    return "://" not in name or name.lower().startswith("rfc2217://")


def _nobody(asked: Asked, probe: Probe, dialects: Sequence[Dialect]) -> Finding:
    names = ", ".join(dialect.name for dialect in dialects)
    settings = len(probe.settings)
    tried = f"asked in {names}" + (f" at {settings} speeds and parities" if settings > 2 else "")
    if probe.floods:
        return found(
            "port.floods",
            port=asked.name,
            bytes=probe.unasked_bytes,
            ms=asked.patience.listen_ms,
            sample=shown(probe.sample),
        )
    if probe.heard_bytes:
        usual = "; ".join(f"{each.name} {setting(each.promises.line)}" for each in dialects)
        return found(
            "port.other",
            port=asked.name,
            bytes=probe.heard_bytes,
            sample=shown(probe.sample),
            asked=tried,
            usual=usual,
        )
    return found("port.no_answer", port=asked.name, asked=tried, path=shlex.quote(unit_port(asked.name).port))


def _unit(name: str, probe: Probe, answer: Answered, patience: Patience, clock: Clock) -> Iterator[Finding]:
    identity = answer.identity
    about = {"port": name, "unit": f"{identity.model} {identity.serial}"}
    if not identity.driveable:
        yield found("unit.version", **about, version=identity.version, dialect=answer.dialect.name)
        return
    said = probe.inspect(answer.dialect, patience.unit_ms)
    if said is None:
        yield found("unit.incomplete", **about)
        return
    wrong = False
    for finding in _state(name, about, said, clock):
        wrong = True
        yield finding
    if not wrong:
        model = known_unit(said.identity, said.declared).model
        nameplate = whose_nameplate(model.id, model.distribution, model.version)
        yield ok(
            "unit",
            f"{name}: {about['unit']}, firmware {identity.firmware}, {answer.dialect.name}; its output is "
            f"off, and it has latched no fault{f'; its nameplate: {nameplate}' if nameplate else ''}",
        )


def _state(name: str, about: dict[str, str], said: Inspected, clock: Clock) -> Iterator[Finding]:
    if not said.status.output_is_off:
        yield found("unit.output_on", **about, path=shlex.quote(name))
    fault = latched_by(said.status, shlex.quote(name))
    if fault is not None:
        yield found("unit.faulted", **about, why=fault.what, todo=fault.action)
    try:
        check_calibration(known_unit(said.identity, said.declared), day_of(clock))
    except PhysioctlError as error:
        yield found("unit.unfit", **about, why=error.what, todo=error.action)


def listed(found_ports: Iterable[Port], usual: str | None, dialect: str | None) -> tuple[Asked, ...]:
    """The ports to look at where none is named: those of the system, and the usual one."""
    names = dict.fromkeys(each.name for each in found_ports)
    if usual is None:
        return tuple(Asked(name, False, dialect) for name in names)
    line = _line_of(usual)  # which is opened once: two programs would take each other's bytes
    others = (Asked(name, False, dialect) for name in names if _line_of(name) != line)
    return (Asked(usual, True, dialect), *others)


def _line_of(name: str) -> str:
    """The device behind a port, whatever its name and whichever unit on it is meant."""
    try:
        at = unit_port(name).port
    except AddressUnusable:
        return name
    return at if "://" in at else os.path.realpath(at)
