"""API keys as text."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lalert.core import keys
from lalert.core.model import Realm
from lalert.core.resident import Resident, Wish, digest_of
from lalert.errors import Defect
from lalert.publishers.signing import is_signed
from tests.core.test_roll import PEER

KEY = keys.make(Realm.DRILL, key_id="k7x2", entropy=bytes(range(32)))


@given(
    realm=st.sampled_from(Realm),
    key_id=st.from_regex("[0-9a-z]{4,16}", fullmatch=True),
    entropy=st.binary(min_size=32, max_size=32),
)
def test_a_key_is_read_back_from_its_text(realm: Realm, key_id: str, entropy: bytes) -> None:
    """Whatever its secret, underscores and dashes included, a key's text spells that key."""
    made = keys.make(realm, key_id=key_id, entropy=entropy)
    assert keys.maybe_parse(str(made)) == made
    assert (made.realm, made.key_id) == (realm, key_id)


def test_the_text_names_the_realm() -> None:
    """A person sees from a key what it is for."""
    assert str(KEY).startswith("lalert_drill_k7x2_")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lalert_drill_k7x2",
        str(KEY)[:-1],
        str(KEY) + "A",
        str(KEY) + "\n",
        str(KEY).replace("drill", "test"),
        str(KEY).replace("lalert_", "other_"),
        str(KEY).replace("k7x2", "K7X2"),
        str(KEY).replace("k7x2", "k" * 17),
        str(KEY)[:-1] + "\u0661",
    ],
)
def test_other_text_is_no_key(text: str) -> None:
    """What is not exactly a key is None: nothing is trimmed, folded or guessed."""
    assert keys.maybe_parse(text) is None


@pytest.mark.parametrize(("key_id", "entropy"), [("k7x2", bytes(31)), ("k7x2", bytes(33)), ("k_2x", bytes(32))])
def test_a_weak_or_unreadable_key_is_not_made(key_id: str, entropy: bytes) -> None:
    """A key with too little entropy, or one that could not be read back, is a defect of the caller."""
    with pytest.raises(Defect):
        keys.make(Realm.LIVE, key_id=key_id, entropy=entropy)


def test_a_key_matches_its_own_digest_only() -> None:
    """The digest recognises one secret."""
    other = keys.make(Realm.DRILL, key_id="k7x2", entropy=bytes(32))
    assert KEY.matches(KEY.digest)
    assert not other.matches(KEY.digest)


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a refusal takes says nothing: of a key, of a resident's secret, of a signature."""
    compared: list[tuple[object, object]] = []

    def compare_digest(one: object, other: object) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    resident = Resident(id="r", digest=digest_of("s"), wish=Wish(), peer=PEER, created_at=datetime.now(UTC))
    assert KEY.matches(KEY.digest)
    assert resident.owns("s")
    assert not is_signed(bytes(32), given="v1,x", id_="1", timestamp=0, body=b"")
    assert len(compared) == 3


def test_the_secret_is_not_shown() -> None:
    """A key in a log line or a traceback does not give its secret away."""
    assert KEY.secret not in repr(KEY)
    assert KEY.secret not in KEY.digest
