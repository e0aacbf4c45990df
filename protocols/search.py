"""Finding a protocol by words: what hurts, and where.

A protocol is known by the words of its id, its title and its body site, and by what stands for them in
``synonyms.toml``. Its purpose is not searched, because it also says what the protocol is not for. How a
result is ranked can be told in a sentence: the protocols that have the most of the words come first, and
among those the ones that have them as they were typed.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from protocols.ceilings import body_sites
from protocols.errors import InstallationDamaged, shorten
from protocols.model import NO_FAMILY, Protocol

PATH = Path(__file__).with_name("synonyms.toml")
TEXT_MAX = 200  # characters of what is typed that are read; this project's own
AS_TYPED, STANDS_FOR = 2, 1  # what a word counts for
_PREFIX_MIN = 3  # letters of a typed word that begins a protocol's
_STEM_MIN = 4  # letters of a protocol's word that begins a typed one: "stiff" and "stiffness"
_NAMED = 5  # of the words that are unknown
_GUIDANCE = "guidance"  # what a protocol of no family is called


@dataclass(frozen=True, slots=True)
class Match:
    """A protocol that was found: which of the words it has, and what they count for."""

    protocol: Protocol
    words: tuple[str, ...]
    score: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gives."""

    matches: tuple[Match, ...]  # the best first; each has as many of the words as any other
    unknown: tuple[str, ...]  # words that no protocol has
    apart: bool  # words that are known, and that no one protocol has all of
    near: str | None  # a word that is known, and is written nearly as the first unknown one

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """The protocols that were found, the best first."""
        return tuple(match.protocol for match in self.matches)


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Everything in ``synonyms.toml``."""

    says_nothing: frozenset[str]
    stands_for: Mapping[str, tuple[str, ...]]


def search(text: str, among: Iterable[Protocol]) -> Found:
    """Find the protocols of ``among`` that have the words of ``text``."""
    known = {protocol.id: (protocol, frozenset(words_of(protocol))) for protocol in among}
    words = tuple(dict.fromkeys(_words(text[:TEXT_MAX])))
    matches = [_match(protocol, own, words) for protocol, own in known.values()]
    most = max((len(match.words) for match in matches), default=0)
    best = [match for match in matches if match.words and len(match.words) == most]
    had = {word for match in matches for word in match.words}
    unknown = tuple(word for word in words if word not in had)
    return Found(
        matches=tuple(sorted(best, key=lambda match: (-match.score, match.protocol.id))),
        unknown=unknown,
        apart=most < len(had),
        near=_near(unknown, known.values()),
    )


def said_of(found: Found) -> Iterator[str]:
    """What a person is told of a search beside its matches: which words were of no use."""
    if found.unknown:
        near = f" Did you mean {found.near}?" if found.near else ""
        words = ", ".join(shorten(word) for word in found.unknown[:_NAMED])
        yield f"No protocol that ships is found by: {words}.{near}"
    if found.apart:
        yield "No protocol has all of these words; each of these has some."


def words_of(protocol: Protocol) -> Iterator[str]:
    """The words by which ``protocol`` is found."""
    family = _GUIDANCE if protocol.family is None else str(protocol.family)
    site = (
        "" if protocol.body_site == NO_FAMILY else f"{protocol.body_site} {body_sites()[protocol.body_site]}"
    )
    yield from _words(f"{protocol.id} {protocol.title} {site} {family}")


def _words(text: str) -> Iterator[str]:
    """The words of ``text`` in small letters, without a plural s; those that say nothing are left out."""
    normal = unicodedata.normalize("NFKC", text).casefold()
    for word in re.findall(r"[^\W\d_]+", normal.replace("'s", "")):
        if not {word, _singular(word)} & synonyms().says_nothing:
            yield _singular(word)


def _singular(word: str) -> str:
    return word if len(word) <= _PREFIX_MIN or word.endswith("ss") else word.removesuffix("s")


def _match(protocol: Protocol, own: frozenset[str], words: Iterable[str]) -> Match:
    scores = {word: _score(word, own) for word in words}
    return Match(protocol, tuple(word for word in scores if scores[word]), sum(scores.values()))


def _score(word: str, own: frozenset[str]) -> int:
    """What ``word`` counts for in a protocol with the words ``own``; 0 when it does not have it."""
    if any(_same(word, each) for each in own):
        return AS_TYPED
    meant = synonyms().stands_for.get(word, ())
    return STANDS_FOR if any(_same(each, other) for each in meant for other in own) else 0


def _same(word: str, own: str) -> bool:
    begins = len(word) >= _PREFIX_MIN and own.startswith(word)
    return word == own or begins or (len(own) >= _STEM_MIN and word.startswith(own))


def _near(unknown: tuple[str, ...], known: Iterable[tuple[Protocol, frozenset[str]]]) -> str | None:
    choice = {word for _, own in known for word in own} | set(synonyms().stands_for)
    return next(iter(difflib.get_close_matches(unknown[0], sorted(choice), n=1)), None) if unknown else None


# --- the table ------------------------------------------------------------------------------------------


_Word = Annotated[str, Field(pattern="^[a-z]+$", min_length=1, max_length=40)]
_Words = Annotated[tuple[_Word, ...], Field(min_length=1, strict=False)]


class _File(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format: Literal[1]
    says_nothing: _Words
    stands_for: Annotated[dict[_Word, _Words], Field(min_length=1)]

    @model_validator(mode="after")
    def _agrees(self) -> _File:
        both = set(self.says_nothing) & (set(self.stands_for) | set().union(*self.stands_for.values()))
        if both:
            raise ValueError(f"{', '.join(sorted(both))}: says nothing, and stands for something")
        for word, meant in self.stands_for.items():
            if word in meant:
                raise ValueError(f"{word}: stands for itself")
        return self


@cache
def synonyms() -> Synonyms:
    """The synonyms that ship; raise `InstallationDamaged` when the table is damaged."""
    try:
        text = PATH.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(str(error)) from error
    return parse(text)


def parse(text: str) -> Synonyms:
    """The synonyms that ``text`` holds; raise `InstallationDamaged` with everything that is wrong in it."""
    try:
        found = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise _damaged(str(error)) from error
    except ValidationError as error:
        details = error.errors(include_url=False)
        said = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in details]
        raise _damaged("; ".join(said)) from error
    meant = {_singular(word): tuple(map(_singular, each)) for word, each in found.stands_for.items()}
    return Synonyms(frozenset(found.says_nothing), meant)


def _damaged(what: str) -> InstallationDamaged:
    return InstallationDamaged(
        f"{PATH.name}, which ships with physioctl, is damaged: {what}", "Install physioctl again."
    )
