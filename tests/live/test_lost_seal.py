"""The key of the seal is lost: who is told cannot be read any more, and alerts go on all the same."""

from __future__ import annotations

from lalert.core.model import Role
from tests.live.test_webhooks import SOON, call, identifiers, register
from tests.rig import hubs
from tests.rig.author import Author
from tests.rig.caller import Caller
from tests.rig.listener import Listener
from tests.rig.peers import Peer


async def test_alerts_go_on_and_the_restored_key_delivers_them(hub_process: hubs.HubProcess) -> None:
    """Without the key the hub starts, says so, and publishes; with it again, webhooks get what they missed."""
    hub = hub_process
    hub.set(SOON)
    await hub.start()
    key, media_key = [await hubs.issue_in(hub.data, role=role) for role in (Role.SENDER, Role.MEDIA)]
    async with Peer() as peer:
        async with Caller(hub.url, media_key) as media:
            await register(media, peer)
        await hub.stop()
        seal = hub.data / "live.seal"
        kept = seal.read_bytes()
        seal.unlink()

        await hub.start()
        assert any("recipients.unreadable" in line for line in hub.log)
        order = Author().order()
        async with Caller(hub.url, key) as live, Caller(hub.url, media_key) as media, Listener(hub.url) as listener:
            await live.publish(order)
            await listener.until_identifier(order.identifier)
            assert (await call(media, "get", "")).status == 503
        assert not peer.requests
        await hub.stop()

        seal.unlink(missing_ok=True)
        seal.write_bytes(kept)
        seal.chmod(0o600)
        await hub.start()
        assert identifiers(await peer.until(1)) == [order.identifier]
