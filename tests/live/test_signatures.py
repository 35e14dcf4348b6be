"""Signatures through the whole hub: what is demanded of a post, what the receipts tell, what goes out as CAP."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lalert.core.model import Realm
from lalert.web.server import Server
from tests.rig import hubs
from tests.rig.author import CHIYODA, Author
from tests.rig.caller import Caller
from tests.rig.hubs import patience
from tests.rig.signers import Identity, identity, is_right, signed, subject

CITY, OTHER, HUB = identity("city"), identity("other"), identity("hub")
SIGNING, FREE = Author("signing@city.example.jp"), Author("free@city.example.jp")


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    """A trust file: one sender must sign, another may."""
    (tmp_path / "city.pem").write_bytes(CITY.pem)
    file = tmp_path / "trust.toml"
    file.write_text(
        f'[[signer]]\nsender = "{SIGNING.sender}"\ncertificate = "city.pem"\nrequired = true\n'
        f'[[signer]]\nsender = "{FREE.sender}"\ncertificate = "city.pem"\n'
    )
    return file


def demand(trust: Path, *key_ids: str) -> None:
    """Write a trust file that demands signatures of API keys."""
    each = '[[signer]]\nkey_id = "{}"\ncertificate = "city.pem"\nrequired = true\n'
    trust.write_text("".join(map(each.format, key_ids)))


def signing(folder: Path, who: Identity) -> dict[str, object]:
    """Return the settings that make the hub sign as `who`."""
    key, certificate = who.write(folder, "hub")
    return {"signatures__key": key, "signatures__certificate": certificate}


def forged(raw: bytes) -> bytes:
    """Return a message that says something else than was signed."""
    assert b"<certainty>Likely" in raw
    return raw.replace(b"<certainty>Likely", b"<certainty>Observed")


async def caller(server: Server) -> Caller:
    """Return somebody who may alert the whole country."""
    return Caller(server.url, await hubs.issue(server))


async def test_a_required_signature_is_required(servers: hubs.Start, trust: Path) -> None:
    """Unsigned, by somebody else, or changed: 422 with the reason; signed by the right key: 201, and it is told who."""
    server = await servers(signatures__trust=trust)
    async with await caller(server) as sender:
        order = SIGNING.order(CHIYODA)
        right = signed(order.raw, CITY)
        for raw, codes in (
            (order.raw, {"cap.signature.required"}),
            (signed(order.raw, OTHER), {"cap.signature.required", "cap.signature.unknown"}),
            (forged(right), {"cap.signature.required", "cap.signature.altered"}),
        ):
            answer = await sender.post(raw)
            assert (answer.status, answer.json["title"]) == (422, "cap.invalid")
            assert codes <= answer.codes
        answer = await sender.post(right)
        told = [{"verdict": "valid", "code": "", "signer": subject("city"), "algorithm": "ecdsa-sha256"}]
        assert (answer.status, answer.json["signatures"]) == (201, told)
        again = await sender.post(right)
        assert (again.status, again.json["signatures"]) == (200, told)
        receipts = await sender.get(f"/api/v1/alerts/{order.identifier}/receipts")
        assert receipts.json["signatures"] == told
        assert (await sender.get(f"/api/v1/alerts/{order.identifier}.cap")).body == right


async def test_a_demand_of_nobody_is_told(servers: hubs.Start, trust: Path) -> None:
    """A misspelt key id demands nothing of anybody: the log names it at the start, and only it."""
    data = trust.parent / "data"
    data.mkdir(mode=0o700)
    key_id = (await hubs.issue_in(data)).split("_")[2]
    demand(trust, key_id, "0123456789ab", "source:none")
    with capture_logs() as told:
        await servers(signatures__trust=trust)
    assert [line["key_ids"] for line in told if line["event"] == "signatures.key_unknown"] == [
        ["0123456789ab", "source:none"]
    ]


async def test_where_none_is_required(servers: hubs.Start, trust: Path) -> None:
    """No signature is fine, an unknown one a warning in the receipt, a wrong one refused."""
    server = await servers(signatures__trust=trust)
    async with await caller(server) as sender:
        assert (await sender.publish(FREE.order(CHIYODA)))["signatures"] == []
        answer = await sender.post(signed(FREE.order(CHIYODA).raw, OTHER))
        assert answer.status == 201
        assert [one["verdict"] for one in answer.json["signatures"]] == ["unverifiable"]
        assert "cap.signature.unknown" in {finding["code"] for finding in answer.json["findings"]}
        assert (await sender.post(forged(signed(FREE.order(CHIYODA).raw, CITY)))).status == 422


async def test_checking_tells_of_signatures(servers: hubs.Start, trust: Path) -> None:
    """`POST /api/v1/validate` gives the verdict that a post would get, as far as no key is concerned."""
    server = await servers(signatures__trust=trust)
    async with await caller(server) as vendor:
        checked = await vendor.post(signed(SIGNING.order(CHIYODA).raw, CITY), path="/api/v1/validate", key="")
        assert [one["verdict"] for one in checked.json["signatures"]] == ["valid"]
        checked = await vendor.post(SIGNING.order(CHIYODA), path="/api/v1/validate", key="")
        assert "signatures" not in checked.json
        assert "cap.signature.required" in {finding["code"] for finding in checked.json["findings"]}


async def test_the_drill_realm_has_a_trust_of_its_own(servers: hubs.Start, trust: Path) -> None:
    """What live demands a drill does not: it has settings of its own."""
    server = await servers(signatures__trust=trust)
    async with Caller(server.url + "/drill", await hubs.issue(server, Realm.DRILL)) as sender:
        assert (await sender.publish(Author(SIGNING.sender, drill=True).order(CHIYODA)))["signatures"] == []


async def test_what_goes_out_is_signed_and_stays_the_same(servers: hubs.Start, tmp_path: Path) -> None:
    """Unsigned messages go out with our signature: the same bytes each time and after a restart with another key."""
    server = await servers(**signing(tmp_path, HUB))
    order = FREE.order(CHIYODA)
    async with await caller(server) as sender:
        await sender.publish(order)
        assert (await sender.post(order)).status == 200
        path = f"/api/v1/alerts/{order.identifier}.cap"
        first = await sender.get(path)
        assert is_right(first.body, HUB.certificate)
        assert (await sender.get(path)).headers["ETag"] == first.headers["ETag"]


async def test_a_restart_changes_no_byte(hub_process: hubs.HubProcess, tmp_path: Path) -> None:
    """A signature is kept with its message: after a kill, and a new key, what was published is still the same."""
    hub_process.set(signing(tmp_path, HUB))
    await hub_process.start()
    order = FREE.order(CHIYODA)
    async with Caller(hub_process.url, await hubs.issue_in(hub_process.data)) as sender:
        async with patience():
            while (answer := await sender.post(order)).status == 401:  # the new key is not read yet
                pass
        assert answer.status == 201
        path = f"/api/v1/alerts/{order.identifier}.cap"
        before = await sender.get(path)
        await hub_process.kill()
        identity("hub").write(tmp_path, "hub")
        await hub_process.start()
        after = await sender.get(path)
    assert is_right(after.body, HUB.certificate)
    assert after.body == before.body


async def test_the_senders_signature_is_left_alone(servers: hubs.Start, tmp_path: Path) -> None:
    """What comes signed goes out as it came, although the hub signs."""
    server = await servers(**signing(tmp_path, HUB))
    order = FREE.order(CHIYODA)
    raw = signed(order.raw, OTHER)
    async with await caller(server) as sender:
        assert (await sender.post(raw)).status == 201
        assert (await sender.get(f"/api/v1/alerts/{order.identifier}.cap")).body == raw


async def test_the_hubs_own_messages_are_signed(servers: hubs.Start, tmp_path: Path) -> None:
    """The canary goes out signed, too, and still comes back on every way."""
    server = await servers(**signing(tmp_path, HUB))
    ctx = server.contexts[0]
    await ctx.canary.sing()
    assert {"stream", "changes", "feed", "alert"} <= set(ctx.canary.seen)
    newest = ctx.hub.tail.after(ctx.hub.tail.head.seq - 1, 1)[0].entry
    assert is_right(newest.cap, HUB.certificate)


async def test_a_broken_choice_refuses_the_start(tmp_path: Path) -> None:
    """`lalert serve` ends at once with everything that is wrong, and does not run with half of it."""
    file = tmp_path / "trust.toml"
    file.write_text('[[signer]]\nsender = "a"\ncertificate = "none.pem"\nrequird = true\n')
    env = {"LALERT_SIGNATURES_TRUST": str(file), "LALERT_DATA": str(tmp_path / "data")}
    code, out, err = await hubs.run("serve", "--port", "0", env=env)
    assert (code, out) == (1, "")
    assert "trust.invalid" in err
    assert "requird" in err
    assert "Traceback" not in err
    key, certificate = identity(begin=HUB.certificate.not_valid_before_utc, lasts=timedelta(days=1)).write(
        tmp_path, "k"
    )
    key.chmod(0o644)
    env = {"LALERT_SIGNATURES_KEY": str(key), "LALERT_SIGNATURES_CERTIFICATE": str(certificate)}
    code, _, err = await hubs.run("serve", "--port", "0", env=env | {"LALERT_DATA": str(tmp_path / "data")})
    assert code == 1
    assert "600" in err
