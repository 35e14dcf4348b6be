"""Keys and the audit trail, for every engine: who may post, and who did what."""

from __future__ import annotations

import pytest

from lalert.core.model import Realm, Role, Sender
from lalert.errors import Rejected
from lalert.store.base import AuditLine, Store, StoredKey

from .conftest import Engine
from .making import START, day, keep, message


def key(key_id: str) -> StoredKey:
    """Return a key as it is kept."""
    return StoredKey(
        key_id=key_id, name="千代田区", role=Role.SENDER, areas=("131016", "14"), digest="0" * 64, created_at=START
    )


async def test_keys_are_kept_and_revoked(engine: Engine) -> None:
    """A revoked key stays known, as revoked; it is revoked once."""
    store = await engine()
    await store.add_key(key("k2"))
    await store.add_key(key("k1"))
    assert await store.revoke_key("k2", START + day(1))
    assert not await store.revoke_key("k2", START + day(2))
    assert not await store.revoke_key("k9", START)
    await store.close()
    again = await engine()
    [first, second] = await again.keys()
    assert (first.key_id, first.revoked_at) == ("k2", START + day(1))
    assert second == key("k1")
    await again.close()


def test_a_key_gives_its_rights_in_one_realm() -> None:
    """Who posts is known by the key alone; the realm is that of the store which knows it."""
    assert key("k1").sender(Realm.DRILL) == Sender("k1", "千代田区", Realm.DRILL, Role.SENDER, ("131016", "14"))


async def test_a_key_id_is_used_once(store: Store) -> None:
    """A second key under one id would make the audit trail ambiguous."""
    await store.add_key(key("k1"))
    with pytest.raises(Rejected) as refused:
        await store.add_key(key("k1"))
    assert refused.value.code == "key.exists"
    assert len(await store.keys()) == 1


async def test_every_change_of_the_keys_is_noticed(store: Store) -> None:
    """The hub asks a number whether it must read the keys again; what changes nothing does not move it."""
    generations = [await store.keys_generation()]
    await store.add_key(key("k1"))
    generations.append(await store.keys_generation())
    await store.revoke_key("k1", START)
    generations.append(await store.keys_generation())
    assert len(set(generations)) == 3
    await store.revoke_key("k1", START)
    await keep(store, message("a"))
    assert await store.keys_generation() == generations[-1]


async def test_the_audit_trail_gives_the_newest_lines_in_order(store: Store) -> None:
    """Lines come back as they were written, oldest first."""
    lines = [AuditLine(at=START + day(n), actor="cli", action="key.issue", subject=f"k{n}") for n in range(4)]
    for line in lines:
        await store.audit(line)
    assert await store.audit_lines(3) == lines[1:]
    assert list(await store.audit_lines(0)) == []
    assert list(await store.audit_lines(-1)) == []
