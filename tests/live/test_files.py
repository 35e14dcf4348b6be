"""The operator's files, changed under a running hub: sources come and go, signatures are demanded, mistakes told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lalert.core.model import Realm
from lalert.web import signatories
from lalert.web.context import Context
from lalert.web.server import Server
from tests.rig import hubs, registers
from tests.rig.author import CHIYODA, CHUO, Author
from tests.rig.caller import Caller
from tests.rig.listener import Listener
from tests.rig.signers import identity, signed
from tests.rig.upstream import Upstream

CITY = identity("city")
author = Author()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """Somebody else's server."""
    async with Upstream() as started:
        yield started


@pytest.fixture
def register(tmp_path: Path, upstream: Upstream) -> Path:
    """A register of one source, which says nothing yet."""
    return registers.write(tmp_path / "sources.toml", registers.table(url=upstream.put_feed("/feed")))


async def twice(follow: Callable[[], Awaitable[None]]) -> None:
    """Look at the files as often as it takes to see that they changed and rest."""
    await follow()
    await follow()


def live(server: Server) -> Context:
    """Return the live realm."""
    return server.contexts[0]


def refused(server: Server, files: str) -> bool:
    """Whether the metric says that changed files cannot be used."""
    return f'lalert_files_refused{{files="{files}",realm="live"}} 1.0'.encode() in live(server).hub.metrics.page()


async def test_a_source_that_is_added_is_watched_and_the_others_go_on(
    servers: hubs.Start, upstream: Upstream, register: Path
) -> None:
    """What a new source brings is published; who stays as it was is not disturbed; who is gone is shown no more."""
    server = await servers(sources__file=str(register))
    sources, order = live(server).sources, author.order(CHUO)
    (first,) = sources.watch.to_list()
    (poller,) = sources.watch._pollers
    more = registers.table(name="second", url=upstream.put_feed("/second", order), trust=9)
    registers.write(register, registers.table(url=first["url"]), more)
    async with Listener(server.url) as listener:
        await twice(sources.follow)
        assert [one["name"] for one in sources.watch.to_list()] == ["second", "upstream"]
        assert poller in sources.watch._pollers
        await listener.until_identifier(order.identifier)
    registers.write(register, more)
    await twice(sources.follow)
    assert [one["name"] for one in sources.watch.to_list()] == ["second"]
    page = live(server).hub.metrics.page()
    assert b'lalert_source_failures{realm="live",source="second"}' in page
    assert b'lalert_source_failures{realm="live",source="upstream"}' not in page
    registers.write(register, more | {"areas": ["13"]})
    await twice(sources.follow)
    (changed,) = sources.watch._pollers
    assert changed.source.areas == ("13",)


async def test_a_register_with_a_mistake_changes_nothing(servers: hubs.Start, register: Path) -> None:
    """The sources go on as they were, the operator is told what is wrong, and the next right file is taken."""
    server = await servers(sources__file=str(register))
    sources = live(server).sources
    before = sources.watch._pollers
    right = {"url": sources.watch.to_list()[0]["url"]}
    registers.write(register, registers.table(**right), {"name": 7})
    with capture_logs() as told:
        await twice(sources.follow)
    line = next(line for line in told if line["event"] == "files.kept")
    assert (line["log_level"], line["code"], line["files"]) == ("error", "settings.invalid", "sources")
    assert "settings.value source[2].name" in line["findings"]
    assert (sources.watch._pollers, refused(server, "sources")) == (before, True)
    registers.write(register, registers.table(**right))
    await twice(sources.follow)
    assert (sources.watch._pollers, refused(server, "sources")) == (before, False)


async def test_signatures_are_demanded_without_a_restart(servers: hubs.Start, tmp_path: Path) -> None:
    """A demand holds from the next message on; a trust file that is broken or gone weakens nothing."""
    trust = tmp_path / "trust.toml"
    trust.write_text("required = false\n")
    server = await servers(signatures__trust=trust)
    ctx = live(server)

    async def follow() -> None:
        await signatories.follow(ctx)

    async with Caller(server.url, await hubs.issue(server)) as sender:
        await sender.publish(author.order(CHIYODA))
        entry = f'[[signer]]\nsender = "{author.sender}"\ncertificate = "city.pem"\n'
        trust.write_text(f"required = true\n{entry}")
        await twice(follow)
        assert refused(server, "signatures"), "the certificate is not there yet"
        (tmp_path / "city.pem").write_bytes(CITY.pem)
        await twice(follow)
        assert not refused(server, "signatures")
        order = author.order(CHIYODA)
        assert "cap.signature.required" in (await sender.post(order.raw)).codes
        trust.unlink()
        await twice(follow)
        assert refused(server, "signatures")
        assert "cap.signature.required" in (await sender.post(order.raw)).codes
        assert (await sender.post(signed(order.raw, CITY))).status == 201


async def test_the_hub_looks_by_itself(servers: hubs.Start, register: Path, tmp_path: Path) -> None:
    """Nobody has to ask for it: both kinds of files are taken within seconds."""
    trust = tmp_path / "trust.toml"
    trust.write_text("required = false\n")
    server = await servers(sources__file=str(register), signatures__trust=trust)
    trust.write_text("required = true\n")
    registers.write(register)
    ctx = live(server)

    def is_taken() -> bool:
        found = ctx.hub.signatures.trust
        return found is not None and found.required and not ctx.sources.watch.to_list()

    async with asyncio.timeout(30):
        while not is_taken():  # noqa: ASYNC110 - it has no event of its own
            await asyncio.sleep(0.05)
    assert server.hub(Realm.DRILL).signatures.trust is None
