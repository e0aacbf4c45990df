"""The lines of a trace: one JSON object each, the first of which is its header.

`TraceLine` is what may follow the header. Every line has the milliseconds of the session's clock; none is
earlier than the one before. No line has a field for what is known of a person: of an observation or a pain
score only the time is kept.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from protocols.reading import SIZE_MAX

FORMAT: Literal[1] = 1
MS_MAX = 1 << 53  # what JSON's numbers hold exactly
COUNT_MAX = 0xFFFF_FFFF
BOUNDS_MAX = 100

Hex: TypeAlias = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2})+$")]
Ms: TypeAlias = Annotated[int, Field(ge=0, le=MS_MAX)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=COUNT_MAX)]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]{1,64}$")]


class _Line(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    ms: Ms
    kind: str

    def text(self) -> str:
        """This line as it stands in a file, without its end."""
        said = {"ms": self.ms, "kind": self.kind}
        return json.dumps(said | self.model_dump(mode="json", exclude_defaults=True))


class Header(_Line):
    """The first line. ``ms`` is when the controller was made."""

    kind: Literal["trace"] = "trace"
    format: Literal[1]
    physioctl: Name  # the program's version
    dialect: Name
    address: Annotated[int, Field(ge=0, le=0xFFFF)] | None = None  # of the unit on a shared line
    port: Literal["serial", "network", "simulated", "rehearsal"]


class Sent(_Line):
    """Bytes handed to the port at once."""

    kind: Literal["sent"] = "sent"
    bytes: Hex


class _News(_Line):
    more: bool = False  # taken in together with the news before, without a look at what is due in between


class Received(_News):
    """Bytes taken in from the port at once."""

    kind: Literal["received"] = "received"
    bytes: Hex


class PersonAsked(_News):
    """What a person asked for. Of a note and a pain score, neither text nor score is kept."""

    kind: Literal["action"] = "action"
    action: Literal["start", "pause", "resume", "skip", "stop", "lower", "note", "pain"]
    to_level: Annotated[int, Field(ge=-MS_MAX, le=MS_MAX)] | None = None  # of ``lower``


class Lost(_News):
    """The port is gone; with ``sending``, that was found when the bytes of the line before were to leave."""

    kind: Literal["lost"] = "lost"
    sending: bool = False


class Stored(_News):
    """The journal's writer has written, in ``took_ms``; without it, that it cannot."""

    kind: Literal["stored"] = "stored"
    took_ms: Ms | None = None


class Wake(_Line):
    """The loop has waited, and nothing came."""

    kind: Literal["wake"] = "wake"


ControllerInput = Literal["poll", "receive", "sent", "lose_link", "operate"]


class ClockRead(_Line):
    """The controller was told a later time than that of the line before, by one of its inputs."""

    kind: Literal["clock"] = "clock"
    by: ControllerInput


class Unwritten(_Line):
    """So many of the events of this session are not in the journal yet."""

    kind: Literal["unwritten"] = "unwritten"
    count: Count


class Ran(_Line):
    """A script of the controller begins: the handshake, the delivery of the plan."""

    kind: Literal["run"] = "run"
    script: Name


class KeptBound(BaseModel):
    """A limit of the operator's, or what the day leaves. Its source may tell of a person, and is left out."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    quantity: Name
    layer: Literal["operator", "person"]
    at_least: int | None = None
    at_most: int | None = None
    one_of: Annotated[list[int], Field(max_length=BOUNDS_MAX)] | None = None


class Loaded(_Line):
    """The session that was admitted: what the controller was given."""

    kind: Literal["session"] = "session"
    number: Count  # by which the unit knows it
    protocol: Annotated[str, Field(max_length=SIZE_MAX)]  # canonical text
    content_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    attended: bool
    awaits_start: bool
    given_ms: Ms = 0  # by the sessions whose rest this is
    given_mj: Ms = 0
    bounds: Annotated[list[KeptBound], Field(max_length=BOUNDS_MAX)] = []


class Broke(_Line):
    """An error was raised in the program; which, is not kept. The controller ends output then."""

    kind: Literal["broke"] = "broke"


class Exited(_Line):
    """The program ended in the middle of the session, and sent a stop without the loop."""

    kind: Literal["exit"] = "exit"


class End(_Line):
    """The last line; where there is none, the trace was cut off."""

    kind: Literal["end"] = "end"
    why: Annotated[str, Field(max_length=200)] = ""  # it stops before the session's end; empty: it does not


News: TypeAlias = Received | PersonAsked | Lost | Stored
TraceLine: TypeAlias = Annotated[
    Sent | News | Wake | ClockRead | Unwritten | Ran | Loaded | Broke | Exited | End,
    Field(discriminator="kind"),
]
BODY: TypeAdapter[TraceLine] = TypeAdapter(TraceLine)
