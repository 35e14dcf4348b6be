"""`lalert send`: receipts on stdout, mistakes on stderr, exit codes that scripts can use."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from aiohttp import web

from lalert.web.server import Server
from tests.rig import hubs
from tests.rig.author import CHIYODA, NAHA, Author
from tests.rig.caller import Caller
from tests.rig.envelopes import envelope

BAD = hubs.ROOT / "sample_feeds" / "bad" / "sent-zulu.xml"


@pytest.fixture
def key_file(live: Caller, tmp_path: Path) -> Path:
    """The sender's key in a file."""
    file = tmp_path / "key"
    file.write_text(f"{live.key}\n")
    return file


def written(folder: Path, name: str, raw: bytes) -> str:
    """Return the path of a file with a message."""
    file = folder / name
    file.write_bytes(raw)
    return str(file)


async def test_receipts_as_json_lines(server: Server, key_file: Path, tmp_path: Path) -> None:
    """Each message's receipt is a line; sending again gives the same lines."""
    orders = [Author().order() for _ in range(2)]
    files = [written(tmp_path, f"{n}.xml", order.raw) for n, order in enumerate(orders)]
    first = await hubs.run("send", *files, "--url", server.url, "--key-file", str(key_file))
    again = await hubs.run("send", *files, "--url", server.url + "/", "--key-file", str(key_file))
    assert first[0] == again[0] == 0
    assert first[1] == again[1]
    assert [json.loads(line)["identifier"] for line in first[1].splitlines()] == [o.identifier for o in orders]


async def test_refused_is_1_with_everything_that_is_wrong(server: Server, key_file: Path, tmp_path: Path) -> None:
    """A refusal shows each finding and what to do; the messages after it are still sent."""
    good = written(tmp_path, "good.xml", Author().order().raw)
    code, out, err = await hubs.run("send", str(BAD), good, "--url", server.url, "--key-file", str(key_file))
    assert code == 1
    assert len(out.splitlines()) == 1
    assert "422" in err
    assert "→" in err


async def test_what_an_update_lifts_is_said_to_its_sender(server: Server, key_file: Path, tmp_path: Path) -> None:
    """Whoever leaves a place out of an Update is told at once that it lifts there, in words."""
    author = Author()
    first = author.order(CHIYODA, NAHA)
    files = [written(tmp_path, f"{n}.xml", each.raw) for n, each in enumerate((first, author.update(first, CHIYODA)))]
    code, out, err = await hubs.run("send", *files, "--url", server.url, "--key-file", str(key_file))
    assert code == 0
    told = [json.loads(line)["leftOut"] for line in out.splitlines()]
    assert told[0] is None
    assert "那覇市" in told[1]["text"]["en"]
    assert f"{files[1]}: {told[1]['text']['en']}\n" in err


async def test_a_warning_is_told_to_its_sender(server: Server, key_file: Path, tmp_path: Path) -> None:
    """What was kept with a warning is said on stderr: nobody reads a receipt to its end at night."""
    author = Author()
    file = written(tmp_path, "x.xml", author.lift(author.order()).raw)
    code, out, err = await hubs.run("send", file, "--url", server.url, "--key-file", str(key_file))
    assert (code, json.loads(out)["supersedes"]) == (0, [])
    assert "accepted; please check" in err
    assert "nothing of it ends" in err


async def test_dry_run_publishes_nothing(server: Server, live: Caller, key_file: Path, tmp_path: Path) -> None:
    """`--dry-run` checks only."""
    file = written(tmp_path, "x.xml", Author().order().raw)
    code, out, _ = await hubs.run("send", file, "--dry-run", "--url", server.url, "--key-file", str(key_file))
    assert code == 0
    assert json.loads(out)["dryRun"] is True
    assert (await live.get("/api/v1/alerts/active")).json["alerts"] == []


async def test_no_hub_is_75(key_file: Path, tmp_path: Path) -> None:
    """Nobody there: 75, so that whoever called tries again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    file = written(tmp_path, "x.xml", Author().order().raw)
    code, out, err = await hubs.run("send", file, "--url", url, "--key-file", str(key_file))
    assert (code, out) == (75, "")
    assert "Traceback" not in err


async def test_busy_hub_is_asked_again(key_file: Path, tmp_path: Path) -> None:
    """503 with Retry-After is waited out; a hub that stays busy is 75."""
    posts: list[int] = []

    async def busy(_: web.Request) -> web.Response:
        posts.append(1)
        if len(posts) < 3:
            return web.json_response({"detail": "busy"}, status=503, headers={"Retry-After": "0"})
        return web.json_response({"identifier": "x"}, status=201)

    async with hubs.misbehaving([web.post("/api/v1/alerts", busy)]) as url:
        file = written(tmp_path, "x.xml", Author().order().raw)
        code, out, _ = await hubs.run("send", file, "--url", url, "--key-file", str(key_file))
        assert (code, json.loads(out)) == (0, {"identifier": "x"})
        assert len(posts) == 3


async def test_envelope_that_was_kept_in_part(server: Server, key_file: Path, tmp_path: Path) -> None:
    """What was kept is on stdout with its receipt; what was not is explained, and the exit is no success."""
    good = Author().order()
    bad = Author().order().raw.replace(b"<urgency>Immediate", b"<urgency>Now")
    file = written(tmp_path, "envelope.xml", envelope(good, bad))
    code, out, err = await hubs.run("send", file, "--url", server.url, "--key-file", str(key_file))
    assert code == 1
    assert [json.loads(line)["identifier"] for line in out.splitlines()] == [good.identifier]
    assert "1 were kept" in err
    assert "/alert/info/urgency" in err or "/alert/info[1]/urgency" in err
