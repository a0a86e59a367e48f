"""Finding the running world, and asking its control port."""

from __future__ import annotations

import argparse
import http.client
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from edgesim.errors import EdgesimError

DEFAULT_STATE = ".edgesim"
RUNNING_FILE = "running.json"
VARIABLE = "EDGESIM_CONTROL"
TIMEOUT = 90.0
"""Seconds an answer may take; the longest poll is shorter."""

START = "start one with: edgesim up configs/demo.yaml"


class NoWorld(EdgesimError):
    """No running world was found."""

    exit_code = 3


class Refused(EdgesimError):
    """The world said no."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.exit_code = 2 if status == 400 else 1


def add_flags(parser: argparse.ArgumentParser, *, json: bool = True) -> None:
    """The flags of every command that asks a running world."""
    group = parser.add_argument_group("which world")
    group.add_argument("--state", metavar="DIR", help=f"its state directory (default {DEFAULT_STATE})")
    group.add_argument(
        "--control", metavar="URL", help=f"its control port, such as http://127.0.0.1:8081 (or set {VARIABLE})"
    )
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def find(options: argparse.Namespace) -> Client:
    """The control port of the world the options mean.

    In this order: ``--control``, ``--state``, the variable ``EDGESIM_CONTROL``, the state directory here. Raises
    NoWorld.
    """
    if options.control:
        return Client(options.control, "--control")
    if options.state is None and os.environ.get(VARIABLE):
        return Client(os.environ[VARIABLE], VARIABLE)
    path = Path(options.state or DEFAULT_STATE) / RUNNING_FILE
    try:
        url = json.loads(path.read_text(encoding="utf-8"))["control"]
    except (OSError, ValueError, KeyError, TypeError):
        hint = "or say where it is: --state DIR, --control http://127.0.0.1:8081"
        raise NoWorld(f"no world runs here: there is no {path}; {START}\n  {hint}") from None
    return Client(str(url), str(path))


class Client:
    """Asks one control port. ``source`` is what named it, for errors."""

    def __init__(self, url: str, source: str) -> None:
        self.url = url if "://" in url else f"http://{url}"
        self.source = source
        parts = urlsplit(self.url)
        try:
            self._host, self._port = parts.hostname or "", parts.port or 80
        except ValueError:
            self._host = ""
        if parts.scheme != "http" or not self._host:
            raise NoWorld(f"{source}: {url!r} is no control port; write http://127.0.0.1:8081")

    def get(self, path: str, **query: Any) -> Any:
        """What ``GET /_edgesim/path`` gives. Parts of the path are quoted by :func:`part`."""
        return self._ask("GET", path, query)

    def text(self, path: str, **query: Any) -> str:
        """The same for an answer that is no JSON."""
        raw, status = self._read(self._send("GET", path, query))
        if status >= 400:
            self._parsed(raw, status)
        return raw.decode("utf-8", "replace")

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What ``POST`` gives."""
        return self._ask("POST", path, {}, json.dumps(body).encode())

    def delete(self, path: str) -> Any:
        """What ``DELETE`` gives."""
        return self._ask("DELETE", path, {})

    def _ask(self, method: str, path: str, query: Mapping[str, Any], body: bytes | None = None) -> Any:
        return self._parsed(*self._read(self._send(method, path, query, body)))

    def _read(self, response: http.client.HTTPResponse) -> tuple[bytes, int]:
        try:
            return response.read(), response.status
        except (OSError, http.client.HTTPException) as error:
            raise self._gone(error) from None

    def _parsed(self, raw: bytes, status: int) -> Any:
        try:
            data = json.loads(raw)
        except ValueError:
            raise self._stranger() from None
        if status >= 400:
            raise Refused(str(data["error"]["message"]) if "error" in data else str(data)[:200], status)
        return data

    def events(self, **query: Any) -> Iterator[tuple[str, Any]]:
        """The event stream: names and data, until the world ends."""
        response = self._send("GET", "events", query)
        if response.status != 200:
            raise self._stranger()
        name = ""
        try:
            for raw in response:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))
        except (OSError, http.client.HTTPException) as error:
            raise self._gone(error) from None

    def _send(
        self, method: str, path: str, query: Mapping[str, Any], body: bytes | None = None
    ) -> http.client.HTTPResponse:
        given = {name: value for name, value in query.items() if value is not None}
        target = f"/_edgesim/{path}" + (f"?{urlencode(given)}" if given else "")
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, target, body, headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise self._gone(error) from None

    def _gone(self, error: Exception) -> NoWorld:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return NoWorld(f"no world answers at {self.url}, where {self.source} says it is ({why}); {START}")

    def _stranger(self) -> NoWorld:
        return NoWorld(f"what answers at {self.url} is no edgesim; {self.source} should name its control port")


def part(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")
