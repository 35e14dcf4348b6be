"""What a source remembers of its rounds. All of it is a cache: losing it costs one more fetch, never an alert.

Every list is bounded; what was not used for longest goes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Generic, TypeVar

from lalert.sources.fetching import Fetched

MOST: Final = 20_000

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The `most` entries that were written or asked for last."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._entries: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        """Return what is known of `key`, which is thereby used."""
        if key not in self._entries:
            return None
        value = self._entries[key] = self._entries.pop(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Note `value` for `key`; the oldest entry makes room."""
        self._entries.pop(key, None)
        self._entries[key] = value
        while len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]

    def drop(self, key: K) -> None:
        """Forget `key`."""
        self._entries.pop(key, None)


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server said of a version of a document (RFC 9110 §8.8)."""

    etag: str | None
    last_modified: str | None

    def headers(self) -> dict[str, str]:
        """Return the conditions under which it need not be sent again."""
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Visit:
    """The last look behind a link: what its entry said then, and in which round."""

    stamp: str
    round: int


class Memory:
    """One source's memory."""

    def __init__(self) -> None:
        self.round = 0
        self.validators: Recent[str, Validators] = Recent()
        self.visits: Recent[str, Visit] = Recent()  # links that were read, or are gone
        self.misses: Recent[str, int] = Recent()  # failures in a row, by link
        self._settled: Recent[bytes, None] = Recent()  # digests of contents that need no second look
        self._ended: Recent[str, None] = Recent()  # natural keys of messages that a change has named

    def is_settled(self, raw: bytes) -> bool:
        """Whether this content, under whatever address, was dealt with."""
        digest = sha256(raw).digest()
        return digest in self._settled and self._settled.get(digest) is None

    def settle(self, raw: bytes) -> None:
        """Note that this content is dealt with."""
        self._settled.put(sha256(raw).digest(), None)

    def is_ended(self, key: str) -> bool:
        """Whether a change that was seen before has named the message with this natural key."""
        return key in self._ended

    def end(self, keys: Iterable[str]) -> None:
        """Note the messages that a change names: when they come only now, they are history."""
        for key in keys:
            self._ended.put(key, None)

    def conditions(self, url: str) -> dict[str, str]:
        """Return the headers that ask for `url` only if it is another version."""
        known = self.validators.get(url)
        return known.headers() if known else {}

    def validate(self, url: str, fetched: Fetched) -> None:
        """Note which version of `url` this is."""
        if fetched.etag or fetched.last_modified:
            self.validators.put(url, Validators(fetched.etag, fetched.last_modified))
        else:
            self.validators.drop(url)
