"""`lalert demo --nodes 2`: two hubs, one Redis, one of them killed, and the count of what arrived."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path

from tests.rig import hubs


async def test_one_of_two_nodes_is_killed_and_nothing_is_missed(tmp_path: Path) -> None:
    """It says what was posted, seen, missed and repeated, moves to the other node, and ends all that it started."""
    process = await asyncio.create_subprocess_exec(
        *hubs.COMMAND, "demo", "--nodes", "2", "--scenario", "tsunami", "--speed", "20000", "--port", "0",
        env=hubs.environment() | {"TMPDIR": str(tmp_path)}, cwd=hubs.ROOT,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    try:
        async with hubs.patience():
            while "All played" not in said:
                line = await process.stderr.readline()
                assert line, said
                said += line.decode()
            process.send_signal(signal.SIGINT)
            _, rest = await process.communicate()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()
    assert process.returncode == 0, said + rest.decode()
    counted = re.search(r"posted (\d+), seen (\d+), missed 0, repeated 0", said)
    assert counted is not None, said
    assert counted[1] == counted[2]
    assert int(counted[1]) > 3
    first, second = re.findall(r"reading from (\S+)", said)
    assert first != second
    assert f"{first} was killed" in said
    assert not (await asyncio.to_thread(os.listdir, tmp_path))
