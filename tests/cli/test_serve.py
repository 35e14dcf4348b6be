"""`lalert serve`: it starts or says why not, and it stops without losing anything."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.rig import hubs
from tests.rig.author import Author
from tests.rig.caller import Caller
from tests.rig.hubs import HubProcess


async def test_starts_and_stops(hub_process: HubProcess) -> None:
    """It says where it listens, as a log line and to a person, and ends with 0 when it is told to."""
    await hub_process.start()
    async with Caller(hub_process.url) as caller:
        assert (await caller.get("/healthz")).status == 200
    assert await hub_process.stop() == 0
    logged = [json.loads(line) for line in hub_process.log if line.startswith("{")]
    assert {"hub.started", "server.listening", "server.stopping"} <= {line["event"] for line in logged}
    assert any(hub_process.url in line for line in hub_process.log if not line.startswith("{"))


async def test_taken_port(hub_process: HubProcess, tmp_path: Path) -> None:
    """A port that somebody has is refused with what to do: 75, for it may be free later."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, out, err = await hubs.run("serve", "--port", port, "--data", str(tmp_path / "x"))
    assert (code, out) == (75, "")
    assert "server.port" in err
    assert "--port" in err
    assert "Traceback" not in err


async def test_second_hub_on_the_same_data(hub_process: HubProcess) -> None:
    """Two hubs never share one data folder: the second says so and leaves the first alone."""
    await hub_process.start()
    code, _, err = await hubs.run("serve", "--port", "0", "--data", str(hub_process.data))
    assert code == 75
    assert "store.locked" in err
    assert "Traceback" not in err
    async with Caller(hub_process.url, await hubs.issue_in(hub_process.data)) as caller:
        await caller.publish(Author().order())


@pytest.mark.parametrize(
    ("arguments", "env", "told"),
    [
        (["--port", "99999"], {}, "server.port"),
        ([], {"LALERT_SERVER_PROT": "1"}, "LALERT_SERVER_PORT"),
        (["--config", "{toml}"], {}, "stream.heartbeat_s"),
    ],
)
async def test_mistakes_in_the_settings(tmp_path: Path, arguments: list[str], env: dict[str, str], told: str) -> None:
    """A setting that is not understood refuses the start and names what was meant."""
    toml = tmp_path / "lalert.toml"
    toml.write_text("[stream]\nheartbeat = 3\n")
    given = [argument.replace("{toml}", str(toml)) for argument in arguments]
    code, _, err = await hubs.run("serve", "--data", str(tmp_path / "x"), *given, env=env)
    assert code == 1
    assert told in err
    assert "Traceback" not in err


async def test_settings_from_the_environment(tmp_path: Path) -> None:
    """`LALERT_DATA` and `LALERT_STREAM_TAIL_ENTRIES` are read; flags win over them."""
    env = {"LALERT_DATA": str(tmp_path / "wrong"), "LALERT_STREAM_TAIL_ENTRIES": "100"}
    hub = await HubProcess(tmp_path / "data", env=env).start()
    try:
        assert (tmp_path / "data" / "live.sqlite").exists()
        assert not (tmp_path / "wrong").exists()
    finally:
        assert await hub.stop() == 0


async def test_logs_hold_no_secret_and_no_address(hub_process: HubProcess) -> None:
    """Neither keys nor peers' addresses are ever logged, not even of a failing request."""
    await hub_process.start()
    key = await hubs.issue_in(hub_process.data)
    async with Caller(hub_process.url, key) as caller:
        await caller.publish(Author().order())
        await caller.post(b"rubbish")
        await caller.post(Author().order(), key=key[:-1] + "_")
    await hub_process.stop()
    log = "\n".join(hub_process.log)
    assert key.rpartition("_")[2] not in log
    assert '"127.0.0.1"' not in log
