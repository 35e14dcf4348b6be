"""The way to one Redis: connections that were checked, patience that ends, and no driver's exception on this side.

Each new connection is asked what the server is (`durability`), because it may be another one than before: a restart, a
failover, a changed configuration; those that last are asked again with every beat of the node. What was asked is asked
again while patience lasts, where that is harmless; a connection that could not be had is always tried again.

Commands go out and replies come in as bytes: one `exchange` is one round trip on one connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, cast
from urllib.parse import parse_qsl, urlsplit

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from lalert.core.model import Realm
from lalert.errors import Rejected, Text, Unavailable
from lalert.settings import Storage
from lalert.store.redis.durability import ASKED, SECTIONS, parse_info, refusal
from lalert.store.redis.names import Names
from lalert.store.redis.scripts import script

Value = bytes | str | int | float
Command = tuple[Value, ...]
Reply = object

_CONFIG: Final[Command] = ("CONFIG", "GET", *ASKED)
_OPTIONS: Final = frozenset({"db", "username", "password"})
_PAUSE_S: Final = 0.05  # before a question is put again
_AGAIN: Final = (RedisConnectionError, RedisTimeoutError, OSError)  # the last one includes TimeoutError
_HOPELESS: Final = (AuthenticationError, AuthorizationError)
_FAILURES: Final[tuple[tuple[type[Exception], str, Text], ...]] = (
    (OutOfMemoryError, "store.full", Text("保存先のメモリに空きがありません。", "Redis has no memory left.")),
    (ReadOnlyError, "store.read_only", Text("保存先に書き込めません。", "Redis cannot be written to.")),
    (BusyLoadingError, "store.loading", Text("保存先がデータを読み込み中です。", "Redis is loading its data.")),
    (AuthenticationError, "store.denied", Text("保存先がハブを受け付けません。", "Redis refuses the hub.")),
    (AuthorizationError, "store.denied", Text("保存先がハブを受け付けません。", "Redis refuses the hub.")),
    (NoPermissionError, "store.denied", Text("保存先の権限が足りません。", "The hub's user of Redis lacks rights.")),
    (RedisTimeoutError, "store.timeout", Text("保存先が応答しません。", "Redis does not answer.")),
    (TimeoutError, "store.timeout", Text("保存先が応答しません。", "Redis does not answer.")),
    (RedisConnectionError, "store.unreachable", Text("保存先に接続できません。", "Redis cannot be reached.")),
    (OSError, "store.unreachable", Text("保存先に接続できません。", "Redis cannot be reached.")),
)
_FAILED: Final = ("store.failed", Text("保存処理に失敗しました。", "The store failed."))


class Unfit(RedisError):
    """The server that answered must not be used."""

    def __init__(self, refused: Rejected) -> None:
        super().__init__(str(refused))
        self.refused = refused


class Link:
    """A few connections to the Redis of one realm. Made for one event loop."""

    def __init__(self, settings: Storage, realm: Realm, *, connections: int) -> None:
        assert settings.url is not None
        self.names = Names(realm)
        self.patience_s = settings.timeout_s
        self._settings = settings
        self._is_closed = False
        self._trouble: Exception | None = None  # what the last attempt met
        self._pool = BlockingConnectionPool.from_url(
            _checked(settings.url),
            max_connections=connections,
            timeout=None,  # the patience of `exchange` ends the waiting
            socket_timeout=None,
            socket_connect_timeout=None,
            protocol=2,
            client_name=f"lalert-{realm}",
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=self._greet,
        )

    async def exchange(self, *commands: Command, again: bool = True, attempt_s: float | None = None) -> list[Reply]:
        """Send `commands` together and return their replies.

        `again` says that they may be sent once more when the connection was lost and nobody knows what became of
        them. Raises `Unavailable`, at the latest when the patience is over.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + self.patience_s
        trouble: Exception | None = None
        while True:
            if self._is_closed:
                raise Unavailable(Text("保存先は閉じています。", "The store is closed."), code="store.closed")
            attempt = _Attempt()
            try:
                async with asyncio.timeout_at(min(until, clock() + (attempt_s or self.patience_s / 2))):
                    replies = await attempt.run(self._pool, commands)
                    self._trouble = None
                    return replies
            except _AGAIN as error:
                # That the last attempt was cut short tells less than what an earlier one met.
                trouble = error if trouble is None or not isinstance(error, TimeoutError) else trouble
                self._trouble = trouble
                lost = attempt.was_sent and not again
                if lost or isinstance(error, _HOPELESS) or clock() + _PAUSE_S >= until:
                    raise unavailable(trouble) from trouble
            except (RedisError, ValueError) as error:
                raise unavailable(error) from error
            await asyncio.sleep(_PAUSE_S)

    async def run(self, name: str, *values: Value, again: bool = True) -> Reply:
        """Run the script `name` with `values` as ARGV; where Redis does not know it, teach it."""
        known = script(name)
        call: Command = ("EVALSHA", known.sha, 1, self.names.origin, *values)
        try:
            [reply] = await self.exchange(call, again=again)
        except Unavailable as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
            [_, reply] = await self.exchange(("SCRIPT", "LOAD", known.text), call, again=again)
        return reply

    async def look_up(self, *commands: Command) -> list[Reply]:
        """Return the replies to questions that an emptied Redis would answer too. Raises `Unavailable` for that one."""
        *replies, epoch = await self.exchange(*commands, ("HGET", self.names.origin, "epoch"))
        if epoch is None:
            raise emptied()
        return replies

    async def counter(self, name: str) -> int:
        """Return a counter of the origin, 0 where nothing was counted yet."""
        [counted] = await self.look_up(("HGET", self.names.origin, name))
        return int(cast(bytes | None, counted) or 0)

    def timed_out(self) -> Unavailable:
        """Return what to say to somebody whose patience ended: what is wrong, if that is known."""
        return unavailable(self._trouble or TimeoutError())

    async def look_again(self) -> None:
        """Ask the server once more what it is: it may be configured anew while our connections last.

        Raises `Unavailable` when it must not be used any more. Then all connections are ended, and each new one is
        refused until the server is right again. Replicas that are missing are the business of each append.
        """
        [said] = await self.exchange(("INFO", *SECTIONS))
        info = parse_info(bytes(cast(bytes, said)).decode("utf-8", "replace"))
        refused = refusal(info, await self._config(), wanted=self._settings.durability, replicas=0)
        if refused is not None:
            await self._pool.disconnect()
            raise unavailable(Unfit(refused))

    async def _config(self) -> dict[str, str] | None:
        try:
            [said] = await self.exchange(_CONFIG)
        except Unavailable as error:
            if isinstance(error.__cause__, ResponseError):
                return None
            raise
        return _settings_in(cast(list[bytes], said))

    async def close(self) -> None:
        """Give the connections back."""
        self._is_closed = True
        await self._pool.disconnect()

    async def _greet(self, connection: AbstractConnection) -> None:
        """Log in, and look at who answered. Raises `Unfit`."""
        await connection.on_connect()
        await connection.send_command("INFO", *SECTIONS)
        info = parse_info(bytes(await connection.read_response()).decode("utf-8", "replace"))
        if info.get("loading") == "1":
            raise BusyLoadingError("loading")
        refused = refusal(
            info, await _config(connection), wanted=self._settings.durability, replicas=self._settings.replicas
        )
        if refused is not None:
            raise Unfit(refused)


