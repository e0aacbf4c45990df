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
from typing import Any

from protocols.errors import InstallationDamaged, shorten

PATH = Path(__file__).with_name("synonyms.toml")
FORMAT = 1
TEXT_MAX = 200  # characters of what is typed that are read; this project's own
AS_TYPED, STANDS_FOR = 2, 1  # what a word counts for
_PREFIX_MIN = 3  # letters of a typed word that begins a protocol's
_STEM_MIN = 4  # letters of a protocol's word that begins a typed one: "stiff" and "stiffness"
_NAMED = 5  # of the words that are unknown
_WORD = re.compile("[a-z]{1,40}")


@dataclass(frozen=True, slots=True)
class Match:
    """A protocol that was found, by its id: which of the words it has, and what they count for."""

    id: str
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
    def ids(self) -> tuple[str, ...]:
        """The ids of the protocols that were found, the best first."""
        return tuple(match.id for match in self.matches)


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Everything in ``synonyms.toml``."""

    says_nothing: frozenset[str]
    stands_for: Mapping[str, tuple[str, ...]]


def known_by(id_: str, title: str, body_site: str, site: str, family: str | None) -> str:
    """The text by which a protocol is known: see `search`. ``site`` is what people call its ``body_site``."""
    return f"{id_} {title} {body_site} {site} {family or 'guidance'}"


def search(text: str, known: Mapping[str, str]) -> Found:
    """Find the protocols that have the words of ``text``; ``known`` has the text that each is known by."""
    words = tuple(dict.fromkeys(words_of(_whole_words(text))))
    own = {id_: frozenset(words_of(said)) for id_, said in known.items()}
    matches = [_match(id_, each, words) for id_, each in own.items()]
    most = max((len(match.words) for match in matches), default=0)
    best = [match for match in matches if match.words and len(match.words) == most]
    had = {word for match in matches for word in match.words}
    unknown = tuple(word for word in words if word not in had)
    return Found(
        matches=tuple(sorted(best, key=lambda match: (-match.score, match.id))),
        unknown=unknown,
        apart=most < len(had),
        near=_near(unknown, own.values()),
    )


def _whole_words(text: str) -> str:
    """What is read of ``text``: it does not end within a word, unless that is all there is."""
    read = text[:TEXT_MAX]
    if len(text) <= TEXT_MAX or text[TEXT_MAX].isspace():
        return read
    return re.sub(r"\S+\Z", "", read) or read


def said_of(found: Found) -> Iterator[str]:
    """What a person is told of a search beside its matches: which words were of no use."""
    if found.unknown:
        near = f" Did you mean {found.near}?" if found.near else ""
        words = ", ".join(shorten(word) for word in found.unknown[:_NAMED])
        yield f"No protocol that ships is found by: {words}.{near}"
    if found.apart:
        yield "No protocol has all of these words; each of these has some."


def words_of(text: str) -> Iterator[str]:
    """The words of ``text`` in small letters, without a plural s; those that say nothing are left out."""
    normal = unicodedata.normalize("NFKC", text).casefold()
    for word in re.findall(r"[^\W\d_]+", normal.replace("'s", "")):
        if not {word, _singular(word)} & synonyms().says_nothing:
            yield _singular(word)


def _singular(word: str) -> str:
    return word if len(word) <= _PREFIX_MIN or word.endswith("ss") else word.removesuffix("s")


def _match(id_: str, own: frozenset[str], words: Iterable[str]) -> Match:
    scores = {word: _score(word, own) for word in words}
    return Match(id_, tuple(word for word in scores if scores[word]), sum(scores.values()))


def _score(word: str, own: frozenset[str]) -> int:
    """What ``word`` counts for in a protocol with the words ``own``; 0 when it does not have it."""
    if any(_same(word, each) for each in own):
        return AS_TYPED
    meant = synonyms().stands_for.get(word, ())
    return STANDS_FOR if any(_same(each, other) for each in meant for other in own) else 0


def _same(word: str, own: str) -> bool:
    begins = len(word) >= _PREFIX_MIN and own.startswith(word)
    return word == own or begins or (len(own) >= _STEM_MIN and word.startswith(own))


def _near(unknown: tuple[str, ...], known: Iterable[frozenset[str]]) -> str | None:
    choice = {word for own in known for word in own} | set(synonyms().stands_for)
    return next(iter(difflib.get_close_matches(unknown[0], sorted(choice), n=1)), None) if unknown else None


# --- the table ------------------------------------------------------------------------------------------


@cache
def synonyms() -> Synonyms:
    """The synonyms that ship; raise `InstallationDamaged` when the table is damaged."""
    try:
        text = PATH.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(str(error)) from error
    return parse(text)


def parse(text: str) -> Synonyms:
    """The synonyms that ``text`` holds; raise `InstallationDamaged` with what is wrong in it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _damaged(str(error)) from error
    if set(table) != {"format", "says_nothing", "stands_for"} or table["format"] != FORMAT:
        raise _damaged(f"it holds something else than format = {FORMAT}, says_nothing and stands_for")
    nothing = _checked("says_nothing", table["says_nothing"])
    if not isinstance(table["stands_for"], dict):
        raise _damaged("stands_for: is no table")
    stands_for = {word: _checked(word, meant) for word, meant in table["stands_for"].items()}
    _checked("stands_for", list(stands_for))
    for word, meant in stands_for.items():
        if wrong := {word, *meant} & {*nothing} or {word} & {*meant}:
            raise _damaged(f"{word}: {', '.join(sorted(wrong))} says nothing, or stands for itself")
    singular = {_singular(word): tuple(map(_singular, meant)) for word, meant in stands_for.items()}
    return Synonyms(frozenset(nothing), singular)


def _checked(key: str, words: Any) -> list[str]:
    """The words behind ``key``: one or more, each in small letters."""
    if not isinstance(words, list) or not words:
        raise _damaged(f"{key}: is no list of words")
    for word in words:
        if not isinstance(word, str) or not _WORD.fullmatch(word):
            raise _damaged(f"{key}: {word!r} is no word in small letters")
    return words


def _damaged(what: str) -> InstallationDamaged:
    return InstallationDamaged(
        f"{PATH.name}, which ships with physioctl, is damaged: {what}", "Install physioctl again."
    )
