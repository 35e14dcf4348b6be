"""lalert.cap.signature: what a signature proves, and every way to make it seem to prove more."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from lalert.cap import proof, reader, signature
from lalert.cap.parse import parse
from lalert.cap.reader import Strictness
from lalert.cap.signature import Verdict, verify
from lalert.cap.trust import Rule, Signer, Trust
from lalert.errors import Severity
from tests.rig import signers
from tests.rig.signers import C14N, C14N_11, DS, ENVELOPED, EXC_C14N, MORE, Identity, identity, signed, subject

from .messages import NOW, SENT, SOUND

RAW = SOUND.encode()
SENDER = "bousai.tokyo.example.jp"
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
CITY, OTHER = identity("city"), identity("other")
AUTHORITY = identity("authority", is_authority=True)
SIGNED = signed(RAW, CITY)


def trusted(who: Identity) -> Signer:
    """Return the trust in one certificate."""
    return Signer(certificate=who.certificate, subject=who.certificate.subject.rfc4514_string())


def vouched(name: str, *authorities: Identity) -> Signer:
    """Return the trust in whoever one of `authorities` calls `name`."""
    return Signer(authorities=tuple(a.certificate for a in authorities), subject=subject(name))


def verdicts(raw: bytes, *whom: Signer, sent: datetime = SENT) -> list[tuple[Verdict, str]]:
    """Return each signature's verdict and the end of its code."""
    return [(one.verdict, one.code.rpartition(".")[2]) for one in verify(raw, sent=sent, signers=whom)]


VALID, ALTERED = (Verdict.VALID, ""), (Verdict.INVALID, "altered")
UNKNOWN, COVER, WEAK, EXPIRED = ((Verdict.UNVERIFIABLE, why) for why in ("unknown", "cover", "algorithm", "expired"))


def changed(raw: bytes, old: str, new: str) -> bytes:
    """Return `raw` with a text that stands there changed once."""
    assert old.encode() in raw
    return raw.replace(old.encode(), new.encode(), 1)


# What is right


@pytest.mark.parametrize(
    ("key", "method"),
    [
        (RSA, MORE + "rsa-sha256"),
        (RSA, MORE + "rsa-sha512"),
        (RSA, "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"),
        (signers.p256(), MORE + "ecdsa-sha256"),
        (ec.generate_private_key(ec.SECP384R1()), MORE + "ecdsa-sha384"),
        (ec.generate_private_key(ec.SECP521R1()), MORE + "ecdsa-sha512"),
    ],
)
def test_strong_algorithms_count(key: signers.Key, method: str) -> None:
    """RSA, RSA-PSS and ECDSA with SHA-2 by a trusted key are valid, and say by whom and how."""
    who = identity(key=key)
    (one,) = verify(signed(RAW, who, method=method), sent=SENT, signers=[trusted(who)])
    assert (one.verdict, one.code, one.signer) == (Verdict.VALID, "", subject("city"))
    assert method.endswith(one.algorithm)


@pytest.mark.parametrize("c14n", [C14N, C14N_11, EXC_C14N])
@pytest.mark.parametrize("comments", [False, True])
def test_every_canonicalization_of_the_field_counts(c14n: str, comments: bool) -> None:
    """C14N 1.0, 1.1 and exclusive all occur, with and without comments; so does none at all for the reference."""
    method = c14n + (("" if c14n.endswith("#") else "#") + "WithComments") * comments
    assert verdicts(signed(RAW, CITY, c14n=method, transforms=(ENVELOPED, method)), trusted(CITY)) == [VALID]
    assert verdicts(signed(RAW, CITY, c14n=method, transforms=(ENVELOPED,)), trusted(CITY)) == [VALID]


@pytest.mark.parametrize("namespace", ["http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2000/09/xmldsig&#35;"])
def test_a_signature_is_seen_however_it_is_written(namespace: str) -> None:
    """UTF-16 and character references change the bytes, not what they say."""
    text = SIGNED.decode().replace("http://www.w3.org/2000/09/xmldsig#", namespace)
    assert verdicts(text.encode(), trusted(CITY)) == [VALID]
    wide = text.replace("UTF-8", "UTF-16", 1).encode("utf-16")
    assert verdicts(wide, trusted(CITY)) == [VALID]


