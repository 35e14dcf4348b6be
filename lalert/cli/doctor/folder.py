"""The data folder: there, the hub's own, with room, and on a disk that keeps what it was told to keep."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lalert.cli.doctor.check import Check, error, ok, warning
from lalert.errors import Text
from lalert.settings import Storage

_NAME: Final = "data"
_MOUNTS: Final = Path("/proc/self/mountinfo")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")  # proc(5): blanks and backslashes in octal
_LEAST_BYTES: Final = 64 << 20
_FEW_BYTES: Final = 1 << 30
_FORGETFUL: Final = frozenset({"tmpfs", "ramfs"})
_REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "glusterfs"})


def checks(storage: Storage) -> Iterator[Check]:
    """Yield how the folder is."""
    folder = storage.data.absolute()
    try:
        is_there = folder.is_dir()
    except PermissionError:  # one of the folders above
        yield _denied(folder)
        return
    if not is_there:
        yield _missing(folder)
        return
    yield owner(folder)
    yield room(shutil.disk_usage(folder).free)
    if storage.url is None:
        yield disk(kind_of(folder, _MOUNTS.read_text("utf-8", "replace")) if _MOUNTS.exists() else "")


def owner(folder: Path) -> Check:
    """Return whether the folder belongs to whoever asks, and to nobody else."""
    found = folder.stat()
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return error(
            _NAME,
            Text(f"{folder} に書き込めません。", f"{folder} cannot be written to."),
            Text(
                "ハブの利用者で実行するか、所有者を直してください。",
                "Run this as the hub's user, or correct the owner.",
            ),
        )
    if found.st_uid != os.geteuid():
        return warning(
            _NAME,
            Text(f"{folder} の所有者は別の利用者(uid {found.st_uid})です。", f"uid {found.st_uid} owns {folder}."),
            Text("ハブの利用者で実行してください(sudo -u)。", "Run this as the hub's user (sudo -u)."),
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        return warning(
            _NAME,
            Text(f"{folder} をほかの利用者も開けます。", f"Others may look into {folder}."),
            Text(f"chmod 700 {folder}", f"chmod 700 {folder}"),
        )
    return ok(_NAME, Text(f"{folder}", f"{folder}"))


def room(free_bytes: int) -> Check:
    """Return whether there is room for what comes."""
    found = Text(f"空き {free_bytes / 1e9:,.1f} GB", f"{free_bytes / 1e9:,.1f} GB free")
    advice = Text(
        "空きを作ってください。満杯になると受け付けは 503 になります。",
        "Make room: on a full disk posts are answered with 503.",
    )
    if free_bytes < _LEAST_BYTES:
        return error("disk_space", found, advice)
    return warning("disk_space", found, advice) if free_bytes < _FEW_BYTES else ok("disk_space", found)


def disk(kind: str) -> Check:
    """Return whether a file system of this kind keeps what SQLite has flushed."""
    name = "file_system"
    if kind in _FORGETFUL:
        return error(
            name,
            Text(f"{kind} は電源が切れると消えます。", f"What lies on {kind} is gone with the power."),
            Text("store.data をディスクの上に置いてください。", "Put store.data on a disk."),
        )
    if kind in _REMOTE:
        return error(
            name,
            Text(f"{kind}(ネットワーク越し)では SQLite の記録を守れません。", f"SQLite is not safe on {kind}."),
            Text("手元のディスクに置くか、Redis を使ってください。", "Use a local disk, or Redis."),
        )
    return ok(name, Text(kind or "不明", kind or "unknown"))


def kind_of(folder: Path, mounts: str) -> str:
    """Return what file system `folder` lies on, out of /proc/self/mountinfo (proc(5)); "" where that is unknown."""
    path, best, kind = str(folder.resolve()), "", ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = (
            _ESCAPED.sub(lambda found: chr(int(found[1], 8)), before.split(" ")[4]) if before.count(" ") >= 4 else ""
        )
        is_above = path == point or path.startswith(point.rstrip("/") + "/")
        if point and is_above and len(point) >= len(best):
            best, kind = point, after.partition(" ")[0]
    return kind


def _denied(folder: Path) -> Check:
    return error(
        _NAME,
        Text(f"{folder} に書き込めません。", f"{folder} cannot be written to."),
        Text("ハブの利用者で実行するか、所有者を直してください。", "Run this as the hub's user, or correct the owner."),
    )


def _missing(folder: Path) -> Check:
    return warning(
        _NAME,
        Text(f"{folder} がまだありません。", f"{folder} is not there yet."),
        Text(
            "ハブを一度も起動していなければ正常です。そうでなければ store.data と LALERT_DATA を確かめてください。",
            "Before the first start of a hub that is right. Otherwise look at store.data and LALERT_DATA.",
        ),
    )
