"""The push services behind residents' browsers, and the lanes that keep them apart: one that is down delays no other.

Each of the few large services has lanes of its own; all others share the last ones by their host, so that whoever
subscribes with a service that never answers slows few. A lane is found from the subscription alone and lasts.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit
from zlib import crc32

SHARDS: Final = 4  # lanes of one service

_SERVICES: Final = (
    ("fcm", "fcm.googleapis.com"),
    ("mozilla", "push.services.mozilla.com"),
    ("apple", "push.apple.com"),
    ("windows", "notify.windows.com"),
)
_OTHER: Final = len(_SERVICES)
_NAMES: Final = (*(name for name, _ in _SERVICES), "other")

LANES: Final = tuple(f"webpush:{name}-{shard}" for name in _NAMES for shard in range(SHARDS))
"""The ids of all lanes; a lane's number is its place here."""


def lane_of(endpoint: str, number: int) -> int:
    """Return the number of the lane of resident `number` whose browser is behind `endpoint`."""
    host = (urlsplit(endpoint).hostname or "").lower()
    service = next((place for place, (_, domain) in enumerate(_SERVICES) if _is_within(host, domain)), _OTHER)
    shard = crc32(host.encode()) if service == _OTHER else number
    return service * SHARDS + shard % SHARDS


def _is_within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")
