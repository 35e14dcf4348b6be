"""lalert.cap.signing: the hub's own signature, where it helps and nowhere else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from lalert.cap import reader, signing
from lalert.cap.parse import decode, parse
from lalert.cap.signature import Verdict, verify
from lalert.cap.signing import SigningKey, load, sign, spliced
from lalert.cap.trust import Signer
from lalert.errors import Rejected
from tests.rig.signers import Identity, identity, is_right, signed

from .messages import NOW, SENT, SOUND

RAW = SOUND.encode()
HUB = identity("hub", issuer=identity("authority", is_authority=True))


def key_of(who: Identity) -> SigningKey:
    """Return what the hub signs with as `who`."""
    return SigningKey(who.key, who.chain)


def own(raw: bytes, who: Identity = HUB) -> bytes:
    """Return our signature for a message."""
    alert = decode(raw).alert
    assert alert is not None
    return sign(alert, key_of(who))


@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_signature_is_right_by_the_letter(kind: str) -> None:
    """What we sign is right for a reader who knows the standard only, and the rest is the sender's, byte by byte."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048) if kind == "RSA" else None
    who = identity("hub", key=key)
    element = own(RAW, who)
    published = spliced(RAW, element)
    assert is_right(published, who.certificate)
    assert published.replace(element, b"") == RAW
    assert not is_right(published.replace(b"35.68,139.73", b"35.67,139.73", 1), who.certificate)


def test_what_we_publish_we_would_accept() -> None:
    """A signed message is valid CAP for our own rules, our schema, and our verifier by certificate or authority."""
    published = spliced(RAW, own(RAW))
    assert reader.read(published, now=NOW).findings == reader.read(RAW, now=NOW).findings
    assert parse(published) == parse(RAW)
    ca = Signer(authorities=HUB.chain[1:], subject="CN=hub,C=JP")
    assert [one.verdict for one in verify(published, sent=SENT, signers=[ca])] == [Verdict.VALID]


def test_a_prefix_and_other_line_ends() -> None:
    """However the end tag is written, the signature stands before it."""
    prefixed = RAW.replace(b"</", b"</cap:").replace(b"xmlns=", b"xmlns:cap=")
    prefixed = prefixed.replace(b"<", b"<cap:").replace(b"<cap:/", b"</").replace(b"<cap:?", b"<?")
    for raw in (prefixed, RAW.replace(b"\n", b"\r\n"), RAW.replace(b"</alert>", b"</alert >"), RAW.strip()):
        assert is_right(spliced(raw, own(raw)), HUB.certificate)


def test_what_is_signed_stays_as_it_is() -> None:
    """One more enveloped signature would break the sender's: it is published as it came."""
    raw = signed(RAW, identity("city"))
    assert own(raw) == b""
    assert spliced(raw, b"") == raw


@pytest.mark.parametrize(
    "raw",
    [
        RAW.replace(b"cap:1.2", b"cap:1.1"),
        RAW + b"<!-- </alert> -->",
        RAW + b"<?end?>",
        SOUND.replace("UTF-8", "Shift_JIS").encode("shift_jis"),
        SOUND.replace("UTF-8", "UTF-16").encode("utf-16"),
    ],
    ids=["CAP 1.1", "comment", "instruction", "Shift_JIS", "UTF-16"],
)
def test_where_it_would_do_harm_there_is_none(raw: bytes) -> None:
    """Old versions have no place for it, and what does not plainly end is not cut open: published as received."""
    assert decode(raw).alert is not None
    assert own(raw) == b""


def test_outside_our_certificates_dates() -> None:
    """A signature that readers would judge expired is worse than none."""
    assert own(RAW, identity(begin=SENT - timedelta(days=9), lasts=timedelta(days=8))) == b""
    assert own(RAW, identity(begin=SENT + timedelta(days=1))) == b""
    assert own(RAW, identity(begin=SENT - timedelta(days=9), lasts=timedelta(days=10))) != b""


def test_a_defect_of_the_signer_costs_the_signature_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert is published all the same."""
    monkeypatch.setattr(signing, "XMLSigner", lambda **_: 1 / 0)
    assert own(RAW) == b""


def test_load(tmp_path: Path) -> None:
    """Key and chain come out of two PEM files; readers get the whole chain."""
    loaded = load(*HUB.write(tmp_path, "hub"))
    assert (loaded.certificate, len(loaded.chain)) == (HUB.certificate, 2)
    alert = parse(RAW)
    assert is_right(spliced(RAW, sign(alert, loaded)), HUB.certificate)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """Whoever can read it can speak in the hub's name."""
    key, certificate = HUB.write(tmp_path, "hub")
    key.chmod(0o640)
    with pytest.raises(Rejected, match="600"):
        load(key, certificate)


def test_what_is_no_signing_key_is_refused(tmp_path: Path) -> None:
    """Rubbish, a password, a weak or unsupported key, another's certificate, no file: the start is refused."""
    key, certificate = HUB.write(tmp_path, "hub")
    _, others = identity("other").write(tmp_path, "other")
    weak = identity(key=rsa.generate_private_key(public_exponent=65_537, key_size=1_024)).write(tmp_path, "weak")
    locked, edwards, rubbish = (tmp_path / name for name in ("locked", "edwards", "rubbish"))
    for path in (locked, edwards, rubbish):
        path.touch(0o600)
    locked.write_bytes(HUB.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    edwards.write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    rubbish.write_bytes(b"rubbish")
    pairs = [(key, others), weak, (key, rubbish), (key, tmp_path / "none")]
    pairs += [(bad, certificate) for bad in (locked, edwards, rubbish, tmp_path / "none", tmp_path)]
    for pair in pairs:
        with pytest.raises(Rejected) as refused:
            load(*pair)
        assert refused.value.code == "signing.key"
