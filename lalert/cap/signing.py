"""Our own signature, on what bears none yet (CAP 1.2 §3.3.4.1).

It is made once, when the message is accepted, and kept beside the bytes as they were received: one element, to stand
before the end tag of `alert` wherever the message is published as CAP. So every way out, every retry and every node
gives out the same bytes, and without that element they are the sender's, byte by byte.

A message that bears a signature already is published as it came. An enveloped signature is over everything but itself,
so one more beside it would break it for every reader who checks by the letter.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from lxml import etree
from signxml import CanonicalizationMethod, SignatureMethod, XMLSigner

from lalert.cap.dictionary import XMLDSIG
from lalert.cap.model import Alert
from lalert.cap.proof import fits, tree_of
from lalert.cap.trust import valid_at, weakness
from lalert.errors import Rejected, Text

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_MAX_PEM_BYTES: Final = 64 << 10
_END: Final = re.compile(rb"</(?:[A-Za-z_][\w.\-]*:)?alert\s*>\s*\Z")
_READABLE: Final = frozenset({"UTF-8", "ASCII", "US-ASCII"})  # encodings in which our element is the same bytes


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, and the certificates that go with each signature: its own first, then those up to an authority."""

    private: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = field(repr=False)

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate that readers know us by."""
        return self.chain[0]


def load(key: Path, certificate: Path) -> SigningKey:
    """Return the signing key out of two PEM files. Raises `Rejected` (`signing.key`) when they are of no use.

    The key's file must be readable by its owner only: whoever reads it can speak in our name.
    """
    try:
        if stat.S_IMODE(key.stat().st_mode) & 0o077:
            raise _unusable(key, "others may read it: chmod 600")
        private = load_pem_private_key(_bounded(key), password=None)
        chain = tuple(x509.load_pem_x509_certificates(_bounded(certificate)))
    except (OSError, ValueError, TypeError) as error:
        raise _unusable(key, str(error).partition("\n")[0] or type(error).__name__) from error
    if not isinstance(private, PrivateKey) or weakness(private.public_key()) is not None:
        raise _unusable(key, "not RSA from 2048 bits, nor ECDSA on P-256, P-384 or P-521")
    if _public(private.public_key()) != _public(chain[0].public_key()):
        raise _unusable(certificate, "it is not the certificate of the key")
    return SigningKey(private, chain)


def sign(alert: Alert, key: SigningKey) -> bytes:
    """Return our `Signature` for the end of `alert.raw`, or nothing where it would do harm.

    Nothing: for what is signed already; outside the dates of our certificate, where readers would call the signature
    wrong; in CAP 1.0 and 1.1, whose schemas have no place for it; in bytes whose end is not plain.
    """
    if not _is_plain(alert) or not valid_at(key.certificate, alert.sent):
        return b""
    try:
        return _signature(alert.raw, key)
    except Exception:  # a defect below costs the signature, not the alert
        return b""


def spliced(raw: bytes, element: bytes) -> bytes:
    """Return `raw` with `element` before its last end tag; without an element, `raw` itself."""
    at = raw.rindex(b"</") if element else len(raw)
    return raw[:at] + element + raw[at:]


def _is_plain(alert: Alert) -> bool:
    """Whether a message is CAP 1.2, bears no signature, and ends with a tag that is surely its root's."""
    return alert.version == "1.2" and XMLDSIG.encode() not in alert.raw and _END.search(alert.raw) is not None


def _signature(raw: bytes, key: SigningKey) -> bytes:
    """Return our signature; nothing where the message is not in an encoding in which it would be the same bytes."""
    root = tree_of(raw)
    if (root.getroottree().docinfo.encoding or "UTF-8").upper() not in _READABLE:
        return b""
    signer = XMLSigner(
        signature_algorithm=_method(key.private),
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(root, key=key.private, cert=list(key.chain))
    element = etree.tostring(signed[-1], method="c14n", exclusive=True, with_comments=False)
    return element if fits(spliced(raw, element), 0, 1, key.certificate) else b""


def _method(key: PrivateKey) -> SignatureMethod:
    return SignatureMethod.RSA_SHA256 if isinstance(key, rsa.RSAPrivateKey) else SignatureMethod.ECDSA_SHA256


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_PEM_BYTES)


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _unusable(path: Path, reason: str) -> Rejected:
    return Rejected(
        Text(
            f"{path} を署名に使えません（{reason[:200]}）。"
            "秘密鍵（PEM、所有者だけが読めるもの）と、その証明書を確認してください。",
            f"{path} cannot be used for signing: {reason[:200]}. "
            "Check the private key (PEM, mode 600) and its certificate.",
        ),
        code="signing.key",
    )
