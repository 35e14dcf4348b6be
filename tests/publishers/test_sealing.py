"""Web Push encryption, read back by an independent implementation (PyPI http_ece) and by the RFC's own example."""

from __future__ import annotations

import os

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from lalert.publishers import sealing
from lalert.publishers.sealing import Armoury, KeyPair, encrypt, is_key, maybe_bytes

_BROWSER = ec.generate_private_key(ec.SECP256R1())
P256DH = _BROWSER.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
AUTH = os.urandom(16)


def decrypted(body: bytes) -> bytes:
    """Return what the browser reads."""
    return http_ece.decrypt(body, private_key=_BROWSER, auth_secret=AUTH, version="aes128gcm")


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=sealing.MAX_PLAIN_BYTES))
def test_another_implementation_reads_it(plain: bytes) -> None:
    """Whatever is sent comes out again, and the body is one record."""
    body = encrypt(plain, p256dh=P256DH, auth=AUTH)
    assert decrypted(body) == plain
    assert len(body) == len(plain) + 103
    assert len(body) <= sealing.RECORD_BYTES


def test_the_example_of_the_rfc() -> None:
    """RFC 8291 appendix A: these keys and this salt give this body, bit by bit."""
    private = ec.derive_private_key(
        int.from_bytes(maybe_bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw") or b"", "big"), ec.SECP256R1()
    )
    public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    body = sealing._encrypted(
        b"When I grow up, I want to be a watermelon",
        maybe_bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4") or b"",
        maybe_bytes("BTBZMqHH6r4Tts7J_aSIgg") or b"",
        KeyPair(private, public),
        maybe_bytes("DGv6ra1nlYgDCS1FRnbzlw") or b"",
    )
    assert sealing.encoded(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_no_two_messages_share_a_key() -> None:
    """The same text twice is two bodies that have neither salt nor key in common."""
    one, other = (encrypt(b"x", p256dh=P256DH, auth=AUTH) for _ in range(2))
    assert one[:16] != other[:16]
    assert one[21:86] != other[21:86]


def test_too_much_is_refused() -> None:
    """One byte more than a record holds is not sent in two."""
    with pytest.raises(ValueError, match="3994 bytes"):
        encrypt(b"x" * (sealing.MAX_PLAIN_BYTES + 1), p256dh=P256DH, auth=AUTH)


@pytest.mark.parametrize(
    "key",
    [b"", P256DH[:64], P256DH + b"x", b"\x02" + P256DH[1:33], bytes([4]) + bytes(64), b"\x04" + P256DH[1:64] + b"\x00"],
    ids=["empty", "short", "long", "compressed", "zero", "off the curve"],
)
def test_what_is_no_point_of_the_curve_is_no_key(key: bytes) -> None:
    """A key of the wrong length or form, or a point that is not on the curve, is refused before anything is sent."""
    assert not is_key(key)
    with pytest.raises(ValueError, match=r".+"):
        encrypt(b"x", p256dh=key, auth=AUTH)
    assert is_key(P256DH)


@pytest.mark.parametrize(
    ("text", "raw"),
    [("AAEC", b"\0\1\2"), ("AAE=", b"\0\1"), ("AAE", b"\0\1"), ("-_8", b"\xfb\xff"), ("+/8", None), ("A", None),
     ("あ", None), ("AA EC", None), ("AAF", None), ("", b"")],
)  # fmt: skip
def test_base64url_has_one_spelling(text: str, raw: bytes | None) -> None:
    """Padding is optional; the other alphabet, blanks and loose bits are not base64url."""
    assert maybe_bytes(text) == raw


def test_the_armoury_gives_every_pair_once() -> None:
    """Pairs made ahead are used first and never twice; an empty armoury makes a new one."""
    armoury = Armoury(limit=3)
    for held in (2, 3, 3):
        armoury.fill(2)
        assert len(armoury) == held
    taken = [armoury.take() for _ in range(5)]
    assert len({pair.public for pair in taken}) == 5
    assert len(armoury) == 0
    assert decrypted(encrypt(b"armed", p256dh=P256DH, auth=AUTH, mine=taken[0])) == b"armed"
