"""From the Authorization header to the rights of a key."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import make_mocked_request

from lalert.core import keys
from lalert.core.keys import ApiKey
from lalert.core.model import Realm, Role
from lalert.errors import Rejected
from lalert.store.base import StoredKey
from lalert.web.keyring import Keyring

NOW = datetime(2026, 7, 6, tzinfo=UTC)
KEY = keys.make(Realm.LIVE, key_id="abcd", entropy=bytes(32))


class Keys:
    """The store's keys, and nothing else of a store."""

    realm = Realm.LIVE

    def __init__(self) -> None:
        self.stored: list[StoredKey] = []
        self.generation = 0
        self.reads = 0

    def put(self, key: ApiKey, **changes: object) -> None:
        """Keep a key, or another state of it."""
        stored = StoredKey(
            key_id=key.key_id, name="市", role=Role.SENDER, areas=("13",), digest=key.digest, created_at=NOW
        )
        self.stored = [one for one in self.stored if one.key_id != key.key_id]
        self.stored.append(replace(stored, **changes))  # type: ignore[arg-type]
        self.generation += 1

    async def keys(self) -> list[StoredKey]:
        """Return all keys."""
        self.reads += 1
        return self.stored

    async def keys_generation(self) -> int:
        """Return what changes with every key."""
        return self.generation


async def asked(ring: Keyring, authorization: str | None, role: Role = Role.SENDER) -> object:
    """Return whose key a request carries, or the refusal."""
    headers = {} if authorization is None else {"Authorization": authorization}
    try:
        return await ring.sender(make_mocked_request("POST", "/", headers=headers), role)
    except Rejected as refused:
        return refused.status, refused.code


@pytest.fixture
def store() -> Keys:
    """One valid key."""
    kept = Keys()
    kept.put(KEY)
    return kept


async def test_key_gives_its_rights(store: Keys) -> None:
    """A valid key gives name, realm, role and areas; the scheme is not case-sensitive."""
    ring = Keyring(store)  # type: ignore[arg-type]
    for scheme in ("Bearer", "bearer", "BEARER"):
        sender = await asked(ring, f"{scheme} {KEY}")
        assert sender == store.stored[0].sender(Realm.LIVE)


async def test_key_issued_a_moment_ago(store: Keys) -> None:
    """A key that the ring has not seen is looked for in the store before it is refused."""
    ring = Keyring(store)  # type: ignore[arg-type]
    await ring.refresh()
    other = keys.make(Realm.LIVE, key_id="efgh", entropy=bytes(31) + b"x")
    assert await asked(ring, f"Bearer {other}") == (401, "key.unknown")
    store.put(other)
    assert getattr(await asked(ring, f"Bearer {other}"), "key_id", None) == "efgh"


async def test_ring_reads_only_when_something_changed(store: Keys) -> None:
    """Guessing keys makes the store say its generation, not read all keys."""
    ring = Keyring(store)  # type: ignore[arg-type]
    for n in range(20):
        guess = keys.make(Realm.LIVE, key_id=f"guess{n}", entropy=bytes(32))
        assert await asked(ring, f"Bearer {guess}") == (401, "key.unknown")
    assert store.reads == 1


@pytest.mark.parametrize(
    ("authorization", "answer"),
    [
        (None, (401, "key.missing")),
        ("", (401, "key.missing")),
        ("Bearer", (401, "key.missing")),
        (f"Basic {KEY}", (401, "key.missing")),
        (f"Bearer {KEY}x", (401, "key.missing")),
        (f"Bearer {keys.make(Realm.LIVE, key_id='abcd', entropy=bytes(31) + b'y')}", (401, "key.unknown")),
        (f"Bearer {keys.make(Realm.DRILL, key_id='abcd', entropy=bytes(32))}", (401, "key.realm")),
    ],
)
async def test_refused(store: Keys, authorization: str | None, answer: tuple[int, str]) -> None:
    """No key, another scheme, a malformed key, another secret, another realm."""
    assert await asked(Keyring(store), authorization) == answer  # type: ignore[arg-type]


async def test_revoked_and_other_roles(store: Keys) -> None:
    """A revoked key is unknown after the refresh; a media key is known and may not do it."""
    ring = Keyring(store)  # type: ignore[arg-type]
    await ring.refresh()
    store.put(KEY, role=Role.MEDIA)
    await ring.refresh()
    assert await asked(ring, f"Bearer {KEY}") == (403, "key.role")
    assert getattr(await asked(ring, f"Bearer {KEY}", Role.MEDIA), "role", None) is Role.MEDIA
    store.put(KEY, revoked_at=NOW)
    await ring.refresh()
    assert await asked(ring, f"Bearer {KEY}") == (401, "key.unknown")
