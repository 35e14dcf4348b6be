"""The keys that may have made a signature: those that we trust, and those that an authority of ours has certified."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.x509 import verification
from lxml import etree

from lalert.cap.dictionary import XMLDSIG
from lalert.cap.trust import Signer, weakness

MAX_CERTIFICATES: Final = 6  # of one signature: a chain

_BROUGHT: Final = "/".join(f"{{{XMLDSIG}}}{name}" for name in ("KeyInfo", "X509Data", "X509Certificate"))


@dataclass(frozen=True, slots=True)
class Key:
    """One key that may have made a signature, in its certificate."""

    certificate: x509.Certificate
    subject: str
    is_bare: bool


def keys(signers: Iterable[Signer], offered: Sequence[x509.Certificate], sent: datetime) -> Iterator[Key]:
    """Yield the keys that count, those that the message brings along only where an authority vouches for them."""
    for signer in signers:
        if signer.certificate is not None:
            yield Key(signer.certificate, signer.subject, signer.is_bare)
            continue
        for leaf in offered:
            if subject_of(leaf) == signer.subject and _is_vouched_for(leaf, offered, signer.authorities, sent):
                yield Key(leaf, signer.subject, is_bare=False)


def certificates_of(element: etree._Element) -> tuple[x509.Certificate, ...]:
    """Return the certificates that a signature brings along, less those that cannot be read."""
    found = (_maybe_certificate(each.text or "") for each in element.findall(_BROUGHT)[:MAX_CERTIFICATES])
    return tuple(certificate for certificate in found if certificate is not None)


def _maybe_certificate(text: str) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
    except Exception:  # a stranger's bytes: there are more ways to be no certificate than x509 has one name for
        return None


def subject_of(certificate: x509.Certificate) -> str:
    """Return whom a certificate names (RFC 4514), empty for a name that is none."""
    try:
        return certificate.subject.rfc4514_string()
    except ValueError:
        return ""


def _is_vouched_for(
    leaf: x509.Certificate, offered: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate], sent: datetime
) -> bool:
    """Whether a chain leads from `leaf` to one of `authorities`, as of `sent` or the nearest of the leaf's own days."""
    at = min(max(sent, leaf.not_valid_before_utc), leaf.not_valid_after_utc)
    try:
        if weakness(leaf.public_key()) is not None:
            return False
        policy = verification.PolicyBuilder().store(verification.Store(list(authorities))).time(at.astimezone(UTC))
        policy = policy.extension_policies(ca_policy=_CA_POLICY, ee_policy=_LEAF_POLICY)
        policy.build_client_verifier().verify(leaf, [each for each in offered if each != leaf])
    except Exception:  # the same: what cannot be followed to its end is not vouched for
        return False
    return True


def _demand_signing(_policy: verification.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise ValueError("no certificate for signatures")


def _demand_certifying(
    _policy: verification.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("no certificate for certifying")


# A CA that `openssl req -x509` has made says nothing of its key's usage; whoever says something must say this.
_CA_POLICY: Final = verification.ExtensionPolicy.webpki_defaults_ca().may_be_present(
    x509.KeyUsage, verification.Criticality.AGNOSTIC, _demand_certifying
)
_LEAF_POLICY: Final = verification.ExtensionPolicy.permit_all().may_be_present(
    x509.KeyUsage, verification.Criticality.AGNOSTIC, _demand_signing
)