def test_comments_are_no_part_of_it() -> None:
    """A comment that somebody adds changes nothing that is read, and breaks no signature."""
    assert verdicts(changed(SIGNED, "<info>", "<info><!-- relayed -->"), trusted(CITY)) == [VALID]


@pytest.mark.parametrize("whom", ["key", "prefix", "no certificate"])
def test_trust_needs_nothing_from_the_message(whom: str) -> None:
    """A bare public key is enough, a message need not show its certificate, and prefixes are a matter of taste."""
    raw = RAW
    if whom == "prefix":
        raw = RAW.replace(b"</", b"</cap:").replace(b"xmlns=", b"xmlns:cap=")
        raw = raw.replace(b"<", b"<cap:").replace(b"<cap:/", b"</").replace(b"<cap:?", b"<?")
    signer = Signer(certificate=CITY.certificate, subject="CN=city.pem", is_bare=whom == "key")
    assert verdicts(signed(raw, CITY, shows=whom != "no certificate"), signer) == [VALID]


def test_unsigned_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message without a signature is not even read again."""
    monkeypatch.setattr(signature, "tree_of", None)
    assert verify(RAW, sent=SENT, signers=[trusted(CITY)]) == ()


# What was changed


@pytest.mark.parametrize(
    ("old", "new"),
    [("千代田区に避難指示", "千代田区の避難指示を解除"), ("35.68,139.73", "35.67,139.73"), ("Actual", "Exercise")],
)
def test_a_changed_message_is_invalid(old: str, new: str) -> None:
    """Text, area or status changed after signing: INVALID, not merely unverifiable."""
    assert verdicts(changed(SIGNED, old, new), trusted(CITY)) == [ALTERED]


def test_a_changed_signature_is_invalid_where_it_names_our_key() -> None:
    """Bytes of the value changed: INVALID if the message shows the certificate that we trust, else another key's."""
    value = SIGNED.partition(b"<SignatureValue>")[2][:4].decode()
    other = "AAAA" if value != "AAAA" else "BBBB"
    assert verdicts(changed(SIGNED, f"<SignatureValue>{value}", f"<SignatureValue>{other}"), trusted(CITY)) == [ALTERED]
    hidden = signed(RAW, CITY, shows=False)
    assert verdicts(changed(hidden, "<SignatureValue>", "<SignatureValue>AAAA"), trusted(CITY)) == [UNKNOWN]


_BODY = range(RAW.index(b"<identifier>"), RAW.index(b"</alert>"))


@given(st.sampled_from(_BODY), st.integers(1, 255))
def test_no_flipped_byte_is_valid(at: int, mask: int) -> None:
    """Whatever single byte of the message is changed: the signature is not valid any more, or it is no message."""
    flipped = bytearray(SIGNED)
    flipped[at] ^= mask
    if {SIGNED[at], flipped[at]} == set(b"\r\n"):
        return  # XML reads both as the same end of a line
    assert VALID not in verdicts(bytes(flipped), trusted(CITY))


@given(st.integers(0, len(SIGNED) - 1), st.binary(max_size=3))
def test_what_is_valid_reads_as_it_was_signed(at: int, patch: bytes) -> None:
    """Whatever bytes are put in place of one, anywhere: a message that is still valid still says the same."""
    mangled = SIGNED[:at] + patch + SIGNED[at + 1 :]
    if VALID in verdicts(mangled, trusted(CITY)):
        assert parse(mangled) == parse(RAW)


# What is signed is not what is read


@pytest.mark.parametrize(
    "more",
    [
        {"uri": "#part", "of": "{*}info"},
        {"uri": "http://elsewhere.example/alert.xml"},
        {"transforms": (ENVELOPED, "http://www.w3.org/TR/1999/REC-xpath-19991116")},
        {"transforms": (ENVELOPED, "http://www.w3.org/TR/1999/REC-xslt-19991116")},
        {"transforms": (EXC_C14N,)},
        {"transforms": (EXC_C14N, ENVELOPED)},
        {"transforms": (ENVELOPED, EXC_C14N, EXC_C14N)},
        {"transforms": ()},
        {"references": 2},
        {"references": 0},
    ],
)
def test_only_the_whole_alert_counts(more: dict[str, object]) -> None:
    """A part, another document, a transform that may choose a part, two references or none prove nothing."""
    assert verdicts(signed(RAW, CITY, **more), trusted(CITY)) == [COVER]  # type: ignore[arg-type]


