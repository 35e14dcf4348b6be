"""Signers of CAP messages: keys, certificates, authorities, and XML-DSig written out by hand.

Nothing here is signxml, so that what the hub makes and takes is held against the standard and not against itself.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
ENVELOPED = DS + "enveloped-signature"
C14N, EXC_C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2001/10/xml-exc-c14n#"
C14N_11 = "http://www.w3.org/2006/12/xml-c14n11"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_HASHES = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
_PSS = "http://www.w3.org/2007/05/xmldsig-more#"
_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody with a key, and the certificates that show whose it is, its own first."""

    key: Key
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """Its own."""
        return self.chain[0]

    @property
    def pem(self) -> bytes:
        """Its own certificate as a file has it."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """Its private key as a file has it."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public_pem(self) -> bytes:
        """Its public key alone, as a file has it."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write the key and the certificates below `folder`, as the hub wants them; return where."""
        key, certificate = folder / f"{name}.pem", folder / f"{name}.crt"
        key.touch(0o600)
        key.write_bytes(self.key_pem)
        certificate.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in self.chain))
        return key, certificate


def p256() -> ec.EllipticCurvePrivateKey:
    """Return a new key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def identity(
    name: str = "city",
    *,
    key: Key | None = None,
    issuer: Identity | None = None,
    begin: datetime = _BEGIN,
    lasts: timedelta = timedelta(days=20_000),
    is_authority: bool = False,
    says_usage: bool = True,
) -> Identity:
    """Return somebody called `name`, certified by `issuer` or by itself; `openssl req -x509` says no usage."""
    key = key or p256()
    title = _title(name)
    usage = [name in ("digital_signature", "key_cert_sign")[is_authority:] for name in _USAGES]
    builder = (
        x509.CertificateBuilder(issuer.certificate.subject if issuer else title, title, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + lasts)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if says_usage:
        builder = builder.add_extension(x509.KeyUsage(**dict(zip(_USAGES, usage, strict=True))), critical=True)
    above = issuer.key if issuer else key
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key())
    certificate = builder.add_extension(identifier, critical=False).sign(above, hashes.SHA256())
    return Identity(key, (certificate, *(issuer.chain if issuer else ())))


_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def _title(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"), x509.NameAttribute(NameOID.COMMON_NAME, name)])


def subject(name: str) -> str:
    """Return the name of `identity(name)` as trust.toml writes it."""
    return f"CN={name},C=JP"


def signed(
    raw: bytes,
    by: Identity,
    *,
    method: str | None = None,
    digest: str = SHA256,
    c14n: str = EXC_C14N,
    transforms: Sequence[str] = (ENVELOPED, EXC_C14N),
    uri: str = "",
    of: str = ".",
    references: int = 1,
    alone: bool = False,
    first: bool = False,
    shows: bool = True,
    extra: str = "",
) -> bytes:
    """Return `raw` with an enveloped signature before its end tag, or (`first`) before those that it bears.

    `of` is what the digest is over (an ElementPath), without all other signatures if `alone`. `shows` brings the
    certificates along. `extra` is put at the end of the signature.
    """
    method = method or MORE + ("rsa-sha256" if isinstance(by.key, rsa.RSAPrivateKey) else "ecdsa-sha256")
    root = etree.fromstring(raw)
    if alone:
        for other in root.findall(f"{{{DS}}}Signature"):
            other.getparent().remove(other)
    inner = next((each for each in transforms if each.startswith((C14N, C14N_11, EXC_C14N))), C14N)
    part = root.find(of)
    assert part is not None
    value = hashlib.new(_name(digest), canonical(part, inner)).digest()
    listed = "".join(f'<Transform Algorithm="{each}"/>' for each in transforms)
    reference = (
        f'<Reference URI="{uri}"><Transforms>{listed}</Transforms>'
        f'<DigestMethod Algorithm="{digest}"/><DigestValue>{_text(value)}</DigestValue></Reference>'
    )
    shown = "".join(
        f"<X509Certificate>{_text(one.public_bytes(Encoding.DER))}</X509Certificate>" for one in by.chain * shows
    )
    key_info = f"<KeyInfo><X509Data>{shown}</X509Data></KeyInfo>" if shown else ""
    template = (
        f'<Signature xmlns="{DS}" Id="no NCName"><SignedInfo><CanonicalizationMethod Algorithm="{c14n}"/>'
        f'<SignatureMethod Algorithm="{method}"/>{reference * references}</SignedInfo>'
        f"<SignatureValue>@</SignatureValue>{key_info}{extra}</Signature>"
    ).encode()
    at = raw.index(b"<Signature") if first else raw.rindex(b"</")
    unsigned = raw[:at] + template + raw[at:]
    info = next(
        each.getparent().find(f"{{{DS}}}SignedInfo")
        for each in etree.fromstring(unsigned).iter(f"{{{DS}}}SignatureValue")
        if each.text == "@"
    )
    return unsigned.replace(b">@<", f">{_text(_sign(by.key, canonical(info, c14n), method))}<".encode())


def is_right(raw: bytes, certificate: x509.Certificate) -> bool:
    """Whether the one signature in `raw`, as the hub makes it, is right by the letter of the standard."""
    root = etree.fromstring(raw)
    (signature,) = root.findall(f"{{{DS}}}Signature")
    info = signature.find(f"{{{DS}}}SignedInfo")
    value = base64.b64decode(signature.findtext(f"{{{DS}}}SignatureValue"))
    told = base64.b64decode(info.findtext(f".//{{{DS}}}DigestValue"))
    message = canonical(info, EXC_C14N)
    assert signature.tail is None or not signature.tail.strip()
    before = signature.getprevious()
    before.tail = (before.tail or "") + (signature.tail or "")
    root.remove(signature)
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        half = len(value) // 2
        r, s = (int.from_bytes(part) for part in (value[:half], value[half:]))
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    else:
        key.verify(value, message, padding.PKCS1v15(), hashes.SHA256())
    return told == hashlib.sha256(canonical(root, EXC_C14N)).digest()


def canonical(element: etree._Element, method: str) -> bytes:
    """Return the canonical form of an element, which lxml gets wrong unless it declares its namespaces itself."""
    return etree.tostring(
        etree.fromstring(etree.tostring(element, with_tail=False)),
        method="c14n",
        exclusive=method.startswith(EXC_C14N),
        with_comments=method.endswith("WithComments"),
    )


def _sign(key: Key, message: bytes, method: str) -> bytes:
    algorithm = _HASHES[_name(method)]()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.key_size + 7) // 8
        return b"".join(n.to_bytes(size) for n in decode_dss_signature(key.sign(message, ec.ECDSA(algorithm))))
    if method.startswith(_PSS):
        return key.sign(message, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
    return key.sign(message, padding.PKCS1v15(), algorithm)


def _name(algorithm: str) -> str:
    """Return the hash that an algorithm's URI names."""
    return next(name for name in _HASHES if name in algorithm)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
