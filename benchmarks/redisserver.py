"""A real Redis for cases: durable as a hub wants it, on a socket file in its own folder, stopped by its own pid."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from redis import Redis

from benchmarks.hub import cpu_s

_CONFIG = """
port 0
unixsocket {folder}/redis.sock
dir {folder}
logfile {folder}/redis.log
appendonly yes
appendfsync always
save ""
"""
_PATIENCE_S = 20.0


class RedisServer:
    """`redis-server` (or Valkey) with `appendfsync always`. Use it as a context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = f"unix://{folder}/redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def cpu_s(self) -> float:
        """Return the CPU seconds that it has used, all its threads together."""
        assert self._process is not None
        return cpu_s(self._process.pid)

    def memory_bytes(self) -> int:
        """Return what its data take in memory."""
        with Redis(unix_socket_path=str(self._folder / "redis.sock")) as client:
            return int(client.info("memory")["used_memory"])

    def __enter__(self) -> RedisServer:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            raise RuntimeError("install redis-server: make redis-tools")
        self._folder.mkdir(parents=True)
        file = self._folder / "redis.conf"
        file.write_text(_CONFIG.format(folder=self._folder))
        self._process = subprocess.Popen([program, str(file)])
        until = time.monotonic() + _PATIENCE_S
        while not _answers(self._folder / "redis.sock"):
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError((self._folder / "redis.log").read_text())
            time.sleep(0.01)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
