"""Signatures of webhooks, held against the reference library of Standard Webhooks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from lalert.publishers import signing

SECRET = bytes(range(32))
secrets = st.binary(min_size=24, max_size=64)


@given(secret=secrets, body=st.text(), number=st.integers(0, 10**9))
def test_reference_library_accepts_our_signature(secret: bytes, body: str, number: int) -> None:
    """What we sign, the reference library verifies; a changed body, id or secret it does not."""
    raw, now = body.encode(), datetime.now(UTC)
    headers = signing.signed_headers(secret, id_=f"live-k3f9-{number}", at=now, body=raw)
    verify(secret, raw, headers)
    for forged in (
        (secret, raw + b" ", headers),
        (secret, raw, headers | {"webhook-id": "live-k3f9-x"}),
        (secret[:-1] + bytes([secret[-1] ^ 1]), raw, headers),
    ):
        with pytest.raises(WebhookVerificationError):
            verify(*forged)


def test_signature_is_that_of_the_specification() -> None:
    """The example of the specification: id, time and body, joined by full stops, under the decoded secret."""
    secret = signing.maybe_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert secret is not None
    given = signing.signature(
        secret, id_="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=b'{"test": 2432232314}'
    )
    assert given == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(secret=secrets)
def test_secret_survives_its_text(secret: bytes) -> None:
    """A secret reads back as what it was; it is printed with the prefix that scanners know."""
    text = signing.secret_text(secret)
    assert text.startswith("whsec_")
    assert signing.maybe_secret(text) == secret


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_$$$$", signing.secret_text(b"x" * 23), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
)
def test_what_is_no_secret_is_none(text: str) -> None:
    """No prefix, no Base64, too short: no secret."""
    assert signing.maybe_secret(text) is None


def test_one_of_several_signatures_is_enough() -> None:
    """While a secret is changed a message bears two signatures: one that fits is enough, none is not."""
    body, facts = b"{}", {"id_": "live-k3f9-1", "timestamp": 1}
    own = signing.signature(SECRET, body=body, **facts)  # type: ignore[arg-type]
    assert signing.is_signed(SECRET, given=f"v1,b3RoZXI= {own}", body=body, **facts)  # type: ignore[arg-type]
    assert not signing.is_signed(SECRET, given="v1,b3RoZXI= v2,é", body=body, **facts)  # type: ignore[arg-type]
    assert not signing.is_signed(SECRET, given=own, body=b"{ }", **facts)  # type: ignore[arg-type]


def verify(secret: bytes, body: bytes, headers: dict[str, str]) -> None:
    """Let the reference library judge."""
    Webhook(signing.secret_text(secret)).verify(body, headers, json_parse=False)
