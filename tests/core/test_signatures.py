"""lalert.core.signatures: what each realm trusts and signs with, out of the operator's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from lalert import settings
from lalert.cap.trust import Rule
from lalert.core.examine import examine
from lalert.core.model import Realm, Role, Sender
from lalert.core.signatures import Signatures, load
from lalert.errors import Rejected
from lalert.geo.boundaries import BoundarySet
from tests.rig.author import CHIYODA, Author, now
from tests.rig.signers import Identity, identity, is_right, signed

HUB, DRILL, CITY = identity("hub"), identity("drill"), identity("city")
TOKYO = Sender("k1", "東京都", Realm.LIVE, Role.SENDER, ("13",))


def chosen(**names: Path) -> settings.Signatures:
    """Return the settings out of flags, as `lalert serve` reads them."""
    flags = {f"signatures.{name}": str(path) for name, path in names.items()}
    return settings.load(None, {}, flags).signatures


def trust_file(folder: Path, who: Identity, required: bool = True) -> Path:
    """Write a trust file that lets `who` sign for the API key k1."""
    (folder / "city.pem").write_bytes(who.pem)
    file = folder / "trust.toml"
    file.write_text(f'[[signer]]\nkey_id = "k1"\ncertificate = "city.pem"\nrequired = {str(required).lower()}\n')
    return file


def test_nothing_chosen() -> None:
    """Without settings nothing is looked at and nothing signed."""
    assert load(chosen(), Realm.LIVE) == load(chosen(), Realm.DRILL) == Signatures()


def test_the_realms_share_nothing(tmp_path: Path) -> None:
    """Each realm has a trust and a key of its own; what one has the other has not."""
    key, certificate = HUB.write(tmp_path, "hub")
    drill_key, drill_certificate = DRILL.write(tmp_path, "drill")
    live = chosen(key=key, certificate=certificate, trust=trust_file(tmp_path, CITY))
    loaded = load(live, Realm.LIVE)
    assert loaded.key is not None
    assert loaded.key.certificate == HUB.certificate
    assert loaded.trust is not None
    assert loaded.trust.rule_for("", "k1").required
    assert load(live, Realm.DRILL) == Signatures()
    drill = load(chosen(drill_key=drill_key, drill_certificate=drill_certificate), Realm.DRILL)
    assert drill.key is not None
    assert drill.key.certificate == DRILL.certificate


def test_half_a_pair_refuses_the_start(tmp_path: Path) -> None:
    """A key without its certificate, or the reverse, is a mistake and not a choice."""
    key, certificate = HUB.write(tmp_path, "hub")
    for half in (chosen(key=key), chosen(certificate=certificate)):
        with pytest.raises(Rejected) as refused:
            load(half, Realm.LIVE)
        assert refused.value.code == "signing.key"


def test_a_post_is_judged_by_its_key_and_signed_by_us(tmp_path: Path, japan: BoundarySet) -> None:
    """What is examined has the verdict on its signature; what bears none gets ours, what is refused gets none."""
    key, certificate = HUB.write(tmp_path, "hub")
    ours = load(chosen(key=key, certificate=certificate, trust=trust_file(tmp_path, CITY)), Realm.LIVE)
    order = Author().order(CHIYODA)

    def examined(raw: bytes, who: Sender = TOKYO) -> tuple[set[str], list[str], bytes]:
        found = examine(raw, sender=who, now=now(), slack_m=500, boundaries=japan, signatures=ours)
        codes = {f.code for f in found.findings if f.code.startswith("cap.signature.")}
        return codes, [one.verdict.value for one in found.signatures], found.own_signature

    assert examined(signed(order.raw, CITY)) == (set(), ["valid"], b"")
    assert examined(order.raw) == ({"cap.signature.required"}, [], b"")
    other = Sender("k2", "東京都", Realm.LIVE, Role.SENDER, ("13",))
    codes, verdicts, own = examined(order.raw, other)
    assert (codes, verdicts) == (set(), [])
    at = order.raw.rindex(b"</")
    assert is_right(order.raw[:at] + own + order.raw[at:], HUB.certificate)
    assert ours.trust is not None
    assert ours.trust.rule_for("", "k2") == Rule()
