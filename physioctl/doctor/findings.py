"""Everything that `physioctl doctor` can find, as one table, from which the manual's is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from physioctl.text import clean


class Mark(Enum):
    """How much a finding matters. The value is its shape and its word."""

    OK = ("+", "ok")
    INFORMATION = ("i", "information")
    WARNING = ("!", "warning")
    PROBLEM = ("x", "problem")

    @property
    def shape(self) -> str:
        """One character, so that the marks differ without colour."""
        return self.value[0]

    @property
    def word(self) -> str:
        """The same as a word."""
        return self.value[1]


# Exit codes, as in `physioctl.cli.exits`: that with which a session would end for the same reason.
SETTINGS, REFUSED, UNIT, JOURNAL = 2, 4, 5, 9


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding. What stands in braces is filled in."""

    code: str
    mark: Mark
    exit_code: int  # 0 where it is no problem
    what: str
    action: str


def _problem(code: str, exit_code: int, what: str, action: str) -> Kind:
    return Kind(code, Mark.PROBLEM, exit_code, what, action)


def _warning(code: str, what: str, action: str) -> Kind:
    return Kind(code, Mark.WARNING, 0, what, action)


KINDS: tuple[Kind, ...] = (
    # --- a port ---------------------------------------------------------------------------------
    _problem("port.missing", UNIT, "there is no port {port}", "Look at the plug, then: physioctl ports"),
    _problem("port.not_serial", UNIT, "{port} is not a serial port: it is {kind}", "See: physioctl ports"),
    _problem(
        "port.denied",
        UNIT,
        "you may not use {port}: it belongs to {owner} and the group {group}, and you are not in it",
        "sudo usermod -aG {group} $USER  (then log out and in again)",
    ),
    _problem(
        "port.login_older",
        UNIT,
        "you may not use {port}: you are in the group {group}, and this login is older than that",
        "Log out and in again. For this window alone: newgrp {group}",
    ),
    _problem(
        "port.denied_to_group",
        UNIT,
        "you may not use {port}: it belongs to {owner} and the group {group}, and its mode {mode} gives "
        "you no right",
        "sudo chgrp dialout {path} && sudo chmod g+rw {path}",
    ),
    _problem(
        "port.session",
        UNIT,
        "a session or another command of physioctl holds {port}{who}; neither it nor the unit was asked",
        "Let it end, or end it: physioctl stop --port {path}",
    ),
    _problem(
        "port.held",
        UNIT,
        "{port} is held by another program: {who}; it was not opened",
        "End that program, then look again. To see it: ps -fp {pid}",
    ),
    _problem(
        "port.held_unseen",
        UNIT,
        "{port} is in use by a program that is not shown to you",
        "See which with: sudo fuser -v {path}  (then end it)",
    ),
    _problem(
        "port.nobody_listens",
        UNIT,
        "nobody is listening at {port}",
        "Check the address, and that the unit is served there.",
    ),
    _problem(
        "port.no_answer",
        UNIT,
        "nothing answers on {port} ({asked})",
        "Switch the unit on, and see that its cable is in at both ends. Of a Modbus unit name the address: "
        "{path}#17",
    ),
    _problem(
        "port.floods",
        UNIT,
        "{port} sends without being asked and without end ({bytes} bytes in {ms} ms, such as {sample}): no "
        "unit does",
        "Name the port of the unit, and unplug what this is.",
    ),
    _problem(
        "port.other",
        UNIT,
        "what {port} sends is in no dialect: {bytes} bytes, such as {sample} ({asked})",
        "Check that this is the unit's port, and how the unit's line is set: {usual}.",
    ),
    _problem(
        "port.speed",
        UNIT,
        "a unit answers on {port} at {line}, and not at {usual}, as the dialect {dialect} has it",
        "Set the unit's line to {usual}.",
    ),
    _problem("port.lost", UNIT, "{why}", "{todo}"),
    _problem(
        "port.slow",
        UNIT,
        "{port} could not be looked at in {seconds} s: the system does not return from it",
        "Unplug it and plug it in again.",
    ),
    _problem(
        "port.stop_asked",
        UNIT,
        "another program asked for a stop on {port}, so that it was not looked at any further: {why}",
        "Look at the unit. Once it is off: physioctl doctor",
    ),
    _problem("port.unusable", UNIT, "{why}", "{todo}"),
    # --- a unit ---------------------------------------------------------------------------------
    _problem(
        "unit.none",
        UNIT,
        "no unit answers on any serial port of this computer",
        "Switch the unit on and plug it in. What is never listed has to be named: physioctl doctor PORT",
    ),
    _problem(
        "unit.version",
        UNIT,
        "the unit on {port} ({unit}) speaks version {version} of {dialect}, which is not known here",
        "It can be stopped from here, not driven: use a physioctl that knows its version.",
    ),
    _problem(
        "unit.incomplete",
        UNIT,
        "the unit on {port} ({unit}) says who it is, and not what it can do or how it is",
        "Switch the unit off and on. If that does not help, have it looked at.",
    ),
    _problem(
        "unit.output_on",
        UNIT,
        "the unit on {port} ({unit}) has its output ON, and no session of yours holds the port",
        "If nobody is being treated with it: physioctl stop --port {path}  (or its own switch)",
    ),
    _problem("unit.faulted", UNIT, "{port} ({unit}): {why}", "{todo}"),
    _problem("unit.unfit", UNIT, "{port} ({unit}): {why}", "{todo}"),
    # --- the journal ----------------------------------------------------------------------------
    _problem(
        "journal.missing",
        JOURNAL,
        "{who} the journal {journal}, and there is no such file",
        "Put it back, or plug in its disk: another one knows nothing of what a site has had. Only if there "
        "never was one: run --journal FILE --new",
    ),
    _problem(
        "journal.no_folder",
        JOURNAL,
        "{who} the journal {journal}, and there is no folder {folder}",
        "Plug in the disk that it is on, or make the folder: mkdir -p {path}",
    ),
    _problem("journal.unusable", JOURNAL, "{why}", "{todo}"),
    _problem(
        "journal.not_writable",
        JOURNAL,
        "the journal {journal} cannot be written: {why}",
        "Get the right to write there, or name another with --journal FILE.",
    ),
    _problem(
        "journal.locked",
        JOURNAL,
        "another program has held the journal {journal} for {seconds} s: {who}",
        "Close that program: a database viewer, or a copy under way.",
    ),
    _problem("journal.not_whole", JOURNAL, "the journal {journal} does not verify: {why}", "{todo}"),
    _warning(
        "journal.unverified",
        "the journal {journal} could not be verified in {seconds} s",
        "Let it take its time: physioctl verify --journal {path}",
    ),
    _problem(
        "journal.no_room",
        JOURNAL,
        "the disk of the journal {journal} has {free_mib} MiB left; a day of sessions wants {bound_mib} MiB",
        "Free some space, or name a journal on another disk with --journal FILE.",
    ),
    _warning(
        "disk.slow",
        "the disk of the journal took up to {worst_ms} ms to keep an entry (bound {bound_ms} ms, one lease): "
        "each start waits as long",
        "Keep the journal on a local disk: no network folder, no memory card.",
    ),
    _problem(
        "disk.stuck",
        JOURNAL,
        "the disk of the journal does not keep a few bytes in {seconds} s; a session ends after {bound_s} s",
        "See to the disk, or name a journal on another with --journal FILE.",
    ),
    # --- the computer ---------------------------------------------------------------------------
    _problem(
        "machine.slow",
        REFUSED,
        "a wait of {wait_ms} ms came back up to {worst_ms} ms late (bound {bound_ms} ms, lease {lease_ms} "
        "ms), so that output would break off",
        "End what keeps the computer busy, plug in its supply, and turn power saving off.",
    ),
    _problem(
        "clock.jumped",
        REFUSED,
        "the time of day jumped by {by_ms} ms within {look_ms} ms (bound {bound_ms} ms)",
        "Let one program alone set the clock. On Linux: timedatectl timesync-status",
    ),
    _problem(
        "clock.in_doubt",
        REFUSED,
        "the time of day is in doubt: {why}",
        "Set the clock: timedatectl set-ntp true. If it is right, start at a terminal and confirm it.",
    ),
    _problem(
        "packages.foreign",
        REFUSED,
        "the package {package} was taken from {where}, and not from {folder}",
        "Install physioctl anew in an environment of its own: pipx install --force physioctl",
    ),
    _warning(
        "packages.shadowed",
        "other packages called {packages} are on Python's path, in {where}; physioctl takes its own",
        "Rename them, or take that folder out of PYTHONPATH or the working directory.",
    ),
    _problem("settings.invalid", SETTINGS, "{why}", "{todo}"),
    _problem("texts.invalid", SETTINGS, "{why}", "{todo}"),
    _problem(
        "check.failed",
        REFUSED,
        "a check broke off: {check}: {why}",
        "Report this with everything that physioctl doctor printed.",
    ),
)
BY_CODE = {kind.code: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found."""

    code: str  # of its kind; the name of the check where all is well
    mark: Mark
    what: str
    action: str = ""
    exit_code: int = 0
    figures: Mapping[str, int] = field(default_factory=dict)  # what was measured, units last in the names


def ok(check: str, what: str, **figures: int) -> Finding:
    """All is well, as far as ``check`` goes."""
    return Finding(check, Mark.OK, clean(what), figures=figures)


def information(check: str, what: str) -> Finding:
    """What is neither well nor wrong."""
    return Finding(check, Mark.INFORMATION, clean(what))


def found(code: str, **values: object) -> Finding:
    """A finding of the kind ``code``, with ``values`` filled in; nothing in them can move the cursor."""
    kind = BY_CODE[code]
    said = {name: clean(str(value)) for name, value in values.items()}
    figures = {name: value for name, value in values.items() if isinstance(value, int)}
    return Finding(
        code,
        kind.mark,
        kind.what.format_map(said),
        kind.action.format_map(said),
        kind.exit_code,
        figures,
    )