def _checked(url: str) -> str:
    """Return `url` if it names a server and nothing that is ours to decide. Raises `Rejected`, without repeating it.

    The driver takes what stands behind the question mark for its own settings: with some of them nothing would be
    checked, or nobody's patience would end.
    """
    try:
        parts = urlsplit(url)
        names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        is_right = parts.port != 0 and all(name in _OPTIONS or name.startswith("ssl_") for name in names)
    except ValueError:
        is_right = False
    if not is_right:
        message = Text(
            ja="store.url のポートか、「?」より後の指定が使えません(使えるのは db・username・password・ssl_*)。",
            en="The port of store.url, or what follows its '?', cannot be used (db, username, password and ssl_* can).",
        )
        raise Rejected(message, code="settings.value")
    return url


class _Attempt:
    """One try; it remembers whether anything can have reached the server."""

    def __init__(self) -> None:
        self.was_sent = False

    async def run(self, pool: BlockingConnectionPool, commands: Sequence[Command]) -> list[Reply]:
        """Return the replies. Raises what the driver raises."""
        try:
            return await self._run(pool, commands)
        except RuntimeError as error:  # so uvloop says that a line ended between two steps of the driver
            raise RedisConnectionError(str(error)) from error

    async def _run(self, pool: BlockingConnectionPool, commands: Sequence[Command]) -> list[Reply]:
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            self.was_sent = True
            await connection.send_packed_command(connection.pack_commands(commands))
            return await _replies(connection, len(commands))
        except ResponseError as error:
            if _is_demoted(error):
                await connection.disconnect()
                await pool.disconnect(inuse_connections=False)
            raise
        finally:
            await pool.release(connection)


async def _replies(connection: AbstractConnection, count: int) -> list[Reply]:
    """Read all replies, also behind one that is an error: the connection is used again. Raises the first error."""
    replies: list[Reply] = []
    errors: list[ResponseError] = []
    for _ in range(count):
        try:
            replies.append(await connection.read_response())
        except ResponseError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return replies


def _is_demoted(error: ResponseError) -> bool:
    """Whether the server has become a replica: behind the same address there may be another master by now.

    Reading would go on working on the old connections, and show a log that stands still.
    """
    return isinstance(error, ReadOnlyError) or str(error).startswith("UNBLOCKED")


async def _config(connection: AbstractConnection) -> dict[str, str] | None:
    """Return what the server says of `ASKED`; None where it may not be asked."""
    await connection.send_command(*_CONFIG)
    try:
        return _settings_in(await connection.read_response())
    except ResponseError:
        return None


def _settings_in(reply: Sequence[bytes]) -> dict[str, str]:
    flat = [bytes(part).decode() for part in reply]
    return dict(zip(flat[::2], flat[1::2], strict=True))


def emptied() -> Unavailable:
    """Return what to say where nothing is left: a backup may be on its way, and memory still has what was seen."""
    message = Text("保存先が空です。バックアップから戻してください。", "Redis was emptied: restore the backup.")
    return Unavailable(message, code="store.emptied")


def unavailable(error: Exception) -> Unavailable:
    """Return what `error` of the driver means to whoever asked."""
    if isinstance(error, Unfit):
        return Unavailable(error.refused.message, code=error.refused.code)
    if isinstance(error, ResponseError) and str(error).startswith("MISCONF"):
        return Unavailable(Text("保存先に書き込めません。", "Redis cannot write to its disk."), code="store.read_only")
    if isinstance(error, ResponseError) and str(error).startswith("EMPTIED"):
        return emptied()
    if isinstance(error, ResponseError) and str(error).startswith("DB index"):
        message = Text("store.url の番号のデータベースがありません。", "No database has the number in store.url.")
        return Unavailable(message, code="store.failed")
    if isinstance(error, ResponseError) and str(error).startswith("NOREPLICAS"):
        return Unavailable(Text("複製が足りません。", "Redis has too few replicas."), code="store.replicas")
    code, message = next((failure[1:] for failure in _FAILURES if isinstance(error, failure[0])), _FAILED)
    return Unavailable(message, code=code)
