"""The operator's files: boundary data, signatures, sources, the keys of notifications."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from lalert.cap.trust import Trust
from lalert.cli.doctor.check import Check, error, failed, of_realm, ok, warning
from lalert.core.model import Realm
from lalert.core.signatures import Signatures, load
from lalert.errors import LalertError, Text
from lalert.geo.atlas import Atlas
from lalert.geo.boundaries import BoundarySet
from lalert.publishers import vapid
from lalert.settings import Settings
from lalert.sources import register

_SOON: Final = timedelta(days=30)
_MOST: Final = 8  # faults of groups


def checks(settings: Settings, atlas: Atlas, *, now: datetime) -> Iterator[Check]:
    """Yield how the files are that a hub reads at its start."""
    yield from boundaries(atlas)
    for realm in Realm:
        yield from signatures(settings, realm, now=now)
        yield from push_key(settings.store.data / f"vapid-{realm}.pem", realm)
    yield from sources(settings, atlas.current)


def boundaries(atlas: Atlas) -> Iterator[Check]:
    """Yield which map decides who is warned."""
    if atlas.fault is not None:
        yield failed("boundaries", atlas.fault)
    else:
        version = atlas.current.version
        yield ok("boundaries", Text(f"版 {version}", f"version {version}"))
    for fault in atlas.current.groups.faults[:_MOST]:
        yield warning("groups", fault, Text("一覧(hub.groups)を直してください。", "Correct the list (hub.groups)."))


def signatures(settings: Settings, realm: Realm, *, now: datetime) -> Iterator[Check]:
    """Yield whether trust and signing key can be read, and how long the certificates hold."""
    name = f"signatures.{realm}"
    try:
        found = load(settings.signatures, realm)
    except LalertError as why:
        yield failed(name, why)
        return
    if found.trust is None and found.key is None:
        return
    yield from dates(name, realm, _certificates(found), now=now)


def _certificates(found: Signatures) -> Iterator[x509.Certificate]:
    if found.key is not None:
        yield from found.key.chain
    if found.trust is not None:
        yield from _trusted(found.trust)


def _trusted(trust: Trust) -> Iterator[x509.Certificate]:
    """Yield the certificates of a trust whose dates count."""
    for rule in (*trust.by_sender.values(), *trust.by_key_id.values()):
        for signer in rule.signers:
            if signer.certificate is not None and not signer.is_bare:
                yield signer.certificate
            yield from signer.authorities


def dates(name: str, realm: Realm, certificates: Iterable[x509.Certificate], *, now: datetime) -> Iterator[Check]:
    """Yield which certificates do not hold, or not for long; one check where all do."""
    count = 0
    for one in certificates:
        ends, subject = one.not_valid_after_utc, one.subject.rfc4514_string()
        advice = Text("証明書を更新してください。", "Renew the certificate.")
        told = of_realm(realm, Text(f"{subject} は {ends:%Y-%m-%d} まで", f"{subject} holds until {ends:%Y-%m-%d}"))
        if not one.not_valid_before_utc <= now <= ends:
            yield error(name, told, advice)
        elif ends - now < _SOON:
            yield warning(name, told, advice)
        else:
            count += 1
    if count:
        yield ok(name, of_realm(realm, Text(f"有効な証明書 {count}", f"{count} certificate(s) hold")))


def push_key(file: Path, realm: Realm) -> Iterator[Check]:
    """Yield whether the key of notifications is there, right, and the hub's own; it is not made here."""
    if not file.exists():
        return
    name = f"push_key.{realm}"
    try:
        vapid.load_or_make(file)
    except LalertError as why:
        yield failed(name, why)
        return
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        advice = Text(f"chmod 600 {file}", f"chmod 600 {file}")
        yield error(
            name, of_realm(realm, Text(f"{file.name} を他人が読めます。", f"Others may read {file.name}.")), advice
        )
    else:
        yield ok(name, of_realm(realm, Text(file.name, file.name)))


def sources(settings: Settings, current: BoundarySet) -> Iterator[Check]:
    """Yield whether the register of sources can be read."""
    if settings.sources.file is None:
        return
    try:
        found = register.load(settings.sources.file, current)
    except LalertError as why:
        yield failed("sources", why)
        return
    yield ok("sources", Text(f"取り込み元 {len(found)}", f"{len(found)} source(s)"))
