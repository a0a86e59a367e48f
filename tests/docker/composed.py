"""The compose file as a project of the test's own, with ports of its own, asked through what it publishes."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


def engine_answers() -> bool:
    """Whether there is an engine with compose, and it runs."""
    if shutil.which("docker") is None:
        return False
    for command in (["docker", "version"], ["docker", "compose", "version"]):
        try:
            if subprocess.run(command, capture_output=True, timeout=20).returncode:
                return False
        except (OSError, subprocess.TimeoutExpired):
            return False
    return True


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def until(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = what()
        except (OSError, http.client.HTTPException):
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come about"
        threading.Event().wait(0.2)


@dataclass
class Composed:
    """A project: its name, its image and its ports are nobody else's."""

    name: str = field(default_factory=lambda: f"edgesim-test-{uuid.uuid4().hex[:8]}")
    http: int = field(default_factory=free_port)
    https: int = field(default_factory=free_port)
    control: int = field(default_factory=free_port)

    @property
    def image(self) -> str:
        return f"{self.name}:test"

    def compose(self, *words: str, seconds: float = 300) -> str:
        environment = {
            **os.environ,
            "EDGESIM_IMAGE": self.image,
            "EDGESIM_HTTP_PORT": str(self.http),
            "EDGESIM_HTTPS_PORT": str(self.https),
            "EDGESIM_CONTROL_PORT": str(self.control),
        }
        command = ["docker", "compose", "--project-name", self.name, "--project-directory", str(ROOT), *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, cwd=ROOT)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}\n{done.stderr}\n{self.logs(environment)}"
        return done.stdout

    def logs(self, environment: dict[str, str]) -> str:
        command = ["docker", "compose", "--project-name", self.name, "logs", "--tail", "15", "--no-color"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT, timeout=60).stdout

    def close(self) -> None:
        self.compose("down", "--volumes", "--timeout", "5", "--remove-orphans")
        subprocess.run(["docker", "image", "rm", "--force", self.image], capture_output=True, timeout=60)

    # Asking

    def get(self, path: str, place: str, trust: Path | None = None) -> tuple[int, dict[str, str], bytes]:
        connection: http.client.HTTPConnection
        if trust is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=30)
        else:
            context = ssl.create_default_context(cafile=str(trust))
            connection = http.client.HTTPSConnection("localhost", self.https, timeout=30, context=context)
        try:
            connection.request("GET", path, headers={"X-Edgesim-Location": place})
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read()
        finally:
            connection.close()

    def served(self, path: str, place: str, trust: Path | None = None) -> tuple[str, str]:
        """From the cache or not, and by which edge."""
        status, headers, _ = self.get(path, place, trust)
        assert status == 200, (status, headers)
        return headers["x-cache"].partition(" ")[0], headers["x-amz-cf-pop"]

    def api(self, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.control, timeout=30)
        try:
            data = None if body is None else json.dumps(body).encode()
            headers = {} if data is None else {"Content-Type": "application/json"}
            connection.request("GET" if data is None else "POST", f"/_edgesim{path}", data, headers)
            answer = connection.getresponse()
            text = answer.read()
            return json.loads(text) if answer.status < 300 else None
        finally:
            connection.close()

    def states(self) -> dict[str, tuple[str, str]]:
        """State and health of every service."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
        flat = [one for row in rows for one in (row if isinstance(row, list) else [row])]
        return {one["Service"]: (one["State"], one["Health"]) for one in flat}
