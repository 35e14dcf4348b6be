"""Who is it: from the `Authorization` header to the rights of a key. The ring is a cache of the store's keys."""

from __future__ import annotations

from aiohttp import web

from lalert.core import keys
from lalert.core.model import Realm, Role, Sender
from lalert.errors import Rejected, Text
from lalert.store.base import Store, StoredKey


class Keyring:
    """The valid keys of one realm, as of the last `refresh`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[str, StoredKey] = {}
        self._generation = -1

    @property
    def realm(self) -> Realm:
        """The realm whose keys open this ring's doors."""
        return self._store.realm

    async def refresh(self) -> None:
        """Take over keys that were issued or revoked meanwhile, also by another process."""
        generation = await self._store.keys_generation()
        if generation != self._generation:
            stored = await self._store.keys()
            self._keys = {key.key_id: key for key in stored if key.revoked_at is None}
            self._generation = generation

    def has(self, key_id: str) -> bool:
        """Whether there is a key with this id, as far as was heard."""
        return key_id in self._keys

    async def sender(self, request: web.Request, *roles: Role) -> Sender:
        """Return whose key the request carries. Raises `Rejected` 401 without a valid key, 403 for another role."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        presented = keys.maybe_parse(text.strip()) if scheme.lower() == "bearer" else None
        if presented is None:
            raise _refused("key.missing", _MISSING)
        if presented.realm is not self.realm:
            raise _refused("key.realm", _WRONG_REALM[self.realm])
        if presented.key_id not in self._keys:
            await self.refresh()  # it may have been issued a moment ago
        stored = self._keys.get(presented.key_id)
        if stored is None or not presented.matches(stored.digest):
            raise _refused("key.unknown", _UNKNOWN)
        if stored.role not in roles:
            raise Rejected(_ROLE, code="key.role", status=403)
        return stored.sender(self.realm)


def _refused(code: str, message: Text) -> Rejected:
    return Rejected(message, code=code, status=401)


_MISSING = Text(
    "キーがありません。Authorization: Bearer lalert_… を付けてください。",
    "There is no key. Send Authorization: Bearer lalert_...",
)
_UNKNOWN = Text("このキーは登録されていないか、失効しています。", "This key is not known, or it was revoked.")
_ROLE = Text("このキーではこの操作はできません。", "This key has no right to do that.")
_WRONG_REALM = {
    Realm.LIVE: Text(
        "訓練用のキーです。本番には使えません。訓練は /drill に送ってください。",
        "This is a drill key; it opens nothing here. Post drills to /drill.",
    ),
    Realm.DRILL: Text(
        "本番用のキーです。訓練には訓練用のキーを使ってください。",
        "This is a live key; use a drill key for drills.",
    ),
}
