"""A real hub in a process of its own, for cases and tests: started on a free port, measured, stopped by its own pid."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

_LISTENING = re.compile(r'"url": "([^"]+)"')


class HubProcess:
    """`lalert serve` on `data`. Use it as a context, or `start`, `kill` and `start` again on the same port."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.url = ""
        self._port = 0
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running hub."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and return when it listens. Raises RuntimeError with its last words when it does not."""
        command = [sys.executable, "-m", "lalert", "serve", "--port", str(self._port), "--data", str(self.data)]
        log = (self.data.parent / f"{self.data.name}.log").open("a")
        self._process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.PIPE, text=True, env=os.environ | self._environment
        )
        assert self._process.stderr is not None
        words = []
        for line in self._process.stderr:
            words.append(line)
            found = _LISTENING.search(line)
            if found:
                self.url = found[1]
                self._port = int(self.url.rpartition(":")[2])
                break
        else:
            raise RuntimeError("".join(words))
        # Nobody reads its talk any more: let it go to the file, or a full pipe would stop the hub.
        self._drain = subprocess.Popen(["cat"], stdin=self._process.stderr, stdout=log)
        self._process.stderr.close()
        log.close()

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        return self._end(signal.SIGTERM)

    def key(self, *, realm: str = "live", area: str = "*", role: str = "sender") -> str:
        """Issue a key as an operator would."""
        command = [sys.executable, "-m", "lalert", "key", "issue", "--data", str(self.data), "--realm", realm]
        named = [*command, "--role", role, "--area", area, "--name", "bench"]
        env = os.environ | self._environment
        return subprocess.run(named, check=True, capture_output=True, text=True, env=env).stdout.strip()

    def cpu_s(self) -> float:
        """Return the CPU seconds that it has used, all its threads together."""
        return cpu_s(self.pid)

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait()
        self._drain.wait()
        return code

    def __enter__(self) -> HubProcess:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of one process, to the nanosecond, all its threads."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
