"""VAPID: tokens that an independent implementation (PyPI py-vapid) accepts, and a key that stays."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import py_vapid
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lalert.errors import Rejected
from lalert.publishers import vapid
from lalert.publishers.sealing import is_key, maybe_bytes
from lalert.publishers.vapid import RENEW_S, TOKEN_S, Vapid, load_or_make, origin_of

ENDPOINT = "https://push.example.net/send/abc?x=1"
NOW_S = 1_800_000_000


@pytest.fixture
def signer() -> Vapid:
    """A realm's key."""
    return Vapid(ec.generate_private_key(ec.SECP256R1()), "mailto:admin@example.jp")


def claims(header: str) -> dict[str, object]:
    """Return the claims of a token."""
    raw = maybe_bytes(header.removeprefix("vapid t=").partition(",")[0].split(".")[1])
    return json.loads(raw or b"")  # type: ignore[no-any-return]


def test_another_implementation_accepts_the_token(signer: Vapid) -> None:
    """Signature, scheme and claims are those of RFC 8292: the origin alone, half a day, and whom to ask."""
    header = signer.authorization(ENDPOINT, now_s=NOW_S)
    assert py_vapid.Vapid02.verify(header)
    assert claims(header) == {
        "aud": "https://push.example.net",
        "exp": NOW_S + TOKEN_S,
        "sub": "mailto:admin@example.jp",
    }
    assert header.endswith(f",k={signer.public_key}")
    assert is_key(maybe_bytes(signer.public_key) or b"")


def test_one_token_an_origin_until_it_grows_old(signer: Vapid) -> None:
    """The same origin gets the same token until an hour before its end; another origin never gets it."""
    first = signer.authorization(ENDPOINT, now_s=NOW_S)
    last_s = NOW_S + TOKEN_S - RENEW_S
    assert signer.authorization("https://PUSH.example.net/other", now_s=last_s) == first
    renewed = signer.authorization(ENDPOINT, now_s=last_s + 1)
    assert claims(renewed)["exp"] == last_s + 1 + TOKEN_S
    assert claims(signer.authorization("https://push.example.net:444/", now_s=NOW_S))["aud"].endswith(":444")  # type: ignore[attr-defined]


def test_tokens_are_bounded(signer: Vapid, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many origins there are, the oldest tokens make room; they can be made again."""
    monkeypatch.setattr(vapid, "_MOST_ORIGINS", 2)
    for number in range(4):
        signer.authorization(f"https://{number}.example/", now_s=NOW_S)
    assert set(signer._tokens) == {"https://2.example", "https://3.example"}


@pytest.mark.parametrize(
    ("url", "origin"),
    [("https://A.example/x", "https://a.example"), ("http://127.0.0.1:8080/p/1", "http://127.0.0.1:8080")],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    """Nothing of the path, which is the secret, gets into a token."""
    assert origin_of(url) == origin


def test_the_key_stays(tmp_path: Path) -> None:
    """The first start makes it, readable by its owner only; every later one finds the same."""
    path = tmp_path / "vapid-live.pem"
    first, second = (Vapid(load_or_make(path), "mailto:a@example.jp").public_key for _ in range(2))
    assert first == second
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["vapid-live.pem"]


def foreign(key: Any) -> bytes:
    """Return a key as PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "content",
    [b"", b"half a key", foreign(ed25519.Ed25519PrivateKey.generate()),
     foreign(ec.generate_private_key(ec.SECP384R1()))],
    ids=["empty", "text", "Ed25519", "P-384"],
)  # fmt: skip
def test_a_key_file_that_is_none_stops_the_start(tmp_path: Path, content: bytes) -> None:
    """A broken key is never replaced by a new one: that would silence everybody who subscribed."""
    path = tmp_path / "vapid-live.pem"
    path.write_bytes(content)
    with pytest.raises(Rejected, match=r"push\.key_file"):
        load_or_make(path)
    assert path.read_bytes() == content
