"""What is kept: whether a hub would take it, whose keys are in it, whether its seal and its pushes hold, its clock."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from lalert.cli.doctor.check import Check, error, failed, of_realm, ok, warning
from lalert.cli.where import public
from lalert.core.model import Realm, Role
from lalert.errors import LalertError, Rejected, Text
from lalert.geo.boundaries import BoundarySet
from lalert.publishers import vapid
from lalert.settings import Storage
from lalert.store.base import StoredKey
from lalert.store.look import Look
from lalert.store.opening import look_at

_SLACK_S: Final = 5.0  # clocks differ by so much, and nobody minds
_NAMES: Final = 5
_RESTORE: Final = Text(
    "バックアップかほかのノードから戻してください。作り直すと、登録済みの人に届きません。",
    "Restore it from a backup or another node: with a new one nobody who signed up is reached.",
)


async def checks(storage: Storage, realm: Realm, boundaries: BoundarySet, *, now: datetime) -> Sequence[Check]:
    """Return how the store of one realm is; it is asked, and nothing in it changes."""
    name = f"store.{realm}"
    try:
        found = await look_at(storage, realm)
    except LalertError as why:
        return [failed(name, why, where=public(storage))]
    if found is None:
        nothing = of_realm(realm, Text("まだ何も保存されていません。", "Nothing is kept yet."))
        return [warning(name, nothing, Text("ハブを起動すると作られます。", "The first start makes it."))]
    own = push_key(found, storage.data / f"vapid-{realm}.pem")
    return [_kept(name, found), *keys(found, boundaries), *seal(found), *own, *clock(found, now)]


def _kept(name: str, found: Look) -> Check:
    facts = ", ".join(f"{fact} {value}" for fact, value in found.facts.items())
    said = f"{found.span.head} ({facts})"
    return ok(name, of_realm(found.realm, Text(said, said)))


def keys(found: Look, boundaries: BoundarySet) -> Iterator[Check]:
    """Yield whether somebody may post, and whether each sender may alert somewhere that exists."""
    name = f"keys.{found.realm}"
    senders = [key for key in found.keys if key.role is Role.SENDER and key.revoked_at is None]
    lost = [key for key in senders if not _has_area(key, boundaries)]
    if not senders:
        message = Text("有効な発信者のキーがありません。", "Nobody has a key to post with.")
        advice = Text(
            f"lalert key issue --realm {found.realm} --area … --name … で発行してください。",
            f"Issue one: lalert key issue --realm {found.realm} --area … --name …",
        )
        yield warning(name, of_realm(found.realm, message), advice)
    elif lost:
        named = ", ".join(f"{key.key_id} ({key.name})" for key in lost[:_NAMES])
        message = Text(f"区域のない、または今の境界データにない区域のキー：{named}", f"Keys for no known area: {named}")
        advice = Text("区域を確かめ、発行し直してください。", "Look at their areas and issue them anew.")
        yield error(name, of_realm(found.realm, message), advice)
    else:
        count = f"{len(senders):,}"
        yield ok(name, of_realm(found.realm, Text(f"有効な発信者のキー {count}", f"{count} valid key(s) of senders")))


def _has_area(key: StoredKey, boundaries: BoundarySet) -> bool:
    """Whether all that a key is for exists on the map."""
    try:
        return bool(key.areas) and all(area == "*" or boundaries.expand(area) for area in key.areas)
    except Rejected:
        return False


def seal(found: Look) -> Iterator[Check]:
    """Yield whether webhooks and notifications can be read; nothing where none are kept."""
    if not found.has_sealed:
        return
    name = f"seal.{found.realm}"
    if found.opens:
        told = Text(
            f"封印の鍵は正しい(Webhook {found.endpoints:,}、通知 {found.residents:,})",
            f"its key opens it ({found.endpoints:,} webhooks, {found.residents:,} residents)",
        )
        yield ok(name, of_realm(found.realm, told))
    else:
        yield error(
            name,
            of_realm(found.realm, Text("配信先の秘密情報を開けません。", "The recipients' secrets cannot be opened.")),
            Text(
                f"{found.realm}.seal を、同じ時点のバックアップか、ほかのノードから戻してください。",
                f"Restore {found.realm}.seal from the same backup, or from another node.",
            ),
        )


def push_key(found: Look, file: Path) -> Iterator[Check]:
    """Yield why residents would hear nothing from this node: the key that they subscribed with is not here."""
    name = f"push_key.{found.realm}"
    if not file.exists():
        if found.residents:
            told = Text(f"通知の鍵 {file.name} がありません。", f"{file.name}, the key of notifications, is gone.")
            yield error(name, of_realm(found.realm, told), _RESTORE)
        return
    try:
        own = vapid.Vapid(vapid.load_or_make(file), subject="").public_key
    except LalertError as why:
        yield failed(name, why)
        return
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        told = Text(f"{file.name} を他人が読めます。", f"Others may read {file.name}.")
        yield error(name, of_realm(found.realm, told), Text(f"chmod 600 {file}", f"chmod 600 {file}"))
    elif found.agreed.get(vapid.AGREED, own) != own:
        told = Text(f"{file.name} は、ほかのノードの鍵と違います。", f"{file.name} is not the key of the other nodes.")
        yield error(name, of_realm(found.realm, told), _RESTORE)
    else:
        yield ok(name, of_realm(found.realm, Text(file.name, file.name)))


def clock(found: Look, now: datetime) -> Iterator[Check]:
    """Yield whether this machine's clock agrees with the store's own, or else with the newest entry."""
    ahead_s = found.clock_off_s
    if ahead_s is None and found.last_at is not None:
        ahead_s = max(0.0, (found.last_at - now).total_seconds())
    if ahead_s is None:
        return
    name = f"clock.{found.realm}"
    if abs(ahead_s) > _SLACK_S:
        yield error(
            name,
            of_realm(
                found.realm,
                Text(
                    f"この計算機の時計が、保存先と {ahead_s:+,.0f} 秒ずれています。",
                    f"The store is {ahead_s:+,.0f} s ahead of this machine's clock.",
                ),
            ),
            Text("NTP(chrony など)を確かめてください。", "Look at NTP (chrony)."),
        )
    else:
        yield ok(name, of_realm(found.realm, Text("保存先とのずれなし", "agrees with the store")))
