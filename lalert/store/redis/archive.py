"""A realm in Redis as it is moved from and to: every value as it lies there.

Nobody can be kept out of a Redis that is read. That nobody else used it is held against it at the end: no node may be
alive, and no counter may have moved. What is written is begun under a token, and no hub takes it before it is finished.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from lalert.core.model import Realm
from lalert.errors import Defect, Text, Unavailable
from lalert.settings import Durability, Storage
from lalert.store import archive
from lalert.store.archive import Forestalled, Item, Lane, Logged, Origin, Terms
from lalert.store.epoch import random_epoch
from lalert.store.redis import origin as origins
from lalert.store.redis import packing
from lalert.store.redis.fence import Fence
from lalert.store.redis.link import Command, Link, Unfit, Value
from lalert.store.redis.nodes import RedisNodes
from lalert.store.redis.register import KEY_LIMIT
from lalert.store.redis.roll import Item as Rolled
from lalert.store.redis.roll import Roll

_PATIENCE_S: Final = 30.0  # once it has answered: nobody waits for an alert here
_CONNECTIONS: Final = 4
_ENTRIES: Final = 128  # in one question
_LINES: Final = 1_000
_PAGE_PARTS: Final = 50_000  # of commands in one script
_SCANNED: Final = 1_000
_KEYS: Final = ("index", "api_key", "endpoint", "resident:id", "lane")  # hashes
_STREAMS: Final = ("audit", "attempt")
_NUMBERS: Final = frozenset({"compat", "created_at", "head", "oldest", "dropped"})  # in every origin

Row = tuple[bytes, list[bytes]]  # of a stream


class RedisArchive:
    """One realm in one Redis. Made by `open`."""

    def __init__(self, link: Link, fence: Fence, kept: dict[str, str]) -> None:
        self._link = link
        self._fence = fence
        self._kept = kept  # the origin as it was found
        self._token = secrets.token_hex(8)
        self._packer = packing.Packer(oldest=1)
        self._page = 0

    @classmethod
    async def open(cls, settings: Storage, realm: Realm, *, target: bool = False) -> RedisArchive:
        """Look at what is in the Redis at `settings.url`. Only a `target` must be as durable as a hub wants it.

        Raises `Unavailable` (store.in_use) while a node is alive, `Rejected` for a server that must not be used.
        """
        wanted = settings.durability if target else Durability.NONE
        settings = replace(settings, durability=wanted)
        link = Link(settings, realm, connections=_CONNECTIONS)
        try:
            kept = await _origin(link)
            if kept and kept["compat"] != str(archive.UNFINISHED):
                origins.check(realm, kept["realm"], int(kept["compat"]))
            link.patience_s = max(link.patience_s, _PATIENCE_S)
            return cls(link, Fence(link, settings), kept)
        except BaseException as error:
            await link.close()
            if isinstance(error, Unavailable) and isinstance(error.__cause__, Unfit):
                raise error.__cause__.refused from None
            raise

    async def close(self) -> None:
        """Give the connections back."""
        await self._link.close()

    # --- from -----------------------------------------------------------------------------------------------------

    async def origin(self) -> Origin | None:
        """Return which log there is; None where nothing is."""
        kept = await _origin(self._link)
        if not kept:
            return None
        return Origin(
            Realm(kept["realm"]),
            kept["epoch"],
            int(kept["head"]),
            int(kept["oldest"]),
            int(kept["created_at"]),
            int(kept.get("api_key:changes", 0)),
            int(kept.get("endpoint:changes", 0)),
            int(kept.get("resident", 0)),
        )

    async def is_unfinished(self) -> bool:
        """Whether something was begun here and not finished."""
        return (await _origin(self._link)).get("compat") == str(archive.UNFINISHED)

    async def check_alone(self) -> None:
        """Raises `Unavailable` (store.in_use) when anybody else uses it, or has used it since it was opened."""
        table = await RedisNodes(self._link, self._fence).table()
        names = [seen.report.name for seen in table.nodes if seen.is_alive]
        if names:
            said = ", ".join(names)
            raise Unavailable(
                Text(
                    f"ハブが稼働中です({said})。すべて停止し、数秒待ってからやり直してください。",
                    f"Hubs are running ({said}). Stop them all, wait a few seconds, and try again.",
                ),
                code="store.in_use",
            )
        if await _origin(self._link) != self._kept:
            message = Text("移行中に内容が変更されました。", "Somebody has changed the data meanwhile.")
            raise Unavailable(message, code="store.in_use")

    async def counts(self) -> dict[str, int]:
        """Return how many items of each kind there are."""
        asked: list[Command] = [("HLEN", self._name(noun)) for noun in _KEYS]
        asked += [("XLEN", self._name(noun)) for noun in _STREAMS]
        kinds = ("entries", "keys", "endpoints", "residents", "lanes", "audit", "attempts")
        return dict(zip(kinds, cast(list[int], await self._link.exchange(*asked)), strict=True))

    async def pages(self) -> AsyncIterator[Sequence[Item]]:
        """Yield everything, some megabytes at a time."""
        async for positions in self._positions():
            while positions:
                page = await self._entries(positions)
                yield page
                positions = positions[len(page) :]
        yield [packing.key(item) for item in await self._keys()]
        yield [packing.hooked(item) for item in await self._endpoints()]
        async for texts in self._stream("audit", 1):
            yield [packing.audited(text) for text in texts]
        async for rows in self._residents():
            yield [packing.subscribed(number, value) for number, value in rows]
        yield await self._lanes()
        async for texts in self._stream("attempt", 5):
            yield [packing.tried(text) for text in texts]

    async def sealed(self) -> tuple[str, bytes] | None:
        """Return something that lies sealed, and the place it is sealed for; None when nothing does."""
        for item in await self._endpoints():
            return f"endpoint {item.id}", item.value
        async for rows in self._residents():
            first = packing.subscribed(*rows[0])
            return f"resident {first.id}", first.sealed
        return None

    async def _positions(self) -> AsyncIterator[list[int]]:
        """Yield all positions of which there are entries, in order."""
        after = 0
        while True:
            asked: Command = ("ZRANGE", self._name("outside:seq"), f"({after}", "+inf", "BYSCORE", "LIMIT", 0, _ENTRIES)
            [found] = await self._link.exchange(asked)
            if not found:
                break
            outside = [int(seq) for seq in cast(list[bytes], found)]
            yield outside
            after = outside[-1]
        kept = await _origin(self._link)
        first, head = int(kept["dropped"]) + 1, int(kept["head"])
        for start in range(first, head + 1, _ENTRIES):
            yield list(range(start, min(start + _ENTRIES, head + 1)))

    async def _entries(self, positions: Sequence[int]) -> list[Logged]:
        """Return the entries at the first of these positions, as many as one answer has room for."""
        _, _, found = cast(list[list[list[bytes] | None]], await self._link.run("entries", *positions))
        here = positions[: len(found)]
        indexes, instants, packed = await self._link.exchange(
            ("HMGET", self._name("index"), *here),
            ("ZMSCORE", self._name("at"), *here),
            ("HMGET", self._name("forestalls"), *here),
        )
        forestalls = await self._forestalls(here, cast(list[bytes | None], packed))
        rows = zip(here, found, cast(list[bytes], indexes), cast(list[bytes], instants), forestalls, strict=True)
        return [packing.logged(seq, _there(seq, row), index, at, ended) for seq, row, index, at, ended in rows]

    async def _forestalls(
        self, positions: Sequence[int], packed: Sequence[bytes | None]
    ) -> list[tuple[Forestalled, ...]]:
        """Return what each of these entries still forestalls: a later one may have taken a field over."""
        named = [packing.fields(one) for one in packed]
        asked = [field for fields in named for field in fields]
        if not asked:
            return [()] * len(positions)
        [held] = await self._link.exchange(("HMGET", self._name("forestalled"), *asked))
        by = dict(zip(asked, cast(list[bytes | None], held), strict=True))
        return [
            tuple(sorted(packing.forestalled(field) for field in fields if by[field] == b"%d" % seq))
            for seq, fields in zip(positions, named, strict=True)
        ]

    async def _stream(self, noun: str, part: int) -> AsyncIterator[list[bytes]]:
        """Yield one part of all rows of a stream."""
        after = b"-"
        while True:
            asked: Command = ("XRANGE", self._name(noun), after, "+", "COUNT", _LINES)
            rows = cast(list[Row], (await self._link.exchange(asked))[0])
            if not rows:
                return
            yield [row[1][part] for row in rows]
            after = b"(" + rows[-1][0]

    async def _residents(self) -> AsyncIterator[list[tuple[int, bytes]]]:
        after = 0
        while True:
            flat = cast(list[bytes], await self._link.run("residents_after", after, _LINES))
            page = sorted(zip(map(int, flat[::2]), flat[1::2], strict=True))[:_LINES]
            if not page:
                return
            yield page
            after = page[-1][0]

    async def _lanes(self) -> list[Lane]:
        flat = cast(list[bytes], (await self._link.exchange(("HGETALL", self._name("lane"))))[0])
        return sorted(
            (Lane(lane.decode(), state) for lane, state in zip(flat[::2], flat[1::2], strict=True)),
            key=lambda lane: lane.id,
        )

    # --- to -------------------------------------------------------------------------------------------------------

    async def agreed(self) -> Mapping[str, str]:
        """Return what nodes go by."""
        flat = cast(list[bytes], (await self._link.exchange(("HGETALL", self._name("agreed"))))[0])
        return {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}

    async def begin(self, origin: Origin, terms: Terms) -> None:
        """Make an empty store that no hub takes before `finish`; what an earlier attempt left is dropped first."""
        if await self.is_unfinished():
            await self._drop()
        values: dict[str, Value] = {
            "realm": origin.realm.value,
            "epoch": origin.epoch,
            "log": secrets.token_hex(8),
            "compat": archive.UNFINISHED,
            "created_at": origin.created_at_us,
            "head": origin.head,
            "oldest": origin.oldest,
            "dropped": origin.oldest - 1,
            "api_key:changes": origin.keys,
            "endpoint:changes": origin.endpoints,
            "resident": origin.resident,
        }
        if terms.seal_word is not None:
            values[origins.SEAL] = terms.seal_word
        flat = [part for pair in values.items() for part in pair]
        self._require(await self._link.run("move_begin", self._token, *flat))
        self._packer = packing.Packer(oldest=origin.oldest)
        agreed: list[Command] = [("HSET", "agreed", *pair) for pair in terms.agreed.items()]
        await self._carry_out([part for command in agreed for part in (len(command), *command)])

    async def keep(self, page: Sequence[Item]) -> None:
        """Append a page."""
        parts: list[Value] = []
        for item in page:
            for command in self._packer.commands(item):
                parts += (len(command), *command)
            if len(parts) >= _PAGE_PARTS:
                await self._carry_out(parts)
                parts = []
        if parts:
            await self._carry_out(parts)

    async def _carry_out(self, parts: Sequence[Value]) -> None:
        self._page += 1
        self._require(await self._link.run("move_keep", self._token, self._page, *parts))

    async def finish(self) -> None:
        """What was begun is a store from now on, as safe as an append would be."""
        self._require(await self._link.run("move_end", self._token, origins.COMPAT))
        await self._fence.probe()

    async def hand_over(self) -> None:
        """Give the log another name: it goes on elsewhere under its own."""
        kept = await _origin(self._link)
        await self._link.run("rename", kept["epoch"], int(kept["head"]) + 1, random_epoch())

    async def _drop(self) -> None:
        """Remove everything of the realm; the origin last, for it says that the rest is unfinished."""
        cursor = b"0"
        while True:
            asked: Command = ("SCAN", cursor, "MATCH", self._name("*"), "COUNT", _SCANNED)
            cursor, names = cast(tuple[bytes, list[bytes]], (await self._link.exchange(asked))[0])
            names = [name for name in names if name != self._link.names.origin.encode()]
            if names:
                await self._link.exchange(("UNLINK", *names))
            if cursor == b"0":
                break
        await self._link.exchange(("UNLINK", self._link.names.origin))

    def _require(self, done: object) -> None:
        if not done:
            message = Text(
                "別の移行が同じ保存先に書き込んでいます。", "Something else is being moved to the same place."
            )
            raise Unavailable(message, code="store.in_use")

    # --- names ----------------------------------------------------------------------------------------------------

    def _name(self, noun: str) -> str:
        return self._link.names(noun)

    async def _keys(self) -> Sequence[Rolled]:
        return await Roll(self._link, "api_key", KEY_LIMIT).items()

    async def _endpoints(self) -> Sequence[Rolled]:
        return await Roll(self._link, "endpoint", 0).items()


async def _origin(link: Link) -> dict[str, str]:
    """Return the counters of the realm; those that any write moves say whether somebody wrote."""
    flat = cast(list[bytes], (await link.exchange(("HGETALL", link.names.origin)))[0])
    pairs = zip(flat[::2], flat[1::2], strict=True)
    kept = {name.decode(): value.decode("utf-8", "backslashreplace") for name, value in pairs}
    if kept and not (kept.keys() >= _NUMBERS | {"realm", "epoch"} and all(kept[name].isdecimal() for name in _NUMBERS)):
        raise Unavailable(Text("保存データが壊れています。", "The stored data are damaged."), code="store.damaged")
    return kept


def _there(seq: int, row: list[bytes] | None) -> list[bytes]:
    if row is None:
        raise Defect(Text(f"電文 {seq} がありません。", f"There is no entry {seq}."), code="store.record")
    return row
