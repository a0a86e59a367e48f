"""How soon a world of every edge is ready, and what it holds in memory."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from bench.processes import SERVER_CPU, Process, pinned
from bench.results import Result, Target
from bench.servers import ready_line

WORLD = Path(__file__).parent.parent / "configs" / "worldwide.yaml"


def run(where: Path, rounds: int) -> list[Result]:
    """Start it several times, with a state that is there from the second time on."""
    how = "edgesim up configs/worldwide.yaml; from exec to the ready line, wall time"
    ready = Result("world-ready", "worldwide world ready to serve", how, "s", (Target(1.5),))
    held = Result("world-memory", "worldwide world, ready", "resident memory of its process", "MB", (Target(200),))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    for number in range(max(2, rounds)):
        command = [sys.executable, "-m", "edgesim", "up", str(WORLD), "--state", str(where / "worldwide")]
        command += ["--http", "0", "--https", "0", "--control", "0"]
        started = time.monotonic()
        process = Process(pinned(command, SERVER_CPU), where / f"worldwide{number}.log", env=environment)
        try:
            ready_line(process)
            ready.values.setdefault("edgesim", []).append(time.monotonic() - started)
            ready.values.setdefault("CPU", []).append(process.cpu())
            held.values.setdefault("edgesim", []).append(process.rss() / 1e6)
        except RuntimeError as error:
            ready.failures.append(str(error))
        finally:
            process.stop()
    return [ready, held]
