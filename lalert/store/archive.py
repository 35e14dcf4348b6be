"""A realm's data as they move between engines: one stream of items that says all of it, the same for every engine.

Nothing is opened on the way: an entry is its bytes, and what lies sealed stays sealed; its key is a file beside the
data. The order is fixed: entries by position, then keys, endpoints and audit lines as they came, residents by number,
lanes by name, attempts as they came. Two stores that give the same stream hold the same data.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from lalert.core.model import Realm, Standing
from lalert.core.resident import Wish
from lalert.errors import Rejected, Text

# In the place of the number that a program must know to use the data: no program ever knows this one.
UNFINISHED: Final = 1 << 30

_PAGE_ITEMS: Final = 256
_PAGE_BYTES: Final = 4 << 20


class Origin(msgspec.Struct, frozen=True, tag="origin"):
    """Which log this is, and the counters that must not begin again."""

    realm: Realm
    epoch: str
    head: int
    oldest: int
    created_at_us: int
    keys: int  # how many changes there were
    endpoints: int  # how many changes there were
    resident: int  # the greatest number that was ever given


class Forestalled(NamedTuple):
    """A message that an entry ended before it came, posted with the same key."""

    key: str
    key_id: str


class Logged(msgspec.Struct, frozen=True, tag="entry"):
    """One entry. Without a `standing` it is an expiry; `ended_by` is the position of what ended it, 0 if nothing did.

    An entry before the beginning of the log is there because it still matters.
    """

    seq: int
    key: str
    thread: str
    identifier: str  # of a message; empty for an expiry
    at_us: int
    body: bytes
    raw: bytes
    ended_by: int
    standing: Standing | None
    forestalls: tuple[Forestalled, ...]


class Key(msgspec.Struct, frozen=True, tag="key"):
    """A key to post with; `digest` is all that is kept of its secret."""

    key_id: str
    name: str
    role: str
    areas: tuple[str, ...]
    digest: str
    created_at_us: int
    revoked_at_us: int | None


class Audited(msgspec.Struct, frozen=True, tag="audit"):
    """One audit line."""

    at_us: int
    actor: str
    action: str
    subject: str


class Hooked(msgspec.Struct, frozen=True, tag="endpoint"):
    """An endpoint, sealed."""

    id: str
    sealed: bytes
    ended_at_us: int | None
    end_reason: str


class Subscribed(msgspec.Struct, frozen=True, tag="resident"):
    """A resident; where the browser is lies sealed."""

    number: int
    id: str
    digest: str
    peer_digest: str
    wish: Wish
    sealed: bytes
    created_at_us: int


class Lane(msgspec.Struct, frozen=True, tag="lane"):
    """What a lane's peer has: `LaneState` as JSON."""

    id: str
    state: bytes


class Tried(msgspec.Struct, frozen=True, tag="attempt"):
    """One line of the delivery log."""

    lane: str
    seq: int
    identifier: str
    at_us: int
    outcome: str
    reason: str
    took_us: int
    sent: int
    refused: int
    gone: int


Item = Logged | Key | Audited | Hooked | Subscribed | Lane | Tried

KINDS: Final[Mapping[type[Item], str]] = {
    Logged: "entries",
    Key: "keys",
    Hooked: "endpoints",
    Audited: "audit",
    Subscribed: "residents",
    Lane: "lanes",
    Tried: "attempts",
}


class Terms(NamedTuple):
    """What the nodes of a shared store go by: who has another key does without, and says so.

    `seal_word` tells what was sealed with which key, `agreed` is what else they all say.
    """

    seal_word: bytes | None
    agreed: Mapping[str, str]


class Archive(Protocol):
    """One realm's store while it is moved: this process has it alone. Every method may raise `Unavailable`."""

    async def origin(self) -> Origin | None:
        """Return which log there is; None where nothing is."""

    async def is_unfinished(self) -> bool:
        """Whether something was begun here and not finished."""

    async def check_alone(self) -> None:
        """Raises `Unavailable` (store.in_use) when anybody else uses it, or has used it since it was opened."""

    async def counts(self) -> dict[str, int]:
        """Return how many items of each of `KINDS` there are."""

    def pages(self) -> AsyncIterator[Sequence[Item]]:
        """Yield everything, some megabytes at a time."""

    async def sealed(self) -> tuple[str, bytes] | None:
        """Return something that lies sealed, and the place it is sealed for; None when nothing does."""

    async def agreed(self) -> Mapping[str, str]:
        """Return what nodes go by; nothing where there is one only."""

    async def begin(self, origin: Origin, terms: Terms) -> None:
        """Make an empty store that no hub takes before `finish`; what an earlier attempt left is dropped first."""

    async def keep(self, page: Sequence[Item]) -> None:
        """Append a page to what was begun."""

    async def finish(self) -> None:
        """What was begun is a store from now on, durable and whole."""

    async def hand_over(self) -> None:
        """The log goes on elsewhere: should a hub be started here again, its log gets another name.

        Readers that come back from the other log are then told so (`gap`), and do not miss what it had.
        """

    async def close(self) -> None:
        """Release everything."""


class Digest:
    """Counts a stream of items, and says in 64 letters what it was."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(KINDS.values(), 0)
        self._sum = hashlib.sha256()
        self._encoder = msgspec.msgpack.Encoder(order="deterministic")

    def add(self, page: Iterable[Item]) -> None:
        """Take note of the next items."""
        for item in page:
            self.counts[KINDS[type(item)]] += 1
            self._sum.update(self._encoder.encode(item))

    def __str__(self) -> str:
        return self._sum.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.counts, str(self)) == (other.counts, str(other))

    __hash__ = None  # type: ignore[assignment]  # it changes


def paged(items: Iterator[Item]) -> Iterator[list[Item]]:
    """Cut `items` into pages that memory bears."""
    page: list[Item] = []
    size = 0
    for item in items:
        page.append(item)
        size += len(item.body) + len(item.raw) if isinstance(item, Logged) else 0
        if len(page) == _PAGE_ITEMS or size >= _PAGE_BYTES:
            yield page
            page, size = [], 0
    if page:
        yield page


def unfinished() -> Rejected:
    """Return why data must not be used that were not moved to their end."""
    message = Text(
        "データの移行が途中で終わっています。「lalert store migrate」を最後まで実行してください(移行元は無事です)。",
        "These data were not moved to their end: run 'lalert store migrate' again. Where they came from is untouched.",
    )
    return Rejected(message, code="store.unfinished")
