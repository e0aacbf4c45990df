"""Choosing a protocol: by words, of what the unit can run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from physioctl.guided.terminal import Terminal
from physioctl.protocol_text import shown, spaced
from physioctl.questions import questions_of
from physioctl.text import minutes
from protocols.ceilings import body_sites
from protocols.compile import emitted_ms
from protocols.errors import PhysioctlError
from protocols.library import bundled, find, namesakes
from protocols.limits import Family
from protocols.model import Protocol
from protocols.search import known_by, said_of, search

_FILES = (".yaml", ".yml")
_ELSEWHERE_NAMED = 5  # protocols for other units


def choose_protocol(
    terminal: Terminal, family: Family | None, words: str = "", *, among: Iterable[Protocol] | None = None
) -> Protocol:
    """Return the protocol for a unit of ``family`` that a person chooses, by words, an id or a file.

    ``words`` are those typed already.
    """
    every = tuple(map(find, bundled())) if among is None else tuple(among)
    offered: Sequence[Protocol] = ()
    while True:
        if not words and not offered:
            words = _asked(terminal, "What hurts, and where (such as: night calf; ? lists all)")
        if (numbered := _numbered(words, offered)) is not None:
            return numbered
        if words == "?" and not offered:
            offered = _offer(terminal, every, family)
        elif words.startswith("?"):
            _show(terminal, words[1:].strip(), offered)
        elif (named := _named(terminal, words)) is not None:
            if named.family in (None, family):
                return named
            terminal.say(f"{named.id} is for another unit ({named.family}).")
        elif words:
            offered = _found(terminal, words, every, family) or offered
        words = _asked(terminal, _which(offered)) if offered else ""


def _asked(terminal: Terminal, text: str) -> str:
    terminal.say(f"{text}: ", end="")
    return terminal.line().strip()


def _which(offered: Sequence[Protocol]) -> str:
    numbers = "1" if len(offered) == 1 else f"1 to {len(offered)}"
    return f"Which one? A number, ?1 to read it first, or other words [{numbers}]"


def _numbered(typed: str, offered: Sequence[Protocol]) -> Protocol | None:
    return {str(number): protocol for number, protocol in enumerate(offered, 1)}.get(typed)


def _named(terminal: Terminal, words: str) -> Protocol | None:
    """The protocol that ``words`` name by its id, or by a file; None where they name none."""
    if words not in bundled() and not words.endswith(_FILES):
        return None
    try:
        found = find(words)
    except PhysioctlError as error:
        for line in error.what.split("\n"):
            terminal.say(line)
        terminal.say(error.action)
        return None
    for line in namesakes(words, found):
        terminal.say(f"note: {line}")
    return found


def _found(
    terminal: Terminal, words: str, every: Sequence[Protocol], family: Family | None
) -> Sequence[Protocol]:
    found = search(words, {protocol.id: _known_by(protocol) for protocol in every})
    for line in said_of(found):
        terminal.say(line)
    if found.matches:
        by_id = {protocol.id: protocol for protocol in every}
        return _offer(terminal, [by_id[id_] for id_ in found.ids], family)
    if not found.unknown:
        terminal.say("Say what it is, and where, such as: cramp foot")
    return ()


def _known_by(protocol: Protocol) -> str:
    site = body_sites()[protocol.body_site]
    return known_by(protocol.id, protocol.title, protocol.body_site, site, protocol.family)


def _offer(terminal: Terminal, found: Sequence[Protocol], family: Family | None) -> Sequence[Protocol]:
    """List what can be run with ``family``, by numbers, and name the rest."""
    offered = [protocol for protocol in found if protocol.family in (None, family)]
    for number, protocol in enumerate(offered, 1):
        terminal.say(f"{number:>3}  {protocol.title} ({_about(protocol)})")
    others = [protocol for protocol in found if protocol not in offered]
    for protocol in others[:_ELSEWHERE_NAMED]:
        terminal.say(f"  -  {protocol.title} (needs another unit: {protocol.family})")
    if len(others) > _ELSEWHERE_NAMED:
        terminal.say(f"  -  and {len(others) - _ELSEWHERE_NAMED} more that need another unit")
    return offered


def _about(protocol: Protocol) -> str:
    output = f"{minutes(emitted_ms(protocol))} of output" if protocol.family else "guidance only"
    evidence = f"evidence: {spaced(protocol.evidence.grade)}"
    return f"{body_sites()[protocol.body_site]}; {output}; {evidence}"


def _show(terminal: Terminal, number: str, offered: Sequence[Protocol]) -> None:
    protocol = _numbered(number or ("1" if len(offered) == 1 else ""), offered)
    if protocol is None:
        terminal.say("Write a ? and a number of the list, such as ?1.")
        return
    for line in shown(protocol, questions_of(protocol)):
        terminal.say(line)