def test_a_signed_alert_inside_another_signs_nothing() -> None:
    """Wrapping: the true alert, signature and all, hidden in another one, does not make the other one true."""
    true = SIGNED.partition(b"?>")[2].decode()
    forged = changed(RAW, "千代田区に避難指示", "避難は不要です")
    inside = f'<Signature xmlns="{DS}"><Object>{true}</Object></Signature></alert>'
    assert verdicts(changed(forged, "</alert>", inside), trusted(CITY)) == [COVER]
    below = changed(forged, "<area>", f"<area>{true}")
    assert verdicts(below, trusted(CITY)) == []
    with_own = changed(signed(forged, OTHER, extra=f"<Object>{true}</Object>"), "<info>", "<info>")
    assert verdicts(with_own, trusted(CITY)) == [UNKNOWN]


def test_a_signature_further_down_is_none() -> None:
    """Only a child of the alert itself is its signature."""
    moved = SIGNED.partition(b"<Signature")[2].partition(b"</Signature>")[0].decode()
    assert verdicts(changed(RAW, "</info>", f"<Signature{moved}</Signature></info>"), trusted(CITY)) == []


def test_two_of_everything_is_nothing() -> None:
    """A second SignedInfo or value, of which two programs may read different ones, is refused whole."""
    info = SIGNED.partition(b"<SignedInfo>")[2].partition(b"</SignedInfo>")[0].decode()
    doubled = changed(SIGNED, "</SignedInfo>", f"</SignedInfo><SignedInfo>{info}</SignedInfo>")
    assert verdicts(doubled, trusted(CITY)) == [COVER]
    doubled = changed(SIGNED, "<SignatureValue>", "<SignatureValue>AAAA</SignatureValue><SignatureValue>")
    assert verdicts(doubled, trusted(CITY)) == [COVER]


def test_instructions_beside_the_alert() -> None:
    """Whether xml-stylesheet is signed depends on the signer's program: valid if not, and never called forged."""
    styled = RAW.replace(b"?>\n", b"?>\n<?xml-stylesheet href='a.xsl'?>\n", 1)
    assert verdicts(signed(styled, CITY), trusted(CITY)) == [VALID]
    assert verdicts(changed(signed(styled, CITY), "Actual", "Exercise"), trusted(CITY)) == [COVER]


# Several signatures


def test_a_countersignature_leaves_the_first_one_right() -> None:
    """Whoever hands on may sign what was signed: each is over what was there when it was made."""
    both = signed(SIGNED, OTHER)
    assert verdicts(both, trusted(CITY), trusted(OTHER)) == [VALID, VALID]
    assert verdicts(signed(SIGNED, OTHER, first=True), trusted(CITY), trusted(OTHER)) == [VALID, VALID]
    assert verdicts(changed(both, "Actual", "Exercise"), trusted(CITY), trusted(OTHER)) == [ALTERED, ALTERED]


@pytest.mark.parametrize("first", [False, True])
def test_signatures_side_by_side(first: bool) -> None:
    """As in Canada: two signatures, each over the alert alone, in any order."""
    both = signed(SIGNED, OTHER, alone=True, first=first)
    assert verdicts(both, trusted(CITY), trusted(OTHER)) == [VALID, VALID]


def test_three_hands() -> None:
    """The one in the middle is found right, too, wherever the others put theirs."""
    third = identity("third")
    raw = signed(signed(SIGNED, OTHER), third)
    assert verdicts(raw, trusted(CITY), trusted(OTHER), trusted(third)) == [VALID] * 3


def test_each_signature_has_its_own_verdict() -> None:
    """A good one does not cover for a bad one, nor the reverse."""
    both = signed(SIGNED, OTHER)
    bad = changed(both, "<SignatureValue>", "<SignatureValue>AAAA")
    assert verdicts(bad, trusted(CITY)) == [ALTERED, UNKNOWN]
    assert read(bad, Trust({SENDER: Rule((trusted(CITY), trusted(OTHER)))})) >= {"altered!"}
    assert verdicts(both, trusted(OTHER)) == [UNKNOWN, VALID]


