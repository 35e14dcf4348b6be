"""The values that cross the house: from a received message to an entry of the log.

An `Entry` is what was said and when; it never changes. Whether it still holds is its `Standing`, which later
entries change. Both come out of one durable transaction (`lalert.store`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import IntEnum, StrEnum

from shapely.geometry.base import BaseGeometry

from lalert.cap import signing
from lalert.cap.model import Alert, Identity
from lalert.cap.reader import Strictness
from lalert.cap.signature import Signature
from lalert.errors import Finding
from lalert.geo.area import Area


class Realm(StrEnum):
    """Two worlds that share no store, no key and no URL. Nothing turns one into the other."""

    LIVE = "live"
    DRILL = "drill"


class Role(StrEnum):
    """What a key may do: post alerts, manage its own push endpoints, or see the operators' figures."""

    SENDER = "sender"
    MEDIA = "media"
    OPERATOR = "operator"


class Priority(IntEnum):
    """The lanes, most urgent first (0)."""

    FLASH = 0  # seconds matter: earthquake early warning, tsunami, level 5, missiles
    URGENT = 1  # level 4: everybody leaves now
    PROMPT = 2  # level 3: those who need time leave now
    ROUTINE = 3  # information, tests of the line

    @property
    def label(self) -> str:
        """The name used in JSON, metrics and filters."""
        return self.name.lower()


class Kind(StrEnum):
    """What an entry does; also the SSE event name."""

    ALERT = "alert"
    UPDATE = "update"
    CANCEL = "cancel"
    EXPIRE = "expire"


class State(StrEnum):
    """Whether a message holds. A thread has at most one message in force."""

    IN_FORCE = "in_force"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class CancelKind(StrEnum):
    """Why a message ended before its time: 解除, 訂正, 取消."""

    LIFTED = "lifted"
    CORRECTED = "corrected"
    FALSE_ALARM = "false_alarm"


_CURSOR = re.compile(r"([0-9a-z]{1,16})-(0|[1-9][0-9]{0,17})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A public position in a log: everything up to and including `seq` was seen. `epoch` names the log itself."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def maybe_parse(cls, text: str) -> Cursor | None:
        """Return the cursor that `text` spells (`k3f9-1042`), or None."""
        found = _CURSOR.fullmatch(text)
        return cls(found[1], int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who posts: the rights of one key, or of one source. `areas` are codes of 2 or 6 digits; `*` is the whole country.

    `strictness` is how its messages are held against the rules; whoever relays what others made must be named with
    it: `attribution` is that text, empty for those who speak for themselves.
    """

    key_id: str
    name: str
    realm: Realm
    role: Role
    areas: tuple[str, ...]
    strictness: Strictness = Strictness.PRODUCER
    attribution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One part of an alert with one meaning: infos of several languages over the same area are one zone.

    `level` is the 警戒レベル 1-5, None where the law gives none (tsunami). `lifted` marks a part that is all clear.
    """

    area: Area
    level: int | None
    hazard: str | None
    lifted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An audience: everybody whose subscription lets this place together with this meaning pass.

    `geometry` is lon/lat in degrees, None where a message names no place. `level` is the one that filters compare
    (`core.matching`), None where none holds.
    """

    geometry: BaseGeometry | None = field(repr=False)
    codes: frozenset[str]
    level: int | None
    hazards: tuple[str, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where those are who heard a message that this one supersedes: they must hear this one, too.

    `heard` are the audiences of the superseded message, those that it had to reach for its own predecessors included,
    so that the end of a long thread still finds everybody who heard its beginning.
    """

    identity: Identity
    area: Area
    heard: tuple[Heard, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A municipality where something held until an Update that names it no more, or (not `whole`) only less of it."""

    code: str
    name: str
    whole: bool
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Omission:
    """What an Update lifts by leaving it out. `names` are the areas that its sender named before and does not now."""

    municipalities: tuple[LeftOut, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An accepted message on its way to the log: everything but its position.

    `supersedes` are the messages that it replaces or ends, with the areas that heard them. `state` is its own state
    once it is kept: a Cancel or an all clear is never in force. `ends_at` is when the hub will end it by itself.
    """

    kind: Kind
    at: datetime  # when the hub accepted it
    alert: Alert
    thread: str
    supersedes: tuple[Reach, ...] = ()
    state: State = State.IN_FORCE
    cancel_kind: CancelKind | None = None
    priority: Priority
    level: int | None = None
    hazards: tuple[str, ...] = ()
    zones: tuple[Zone, ...] = ()
    area: Area | None = None  # union of the zones; None only for a Cancel or System message that names no area
    ends_at: datetime | None = None
    omission: Omission | None = None  # what an Update lifts by leaving it out
    silent: bool = False  # 訂正 that changes neither level, area nor action: no new alarm
    key_id: str = ""  # which key posted it, or `source:NAME`; empty for what the hub says itself
    attribution: str = ""  # whom to name with it (出典); empty for what was posted here
    signatures: tuple[Signature, ...] = ()  # whose it bears, where the hub was told whom to trust
    own_signature: bytes = field(default=b"", repr=False)  # the hub's, an element; none where it bears one already
    findings: tuple[Finding, ...] = ()  # warnings; they travel in the receipt
    matched: tuple[tuple[str, int], ...] = ()  # how many streams, endpoints, residents matched at acceptance

    @property
    def key(self) -> str:
        """The natural key that makes appending idempotent. An expiry is an entry of its own."""
        prefix = "expire:" if self.kind is Kind.EXPIRE else ""
        return prefix + self.alert.identity.key

    @property
    def cap(self) -> bytes:
        """The message as it is published: the bytes as received, with the hub's signature where it has made one."""
        return signing.spliced(self.alert.raw, self.own_signature)

    @property
    def codes(self) -> frozenset[str]:
        """The municipalities of its own area."""
        return self.area.codes if self.area else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Draft):
    """A draft that is kept, at its position in the log."""

    cursor: Cursor

    @classmethod
    def of(cls, draft: Draft, cursor: Cursor) -> Entry:
        """Return `draft` as the entry at `cursor`."""
        return cls(cursor=cursor, **{f.name: getattr(draft, f.name) for f in fields(Draft)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a message holds now, and what ended it. Unlike its entry, it changes."""

    state: State
    replaced_by: str | None = None  # identifier of the message that ended it
    cancel_kind: CancelKind | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """A kept message together with how it stands now."""

    entry: Entry
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a reader asked for; every test that is None or empty lets everything pass.

    `areas` are codes of 2 (prefecture) or 6 digits; `point` is `(lon, lat)` in degrees. `system` also lets tests of
    the line (status System) through, which nobody gets without asking.
    """

    areas: frozenset[str] = frozenset()
    point: tuple[float, float] | None = None
    min_level: int | None = None
    hazards: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    lang: str | None = None
    system: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A checked and ranked draft in the priority queue, with its place in its thread."""

    draft: Draft
    token: object = field(default=None, compare=False, repr=False)  # whom to tell: the hub's own business

    @property
    def priority(self) -> Priority:
        """The lane."""
        return self.draft.priority

    @property
    def thread(self) -> str:
        """The thread whose order must hold."""
        return self.draft.thread
