"""Who may post, and who did what: keys and audit lines in Redis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, cast

import msgspec

from lalert.errors import Rejected, Text
from lalert.store.base import AuditLine, StoredKey
from lalert.store.instants import instant, micros
from lalert.store.redis.link import Command, Link
from lalert.store.redis.roll import Item, Roll

AUDIT_LIMIT: Final = 1_000_000  # lines that are kept, roughly
KEY_LIMIT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Register:
    """The keys and the audit trail of one realm."""

    link: Link

    async def add_key(self, key: StoredKey) -> None:
        """Keep a new key. Raises `Rejected` when its id is taken or too many are kept."""
        became = await self._keys.add(key.key_id, msgspec.json.encode(replace(key, revoked_at=None)))
        if became == "full":
            message = Text("登録数が上限に達しています。", "No more can be registered here.")
            raise Rejected(message, code="key.limit", status=503)
        if became == "exists":
            message = Text(f"キー {key.key_id} は登録済みです。", f"The key {key.key_id} exists.")
            raise Rejected(message, code="key.exists", status=409)
        if key.revoked_at is not None:
            await self.revoke_key(key.key_id, key.revoked_at)

    async def keys(self) -> list[StoredKey]:
        """Return all keys, oldest first."""
        return [_key(item) for item in await self._keys.items()]

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """End a key; return False when there is none that is valid."""
        return await self._keys.end(key_id, b"%d" % micros(at))

    async def keys_generation(self) -> int:
        """Return a number that changes with every change of the keys, whichever program makes it."""
        return await self._keys.generation()

    async def audit(self, line: AuditLine) -> None:
        """Keep one audit line."""
        kept = msgspec.json.encode(line)
        command: Command = ("XADD", self.link.names("audit"), "MAXLEN", "~", AUDIT_LIMIT, "*", "l", kept)
        await self.link.exchange(command, again=False)

    async def audit_lines(self, limit: int) -> list[AuditLine]:
        """Return the newest `limit` audit lines, oldest first."""
        if limit <= 0:
            return []
        [rows] = await self.link.exchange(("XREVRANGE", self.link.names("audit"), "+", "-", "COUNT", limit))
        lines = [row[1][1] for row in reversed(cast(list[list[list[bytes]]], rows))]
        return [msgspec.json.decode(line, type=AuditLine) for line in lines]

    @property
    def _keys(self) -> Roll:
        return Roll(self.link, "api_key", KEY_LIMIT)


def _key(item: Item) -> StoredKey:
    key = msgspec.json.decode(item.value, type=StoredKey)
    return replace(key, revoked_at=instant(int(item.end)) if item.end is not None else None)
