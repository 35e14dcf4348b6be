"""The operator's files: boundary data, signatures, sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from lalert.cap.trust import Trust
from lalert.cli.doctor.check import Check, error, failed, of_realm, ok, warning
from lalert.core.model import Realm
from lalert.core.signatures import Signatures, load
from lalert.errors import LalertError, Text
from lalert.geo.atlas import Atlas
from lalert.geo.boundaries import BoundarySet
from lalert.geo.shelf import Shelf
from lalert.geo.survey import survey
from lalert.settings import Settings
from lalert.sources import register

_SOON: Final = timedelta(days=30)
_MOST: Final = 8  # faults of groups


def checks(settings: Settings, atlas: Atlas, *, now: datetime) -> Iterator[Check]:
    """Yield how the files are that a hub reads at its start."""
    yield from boundaries(atlas, Shelf(settings.store.data))
    for realm in Realm:
        yield from signatures(settings, realm, now=now)
    yield from sources(settings, atlas.current)


def boundaries(atlas: Atlas, shelf: Shelf) -> Iterator[Check]:
    """Yield which map decides who is warned, and whether it is fit for that."""
    version = atlas.current.version
    if atlas.fault is not None:
        yield failed("boundaries", atlas.fault)
    elif problems := _unfit(shelf, version):
        said = Text("\n".join(one.ja for one in problems), "\n".join(one.en for one in problems))
        yield error(
            "boundaries", said, Text("lalert boundaries use で戻してください。", "Go back: lalert boundaries use.")
        )
    else:
        source = shelf.read(version)[1].source
        yield ok("boundaries", Text(f"版 {version}（{source}）", f"version {version} ({source})"))
    for fault in atlas.current.groups.faults[:_MOST]:
        yield warning("groups", fault, Text("一覧(hub.groups)を直してください。", "Correct the list (hub.groups)."))


def _unfit(shelf: Shelf, version: str) -> Sequence[Text]:
    """Return why an imported set is not fit; the embedded one was found fit when it was built."""
    return survey(shelf.read(version)[0]).problems if version in shelf.versions() else ()


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
