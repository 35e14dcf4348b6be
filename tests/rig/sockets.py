"""Readers of the WebSocket: one as a program would be, one that writes whatever bytes it likes."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from types import TracebackType
from urllib.parse import urlsplit

import aiohttp
from jsonschema import Draft202012Validator

from tests.rig import interface
from tests.rig.listener import PATIENCE_S, Heard, Listener

MASK = b"\x01\x02\x03\x04"
KEY = b64encode(b"0123456789abcdef").decode()
HANDSHAKE = {
    "Host": "x",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}


@cache
def _schema() -> Draft202012Validator:
    return interface.validator_of({"$ref": "#/components/schemas/Message"})


class SocketListener(Listener):
    """Reads `url`/ws as `Listener` reads the event stream, and records the same."""

    path = "/ws"

    async def __aenter__(self) -> SocketListener:
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(self._url, headers=self._sent, max_msg_size=16 << 20)
        self._reading = asyncio.create_task(self._read())
        return self

    async def _hang_up(self) -> None:
        await self._socket.close()

    @property
    def close_code(self) -> int | None:
        """With what the server closed."""
        return self._socket.close_code

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                said = json.loads(message.data)
                _schema().validate(said)
                self.heard.append(Heard(said["event"], said["id"], json.dumps(said["data"])))
                async with self._news:
                    self._news.notify_all()
        finally:
            self.is_cut = True
            async with self._news:
                self._news.notify_all()


def framed(first: int, payload: bytes = b"", *, mask: bytes = MASK, size: int | None = None) -> bytes:
    """Return a client's frame: its first byte, and `payload` masked; `size` is the length that it claims to have."""
    length = len(payload) if size is None else size
    flag = 0x80 if mask else 0
    if length < 126:
        head = bytes([first, flag | length])
    elif length < 1 << 16:
        head = bytes([first, flag | 126]) + length.to_bytes(2)
    else:
        head = bytes([first, flag | 127]) + length.to_bytes(8)
    masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload)) if mask else payload
    return head + mask + masked


class RawSocket:
    """A connection to `url`/ws that reads nothing until it is told to, and says any bytes. `async with` connects."""

    def __init__(self, url: str, query: str = "", *, head: Mapping[str, str] = HANDSHAKE, version: str = "1.1") -> None:
        self._address = urlsplit(url)
        lines = [f"GET {self._address.path}/ws?{query} HTTP/{version}", *(f"{k}: {v}" for k, v in head.items())]
        self._asked = "\r\n".join([*lines, "", ""]).encode()
        self.status = 0
        self.answer = b""

    async def __aenter__(self) -> RawSocket:
        self._reader, self._writer = await asyncio.open_connection(
            self._address.hostname, self._address.port, limit=1 << 16
        )
        self._writer.write(self._asked)
        async with asyncio.timeout(PATIENCE_S):
            self.answer = await self._reader.readuntil(b"\r\n\r\n")
        self.status = int(self.answer.split()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.transport.abort()

    def say(self, frames: bytes) -> None:
        """Send some bytes; they wait here when the server does not take them."""
        self._writer.write(frames)

    @property
    def unsent(self) -> int:
        """How many bytes the server has not taken."""
        return self._writer.transport.get_write_buffer_size()

    async def frame(self) -> tuple[int, bytes] | None:
        """Return the next frame's opcode and payload, None at the end of the line."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                first, flag = await self._reader.readexactly(2)
                more = {126: 2, 127: 8}.get(flag)
                size = int.from_bytes(await self._reader.readexactly(more)) if more else flag
                return first & 0x0F, await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def messages(self, last: str | None = None) -> list[Heard]:
        """Return what comes, up to the entry at `last` or the end of the line."""
        heard: list[Heard] = []
        while not heard or heard[-1].id != last:
            frame = await self.frame()
            if frame is None:
                break
            if frame[0] == 1:
                said = json.loads(frame[1])
                heard.append(Heard(said["event"], said["id"], json.dumps(said["data"])))
        return heard

    async def closing(self) -> int | None:
        """Return the code of the next close frame, None when the line ends without one."""
        while (frame := await self.frame()) is not None:
            if frame[0] == 8:
                return int.from_bytes(frame[1][:2])
        return None
