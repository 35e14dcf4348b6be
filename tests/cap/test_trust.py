"""lalert.cap.trust: an operator's word on whose signatures count, all of it or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lalert.cap import trust
from lalert.cap.trust import Trust, load, parse, weakness
from lalert.errors import Rejected
from tests.rig.signers import identity, subject

CITY = identity("city")
AUTHORITY = identity("authority", is_authority=True)
FILES = {"city.pem": CITY.pem, "city-key.pem": CITY.public_pem, "ca.pem": AUTHORITY.pem, "rubbish.pem": b"rubbish"}


def trusted(text: str, **files: bytes) -> Trust:
    """Return the trust that `text` tells beside the usual files."""
    at_hand = {"trust.toml": text.encode(), **FILES, **{f"{name}.pem": pem for name, pem in files.items()}}

    def read(name: str) -> bytes:
        if name not in at_hand:
            raise FileNotFoundError(2, "No such file", name)
        return at_hand[name]

    return parse("trust.toml", read)


def faults(text: str, **files: bytes) -> list[tuple[str, str | None]]:
    """Return the code and the path of everything that is wrong."""
    with pytest.raises(Rejected) as refused:
        trusted(text, **files)
    assert refused.value.code == "trust.invalid"
    for finding in refused.value.findings:
        assert finding.message.ja
        assert finding.advice.en
    return [(finding.code, finding.path) for finding in refused.value.findings]


def signer(**items: object) -> str:
    """Return one entry of the file."""
    lines = [
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for name, value in items.items()
    ]
    return "\n".join(["[[signer]]", *lines, ""])


def test_each_kind_of_signer() -> None:
    """A certificate, a bare key and an authority with a name, each for the sender or the API key that it is for."""
    text = signer(sender="a", certificate="city.pem") + signer(sender="b", key="city-key.pem")
    found = trusted(text + signer(key_id="k", ca="ca.pem", subject="CN=city,C=JP", required=True))
    (certificate,), (key,) = found.rule_for("a").signers, found.rule_for("b").signers
    assert (certificate.certificate, certificate.subject, certificate.is_bare) == (
        CITY.certificate,
        subject("city"),
        False,
    )
    assert key.certificate is not None
    assert (key.certificate.public_key(), key.subject, key.is_bare) == (
        CITY.key.public_key(),
        "CN=city-key.pem",
        True,
    )
    (authority,) = found.rule_for("whoever", "k").signers
    assert (authority.authorities, authority.subject) == ((AUTHORITY.certificate,), subject("city"))
    assert [found.rule_for(name).required for name in "abc"] == [False] * 3
    assert found.rule_for("c", "k").required


def test_rules_add_up() -> None:
    """Old and new certificate of one sender both count, and one entry that requires is enough."""
    text = signer(sender="a", certificate="city.pem") + signer(sender="a", certificate="ca.pem", required=True)
    rule = trusted(text + signer(key_id="k", key="city-key.pem")).rule_for("a", "k")
    assert len(rule.signers) == 3
    assert rule.required


def test_everybody() -> None:
    """`required` at the top is for all, known or not; an empty file trusts nobody and asks for nothing."""
    assert trusted("required = true").rule_for("anybody").required
    assert trusted("").rule_for("anybody") == trust.Rule()


def test_nobody_is_trusted_by_the_empty_api_key() -> None:
    """What came without a key (a check, the command line) has no rule by key."""
    assert trusted(signer(key_id="k", certificate="city.pem", required=True)).rule_for("x") == trust.Rule()


def test_all_faults_at_once() -> None:
    """Everything wrong is told in one go, with its place."""
    text = (
        "requird = true\n"
        + signer(sender="a", certificate="none.pem")
        + signer(sender="b", certificate="rubbish.pem")
        + signer(sender="c", key_id="d", certificate="city.pem")
        + signer(certificate="city.pem")
        + signer(sender="e")
        + signer(sender="f", ca="ca.pem")
        + signer(sender="g", certificate="city.pem", subject="CN=x")
        + signer(sender="h", certificate="city.pem", required="yes")
        + signer(sender="", certificate="city.pem", colour=1)
        + signer(sender="i", ca="ca.pem", subject="no name")
        + signer(sender="j", certificate="gone.pem", colour=1)
        + signer(sender="k", ca="gone.pem", subject="no name")
    )
    assert faults(text) == [
        ("trust.unknown", "requird"),
        ("trust.file", "signer[1].certificate: none.pem"),
        ("trust.file", "signer[2].certificate: rubbish.pem"),
        ("trust.value", "signer[3]"),
        ("trust.value", "signer[4]"),
        ("trust.value", "signer[5]"),
        ("trust.value", "signer[6]"),
        ("trust.value", "signer[7]"),
        ("trust.value", "signer[8].required"),
        ("trust.value", "signer[9].sender"),
        ("trust.unknown", "signer[9].colour"),
        ("trust.value", "signer[10].subject"),
        ("trust.unknown", "signer[11].colour"),
        ("trust.file", "signer[11].certificate: gone.pem"),
        ("trust.value", "signer[12].subject"),
        ("trust.file", "signer[12].ca: gone.pem"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("required = 1", "trust.value"),
        ("signer = 1", "trust.value"),
        ("signer = [1]", "trust.value"),
        ("[[signer", "trust.file"),
        (signer(sender="x" * 2_000, certificate="city.pem"), "trust.value"),
        ("[[signer]]\n" * (trust.MAX_SIGNERS + 1), "trust.value"),
    ],
)
def test_other_forms(text: str, code: str) -> None:
    """What is not of the form is said so, and never raises anything else."""
    assert [one for one, _ in faults(text)] == [code]


def test_only_an_authority_vouches_for_others() -> None:
    """A certificate that may certify nobody under `ca` is told at the start: everybody's alerts would be refused."""
    weak = identity(key=rsa.generate_private_key(public_exponent=65_537, key_size=1_024), is_authority=True)
    text = signer(sender="a", ca="city.pem", subject="CN=a") + signer(sender="b", ca="weak.pem", subject="CN=b")
    assert faults(text, weak=weak.pem) == [
        ("trust.file", "signer[1].ca: city.pem"),
        ("trust.file", "signer[2].ca: weak.pem"),
    ]


