"""Who this node is among those that share a log: a name that lasts, and an id that is new in every life.

The id lies in the data folder, under a lock that the kernel releases with the process: one folder belongs to one
running hub. Whoever gets the lock knows that the node whose id it finds there is dead, and need not wait for its leases
to end.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lalert.errors import Text, Unavailable

_FILE: Final = "node"
_ID_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Identity:
    """One life of a node; `predecessor` is the id of the life before in the same folder, "" when there was none.

    `where` is its machine and the port on which it listens.
    """

    name: str
    where: str
    id: str
    predecessor: str


@contextmanager
def taken(folder: Path, *, name: str | None, url: str) -> Iterator[Identity]:
    """Begin a life in `folder`, listening at `url`; without a `name` it is called after where it is.

    Raises `Unavailable` (store.locked) while another hub lives in the folder.
    """
    where = f"{socket.gethostname()[:200]}:{urlsplit(url).port}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = Text(f"別のハブが {folder} を使用中です。", f"Another hub is using {folder}.")
            raise Unavailable(message, code="store.locked") from None
        predecessor = file.read(512).strip()
        life = f"{name or where}#{secrets.token_hex(_ID_BYTES)}"
        identity = Identity(name=name or where, where=where, id=life, predecessor=predecessor)
        file.seek(0)
        file.write(f"{identity.id}\n")
        file.flush()  # before the rest is cut: on a full disk a block that is given up may be gone
        file.truncate()
        yield identity
