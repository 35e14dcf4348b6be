"""The machine: programs, time zones, letters for maps, descriptors."""

from __future__ import annotations

import platform
import resource
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lalert import __version__
from lalert.cli.doctor.check import Check, error, ok, warning
from lalert.errors import Text
from lalert.settings import Settings
from lalert.web.raster import has_japanese

_OLDEST_PYTHON: Final = (3, 11)
_LIBRARIES: Final = ("aiohttp", "lxml", "shapely", "redis", "cryptography", "msgspec")
_JAPAN: Final = timedelta(hours=9)
_REALMS: Final = 2
_SPARE_FILES: Final = 512  # stores, libraries, what is listening


def checks(settings: Settings) -> Iterator[Check]:
    """Yield how the machine is."""
    yield versions()
    yield zones()
    yield descriptors(resource.getrlimit(resource.RLIMIT_NOFILE)[0], settings)
    yield font()


def versions() -> Check:
    """Return which programs are at work here."""
    found = ", ".join([f"lalert {__version__}", f"Python {platform.python_version()}", *_libraries()])
    if sys.version_info < _OLDEST_PYTHON:
        return error("versions", Text(found, found), Text("Python 3.11 以降が要ります。", "Use Python 3.11 or newer."))
    return ok("versions", Text(found, found))


def _libraries() -> Iterator[str]:
    for name in _LIBRARIES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} -"


def zones() -> Check:
    """Return whether the time of Japan can be told."""
    try:
        offset = datetime.now(UTC).astimezone(ZoneInfo("Asia/Tokyo")).utcoffset()
    except ZoneInfoNotFoundError:
        offset = None
    if offset != _JAPAN:
        return error(
            "timezone",
            Text("日本標準時のデータがありません。", "There is no data of the time of Japan."),
            Text("pip install tzdata を実行してください。", "Run pip install tzdata."),
        )
    now = datetime.now(UTC)
    return ok("timezone", Text(f"日本標準時 {now + _JAPAN:%H:%M:%S}", f"{now + _JAPAN:%H:%M:%S} in Japan"))


def descriptors(limit: int, settings: Settings) -> Check:
    """Return whether `limit` open files suffice for all readers and deliveries that the settings allow."""
    needed = _REALMS * (settings.server.max_connections + settings.push.concurrency) + _SPARE_FILES
    if limit not in (-1, resource.RLIM_INFINITY) and limit < needed:
        return warning(
            "open_files",
            Text(
                f"この端末で開けるファイルは {limit:,}。設定どおりの読み手と配信には {needed:,} 要ります。",
                f"{limit:,} open files in this terminal; the readers and deliveries of the settings need {needed:,}.",
            ),
            Text(
                "systemd では LimitNOFILE=65536。ハブの実際の値は /proc/PID/limits にあります。",
                "LimitNOFILE=65536 in the unit; what the hub really has is in /proc/PID/limits.",
            ),
        )
    return ok("open_files", Text(f"{limit:,} まで", f"up to {limit:,}"))


def font() -> Check:
    """Return whether maps can be had as pictures."""
    if has_japanese():
        return ok("font", Text("日本語の書体あり", "There is a Japanese font."))
    return warning(
        "font",
        Text("日本語の書体がなく、地図のPNGを作れません。", "No Japanese font: there are no maps as PNG."),
        Text("apt-get install fonts-noto-cjk のあと、再起動してください。", "Install fonts-noto-cjk and restart."),
    )
