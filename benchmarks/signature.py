"""What a signature costs a message: read with a trust and without one, verified by us and by signxml as one calls it.

The messages are an ordinary order of 2 KB and one of nearly 1 MB; the candidates take turns in one run. CPU time, best
of the rounds. The peer is `XMLVerifier().verify` with the certificate as PEM text and everything at its defaults, which
asks less: it takes any place and any reference, and says nothing of several signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import process_time

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from signxml import XMLVerifier

from lalert.cap import build, reader, signature
from lalert.cap.model import Alert
from lalert.cap.parse import parse
from lalert.cap.render import to_xml
from lalert.cap.signing import PrivateKey, SigningKey, sign, spliced
from lalert.cap.trust import Rule, Signer, Trust

ROUNDS = 5
TIMES = 40
_SENDER = "benchmark@city.example.jp"


def run() -> dict[str, float]:
    """Return milliseconds of CPU a message."""
    ec_key = _signing_key(ec.generate_private_key(ec.SECP256R1()))
    rsa_key = _signing_key(rsa.generate_private_key(public_exponent=65_537, key_size=2_048))
    order, large = _order("神田川が氾濫するおそれがあります。"), _order("水" * 310_000)
    signed, signed_large = (spliced(alert.raw, sign(alert, ec_key)) for alert in (order, large))
    signer = Signer(certificate=ec_key.certificate, subject="CN=hub")
    trust = Trust({_SENDER: Rule((signer,), required=True)})
    pem = ec_key.certificate.public_bytes(Encoding.PEM).decode()
    figures = _best(
        {
            "read, no trust, ms": lambda: reader.read(signed),
            "read and verify, ms": lambda: reader.read(signed, trust=trust),
            "read what is unsigned, with a trust, ms": lambda: reader.read(order.raw, trust=trust),
            "verify, ms": lambda: signature.verify(signed, sent=order.sent, signers=[signer]),
            "verify 930 KB, ms": lambda: signature.verify(signed_large, sent=large.sent, signers=[signer]),
            "signxml with PEM text, ms": lambda: XMLVerifier().verify(signed, x509_cert=pem),
            "sign (ECDSA P-256, checked), ms": lambda: sign(order, ec_key),
            "sign (RSA 2048, checked), ms": lambda: sign(order, rsa_key),
        }
    )
    return figures | {"verify / signxml with PEM text": figures["verify, ms"] / figures["signxml with PEM text, ms"]}


def _best(candidates: dict[str, Callable[[], object]]) -> dict[str, float]:
    figures = dict.fromkeys(candidates, float("inf"))
    for _ in range(ROUNDS):
        for name, work in candidates.items():
            began = process_time()
            for _ in range(TIMES):
                work()
            figures[name] = min(figures[name], (process_time() - began) / TIMES * 1_000)
    return figures


def _order(description: str) -> Alert:
    made = build.order(
        level=4,
        hazard="flood",
        codes=["131016"],
        sender=_SENDER,
        identifier="benchmark",
        sent=datetime.now(UTC).replace(microsecond=0),
        area_desc="千代田区",
        headline="千代田区に避難指示",
        description=description,
        instruction="直ちに避難してください。",
    )
    return parse(to_xml(made))


def _signing_key(key: PrivateKey) -> SigningKey:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    return SigningKey(key, (builder.add_extension(usage, critical=True).sign(key, SHA256()),))
