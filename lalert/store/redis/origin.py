"""The beginning of a store in Redis: which log this is, whether it may be used, and the seal of what lies in it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, cast

import structlog

from lalert.core.model import Cursor, Realm
from lalert.errors import Rejected, Text, Unavailable
from lalert.store import seal
from lalert.store.archive import UNFINISHED, unfinished
from lalert.store.files import make_folder
from lalert.store.instants import micros
from lalert.store.redis.link import Link, Unfit
from lalert.store.redis.sight import Mark

log = structlog.get_logger("lalert.store.redis")

# The lowest number that a program must know to use what this one keeps in Redis; see lua/prelude.lua.
COMPAT: Final = 1

SEAL: Final = "seal"  # the field with the sealed word, and the place that it is sealed for
_CHECKED: Final = b"lalert"


async def find(link: Link, left: Mark | None, *, now: datetime, new_epoch: Callable[[], str]) -> Mark:
    """Return which log there is and where it ends; it is made where there is none.

    `left` is what this machine last saw. Raises `Rejected` for a server or for data that must not be used, and
    `Unavailable` where that is gone: a hub with nothing in force must not take its place by itself.
    """
    realm = link.names.realm
    seen = (left.log, left.cursor.epoch, left.cursor.seq) if left else ("", "", 0)
    try:
        reply = await link.run("open", realm.value, new_epoch(), secrets.token_hex(8), COMPAT, micros(now), *seen)
    except Unavailable as error:
        if isinstance(error.__cause__, Unfit):
            raise error.__cause__.refused from None
        raise
    if not reply:
        raise gone()
    kept, epoch, name, compat, head = [part.decode() for part in cast(list[bytes], reply)]
    check(realm, kept, int(compat))
    return Mark(name, Cursor(epoch, int(head)))


def gone() -> Unavailable:
    """Return what to say where this machine saw a log that is not in Redis any more."""
    message = Text(
        "このハブが使っていた記録が保存先にありません。バックアップから戻すか、store.url を確かめてください。"
        "空の状態から始める場合に限り、データフォルダの live.left と drill.left を消してください。",
        "The log that this hub was using is not in Redis. Restore the backup, or look at store.url. Only to begin with "
        "nothing, remove live.left and drill.left from the data folder.",
    )
    return Unavailable(message, code="store.emptied")


def check(realm: Realm, kept: str, compat: int) -> None:
    """Raise `Rejected` for data of the realm `kept` that a program like this one must not use."""
    if compat == UNFINISHED:
        raise unfinished()
    if compat > COMPAT:
        raise Rejected(
            Text("保存データはより新しい版の lalert のものです。", "The data belong to a newer version of lalert."),
            code="store.too_new",
        )
    if kept != realm:
        raise Rejected(
            Text(f"これは {kept} 系の保存データです。", f"These are the data of the {kept} realm."), code="store.realm"
        )


async def sealing(link: Link, path: Path) -> seal.Seal:
    """Return the seal whose key lies beside `path`: the same on every node, or one that opens nothing.

    The first node leaves a sealed word in Redis. A node whose key does not open it would seal what nobody else can
    open: it does without a key, as if that was lost, and says so. No node makes a key when there is that word already.
    """
    await asyncio.to_thread(make_folder, path.parent)
    word = await _word(link)
    own = await asyncio.to_thread(seal.beside, path, is_needed=word is not None)
    try:
        if word is None:
            await link.exchange(("HSETNX", link.names.origin, SEAL, sealed_word(own)))
            word = await _word(link)
        assert word is not None
        own.open(word, about=SEAL)
    except Unavailable as error:
        log.error("store.seal", realm=link.names.realm.value, file=str(path.with_suffix(".seal")), code=error.code)  # noqa: TRY400
        return seal.Seal(None)
    return own


def sealed_word(sealing: seal.Seal) -> bytes:
    """Return the word by which nodes know whether their key is that of `sealing`. Raises `Unavailable` without one."""
    return sealing.seal(_CHECKED, about=SEAL)


async def _word(link: Link) -> bytes | None:
    [word] = await link.exchange(("HGET", link.names.origin, SEAL))
    return cast(bytes | None, word)
