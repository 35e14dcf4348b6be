"""The shelf: the boundary sets that an operator imported, each under its version, and which of them is in use.

`<data>/boundaries/<version>.npz` with `<version>.toml` beside it, and `current`, a file of one line that names the
version in use; without it the embedded set is. A version never changes what it means: alerts are stamped with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from lalert.errors import Defect, Rejected, Text
from lalert.geo import packed, source
from lalert.geo.packed import Packed
from lalert.geo.source import Source

FOLDER = "boundaries"
CURRENT = "current"

_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}", re.ASCII)
_MOST_BYTES = 128

Stamp = tuple[tuple[str, int, int], ...]
"""Name, time of change (ns) and size of files: another stamp means that one of them changed."""


class Shelf:
    """The sets in one hub's data folder; the folder need not exist."""

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER

    def versions(self) -> tuple[str, ...]:
        """Return the versions that were imported, in order of their names."""
        found = (path.stem for path in self.folder.glob("*.npz") if path.with_suffix(".toml").is_file())
        return tuple(sorted(name for name in found if is_version(name)))

    def chosen(self) -> str | None:
        """Return the version that `current` names, or None for the embedded set. Raises Defect when it names none."""
        path = self.folder / CURRENT
        try:
            with path.open("rb") as stream:
                name = stream.read(_MOST_BYTES).decode("utf-8", "replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(path, str(error)) from error
        if not is_version(name):
            raise _unreadable(path, repr(name))
        return name

    def read(self, version: str | None) -> tuple[Packed, Source]:
        """Return a set; None and the embedded version give the embedded one.

        Raises Rejected `boundaries.version` for one that is not there, Defect for one that is damaged.
        """
        if version is None:
            return packed.read()
        if not is_version(version):
            raise unknown(version, self.versions())
        data_path, source_path = self._paths(version)
        if data_path.exists() or source_path.exists():
            return packed.read_files(data_path, source_path)
        content, embedded = packed.read()
        if version != embedded.version:
            raise unknown(version, self.versions())
        return content, embedded

    def put(self, data: bytes, made_from: Source) -> None:
        """Keep a set under its version. Raises Rejected `boundaries.version` when that means another set already."""
        data_path, source_path = self._paths(checked(made_from.version))
        if source_path.exists() or made_from.version == packed.read()[1].version:
            if self.read(made_from.version)[1].sha256 != made_from.sha256:
                raise _taken(made_from.version)
            return
        source.write(data, made_from, data_path=data_path, source_path=source_path)

    def use(self, version: str) -> None:
        """Name the set that hubs on this folder take, at one stroke. Whoever calls has read it and found it fit."""
        self.folder.mkdir(parents=True, exist_ok=True)
        source.replace(self.folder / CURRENT, f"{checked(version)}\n".encode())

    def stamp(self) -> Stamp:
        """Return what changes whenever another set is chosen, or the files of the chosen one are replaced."""
        try:
            version = self.chosen()
        except Defect:
            version = None
        return stamp_of([self.folder / CURRENT, *(self._paths(version) if version else ())])

    def _paths(self, version: str) -> tuple[Path, Path]:
        return self.folder / f"{version}.npz", self.folder / f"{version}.toml"


def stamp_of(paths: Iterable[Path]) -> Stamp:
    """Return the stamp of files; one that is absent counts, too."""
    return tuple(_stamp(path) for path in paths)


def is_version(name: str) -> bool:
    """Whether a version may be called so: letters, digits, dot, hyphen, underscore; never a path."""
    return _VERSION.fullmatch(name) is not None and name != CURRENT


def checked(version: str) -> str:
    """Return `version`. Raises Rejected `boundaries.version` when none may be called so."""
    if is_version(version):
        return version
    message = Text(
        f"版の名前 {version[:80]} は使えません。英数字と . _ - で64文字までです(例: n03-2026)。",
        f"{version[:80]} cannot name a version: letters, digits, . _ -, at most 64 (n03-2026).",
    )
    raise Rejected(message, code="boundaries.version")


def unknown(version: str, known: tuple[str, ...]) -> Rejected:
    """Return the rejection of a version that is not on the shelf."""
    listed = ", ".join(known[:20]) or "-"
    message = Text(
        f"境界データの版 {version[:80]} はありません。取込み済みの版: {listed}",
        f"There is no boundary set {version[:80]}. Imported: {listed}",
    )
    return Rejected(message, code="boundaries.version")


def _taken(version: str) -> Rejected:
    message = Text(
        f"版 {version} は別の内容ですでに取り込まれています。--version で別の名前を付けてください。",
        f"Version {version} already means another set. Give this one a name of its own with --version.",
    )
    return Rejected(message, code="boundaries.version")


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return path.name, 0, -1
    return path.name, found.st_mtime_ns, found.st_size


def _unreadable(path: Path, why: str) -> Defect:
    message = Text(
        f"使用中の境界データの版を {path} から読めません。({why})", f"{path} does not name a boundary set ({why})."
    )
    return Defect(message, code="boundaries.current")
