"""Whose signature counts for whose messages: an operator's `trust.toml` and the certificates that it names.

Trust comes from this file alone. What a message says of its own key (KeyInfo) can at most help to find the key that we
know. A file that is not wholly right is refused with everything that is wrong at once: a hub that knows half of its
signers would refuse alerts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509.oid import NameOID

from lalert.errors import Finding, Severity, Text, rejected

MAX_FILE_BYTES: Final = 4 << 20
MAX_SIGNERS: Final = 10_000

_KINDS: Final = ("certificate", "key", "ca")
_NAMES: Final = ("sender", "key_id")
_TEXTS: Final = (*_NAMES, *_KINDS, "subject")
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_MIN_RSA_BITS: Final = 2_048
_ALWAYS: Final = (datetime(1970, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001 - x509 wants them without a zone

Read = Callable[[str], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One who may sign: its certificate, or whoever `authorities` have certified under the name `subject`.

    Dates count unless `is_bare`: a bare public key has none.
    """

    certificate: x509.Certificate | None = field(default=None, repr=False)
    authorities: tuple[x509.Certificate, ...] = field(default=(), repr=False)
    subject: str
    is_bare: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for one sender or one API key: who may sign for it, and whether somebody must."""

    signers: tuple[Signer, ...] = ()
    required: bool = False

    def __or__(self, other: Rule) -> Rule:
        return Rule(self.signers + other.signers, self.required or other.required)


@dataclass(frozen=True, slots=True)
class Trust:
    """The rules by CAP's `sender` and by the id of the API key that posts; `required` holds for everybody."""

    by_sender: Mapping[str, Rule] = field(default_factory=dict)
    by_key_id: Mapping[str, Rule] = field(default_factory=dict)
    required: bool = False

    def rule_for(self, sender: str, key_id: str = "") -> Rule:
        """Return what holds for a message of `sender`, posted with the API key `key_id` ("": none)."""
        everybody = Rule(required=self.required)
        return everybody | self.by_sender.get(sender, Rule()) | self.by_key_id.get(key_id, Rule())


def load(path: Path, *, note: Callable[[Path], None] = lambda _: None) -> Trust:
    """Return the trust that the file at `path` tells; file names in it are relative to its folder.

    `note` hears of each file before it is opened. Raises `Rejected` (`trust.invalid`) that lists everything that is
    wrong.
    """

    def read(name: str) -> bytes:
        note(path.parent / name)
        return _bounded(path.parent / name)

    return parse(path.name, read)


def parse(name: str, read: Read) -> Trust:
    """Return the trust that the file `name` tells; `read` gives it and those that it names. Raises `Rejected`."""
    faults: list[Finding] = []
    table = _table(name, read, faults)
    rules: dict[str, dict[str, Rule]] = {name: {} for name in _NAMES}
    for number, entry in enumerate(_entries(table, faults), 1):
        faults.extend(_misspelt(entry, f"signer[{number}]"))
        signer = _maybe_signer(entry, f"signer[{number}]", read, faults)
        if signer is not None:
            _add(rules, entry, signer)
    if faults:
        raise rejected(faults, code="trust.invalid", message=_INVALID)
    return Trust(rules["sender"], rules["key_id"], table.get("required") is True)


def weakness(key: PublicKeyTypes) -> str | None:
    """Return why a key is not accepted, or None: RSA from 2,048 bits, or ECDSA on P-256, P-384, P-521."""
    if isinstance(key, rsa.RSAPublicKey):
        return None if key.key_size >= _MIN_RSA_BITS else f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return None if isinstance(key.curve, _CURVES) else key.curve.name
    return type(key).__name__.removesuffix("PublicKey")


_NAME_FORM: Final = (
    "証明書の名前をRFC 4514の形（CN=…,O=…,C=JP。openssl x509 -noout -subject -nameopt RFC2253 の表示）で",
    "the certificate's name as RFC 4514 has it: CN=…,O=…,C=JP (openssl x509 -noout -subject -nameopt RFC2253)",
)
_INVALID: Final = Text(
    "署名の信頼設定（trust.toml）に誤りがあります。修正するまで起動できません。",
    "The trust file (trust.toml) has errors. The hub does not start until they are corrected.",
)


