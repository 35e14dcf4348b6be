"""A PostgreSQL with PostGIS of our own, to be asked the same questions: in a folder, behind a socket, gone afterwards.

It needs the server's programs with the extension (Debian: postgresql-postgis). PostgreSQL refuses to run
as root; then it runs as the user `postgres`, whom the package brings.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import psycopg
import shapely

Geometries = npt.NDArray[np.object_]

# One process answers one question, as one thread does for us; nothing is to survive the run.
_OPTIONS: Final = (
    "-c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c jit=off"
    " -c max_parallel_workers_per_gather=0 -c shared_buffers=1GB -c work_mem=256MB -c maintenance_work_mem=256MB"
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server and one session with it."""

    session: psycopg.Connection[tuple[object, ...]]

    @property
    def version(self) -> str:
        """What it is: PostgreSQL, PostGIS, GEOS."""
        row = self.session.execute(
            "SELECT 'PostgreSQL ' || current_setting('server_version') || ', PostGIS ' || postgis_lib_version()"
            " || ', GEOS ' || postgis_geos_version()"
        ).fetchone()
        assert row is not None
        return str(row[0])

    def cpu_s(self) -> float:
        """Return the CPU time that the session's process has taken so far (Linux)."""
        return int(Path(f"/proc/{self.session.info.backend_pid}/schedstat").read_text().split()[0]) / 1e9

    def fill(self, table: str, keys: list[int] | list[str], geometries: Geometries) -> None:
        """Make `table` of (key, geom) with a GiST index."""
        kind = "bigint" if isinstance(keys[0], int) else "text"
        self.session.execute(f"DROP TABLE IF EXISTS {table}")
        self.session.execute(f"CREATE TABLE {table} (key {kind} NOT NULL, geom geometry NOT NULL)")
        shapes = shapely.to_wkb(geometries, hex=True)
        with self.session.cursor().copy(f"COPY {table} (key, geom) FROM STDIN") as copy:
            for key, shape in zip(keys, shapes, strict=True):
                copy.write_row((key, shape))
        self.session.execute(f"CREATE INDEX ON {table} USING gist (geom)")
        self.session.execute(f"VACUUM ANALYZE {table}")


def programs() -> Path | None:
    """Return the folder of the newest server's programs that has PostGIS beside it, or None."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name)):
        if Path(f"/usr/share/postgresql/{folder.parent.name}/extension/postgis.control").exists():
            return folder
    return None


def maybe_missing() -> str | None:
    """Return what is missing to run PostGIS here, or None."""
    return None if programs() else "PostGIS is not installed (`make postgis` installs it; Debian: postgresql-postgis)"


@contextmanager
def running() -> Iterator[Cluster]:
    """Start a server in a folder of its own, and stop it."""
    binaries, user = programs(), "postgres" if os.geteuid() == 0 else None
    assert binaries is not None
    folder = Path(tempfile.mkdtemp(prefix="lalert-pg-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        data, log = folder / "data", folder / "log"
        _run(binaries / "initdb", "-D", data, "-U", "lalert", "-A", "trust", "-E", "UTF8", "--no-locale", user=user)
        options = f"{_OPTIONS} -c unix_socket_directories={folder}"
        _run(binaries / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start", user=user)
        try:
            where = f"host={folder} user=lalert dbname=postgres"
            with psycopg.connect(where, autocommit=True) as session:
                session.execute("CREATE EXTENSION postgis")
                yield Cluster(session)
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop", user=user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(*command: str | Path, user: str | None) -> None:
    """Run a program; its output is told when it fails (a server that it starts inherits no pipe of ours)."""
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(command, user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        said.seek(0)
        assert not done.returncode, said.read().decode(errors="replace")