def test_a_thousand_signatures_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound none is verified, whatever they are."""
    monkeypatch.setattr(signature, "fits", None)
    one = SIGNED.partition(b"<Signature")[2].partition(b"</Signature>")[0].decode()
    raw = changed(RAW, "</alert>", f"<Signature{one}</Signature>" * 1_000 + "</alert>")
    assert verdicts(raw, trusted(CITY)) == [(Verdict.INVALID, "count")]


# Keys and certificates


def test_an_unknown_key_is_unverifiable() -> None:
    """A right signature by somebody we do not know proves nothing, and is not called wrong."""
    assert verdicts(SIGNED) == verdicts(SIGNED, trusted(OTHER)) == [UNKNOWN]
    assert verify(SIGNED, sent=SENT, signers=[])[0].signer == subject("city")


def test_a_namesake_is_somebody_else() -> None:
    """The key counts, not the name in the certificate that a message brings along."""
    assert verdicts(signed(RAW, identity("city")), trusted(CITY)) == [UNKNOWN]


def test_the_certificate_that_we_know_does_not_lend_its_name() -> None:
    """Whoever signs with another key and shows our certificate is found out."""
    assert verdicts(signed(RAW, Identity(OTHER.key, CITY.chain)), trusted(CITY)) == [ALTERED]


def test_dates_are_judged_at_sent() -> None:
    """A certificate that expired since is no matter; one that was not valid when it was sent is."""
    begin = SENT.replace(year=2021)
    past = identity("past", begin=begin, lasts=timedelta(days=2))
    assert verdicts(signed(RAW, past), trusted(past), sent=begin + timedelta(days=1)) == [VALID]
    short = identity("short", begin=SENT - timedelta(days=1), lasts=timedelta(days=2))
    raw = signed(RAW, short)
    assert verdicts(raw, trusted(short)) == [VALID]
    assert verdicts(raw, trusted(short), sent=SENT + timedelta(days=2)) == [EXPIRED]
    assert verdicts(raw, trusted(short), sent=SENT - timedelta(days=2)) == [EXPIRED]
    assert verdicts(changed(raw, "Actual", "Exercise"), trusted(short), sent=SENT + timedelta(days=2)) == [ALTERED]


def test_a_renewed_certificate_of_the_same_key() -> None:
    """While both stand in the file the old one does not make the new one expire."""
    old = identity("city", key=CITY.key, lasts=timedelta(days=1))
    assert verdicts(SIGNED, trusted(old), trusted(CITY)) == [VALID]
    assert verdicts(SIGNED, trusted(CITY), trusted(old)) == [VALID]


def test_a_chain_brings_certificates_along() -> None:
    """Another trusted certificate among those shown does not make a right signature wrong."""
    raw = signed(RAW, Identity(CITY.key, (*OTHER.chain, *CITY.chain)))
    assert verdicts(raw, trusted(OTHER), trusted(CITY)) == [VALID]


def test_an_authority_vouches_for_a_name() -> None:
    """Whoever our authority has certified under the right name may sign, also through one in between."""
    office = identity("office", issuer=AUTHORITY)
    between = identity("between", issuer=AUTHORITY, is_authority=True)
    far = identity("office", issuer=between)
    for who in (office, far):
        assert verdicts(signed(RAW, who), vouched("office", AUTHORITY)) == [VALID]
        assert verdicts(signed(RAW, who), vouched("another office", AUTHORITY)) == [UNKNOWN]
        assert verdicts(signed(RAW, who), vouched("office", identity("authority", is_authority=True))) == [UNKNOWN]
    assert verdicts(signed(RAW, identity("office")), vouched("office", AUTHORITY)) == [UNKNOWN]


def test_an_authority_that_openssl_made_vouches() -> None:
    """`openssl req -x509` makes authorities that say nothing of their key's usage; who says another may not certify."""
    plain = identity("plain", is_authority=True, says_usage=False)
    assert verdicts(signed(RAW, identity("office", issuer=plain)), vouched("office", plain)) == [VALID]
    signing = identity("signing", issuer=plain)
    assert verdicts(signed(RAW, identity("office", issuer=signing)), vouched("office", plain)) == [UNKNOWN]


