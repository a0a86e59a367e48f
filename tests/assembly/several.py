"""A world in several processes on loopback, every port chosen by the system, and ways to hurt it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

TOKEN = "a-token-of-these-tests-only"
PATIENCE = 30.0

WORLD = """
name: several
latency: { mode: reported }
front: { default_place: London, mode: %(mode)s }
edges: [SYD62-C1, LHR61-C2, NRT12-C1, GRU1-P5]
site: { nodes: 1, place: us-east-1 }
origins:
  site: { toy_site: true, protocol: http-only }
cache_policies:
  lab: { ttl: { min: 0, default: 1 day, max: 365 days }, key: { query: all }, gzip: false, brotli: false }
distributions:
  - name: harbour
    aliases: [localhost, 127.0.0.1]
    behaviors:
      - { path: /lab*, origin: site, cache_policy: lab, methods: ALL }
    default_behavior: { origin: site, cache_policy: CachingOptimized }
"""


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def pop(self) -> str:
        return self["X-Amz-Cf-Pop"]

    @property
    def cache(self) -> str:
        return self["X-Cache"].partition(" ")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, method: str = "GET", body: bytes | None = None, seconds: float = 20, **headers: str) -> Answer:
    host, port, path = _parts(url)
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


def _parts(url: str) -> tuple[str, int, str]:
    found = re.fullmatch(r"http://([^:/]+):(\d+)(/.*)?", url)
    assert found is not None, url
    return found[1], int(found[2]), found[3] or "/"


def until(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What ``what`` gives once it is true; other processes take their own time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = what()
        except (OSError, http.client.HTTPException):
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come about"
        threading.Event().wait(0.05)


class Process:
    """One process of the world; its lines are read so that it never waits for us."""

    def __init__(self, *arguments: str, token: str = TOKEN) -> None:
        environment = {**os.environ, "EDGESIM_TOKEN": token}
        self._process = subprocess.Popen(
            [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self._fresh: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
            self._fresh.put(line)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ready(self) -> dict[str, str]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                line = self._fresh.get(timeout=0.1)
            except Empty:
                assert self._process.poll() is None, f"it ended: {''.join(self.lines)}"
                continue
            if " ready " in line:
                return dict(pair.split("=", 1) for pair in line.split() if "=" in pair)
        raise AssertionError(f"not ready: {''.join(self.lines)}")

    def tell(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> int:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        try:
            code = self._process.wait(PATIENCE)
        finally:
            self._process.kill()
        self._reader.join(PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code


@dataclass
class Several:
    """A world of a site, a control plane, a front door and edges."""

    directory: Path
    mode: str = "proxy"
    running: dict[str, Process] = field(default_factory=dict)
    said: dict[str, dict[str, str]] = field(default_factory=dict)
    at_once: bool = False

    def start_site(self) -> None:
        (self.directory / "world.yaml").write_text(WORLD % {"mode": self.mode})
        self._start("site", "-m", "origin", "--nodes", "1")

    def start_control(self) -> None:
        internal = self.said["control"]["internal"].rpartition(":")[2] if "control" in self.said else "0"
        port = self.said["control"]["control"].rpartition(":")[2] if "control" in self.said else "0"
        site = self.said["site"]["http"].rpartition(":")[2]
        arguments = ["--role", "control", "--control", port, "--internal", internal]
        arguments += ["--state", str(self.directory / "state"), "--site-address", "127.0.0.1", "--site-http", site]
        self._start("control", "-m", "edgesim", "up", str(self.directory / "world.yaml"), *arguments)

    def start_front(self) -> None:
        self._start("front", *self.joining("front", "--http", "0", "--https", "0"))

    def start_edge(self, edges: str, *more: str) -> None:
        self._start(edges, *self.joining("edge", "--internal", "0", "--edges", edges, *more))

    def joining(self, role: str, *more: str) -> list[str]:
        join = self.said["control"]["internal"]
        return ["-m", "edgesim", "up", "--role", role, "--join", join, "--control", "0", *more]

    def _start(self, name: str, *arguments: str) -> None:
        self.running[name] = Process(*arguments)
        if not self.at_once:
            self.said[name] = self.running[name].ready()

    @contextlib.contextmanager
    def all_at_once(self) -> Iterator[None]:
        """Start what is started within side by side; in the end all are ready."""
        self.at_once = True
        yield
        self.at_once = False
        for name, process in self.running.items():
            if name not in self.said:
                self.said[name] = process.ready()

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        self.running.pop(name).end(number)

    def close(self) -> None:
        for process in reversed(self.running.values()):
            process.tell(signal.SIGCONT)
            process.end()

    # Asking

    def get(self, path: str, place: str = "Sydney", **more: Any) -> Answer:
        return ask(self.said["front"]["http"] + path, X_Edgesim_Location=place, **more)

    def health(self, name: str) -> Any:
        return ask(self.said[name]["health"] + "/_edgesim/health").json

    def api(self, path: str, body: Any = None) -> Answer:
        url = f"{self.said['control']['control']}/_edgesim{path}"
        if body is None:
            return ask(url)
        return ask(url, "POST", json.dumps(body).encode(), Content_Type="application/json")

    def internal(self, path: str, token: str = TOKEN) -> Answer:
        return ask(self.said["control"]["internal"] + path, Authorization=f"Bearer {token}")

    def reach(self, *edges: str) -> None:
        """Wait until the front door can reach exactly these edges."""
        until(lambda: self.health("front")["edges"] == sorted(edges))

    def verdict(self, id: str) -> Any:
        """What the control plane knows of a request, once it has been told."""
        return until(lambda: (answer := self.api(f"/explain/{id}")).status == 200 and answer.json)


@contextlib.contextmanager
def several(*edges: str, mode: str = "proxy", more: tuple[str, ...] = ()) -> Iterator[Several]:
    """A world with an edge process for each of ``edges`` (which may name several, with commas)."""
    with tempfile.TemporaryDirectory(prefix="edgesim-several-") as name:
        world = Several(Path(name), mode)
        try:
            world.start_site()
            world.start_control()
            with world.all_at_once():
                for pops in edges:
                    world.start_edge(pops, *more)
                world.start_front()
            world.reach(*[pop for pops in edges for pop in pops.split(",")])
            yield world
        finally:
            world.close()