def _bounded(path: Path) -> bytes:
    """Return what is in a file. Raises `OSError`, also when that is too much."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise OSError(f"more than {MAX_FILE_BYTES} bytes")
    return content


def _table(file: str, read: Read, faults: list[Finding]) -> dict[str, object]:
    try:
        table = tomllib.loads(read(file).decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        faults.append(_unreadable(file, error))
        return {}
    faults.extend(_unknown(name, name, ("required", "signer")) for name in table if name not in ("required", "signer"))
    if not isinstance(table.get("required", False), bool):
        faults.append(_wrong("required", table["required"], "true、false のどちらか", "true or false"))
    return table


def _entries(table: Mapping[str, object], faults: list[Finding]) -> list[dict[str, object]]:
    entries = table.get("signer", [])
    if isinstance(entries, list) and len(entries) <= MAX_SIGNERS and all(isinstance(e, dict) for e in entries):
        return entries
    faults.append(_wrong("signer", None, f"{MAX_SIGNERS} 件以内の [[signer]]", f"at most {MAX_SIGNERS} [[signer]]"))
    return []


def _misspelt(entry: Mapping[str, object], path: str) -> Iterator[Finding]:
    """Yield what is wrong with the words of one entry, whatever the files hold."""
    for name, value in entry.items():
        if name not in (*_TEXTS, "required"):
            yield _unknown(f"{path}.{name}", name, (*_TEXTS, "required"))
        elif name == "required" and not isinstance(value, bool):
            yield _wrong(f"{path}.required", value, "true、false のどちらか", "true or false")
        elif name != "required" and not (isinstance(value, str) and 0 < len(value.strip()) <= 1_024):
            yield _wrong(f"{path}.{name}", value, "1,024文字以内の文字列", "a text of at most 1,024 characters")
    for group in (_NAMES, _KINDS):
        if sum(name in entry for name in group) != 1:
            names = "、".join(group)
            yield _wrong(path, None, f"{names} のうち、ちょうど一つ", f"exactly one of {', '.join(group)}")
    if ("ca" in entry) != ("subject" in entry):
        yield _wrong(path, None, "ca には subject を、必ず一緒に", "subject together with ca: a CA certifies many")
    subject = entry.get("subject")
    if isinstance(subject, str) and _maybe_name(subject) is None:
        yield _wrong(f"{path}.subject", subject, *_NAME_FORM)


def _maybe_signer(entry: Mapping[str, object], path: str, read: Read, faults: list[Finding]) -> Signer | None:
    """Return the signer of an entry, or None; what its file has wrong is added to `faults`."""
    kinds = [name for name in _KINDS if isinstance(entry.get(name), str)]
    if len(kinds) != 1 or ("ca" in entry) != ("subject" in entry):
        return None  # that is told
    kind, file, name = kinds[0], str(entry[kinds[0]]), _maybe_name(str(entry.get("subject", "")))
    try:
        signer = _signer(kind, read(file), file, name.rfc4514_string() if name else "")
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        faults.append(_unreadable(f"{path}.{kind}: {file}", error))
        return None
    return signer if name is not None else None


def _maybe_name(subject: str) -> x509.Name | None:
    """Return the name that RFC 4514 writes as `subject`, or None."""
    try:
        return x509.Name.from_rfc4514_string(subject)
    except ValueError:
        return None


def _add(rules: dict[str, dict[str, Rule]], entry: Mapping[str, object], signer: Signer) -> None:
    """Add the rule of one entry to those of its sender or its API key."""
    for named in _NAMES:
        whose, name = rules[named], entry.get(named)
        if isinstance(name, str):
            whose[name] = whose.get(name, Rule()) | Rule((signer,), entry.get("required") is True)


def _signer(kind: str, pem: bytes, file: str, subject: str) -> Signer:
    """Return the signer that a PEM file describes. Raises `ValueError` for one that cannot be trusted."""
    if kind == "ca":
        authorities = tuple(x509.load_pem_x509_certificates(pem))
        for authority in authorities:
            _demand_authority(authority)
        return Signer(authorities=authorities, subject=subject)
    if kind == "key":
        key = load_pem_public_key(pem)
        _demand_strength(key)
        return Signer(certificate=_wrapped(key, file), subject=f"CN={file}", is_bare=True)
    certificate = x509.load_pem_x509_certificate(pem)
    _demand_strength(certificate.public_key())
    return Signer(certificate=certificate, subject=certificate.subject.rfc4514_string())


def _demand_authority(certificate: x509.Certificate) -> None:
    """Raise `ValueError` for what can vouch for nobody: a hub that took it would refuse everybody's alerts."""
    _demand_strength(certificate.public_key())
    try:
        may = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        may = False
    if not may:
        raise ValueError("no certificate of an authority (X.509 v3, CA:TRUE); for a single one write certificate =")


def _demand_strength(key: PublicKeyTypes) -> None:
    weak = weakness(key)
    if weak is not None:
        raise ValueError(f"{weak} is not accepted: RSA from 2048 bits, ECDSA on P-256, P-384 or P-521")


def _wrapped(key: PublicKeyTypes, name: str) -> x509.Certificate:
    """Return a public key in a certificate, the only form in which signxml takes one; nobody looks at its issuer."""
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    builder = x509.CertificateBuilder(title, title, key, 1, *_ALWAYS)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256())


def valid_at(certificate: x509.Certificate, at: datetime) -> bool:
    """Whether `at` (aware) lies within the dates of a certificate."""
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _unreadable(path: str, error: Exception) -> Finding:
    reason = str(error).partition("\n")[0][:200] or type(error).__name__
    return _fault(
        "trust.file",
        path,
        Text(f"{path} を使えません（{reason}）。", f"{path} cannot be used: {reason}."),
        Text(
            "ファイルの場所、読み取り権限、PEM形式か、鍵の強さを確認してください。",
            "Check where it is, that it may be read, that it is PEM, and how strong its key is.",
        ),
    )


def _unknown(path: str, name: str, known: tuple[str, ...]) -> Finding:
    return _fault(
        "trust.unknown",
        path,
        Text(f"「{name}」という項目はありません。", f"There is no item {name}."),
        Text(f"使える項目：{'、'.join(known)}", f"There are: {', '.join(known)}."),
    )


def _wrong(path: str, found: object, ja: str, en: str) -> Finding:
    return _fault(
        "trust.value",
        path,
        Text(f"{path} の指定に誤りがあります。", f"{path} is not right."),
        Text(f"{ja}を書いてください。", f"Write {en}."),
        None if found is None else repr(found)[:80],
    )


def _fault(code: str, path: str, message: Text, advice: Text, found: str | None = None) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, message=message, advice=advice, path=path, found=found)
