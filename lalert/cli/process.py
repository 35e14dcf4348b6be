"""A program that runs beside this one: started, awaited, and ended by its own process id."""

from __future__ import annotations

import asyncio
import re
import signal
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from lalert.errors import Text, Unavailable

_START_S: Final = 60.0
_END_S: Final = 20.0
_LAST_WORDS: Final = 12  # lines
_LINE_BYTES: Final = 1 << 20


class Process:
    """One running program. Made by `running`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: deque[str] = deque(maxlen=_LAST_WORDS)
        self._listening: asyncio.Task[None] | None = None

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end; after a while, no more asking."""
        try:
            async with asyncio.timeout(_END_S):
                await self._end(signal.SIGTERM)
        except TimeoutError:
            await self.kill()

    async def _end(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            self._process.send_signal(number)
        await self._process.wait()
        if self._listening is not None:
            await self._listening

    async def _heard(self, sign: re.Pattern[str]) -> re.Match[str]:
        """Return where `sign` is in what the program says."""
        async for line in self._lines():
            if found := sign.search(line):
                self._listening = asyncio.create_task(self._listen())
                return found
        raise _failed(self._said)

    async def _listen(self) -> None:
        """Read on: a full pipe would stop the program."""
        async for _ in self._lines():
            pass

    async def _lines(self) -> AsyncIterator[str]:
        assert self._process.stdout is not None
        async for raw in self._process.stdout:
            self._said.append(raw.decode(errors="replace").rstrip())
            yield self._said[-1]


@asynccontextmanager
async def running(
    *command: str, sign: re.Pattern[str], env: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Process, re.Match[str]]]:
    """Run `command` as long as the context lasts; yield it, and the first line on which `sign` says that it is ready.

    Ctrl-C in the terminal is not for it: whoever started it ends it. Raises `Unavailable` (cli.process) with its last
    words when it does not come up.
    """
    started = await asyncio.create_subprocess_exec(
        *command,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        limit=_LINE_BYTES,
    )
    process = Process(started)
    try:
        async with asyncio.timeout(_START_S):
            found = await process._heard(sign)
        yield process, found
    except TimeoutError:
        raise _failed(process._said) from None
    finally:
        await process.stop()


def _failed(said: Sequence[str]) -> Unavailable:
    words = "\n".join(said)
    return Unavailable(
        Text(f"起動できませんでした。\n{words}", f"It did not start.\n{words}"),
        code="cli.process",
    )
