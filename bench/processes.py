"""Server processes and what they use: CPU seconds and memory, as the kernel counts them in /proc."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
SERVER_CPU, LOAD_CPU = "0", "1"


def pinned(command: Sequence[str], cpu: str) -> list[str]:
    """The command on one CPU, where taskset is there and there are two."""
    if shutil.which("taskset") and (os.cpu_count() or 1) > 1:
        return ["taskset", "-c", cpu, *command]
    return list(command)


def free_port() -> int:
    """A loopback port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stat_fields(text: str) -> tuple[int, int]:
    """Parent and CPU ticks (user + system) out of /proc/PID/stat, whatever the process is called."""
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), int(fields[11]) + int(fields[12])


def _stat(pid: int) -> tuple[int, int] | None:
    try:
        return stat_fields(Path(f"/proc/{pid}/stat").read_text())
    except OSError:
        return None


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and (found := _stat(int(path.name))) is not None:
            parents.setdefault(found[0], []).append(int(path.name))
    found_pids = [pid]
    for one in found_pids:
        found_pids += parents.get(one, [])
    return found_pids


class Process:
    """One started program with its children."""

    def __init__(self, command: Sequence[str], log: Path, **options: object) -> None:
        self._log = log.open("ab")
        self.popen = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, **options
        )  # type: ignore[call-overload]
        self.log = log
        self._family: list[int] = []

    def settle(self) -> None:
        """All children are there now."""
        self._family = family(self.popen.pid)

    def cpu(self) -> float:
        """Seconds of user and system time of the whole family."""
        found = (_stat(pid) for pid in self._family or family(self.popen.pid))
        return sum(one[1] for one in found if one is not None) / TICKS

    def rss(self) -> int:
        """Resident bytes of the whole family."""
        return sum(_rss(pid) for pid in family(self.popen.pid))

    def stop(self) -> None:
        """End it, by force if it takes longer than five seconds."""
        with contextlib.suppress(ProcessLookupError):
            self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(5)
        self._log.close()


def _rss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def resident() -> int:
    """Resident bytes of this process."""
    return _rss(os.getpid())


def wait_until(ready: Callable[[], bool], process: Process, seconds: float = 15.0) -> None:
    """Look twenty times a second until something is ready.

    Raises:
        RuntimeError: the process ended, or time is up; with the end of its log.
    """
    end = time.monotonic() + seconds
    while not ready():
        if process.popen.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"did not start: {process.log.read_text(errors='replace')[-600:].strip()}")
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
