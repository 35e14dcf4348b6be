"""Files and folders that nobody but their owner may read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


def make_folder(path: Path) -> None:
    """Create the folder where it is missing."""
    path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)


def make_private(path: Path) -> None:
    """Create the file and its folder where they are missing; nobody but the owner may read the file."""
    make_folder(path.parent)
    try:
        path.touch(_PRIVATE_FILE, exist_ok=False)
    except FileExistsError:
        # Not by a descriptor: closing it would drop the locks that this process has on the file (fcntl(2)).
        if path.stat().st_mode & 0o077:
            path.chmod(_PRIVATE_FILE)
    else:
        _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Make a new name in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