def test_an_authority_vouches_for_no_weak_key_and_no_subordinate() -> None:
    """What an authority signed is held to the same strength, and an office may not certify others."""
    weak = identity("office", issuer=AUTHORITY, key=rsa.generate_private_key(public_exponent=65_537, key_size=1_024))
    below = identity("office", issuer=identity("other office", issuer=AUTHORITY))
    for who in (weak, below):
        assert verdicts(signed(RAW, who), vouched("office", AUTHORITY)) == [UNKNOWN]


def test_an_authority_and_dates() -> None:
    """A certified office is judged at `sent`, too."""
    short = identity("office", issuer=AUTHORITY, begin=SENT - timedelta(days=1), lasts=timedelta(days=2))
    assert verdicts(signed(RAW, short), vouched("office", AUTHORITY)) == [VALID]
    late = SENT + timedelta(days=3)
    assert verdicts(signed(RAW, short), vouched("office", AUTHORITY), sent=late) == [EXPIRED]


# What is weak or broken


@pytest.mark.parametrize(
    "more",
    [
        {"method": DS + "rsa-sha1"},
        {"digest": DS + "sha1"},
        {"c14n": "http://www.w3.org/2010/xml-c14n2"},
    ],
)
def test_weak_algorithms_are_unverifiable(more: dict[str, str]) -> None:
    """SHA-1 and what nobody uses: not wrong, but no proof."""
    who = identity(key=RSA)
    assert verdicts(signed(RAW, who, **more), trusted(who)) == [WEAK]  # type: ignore[arg-type]


@pytest.mark.parametrize("method", [DS + "dsa-sha1", DS + "hmac-sha1", MORE + "hmac-sha256", "x", ""])
def test_other_methods_are_unverifiable(method: str) -> None:
    """DSA, HMAC (whose key everybody could read off the certificate) and nonsense are no proof."""
    assert verdicts(changed(SIGNED, MORE + "ecdsa-sha256", method), trusted(CITY)) == [WEAK]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<SignatureValue>", "<SignatureValue>A"),
        ("<DigestValue>", "<DigestValue/><DigestValue>"),
        (MORE + "ecdsa-sha256", MORE + "rsa-sha256"),
    ],
)
def test_a_broken_signature_is_never_valid(old: str, new: str) -> None:
    """Whatever the verifier stumbles over, it has not said that the signature is right."""
    assert verdicts(changed(SIGNED, old, new), trusted(CITY)) == [ALTERED]


@pytest.mark.parametrize("cut", ["SignatureValue", "DigestValue", "DigestMethod", "SignedInfo", "Transforms"])
def test_a_signature_with_holes_is_never_valid(cut: str) -> None:
    """An element less, and there is no proof."""
    assert verdicts(without(SIGNED, cut), trusted(CITY)) != [VALID]


def test_a_certificate_that_cannot_be_read_is_none() -> None:
    """What a message brings along may be rubbish: trust comes from elsewhere."""
    assert verdicts(changed(SIGNED, "<X509Certificate>", "<X509Certificate>AAAA"), trusted(CITY)) == [VALID]
    assert verdicts(without(SIGNED, "KeyInfo"), trusted(CITY)) == [VALID]


def test_a_certificate_of_a_version_that_there_is_not() -> None:
    """Bytes that are nearly a certificate make other errors than those that are none; they cost nothing either."""
    der = CITY.certificate.public_bytes(Encoding.DER)
    odd = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x42", 1)
    assert odd != der
    shown = changed(SIGNED, b64encode(der).decode(), b64encode(odd).decode())
    assert verdicts(shown, trusted(CITY), vouched("city", AUTHORITY)) == [VALID]


def without(raw: bytes, name: str) -> bytes:
    """Return `raw` without its first element called `name`."""
    head, _, rest = raw.partition(f"<{name}".encode())
    end = f"</{name}>".encode()
    return head + rest.partition(end if end in rest else b"/>")[2]


def test_a_crash_inside_the_verifier_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect below costs the proof, not the alert."""
    monkeypatch.setattr(proof.XMLVerifier, "verify", lambda *_, **__: 1 / 0)
    assert VALID not in verdicts(SIGNED, trusted(CITY))


def test_a_crash_of_ours_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of this very check is told, and costs no alert."""
    monkeypatch.setattr(signature, "flaw_of", lambda _: 1 / 0)
    reading = reader.read(SIGNED, now=NOW, trust=OPTIONAL)
    assert [f.code for f in reading.findings] == ["cap.rule.crashed"]
    assert reading.verdict == "valid"


