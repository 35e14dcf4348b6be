"""`lalert demo`: a hub, an event, and a newsroom that takes signed webhooks."""

from __future__ import annotations

import asyncio
import signal

from tests.rig import hubs


async def test_demo_shows_what_a_newsroom_gets() -> None:
    """The receiving program prints the entries that came signed, and Ctrl-C ends all of it."""
    process = await asyncio.create_subprocess_exec(
        *hubs.COMMAND,
        *("demo", "--scenario", "tsunami", "--speed", "5000", "--port", "0"),
        env=hubs.environment(),
        cwd=hubs.ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(hubs.PATIENCE_S):
            lines = [(await process.stdout.readline()).decode() for _ in range(5)]
            process.send_signal(signal.SIGINT)
            await process.stdout.read()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert all(line.startswith("  webhook ✓ signed") for line in lines)
    assert any("tsunami" in line.lower() for line in lines)
