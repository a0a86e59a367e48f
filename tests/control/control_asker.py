"""Somebody who asks a control port, and the world it belongs to."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import aiohttp

from edgesim.assembly.running import RunningWorld
from edgesim.control.app import Control

WORLD = """\
name: two edges
latency: { mode: reported }
edges: [LHR61-C2, {pop: SYD62-C1, cache: 1 MB}]
site: { nodes: 1, https: false }
origins:
  site: { toy_site: true, protocol: http-only, place: us-east-1 }
distributions:
  - name: harbour
    aliases: [www.harbour.test, localhost, 127.0.0.1]
    behaviors:
      - { path: /wp-admin*, origin: site, cache_policy: CachingDisabled, methods: ALL }
    default_behavior:
      origin: site
      ttl: { min: 0, default: 1 day, max: 365 days }
      key: { query: all, cookies: [flavour] }
      methods: ALL
logs: { access: access.log }
propagation: { invalidations: 60 s }
"""


Raw = bytes | io.BytesIO | None


@dataclass
class Answer:
    """What the control port said."""

    status: int
    text: str
    headers: Any

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> Any:
        return self.json["error"]


class Asker:
    """Asks the control port, and the edges as a viewer."""

    def __init__(self, running: RunningWorld, control: Control, url: str, session: aiohttp.ClientSession) -> None:
        self.running = running
        self.control = control
        self.url = url
        self.session = session

    async def ask(self, method: str, path: str, body: Any = None, raw: Raw = None, **headers: str) -> Answer:
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        url = self.url + (path if path.startswith("/") else f"/_edgesim/{path}")
        async with self.session.request(method, url, data=data, headers=given) as response:
            return Answer(response.status, (await response.read()).decode(), response.headers)

    async def get(self, path: str) -> Any:
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer.text
        return answer.json

    async def post(self, path: str, body: Any) -> Any:
        answer = await self.ask("POST", path, body)
        assert answer.status in (200, 201), answer.text
        return answer.json

    async def view(self, path: str, place: str = "London", **more: Any) -> aiohttp.ClientResponse:
        assert self.running.http is not None
        headers = {"X-Edgesim-Location": place, **more.pop("headers", {})}
        url = self.running.http.url("http") + path
        async with self.session.request(more.pop("method", "GET"), url, headers=headers, **more) as response:
            await response.read()
            return response