def test_weak_keys_are_not_trusted() -> None:
    """A key that we would call weak in a message is no key to trust in the first place."""
    small = identity(key=rsa.generate_private_key(public_exponent=65_537, key_size=1_024))
    edwards = ed25519.Ed25519PrivateKey.generate().public_key()
    pem = edwards.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = signer(sender="a", certificate="small.pem") + signer(sender="b", key="edwards.pem")
    assert [code for code, _ in faults(text, small=small.pem, edwards=pem)] == ["trust.file"] * 2


def test_weakness() -> None:
    """RSA from 2,048 bits and the three NIST curves are strong enough; nothing else is."""
    assert weakness(rsa.generate_private_key(public_exponent=65_537, key_size=2_048).public_key()) is None
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        assert weakness(ec.generate_private_key(curve).public_key()) is None
    assert weakness(ec.generate_private_key(ec.SECP256K1()).public_key()) == "secp256k1"
    assert weakness(dsa.generate_private_key(1_024).public_key()) == "DSA"


def test_load_looks_beside_the_file(tmp_path: Path) -> None:
    """Names are relative to the folder of trust.toml; a file that is not there, or too large, is a finding."""
    (tmp_path / "city.pem").write_bytes(CITY.pem)
    file = tmp_path / "trust.toml"
    file.write_text(signer(sender="a", certificate="city.pem"))
    assert load(file).rule_for("a").signers[0].certificate == CITY.certificate
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(Rejected):
            load(path)
    file.write_text("#" * (trust.MAX_FILE_BYTES + 1))
    with pytest.raises(Rejected):
        load(file)
