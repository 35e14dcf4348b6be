"""Items as they lie in Redis: the commands that put one there, and what is read back out of values. Pure.

`lua/prelude.lua` tells what is where. A command here names the noun of its key; the script makes the key of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from lalert.core.delivery import Attempt, Tally
from lalert.core.model import Role, Standing, State
from lalert.store.archive import Audited, Forestalled, Hooked, Item, Key, Lane, Logged, Subscribed, Tried
from lalert.store.base import AuditLine, StoredKey
from lalert.store.instants import instant, micros
from lalert.store.redis.link import Command
from lalert.store.redis.peers import End, Record
from lalert.store.redis.roll import Item as Rolled

_NOBODY: Final = "-"  # whose question it was: none that could be put again
_IN_BUCKET: Final = 256  # residents, see lua/residents.lua
_MICROS: Final = 1_000_000


class Packer:
    """Makes commands of items, in the order of the stream; it counts what has numbers in Redis and none elsewhere."""

    def __init__(self, *, oldest: int) -> None:
        self._oldest = oldest
        self._keys = self._endpoints = self._attempts = 0

    def commands(self, item: Item) -> Iterator[Command]:
        """Yield what keeps `item`."""
        match item:
            case Logged():
                yield from self._logged(item)
            case Key():
                self._keys += 1
                yield from _key(item, self._keys)
            case Hooked():
                self._endpoints += 1
                yield from _hooked(item, self._endpoints)
            case Audited():
                line = AuditLine(at=instant(item.at_us), actor=item.actor, action=item.action, subject=item.subject)
                yield "XADD", "audit", "*", "l", msgspec.json.encode(line)
            case Subscribed():
                yield from _subscribed(item)
            case Lane():
                yield "HSET", "lane", item.id, item.state
            case Tried():
                self._attempts += 1
                yield from _tried(item, self._attempts)

    def _logged(self, item: Logged) -> Iterator[Command]:
        seq = item.seq
        if seq >= self._oldest:
            yield "XADD", "log", f"{seq}-0", "b", item.body, "r", item.raw
        else:
            yield "HSET", "outside", f"{seq}b", item.body, f"{seq}r", item.raw
            yield "ZADD", "outside:seq", seq, seq
        yield "HSET", "index", seq, msgspec.msgpack.encode((_NOBODY, item.key, item.thread, item.identifier))
        yield "HSET", "key", item.key, seq
        yield "ZADD", "thread", 0, _in_order(item.thread, seq)
        yield "ZADD", "at", item.at_us, seq
        if item.standing is not None:
            yield "ZADD", "identifier", 0, _in_order(item.identifier, seq)
            yield "HSET", "message", seq, b"%d:%b" % (item.ended_by, msgspec.json.encode(item.standing))
            if item.standing.state is State.IN_FORCE:
                yield "HSET", "holder", item.thread, seq
        if item.forestalls:
            fields = [f"{one.key}\0{one.key_id}" for one in item.forestalls]
            yield from (("HSET", "forestalled", field, seq) for field in fields)
            yield "HSET", "forestalls", seq, msgspec.msgpack.encode(fields)


def _key(item: Key, number: int) -> Iterator[Command]:
    key = StoredKey(
        key_id=item.key_id,
        name=item.name,
        role=Role(item.role),
        areas=item.areas,
        digest=item.digest,
        created_at=instant(item.created_at_us),
    )
    yield "HSET", "api_key", item.key_id, b"%d %b %b" % (number, _NOBODY.encode(), msgspec.json.encode(key))
    if item.revoked_at_us is not None:
        yield "HSET", "api_key:end", item.key_id, f"{_NOBODY} {item.revoked_at_us}"


def _hooked(item: Hooked, number: int) -> Iterator[Command]:
    yield "HSET", "endpoint", item.id, b"%d %b %b" % (number, _NOBODY.encode(), item.sealed)
    if item.ended_at_us is not None:
        end = msgspec.json.encode(End(item.ended_at_us, item.end_reason))
        yield "HSET", "endpoint:end", item.id, _NOBODY.encode() + b" " + end


def _subscribed(item: Subscribed) -> Iterator[Command]:
    bucket = item.number // _IN_BUCKET
    packed = msgspec.msgpack.encode(Record(item.digest, item.wish, item.sealed, item.created_at_us))
    yield "HSET", "resident:id", item.id, item.number
    yield "HSET", "resident:peer", item.peer_digest, item.number
    yield "HSET", f"resident:{bucket}", item.number, f"{item.id} {item.peer_digest} ".encode() + packed
    yield "ZADD", "resident:bucket", bucket, bucket


def _tried(item: Tried, number: int) -> Iterator[Command]:
    line = Attempt(
        lane=item.lane,
        seq=item.seq,
        identifier=item.identifier,
        at=instant(item.at_us),
        outcome=item.outcome,
        reason=item.reason,
        took_s=item.took_us / _MICROS,
        tally=Tally(sent=item.sent, refused=item.refused, gone=item.gone),
    )
    text = msgspec.json.encode(line)
    yield "XADD", "attempt", f"{number}-0", "a", item.lane, "m", item.identifier, "l", text
    yield "RPUSH", f"attempt:lane:{item.lane}", number
    yield "RPUSH", f"attempt:message:{item.identifier}", number
    yield "HSET", "origin", "attempt", number


def _in_order(name: str, seq: int) -> str:
    return f"{name}\0{seq:020}"


# --- back -------------------------------------------------------------------------------------------------------------


def logged(seq: int, row: Sequence[bytes], index: bytes, at: bytes, forestalls: tuple[Forestalled, ...]) -> Logged:
    """Return an entry: body, raw and standing of `lua/entries.lua`, its line in the index, its instant."""
    body, raw, standing = row
    _, key, thread, identifier = msgspec.msgpack.decode(index, type=tuple[str, str, str, str])
    ended, _, text = standing.partition(b":")
    stands = msgspec.json.decode(text, type=Standing) if standing else None
    return Logged(seq, key, thread, identifier, int(float(at)), body, raw, int(ended or 0), stands, forestalls)


def fields(packed: bytes | None) -> list[str]:
    """Return what is named in a value of `forestalls`."""
    return msgspec.msgpack.decode(packed, type=list[str]) if packed is not None else []


def forestalled(field: str) -> Forestalled:
    """Return what a field of `forestalled` names."""
    key, _, key_id = field.rpartition("\0")
    return Forestalled(key, key_id)


def key(item: Rolled) -> Key:
    """Return a key."""
    kept = msgspec.json.decode(item.value, type=StoredKey)
    revoked_at_us = int(item.end) if item.end is not None else None
    return Key(kept.key_id, kept.name, kept.role.value, kept.areas, kept.digest, micros(kept.created_at), revoked_at_us)


def hooked(item: Rolled) -> Hooked:
    """Return an endpoint."""
    if item.end is None:
        return Hooked(item.id, item.value, None, "")
    end = msgspec.json.decode(item.end, type=End)
    return Hooked(item.id, item.value, end.at, end.reason)


def audited(text: bytes) -> Audited:
    """Return an audit line."""
    line = msgspec.json.decode(text, type=AuditLine)
    return Audited(micros(line.at), line.actor, line.action, line.subject)


def subscribed(number: int, value: bytes) -> Subscribed:
    """Return a resident."""
    resident_id, peer_digest, packed = value.split(b" ", 2)
    kept = msgspec.msgpack.decode(packed, type=Record)
    return Subscribed(
        number, resident_id.decode(), kept.digest, peer_digest.decode(), kept.wish, kept.sealed, kept.created_at
    )


def tried(text: bytes) -> Tried:
    """Return a line of the delivery log."""
    line = msgspec.json.decode(text, type=Attempt)
    return Tried(
        line.lane,
        line.seq,
        line.identifier,
        micros(line.at),
        line.outcome,
        line.reason,
        round(line.took_s * _MICROS),
        line.tally.sent,
        line.tally.refused,
        line.tally.gone,
    )
