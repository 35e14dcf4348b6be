"""A real redis-server for tests: its own process on a free port, with its own folder and its own configuration."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

COMMANDS = ("redis-server", "valkey-server")
DATABASES = 64
DURABLE = {"appendonly": "yes", "appendfsync": "always"}
PATIENCE_S = 20.0


def command() -> str:
    """Return the program that is installed here."""
    found = next((path for path in map(shutil.which, COMMANDS) if path), None)
    assert found, "install redis-server: make system-tools"
    return found


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RedisServer:
    """One server; killed and started again as a test wants it, its data staying in `folder`."""

    def __init__(self, folder: Path, config: Mapping[str, object] = DURABLE) -> None:
        self.folder = folder
        self.port = free_port()
        self.config = dict(config)
        self._process: subprocess.Popen[bytes] | None = None
        self._database = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket(self) -> Path:
        """Where it listens, too; its folder must not lie deep (sockaddr_un has 108 bytes)."""
        return self.folder / "socket"

    @property
    def aof(self) -> Path:
        """The file in which everything lies that was written since the start."""
        return self.folder / "appendonlydir" / "appendonly.aof.1.incr.aof"

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> RedisServer:
        """Start, or start again on the same port and data; return once it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        own = {
            "unixsocket": self.socket,
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self.folder,
            "save": '""',
            "databases": DATABASES,
        }
        config: dict[str, object] = {**own, **self.config}
        file = self.folder / "redis.conf"
        file.write_text("".join(f"{name} {value}\n" for name, value in config.items()), "utf-8")
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen([command(), str(file)], stdout=log, stderr=log)
        self._await_answer()
        return self

    def kill(self) -> None:
        """End it as a crash does, whatever state it is in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_S)
            self._process = None
            self.socket.unlink(missing_ok=True)  # a folder with a socket in it cannot be copied

    def pause(self) -> None:
        """Let it hang: connections stand, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def client(self) -> Redis:
        """Return a client to look at, and to change, what is in it."""
        return Redis(unix_socket_path=str(self.socket), socket_timeout=PATIENCE_S)

    def empty_database(self) -> str:
        """Return the URL of a database with nothing in it; they are used in turn."""
        self._database = (self._database + 1) % DATABASES
        with self.client() as client:
            client.select(self._database)
            client.flushdb()
        return f"redis://127.0.0.1:{self.port}/{self._database}"

    def set(self, name: str, value: str) -> None:
        """Change the configuration of the running server."""
        with self.client() as client:
            client.config_set(name, value)

    def drop_connections(self) -> None:
        """End all connections of others."""
        with self.client() as client:
            client.client_kill_filter(_type="normal", skipme=True)

    def await_replica(self) -> None:
        """Return once a replica of this server answers for what is written."""
        with self.client() as client:
            client.incr("tests:writes")
            _until(lambda: client.wait(1, 100))

    def _await_answer(self) -> None:
        with self.client() as client:
            _until(client.ping)


def _until(is_so: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with suppress(RedisError, OSError):
            if is_so():
                return
        time.sleep(0.01)
    raise TimeoutError
