"""Migrations that are killed as a power cut would: `python -m tests.crash.mover MOMENT FROM TO [MOMENT FROM TO ...]`.

A moment is a side and what it was about to do. Prints the signal that ended each.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from lalert.cli.store import store
from lalert.store import migration
from lalert.store.archive import Archive
from lalert.store.opening import open_archive


def _die(*_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError  # nobody comes here


def _move(moment: str, source: str, target: str) -> None:
    side, what = moment.split(":")

    async def mortal(*arguments: object, target: bool = False, **named: object) -> Archive:
        opened = await open_archive(*arguments, target=target, **named)  # type: ignore[arg-type]
        if target == (side == "target"):
            setattr(opened, what, _die)
        return opened

    migration.open_archive = mortal  # type: ignore[assignment]
    store(["migrate", "--from", source, "--to", target, "--realm", "live"])


if __name__ == "__main__":
    for n in range(1, len(sys.argv), 3):
        child = os.fork()
        if not child:
            _move(*sys.argv[n : n + 3])
        print(os.WTERMSIG(os.waitpid(child, 0)[1]))
