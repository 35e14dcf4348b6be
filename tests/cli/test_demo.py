"""`lalert demo`: a whole event, played into a hub of its own."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import pytest

from tests.rig import hubs
from tests.rig.caller import Caller

LONG = [pytest.param(name, marks=pytest.mark.soak) for name in ("typhoon", "drill")]


@pytest.mark.parametrize("name", ["tsunami", *LONG])
async def test_plays_and_ends(tmp_path: Path, name: str) -> None:
    """It says what to open, plays to the end without one refusal, and leaves with 0 on Ctrl-C, keeping nothing."""
    process = await asyncio.create_subprocess_exec(
        *hubs.COMMAND, "demo", "--scenario", name, "--speed", "100000", "--port", "0",
        env=hubs.environment() | {"TMPDIR": str(tmp_path)}, cwd=hubs.ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    async with hubs.patience():
        while "All played" not in said:
            line = await process.stderr.readline()
            assert line, said
            said += line.decode()
        url = re.search(r"(http://127\.0\.0\.1:\d+(/drill)?)/", said)
        assert url is not None
        assert (url[2] == "/drill") is (name == "drill")
        async with Caller(url[1]) as caller:
            archive = await caller.get("/feeds/all.atom")
            assert archive.text.count("<entry") > 3
        process.send_signal(signal.SIGINT)
        _, rest = await process.communicate()
    assert process.returncode == 0, rest.decode()
    for status in (400, 401, 403, 409, 422, 429, 503):
        assert f": {status} " not in said
    assert not files_in(tmp_path)


def files_in(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return list(folder.iterdir())


async def test_unknown_scenario(tmp_path: Path) -> None:
    """A scenario that is not there is told with those that are."""
    code, _, err = await hubs.run("demo", "--scenario", "volcano-of-doom", "--port", "0")
    assert code in (1, 2)
    assert "volcano-of-doom" in err
    assert "Traceback" not in err
