"""What the driver says becomes what a sender is told: one code for each trouble, and never the driver's own words."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import exceptions as driver
from redis.asyncio.connection import AbstractConnection

from lalert.core.model import Realm
from lalert.errors import Rejected, Text
from lalert.settings import Storage
from lalert.store.redis.link import Link, Unfit, unavailable
from lalert.store.redis.names import Names
from lalert.store.redis.scripts import script
from tests.rig.redis import RedisServer

REFUSED = Rejected(Text("だめ", "no"), code="store.durability")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (driver.ConnectionError("Connection refused"), "store.unreachable"),
        (ConnectionResetError(), "store.unreachable"),
        (driver.TimeoutError("Timeout"), "store.timeout"),
        (TimeoutError(), "store.timeout"),
        (driver.BusyLoadingError("LOADING"), "store.loading"),
        (driver.AuthenticationError("WRONGPASS"), "store.denied"),
        (driver.NoPermissionError("NOPERM"), "store.denied"),
        (driver.OutOfMemoryError("OOM"), "store.full"),
        (driver.ReadOnlyError("READONLY"), "store.read_only"),
        (driver.ResponseError("MISCONF Errors writing to the AOF file"), "store.read_only"),
        (driver.ResponseError("NOREPLICAS Not enough good replicas to write."), "store.replicas"),
        (driver.ResponseError("ERR something else"), "store.failed"),
        (driver.InvalidResponse("Protocol Error"), "store.failed"),
        (Unfit(REFUSED), "store.durability"),
    ],
)
def test_every_trouble_has_its_code(error: Exception, code: str) -> None:
    """Senders and operators act on the code; the text is in both languages."""
    told = unavailable(error)
    assert (told.code, told.status) == (code, 503)
    assert told.message.ja
    assert str(error) == "" or str(error) not in told.message.ja + told.message.en


async def test_a_line_that_ends_between_two_steps_is_lost(
    redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a transport that has just closed uvloop raises no OSError: what was asked is asked again on another line."""
    link = Link(Storage(data=tmp_path, url=redis_server.empty_database()), Realm.LIVE, connections=1)
    send, ended = AbstractConnection.send_packed_command, [True, True]

    async def sending(self: AbstractConnection, *args: object, **more: object) -> None:
        if ended and ended.pop():
            await self.disconnect(nowait=True)
            raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")
        await send(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(AbstractConnection, "send_packed_command", sending)
    try:
        assert await link.exchange(("PING",)) == [b"PONG"]
    finally:
        await link.close()
    assert ended == []


def test_all_keys_of_a_realm_share_a_hash_tag() -> None:
    """One script touches them all, also where keys are spread over servers."""
    names = Names(Realm.LIVE)
    assert (names.origin, names("log")) == ("lalert:{live}:origin", "lalert:{live}:log")


def test_a_script_begins_with_its_line_for_redis() -> None:
    """What it includes comes behind the line that tells Redis how to run it."""
    text = script("append").text
    assert text.startswith("#!lua\n")
    assert "local function answer(question)" in text
    assert "-- include" not in text
