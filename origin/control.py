"""The balancer's own addresses: ``/_origin/health``, ``/_origin/requests`` and ``/_origin/nodes``."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from origin.arrivals import Arrivals, merged
from origin.document import Document, Octets
from origin.health import Health
from origin.node import NEVER, arrivals_document, json_document
from origin.pool import Pool

STATES = ("running", "stopped")


class Control:
    """Answers them. ``arrivals`` is the nodes' list when they live in this process; otherwise the nodes are asked."""

    def __init__(
        self, pool: Pool, health: Health, client: aiohttp.ClientSession, arrivals: Arrivals | None = None
    ) -> None:
        self._pool = pool
        self._health = health
        self._client = client
        self._arrivals = arrivals

    async def answer(self, method: str, target: str, body: bytes) -> Document:
        path, _, query = target.partition("?")
        if path == "/_origin/health":
            up = [node.name for node in self._pool.targets if node.takes_requests]
            return json_document(200 if up else 503, {"status": "ok" if up else "no node is up", "up": up})
        if path == "/_origin/requests":
            if self._arrivals is not None:
                return arrivals_document(method, query, self._arrivals)
            return await self._asked(method, target)
        if path == "/_origin/nodes" and method == "GET":
            return json_document(200, {"nodes": [node.described() for node in self._pool.targets]})
        if path.startswith("/_origin/nodes/"):
            return await self._order(method, path.removeprefix("/_origin/nodes/"), body)
        return json_document(404, {"error": "there is /_origin/health, /_origin/requests and /_origin/nodes"})

    async def _order(self, method: str, name: str, body: bytes) -> Document:
        node = self._pool.find(name)
        if node is None:
            names = ", ".join(target.name for target in self._pool.targets)
            return json_document(404, {"error": f"no node has that name; the nodes are {names}"})
        if method == "POST":
            state = _wanted_state(body)
            if state is None:
                return json_document(400, {"error": 'send {"state": "running"} or {"state": "stopped"}'})
            if state == "running":
                await self._health.start(node)
            else:
                self._health.stop(node)
        elif method != "GET":
            return json_document(405, {"error": "a node can be read (GET) and told its state (POST)"})
        return json_document(200, node.described())

    async def _asked(self, method: str, target: str) -> Document:
        """The same request to every node, stopped ones too; a node that does not answer has nothing to tell."""
        answers = await asyncio.gather(*(self._ask(method, node.url + target) for node in self._pool.targets))
        if (refusal := next((answer for answer in answers if answer and answer[0] >= 400), None)) is not None:
            return json_document(refusal[0], refusal[1])
        if method == "DELETE":
            return Document(Octets(b""), (NEVER,), 204)
        return json_document(200, merged([answer[1] for answer in answers if answer is not None]))

    async def _ask(self, method: str, url: str) -> tuple[int, dict[str, Any]] | None:
        try:
            async with self._client.request(method, url, timeout=aiohttp.ClientTimeout(total=10)) as response:
                what = await response.json(content_type=None) if response.status != 204 else {}
                return response.status, what
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None


def _wanted_state(body: bytes) -> str | None:
    try:
        order = json.loads(body)
    except ValueError:
        return None
    state = order.get("state") if isinstance(order, dict) else None
    return state if state in STATES else None
