"""`lalert sources check`: what a source would bring, before a hub is told to publish it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lalert.cli import main
from tests.rig import hubs, registers
from tests.rig.author import CHIYODA, YOKOSUKA, Author
from tests.rig.upstream import Upstream, atom, entry, inline

author = Author()
HOME = ("--allow", "127.0.0.0/8")


async def check(*arguments: str) -> Result:
    """Run the command in this process, in a thread: it has a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, main, ["sources", "check", *arguments])


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A server that plays feeds."""
    async with Upstream() as opened:
        yield opened


async def test_register_is_checked_source_by_source(upstream: Upstream, tmp_path: Path) -> None:
    """Accepted, history, refused and unreadable are told apart; a source that cannot be had is named; exit 75."""
    good, outside = author.order(CHIYODA), author.order(YOKOSUKA)
    cancelled = author.order(CHIYODA)
    url = upstream.put_feed("/feed", good, outside, cancelled, author.cancel(cancelled))
    file = registers.write(
        tmp_path / "sources.toml",
        registers.table(name="good", url=url, areas=["13"]),
        registers.table(name="gone", url=f"{upstream.url}/gone?key=hidden"),
    )
    code, out, err = await hubs.run("sources", "check", str(file), "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert {line["identifier"]: line["outcome"] for line in lines if "identifier" in line} == {
        good.identifier: "accepted",
        outside.identifier: "jurisdiction.outside",
        cancelled.identifier: "superseded",
        next(line["identifier"] for line in lines if line.get("outcome") == "effectless"): "effectless",
    }
    assert lines[-1] == {"source": "gone", "fault": "http_404"}
    assert code == 75
    assert "gone" in err
    assert "hidden" not in err


async def test_address_is_checked_by_itself(upstream: Upstream) -> None:
    """A URL needs no register; a table says what would be accepted, exit 3 says that something is refused."""
    good = author.order(CHIYODA)
    bad = author.order(CHIYODA).raw.replace(b"131016", b"999995")
    upstream.put(
        "/feed", atom(inline(good), f"<entry><content>{bad.decode()[bad.index(b'<alert') :]}</content></entry>")
    )
    result = await check(upstream.url + "/feed", *HOME)
    assert result.exit_code == 3
    assert "accepted" in result.stdout
    assert "cap.invalid" in result.stdout


async def test_links_that_cannot_be_read_are_no_success(upstream: Upstream) -> None:
    """A feed of which no message can be had leaves with 75, and says why in words."""
    upstream.put("/feed", atom(entry(upstream.put("/broken", b"", status=500))))
    result = await check(upstream.url + "/feed", *HOME)
    assert result.exit_code == 75
    assert "http_500" in result.stderr


async def test_table_tells_people_why(upstream: Upstream) -> None:
    """What is left is explained in words, and what is no message is shown by how it begins."""
    cancelled = author.order(CHIYODA)
    feed = atom(inline(cancelled), inline(author.cancel(cancelled)), entry(upstream.put("/x", b"no message")))
    upstream.put("/feed", feed)
    result = await asyncio.to_thread(
        CliRunner(env={"LC_ALL": "C.UTF-8", "COLUMNS": "120"}).invoke,
        main,
        ["sources", "check", upstream.url + "/feed", *HOME],
    )
    for words in ("updated or cancelled already", "nothing that it ends", "«no message»"):
        assert words in result.stdout


async def test_private_address_is_not_asked_without_leave(upstream: Upstream) -> None:
    """The command obeys the same guard as the hub."""
    upstream.put("/feed", author.order())
    result = await check(upstream.url + "/feed")
    assert (result.exit_code, sum(upstream.asked.values())) == (75, 0)
    assert "address_refused" in result.stderr


async def test_register_with_mistakes_is_explained(tmp_path: Path) -> None:
    """Every mistake is told, with what to do."""
    file = registers.write(tmp_path / "sources.toml", registers.table(area=["13"], areas=None))
    result = await check(str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "settings.unknown" in result.stderr
    assert "settings.missing" in result.stderr
