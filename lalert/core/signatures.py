"""What one realm does about signatures: whose it trusts, and the key of its own. Both may be none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lalert.cap import signing, trust
from lalert.cap.signing import SigningKey
from lalert.cap.trust import Trust
from lalert.core.model import Realm
from lalert.errors import Rejected, Text
from lalert.settings import Signatures as Chosen


@dataclass(frozen=True, slots=True)
class Signatures:
    """`trust` None: signatures are not looked at. `key` None: nothing is signed."""

    trust: Trust | None = None
    key: SigningKey | None = None


def load(chosen: Chosen, realm: Realm, *, note: Callable[[Path], None] = lambda _: None) -> Signatures:
    """Return what the operator chose for `realm`, out of the files that the settings name; `note` hears of each file.

    Raises `Rejected` (`trust.invalid`, `signing.key`): a hub that checks or signs less than it was told must not start.
    """
    if realm is Realm.LIVE:
        return _load(chosen.trust, chosen.key, chosen.certificate, note)
    return _load(chosen.drill_trust, chosen.drill_key, chosen.drill_certificate, note)


def _load(trusted: Path | None, key: Path | None, certificate: Path | None, note: Callable[[Path], None]) -> Signatures:
    if (key is None) != (certificate is None):
        raise Rejected(
            Text(
                "signatures.key と signatures.certificate は、両方を指定してください（訓練系の drill_ も同じ）。",
                "Give both signatures.key and signatures.certificate, or neither; the same for drill_.",
            ),
            code="signing.key",
        )
    for file in (key, certificate):
        if file is not None:
            note(file)
    return Signatures(
        trust=None if trusted is None else trust.load(trusted, note=note),
        key=None if key is None or certificate is None else signing.load(key, certificate),
    )
