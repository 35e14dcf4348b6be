"""Senders and readers that go on over every kill, so that at the end one log can be held against what all were told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import aiohttp

from lalert.cap.model import Alert
from tests.rig.author import Author
from tests.rig.caller import Answer, Caller
from tests.rig.listener import PATIENCE_S
from tests.rig.peers import Peer

CODES = ("131016", "142018", "282103", "401005", "011002", "472018")
Where = Callable[[], str]
"""Returns the URL of a hub to ask now: with several nodes, what a load balancer would choose."""

_PAUSE_S = 0.02


class Sender:
    """Posts thread after thread: an order and its updates, each when the one before was answered.

    After `patience_s` without an answer it asks again, wherever it is led then.
    """

    def __init__(self, where: Where, key: str, code: str, *, patience_s: float = PATIENCE_S) -> None:
        self.receipts: list[dict[str, Any]] = []  # of every answer, in the order of posting
        self.posted: list[Alert] = []
        self.given_up: list[Alert] = []
        self.refused: list[int] = []  # Retry-After of every 503, in seconds
        self._where, self._key, self._code, self._patience_s = where, key, code, patience_s
        self._author = Author(f"bousai@{code}.example.jp")
        self._callers: dict[str, Caller] = {}

    async def run(self, ended: asyncio.Event) -> None:
        """Post until `ended`, and finish what was begun."""
        async with AsyncExitStack() as self._stack:
            while not ended.is_set():
                alert = self._author.order(self._code)
                await self._post(alert)
                for level in (3, 4, 5):
                    alert = self._author.update(alert, self._code, level=level)
                    await self._post(alert)
                await self._post(self._author.lift(alert))

    async def _post(self, alert: Alert) -> None:
        """Post until there is an answer: a hub that was killed may have kept it, so 200 is as good as 201."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                caller = await self._caller()
                async with asyncio.timeout(self._patience_s):
                    answer = await caller.post(alert)
                if answer.status in (200, 201):
                    self.posted.append(alert)
                    self.receipts.append(answer.json)
                    return
                if self._is_hopeless(answer):
                    self.given_up.append(alert)
                    return
                if answer.status == 429:  # on a quick machine it posts more than one key may
                    await asyncio.sleep(_PAUSE_S)
                    continue
                assert answer.status == 503, answer.text  # going down, coming up, or without its store
                self.refused.append(int(answer.headers["Retry-After"]))
            await asyncio.sleep(_PAUSE_S)

    def _is_hopeless(self, answer: Answer) -> bool:
        """Whether posting this again cannot help: what this sender says is never wrong."""
        return False

    async def _caller(self) -> Caller:
        url = self._where()
        if url not in self._callers:
            self._callers[url] = await self._stack.enter_async_context(Caller(url, self._key))
        return self._callers[url]


class Reader:
    """Reads the stream over every cut and keeps the positions in the order in which it saw them.

    After `silence_s` without a byte, not even a ping, it leaves for wherever it is led then.
    """

    def __init__(self, where: Where, since: str, *, silence_s: float | None = None) -> None:
        self.seen: list[str] = []
        self.lines = 0  # connections that it needed
        self._where, self._last, self._silence_s = where, since, silence_s
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Read for ever."""
        async with aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                    await self._read(session)
                await asyncio.sleep(_PAUSE_S)

    async def until(self, cursor: str) -> None:
        """Wait until this position was seen."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: cursor in self.seen)

    async def _read(self, session: aiohttp.ClientSession) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_read=self._silence_s)
        headers = {"Last-Event-ID": self._last}
        async with session.get(f"{self._where()}/stream", headers=headers, timeout=timeout) as response:
            self.lines += 1
            event = cursor = ""
            async for raw in response.content:
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                if name == "event":
                    assert value not in ("gap",), "nothing may be lost to a reader that resumes"
                    event = value
                elif name == "id":
                    cursor = value
                elif name == "data" and event in ("alert", "update", "cancel", "expire") and raw.endswith(b"\n"):
                    self._last = cursor
                    self.seen.append(cursor)
                    async with self._news:
                        self._news.notify_all()


async def whole_log(url: str, start: str) -> list[dict[str, Any]]:
    """Return everything after `start`."""
    entries: list[dict[str, Any]] = []
    async with Caller(url) as caller:
        while True:
            page = (await caller.get(f"/api/v1/changes?since={start}")).json
            entries += page["entries"]
            start = page["cursor"]
            if not page["more"]:
                return entries


def holds_what_was_told(log: list[dict[str, Any]], senders: list[Sender], seed: int) -> None:
    """Every answered alert is there once, in its place, its thread and its order, and the log has no hole."""
    first = log[0]["seq"]
    assert [entry["seq"] for entry in log] == list(range(first, first + len(log))), f"a hole (seed {seed})"
    by_identifier = defaultdict(list)
    for entry in log:
        by_identifier[entry["alert"]["identifier"]].append(entry)
    for sender in senders:
        assert sender.receipts, "it never got through: nothing was tested"
        for receipt in sender.receipts:
            [entry] = by_identifier[receipt["identifier"]]
            assert (entry["cursor"], entry["thread"]) == (receipt["cursor"], receipt["thread"]), f"seed {seed}"
        positions = [by_identifier[alert.identifier][0]["seq"] for alert in sender.posted]
        assert all(a < b for a, b in pairwise(positions)), f"not in the order of posting (seed {seed})"


async def register(url: str, key: str, peer: Peer, name: str) -> Any:
    """Register a path of a peer at a hub; return what the hub says of the endpoint."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"url": f"{peer.url}/{name}"}).encode()
    async with Caller(url, key) as caller:
        answer = await caller.ask("post", "/api/v1/endpoints", data=body, headers=headers)
    assert answer.status == 201, answer.text
    return answer.json


async def everything(peer: Peer, names: Collection[str], wanted: set[str]) -> None:
    """Wait until every one of these paths of a peer was posted everything that is `wanted` (webhook ids).

    It may take its time as long as something comes.
    """
    missing = {f"/{name}": set(wanted) for name in names}
    seen = 0
    while any(missing.values()):
        for request in peer.requests[seen:]:
            missing[request.path].discard(request.headers["webhook-id"])
        seen = len(peer.requests)
        if any(missing.values()):
            try:
                await peer.until(seen + 1)
            except TimeoutError:
                raise AssertionError({path: sorted(ids)[:5] for path, ids in missing.items() if ids}) from None
