"""The load: wrk on one CPU, and what it printed as numbers."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from bench.processes import LOAD_CPU, pinned

LUA = Path(__file__).parent / "lua"
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0, "h": 3_600_000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What to ask, and how hard. ``script`` is a file of bench/lua, ``arguments`` go to it."""

    path: str = "/"
    connections: int = 32
    seconds: float = 2.0
    headers: tuple[str, ...] = ()
    script: str = ""
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it: answered requests, errors by kind, latency percentiles in milliseconds."""

    requests: int
    errors: dict[str, int] = field(default_factory=dict)
    percentiles: dict[int, float] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Errors of all kinds."""
        return sum(self.errors.values())


def parse(text: str) -> Run:
    """wrk's report as numbers.

    Raises:
        ValueError: it has no count of requests.
    """
    count = re.search(r"(\d+) requests in ", text)
    if count is None:
        raise ValueError(f"wrk said: {text.strip()[-300:] or 'nothing'}")
    errors: dict[str, int] = {}
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    if sockets is not None:
        errors.update(zip(("connect", "read", "write", "timeout"), map(int, sockets.groups()), strict=True))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if refused is not None:
        errors["status"] = int(refused[1])
    percentiles = {
        int(match[1]): float(match[2]) * _UNITS[match[3]]
        for match in re.finditer(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s|m|h)\s*$", text, re.MULTILINE)
    }
    return Run(int(count[1]), {kind: number for kind, number in errors.items() if number}, percentiles)


def drive(origin: str, load: Load) -> Run:
    """Run wrk against ``http(s)://host:port``; ends by itself."""
    seconds = max(1, round(load.seconds))
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    for header in load.headers:
        command += ["-H", header]
    if load.script:
        command += ["-s", str(LUA / load.script)]
    command.append(origin + load.path)
    if load.arguments:
        command += ["--", *load.arguments]
    done = subprocess.run(pinned(command, LOAD_CPU), capture_output=True, text=True, timeout=seconds + 60, check=False)
    return parse(done.stdout + done.stderr)
