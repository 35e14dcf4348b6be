"""`lalert endpoint` against a running hub: data on stdout, talk on stderr, exit codes for scripts."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lalert.core.model import Role
from lalert.web.server import Server
from tests.rig import hubs, peers
from tests.rig.author import Author
from tests.rig.caller import Caller
from tests.rig.peers import Peer

Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def server(servers: hubs.Start) -> Server:
    """A server that may post to this machine."""
    return await servers(push__allow_networks="127.0.0.0/8")


@pytest.fixture
async def endpoint(server: Server, tmp_path: Path) -> Command:
    """Runs `lalert endpoint` with a media key."""
    key_file = tmp_path / "media.key"
    key_file.write_text(await hubs.issue(server, role=Role.MEDIA) + "\n")

    async def run(command: str, *arguments: str) -> tuple[int, str, str]:
        hub = ("--url", server.url, "--key-file", str(key_file))
        return await hubs.run("endpoint", command, *hub, *arguments)

    return run


async def test_course_of_an_endpoint(endpoint: Command, live: Caller) -> None:
    """Add, test, list, look at the deliveries, replay, remove."""
    async with Peer() as peer:
        code, out, err = await endpoint("add", peer.url, "--area", "13", "--min-level", "3", "--system")
        assert (code, len(out.splitlines())) == (0, 1)
        added = json.loads(out)
        assert added["filter"] == {"area": ["13"], "min_level": 3, "include": ["system"]}
        assert added["secret"].startswith("whsec_")
        assert added["secret"] not in err
        name = added["id"]
        code, out, _ = await endpoint("test", name)
        assert (code, json.loads(out)["outcome"]) == (0, "delivered")
        receipt = await live.publish(Author().order())
        await peer.until(2)
        code, out, _ = await endpoint("deliveries", name, "--json")
        lines = [json.loads(line) for line in out.splitlines()]
        assert [line["identifier"] == receipt["identifier"] for line in lines] == [True, False]
        assert [line["outcome"] for line in lines] == ["delivered", "delivered"]
        code, out, _ = await endpoint("replay", name, "--since", added["cursor"])
        assert (code, json.loads(out)["since"]) == (0, added["cursor"])
        await peer.until(3)
        code, out, _ = await endpoint("list", "--json")
        assert [json.loads(line)["id"] for line in out.splitlines()] == [name]
        for command, shown in ((("list",), name), (("deliveries", name), "delivered")):
            code, out, _ = await endpoint(*command)
            assert (code, shown in out) == (0, True)
        assert (await endpoint("remove", name))[0] == 0
        assert (await endpoint("list", "--json"))[1] == ""


async def test_what_is_wrong_is_explained(endpoint: Command) -> None:
    """A refusal comes with its code, its place and what to do; the exit code is 1, stdout stays empty."""
    code, out, err = await endpoint("add", "https://169.254.169.254/", "--area", "999999")
    assert (code, out) == (1, "")
    for word in ("endpoint.invalid", "endpoint.address", "/url", "query.value", "/filter/area"):
        assert word in err
    code, out, err = await endpoint("remove", "ep_none")
    assert (code, out, "http.not_found" in err) == (1, "", True)


async def test_failed_test_is_a_failure(endpoint: Command) -> None:
    """`test` leaves with 1 when the message was not taken, and says why."""
    async with Peer(peers.status(500)) as peer:
        name = json.loads((await endpoint("add", peer.url))[1])["id"]
        code, out, _ = await endpoint("test", name)
        assert (code, json.loads(out)["reason"]) == (1, "http_500")


async def test_hub_that_is_not_there(tmp_path: Path) -> None:
    """No connection is worth another try: 75."""
    key_file = tmp_path / "media.key"
    key_file.write_text("lalert_live_none")
    async with Peer() as peer:
        pass
    code, out, err = await hubs.run("endpoint", "list", "--url", peer.url, "--key-file", str(key_file))
    assert (code, out, "cli.connection" in err) == (75, "", True)


async def test_answer_that_is_no_problem_document(tmp_path: Path) -> None:
    """A proxy's own words are not shown as if they were the hub's; its status is."""
    key_file = tmp_path / "media.key"
    key_file.write_text("lalert_live_none")
    body = b"<html>Bad Gateway</html>"
    raw = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with Peer(peers.saying(raw)) as peer:
        code, out, err = await hubs.run("endpoint", "list", "--url", peer.url, "--key-file", str(key_file))
    assert (code, out) == (1, "")
    assert "http.502" in err
    assert "html" not in err