# What becomes of it


def read(raw: bytes, trust: Trust, *, key_id: str = "", strictness: Strictness = Strictness.PRODUCER) -> set[str]:
    """Return the codes about signatures, errors with a mark."""
    reading = reader.read(raw, profile="core", now=NOW, trust=trust, key_id=key_id, strictness=strictness)
    assert (reading.alert is None) == any(f.severity is Severity.ERROR for f in reading.findings)
    found = [f for f in reading.findings if f.code.startswith("cap.signature.")]
    return {f.code.rpartition(".")[2] + "!" * (f.severity is Severity.ERROR) for f in found}


OPTIONAL = Trust({SENDER: Rule((trusted(CITY),))})
REQUIRED = Trust({SENDER: Rule((trusted(CITY),), required=True)})
FORGED = changed(SIGNED, "千代田区に避難指示", "避難は不要です")


def test_without_a_requirement_only_a_wrong_signature_refuses() -> None:
    """None is fine, an unverifiable one a warning, a wrong one refused."""
    assert read(RAW, OPTIONAL) == read(SIGNED, OPTIONAL) == set()
    assert read(signed(RAW, OTHER), OPTIONAL) == {"unknown"}
    assert read(FORGED, OPTIONAL) == {"altered!"}


def test_a_requirement_is_met_by_a_valid_signature_only() -> None:
    """Missing, unknown, weak, expired: refused, with the reason beside it."""
    assert read(SIGNED, REQUIRED) == set()
    assert read(RAW, REQUIRED) == {"required!"}
    assert read(signed(RAW, OTHER), REQUIRED) == {"unknown", "required!"}
    assert read(signed(RAW, CITY, digest=DS + "sha1"), REQUIRED) == {"algorithm", "required!"}
    assert read(signed(RAW, CITY, uri="#x"), REQUIRED) == {"cover", "required!"}
    assert read(FORGED, REQUIRED) == {"altered!", "required!"}


def test_a_signature_counts_for_its_own_sender_only() -> None:
    """The key of one city does not sign for another."""
    others = Trust({SENDER: Rule((trusted(OTHER),), required=True), "city.example": Rule((trusted(CITY),))})
    assert read(SIGNED, others) == {"unknown", "required!"}


def test_a_requirement_may_hang_on_the_api_key_or_on_everybody() -> None:
    """Whoever changes the sender's name to escape it does not escape it."""
    by_key = Trust(by_key_id={"k1": Rule((trusted(CITY),), required=True)})
    assert read(RAW, by_key, key_id="k1") == {"required!"}
    assert read(SIGNED, by_key, key_id="k1") == set()
    assert read(RAW, by_key, key_id="k2") == set()
    assert read(RAW, Trust(required=True)) == {"required!"}
    assert read(SIGNED, Trust({SENDER: Rule((trusted(CITY),))}, required=True)) == set()


def test_upstream_messages_go_out_with_their_defects() -> None:
    """What others made is published with a wrong signature as a warning; only a required one withholds it."""
    assert read(FORGED, OPTIONAL, strictness=Strictness.UPSTREAM) == {"altered"}
    assert read(FORGED, REQUIRED, strictness=Strictness.UPSTREAM) == {"altered", "required!"}
    assert read(RAW, REQUIRED, strictness=Strictness.UPSTREAM) == {"required!"}


def test_findings_say_where() -> None:
    """Each finding has the path and the line of its signature, and whose it claims to be."""
    raw = signed(SIGNED, OTHER)
    (found,) = reader.read(raw, now=NOW, trust=OPTIONAL).findings
    assert (found.code, found.path) == ("cap.signature.unknown", "/alert/Signature[2]")
    assert (found.line, found.found) == (raw.count(b"\n", 0, raw.rindex(b"<Signature ")) + 1, subject("other"))


def test_nobody_asked() -> None:
    """Without a trust file signatures are not looked at, however wrong they are."""
    reading = reader.read(FORGED, now=NOW)
    assert (reading.verdict, reading.signatures) == ("valid", ())
