"""The guide to webhooks: its receiver runs as it is printed, and its figures are those of the program."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from pathlib import Path

from lalert.core.model import Role
from lalert.publishers.outgoing import Answer
from lalert.publishers.webhook import classify
from lalert.settings import Push
from tests.rig import hubs, peers
from tests.rig.author import Author, now
from tests.rig.caller import Caller

GUIDE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
PROGRAM = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)[0]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def test_receiver_runs_as_printed(servers: hubs.Start) -> None:
    """Registered before it runs, the receiver of the guide prints the alert and its end, once each, and the test."""
    server = await servers(push__allow_networks="127.0.0.0/8", push__retry_first_s=0.05, push__retry_longest_s=0.1)
    live_key, media_key = [await hubs.issue(server, role=role) for role in (Role.SENDER, Role.MEDIA)]
    port = _free_port()
    headers = {"Authorization": f"Bearer {media_key}", "Content-Type": "application/json"}
    async with Caller(server.url, live_key) as live:
        wish = b'{"url": "http://127.0.0.1:%d/"}' % port
        endpoint = (await live.ask("post", "/api/v1/endpoints", data=wish, headers=headers)).json
        order = Author().order()
        await live.publish(order)
        await live.publish(Author().lift(order))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            env=hubs.environment() | {"WEBHOOK_SECRET": endpoint["secret"], "PORT": str(port)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(peers.PATIENCE_S):
                lines = [(await process.stdout.readline()).decode() for _ in range(2)]
                await live.ask("post", f"/api/v1/endpoints/{endpoint['id']}/test", headers=headers)
                lines.append((await process.stdout.readline()).decode())
        finally:
            process.terminate()
            await process.wait()
    assert [line.split()[0] for line in lines] == ["alert", "update", "test"]
    assert "避難指示" in lines[0]


def test_receiver_is_short() -> None:
    """What a newsroom needs fits on a page."""
    assert len(PROGRAM.splitlines()) <= 34


def test_answers_are_told_as_they_are_taken() -> None:
    """The table of answers: each status that it names means what it says."""
    outcomes = {status: type(classify(Answer(status), now=now())).__name__ for status in (200, 410, 413, 422, 429, 500)}
    assert outcomes == {200: "Delivered", 410: "Gone", 413: "Refused", 422: "Refused", 429: "Later", 500: "Later"}
    for status in (410, 413, 422, 429):
        assert str(status) in GUIDE


def test_times_are_those_of_the_settings() -> None:
    """Ten seconds to answer, waits from two seconds to five minutes, kept for 72 hours: the defaults."""
    push = Push()
    assert (push.timeout_s, push.retry_first_s, push.retry_longest_s, push.patience_h) == (10.0, 2.0, 300.0, 72.0)
    for words in ("within ten seconds", "two seconds", "five minutes", "72 hours"):
        assert words in GUIDE
