"""Worlds run as a user runs them: ``edgesim up`` in a process of its own, asked over real sockets."""

from __future__ import annotations

import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
READY = re.compile(r"edgesim ready http=http://[^:]+:(\d+) https=(?:https://[^:]+:(\d+)|off) control=(\S+) ca=(\S+)")


@dataclass
class Got:
    """A response as the wire gave it."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def outcome(self) -> str:
        return self.headers.get("x-cache", "")

    @property
    def pop(self) -> str:
        return self.headers.get("x-amz-cf-pop", "")

    @property
    def id(self) -> str:
        return self.headers["x-amz-cf-id"]


class World:
    """A running ``edgesim up``."""

    def __init__(self, process: subprocess.Popen[str], line: str) -> None:
        self.process = process
        match = READY.search(line)
        assert match, line
        self.http = int(match[1])
        self.https = int(match[2] or 0)
        self.control = match[3]
        self.ca = match[4]

    def get(
        self,
        path: str,
        *,
        place: str | None = None,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        tls: bool = False,
    ) -> Got:
        connection: HTTPConnection
        if tls:
            context = ssl.create_default_context(cafile=self.ca)
            connection = HTTPSConnection("localhost", self.https, timeout=30, context=context)
        else:
            connection = HTTPConnection("127.0.0.1", self.http, timeout=30)
        sent = {**(headers or {}), **({"X-Edgesim-Location": place} if place else {})}
        started = time.monotonic()
        try:
            connection.request(method, path, body, sent)
            response: HTTPResponse = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Got(response.status, fields, data, time.monotonic() - started)

    def raw(self, sent: bytes, *, more: bytes | None = None, timeout: float = 10.0) -> bytes:
        """Send bytes, close nothing, and read until the other side closes or the answer is complete."""
        with socket.create_connection(("127.0.0.1", self.http), timeout) as sock:
            sock.sendall(sent)
            if more is not None:
                sock.sendall(more)
            got = b""
            try:
                while piece := sock.recv(65536):
                    got += piece
            except (TimeoutError, ConnectionError):
                pass
            return got

    def ask(self, path: str, payload: object | None = None, method: str | None = None) -> dict:
        data = None if payload is None else json.dumps(payload).encode()
        request = urllib.request.Request(f"{self.control}/_edgesim/{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=20) as response:
            found: dict = json.load(response)
            return found

    def memory(self) -> int:
        """Resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


Starter = Callable[..., World]


def start_world(config: str | Path, *arguments: str, env: dict[str, str] | None = None) -> World:
    import os

    command = [sys.executable, "-m", "edgesim", "up", str(config), "--http", "0", "--https", "0", "--control", "0"]
    command += ["--workers", os.environ.get("EDGESIM_LIVE_WORKERS", "1")]  # the same tests hold for several
    process = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, **(env or {})}
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if "edgesim ready" not in line:
        process.kill()
        process.wait()
        process.stdout.close()
        raise AssertionError(f"no ready line: {line!r}")
    return World(process, line)


def end(world: World) -> None:
    if world.process.poll() is None:
        world.stop()
    assert world.process.stdout is not None
    world.process.stdout.close()
