"""Moving a realm from one engine to the other: all of it or nothing, under the same name and the same positions.

1. Nobody uses the source, nothing is in the target, and the key of the seal is there: else nothing begins.
2. The target is begun as *unfinished*, which every hub refuses, and filled page by page.
3. Both are read from end to end. They must give the same stream, and nobody may have used the source meanwhile.
4. The source is handed over: a hub that is started on it again gives its log another name. The target is finished.

A crash before 4. leaves an unfinished target, which the next attempt drops, and a source that knows nothing of it. One
in the middle of 4. costs readers one honest `gap`. Memory is bounded by a page on either side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from lalert.core.model import Realm
from lalert.errors import Rejected, Text, Unavailable
from lalert.settings import Storage
from lalert.store import seal
from lalert.store.archive import Archive, Digest, Origin, Terms, unfinished
from lalert.store.opening import file_of, open_archive
from lalert.store.redis.origin import sealed_word

Progress = Callable[[str, int, int], None]
"""Is told of a stage (`copy`, `verify`), how many items are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved, and the digest of all of it, which both sides gave."""

    origin: Origin
    counts: dict[str, int]
    digest: str


async def migrate(
    source: Storage,
    target: Storage,
    realms: Sequence[Realm],
    *,
    agreed: Mapping[Realm, Mapping[str, str]] = {},
    progress: Progress = lambda *_: None,
) -> list[Moved]:
    """Move `realms`, all of them or none, and return what each of them was.

    One side is a folder (`data`), the other a Redis (`url`); both have their key files in the same folder. `agreed` is
    what these files make all nodes say (`Nodes.agree`). Raises `Rejected` (store.nothing, store.not_empty,
    store.unfinished, store.vapid), `Unavailable` (store.seal, store.locked, store.in_use, store.differs), each before
    anything of the source is touched.
    """
    async with AsyncExitStack() as stack:
        moves = []
        for realm in realms:
            old = await open_archive(source, realm)
            stack.push_async_callback(old.close)
            new = await open_archive(target, realm, target=True)
            stack.push_async_callback(new.close)
            moves.append(await _Move.prepared(old, new, file_of(source, realm), agreed.get(realm, {}), progress))
        for move in moves:
            await move.copy()
        moved = [await move.verify() for move in moves]
        for move in moves:
            await move.finish()
        return moved


class _Move:
    """One realm on its way."""

    def __init__(self, old: Archive, new: Archive, origin: Origin, total: int, terms: Terms, told: Progress) -> None:
        self._old = old
        self._new = new
        self._origin = origin
        self._total = total
        self._terms = terms
        self._told = told

    @classmethod
    async def prepared(cls, old: Archive, new: Archive, file: Path, agreed: Mapping[str, str], told: Progress) -> _Move:
        """Return the move if nothing speaks against it."""
        origin = await old.origin()
        if await old.is_unfinished():
            raise unfinished()
        if origin is None:
            raise Rejected(Text("移行元にデータがありません。", "There is nothing to be moved."), code="store.nothing")
        await old.check_alone()
        await _check_empty(new)
        await _check_agreed(old, agreed)
        terms = Terms(await _checked_seal(old, file), agreed)
        return cls(old, new, origin, sum((await old.counts()).values()), terms, told)

    async def copy(self) -> None:
        """Fill the target."""
        await self._new.begin(self._origin, self._terms)
        done = 0
        async for page in self._old.pages():
            await self._new.keep(page)
            done += len(page)
            self._told("copy", done, self._total)

    async def verify(self) -> Moved:
        """Read both. Raises `Unavailable` (store.differs) unless they say the same."""
        there, here = await self._digest(self._old, 0), await self._digest(self._new, self._total)
        await self._old.check_alone()
        if there != here or await self._new.origin() != self._origin:
            message = Text(
                "移行先の内容が移行元と一致しません。移行元は無事です。やり直してください。",
                "What arrived is not what was sent. The source is untouched: try again.",
            )
            raise Unavailable(message, code="store.differs")
        return Moved(self._origin, here.counts, str(here))

    async def finish(self) -> None:
        """Hand the log over. In this order: two stores that go on under one name would mislead readers."""
        await self._old.hand_over()
        await self._new.finish()

    async def _digest(self, archive: Archive, before: int) -> Digest:
        digest = Digest()
        async for page in archive.pages():
            await asyncio.to_thread(digest.add, page)
            self._told("verify", before + sum(digest.counts.values()), 2 * self._total)
        return digest


async def _check_empty(target: Archive) -> None:
    origin = await target.origin()
    if origin is not None and not await target.is_unfinished():
        message = Text(
            f"移行先は空ではありません({origin.epoch}-{origin.head} まで記録があります)。空の場所を指定してください。",
            f"The target is not empty: it has a log up to {origin.epoch}-{origin.head}. Name an empty place.",
        )
        raise Rejected(message, code="store.not_empty", status=409)


async def _check_agreed(source: Archive, own: Mapping[str, str]) -> None:
    """A hub with another key for notifications would reach nobody who has subscribed."""
    if any(own.get(name) != value for name, value in (await source.agreed()).items()):
        message = Text(
            "フォルダにある通知の鍵(vapid-*.pem)が、ノードの使っている鍵ではありません。ノードの保存先から写してください。",
            "The key for notifications in the folder (vapid-*.pem) is not that of the nodes: copy it from one of them.",
        )
        raise Rejected(message, code="store.vapid")


async def _checked_seal(source: Archive, file: Path) -> bytes | None:
    """Return the word for nodes. Raises `Unavailable` (store.seal) when what lies sealed cannot be opened here."""
    sealed = await source.sealed()
    own = await asyncio.to_thread(seal.beside, file, is_needed=True)
    if sealed is not None:
        place, value = sealed
        await asyncio.to_thread(own.open, value, about=place)
    return sealed_word(own) if own.has_key else None
