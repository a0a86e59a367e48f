"""An app node: an aiohttp server of its own that answers with the site, the laboratory, or what it has witnessed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from origin.arrivals import Arrival, Arrivals
from origin.conditions import Reply, reply_to
from origin.delivery import Delivery
from origin.document import Document, Octets
from origin.lab import Lab
from origin.posts import Comments
from origin.signatures import refusal
from origin.site import Site, Visit

FORM_BYTES = 1 << 20
LINE_BYTES = 65_536
VIA = "X-Harbour-Via"  # balancer to node, "SCHEME PEER" of the client's connection; never recorded
PLAIN = ("Content-Type", "text/plain; charset=UTF-8")
JSON = ("Content-Type", "application/json")
NEVER = ("Cache-Control", "no-store")


@dataclass(slots=True)
class Shared:
    """What the nodes of one process have in common."""

    site: Site
    lab: Lab = field(default_factory=Lab)
    arrivals: Arrivals = field(default_factory=Arrivals)
    signed_only: str | None = None
    """Paths that begin so answer only to signed requests."""

    @classmethod
    def create(cls, host_name: str, comments: Comments, signed_only: str | None = None) -> Shared:
        return cls(Site(comments, host_name), signed_only=signed_only)


class Node:
    """One app node. It can be started and stopped again and again; each start binds anew."""

    def __init__(self, name: str, shared: Shared) -> None:
        self.name = name
        self._shared = shared
        self._delivery = Delivery(name)
        self._runner: web.ServerRunner | None = None

    async def start(self, bind: str, port: int = 0) -> int:
        """Listen, and return the port."""
        server = web.Server(
            self._handle,
            handler_cancellation=True,  # a client that leaves ends a hanging answer
            auto_decompress=False,
            access_log=None,
            max_line_size=LINE_BYTES,
            max_field_size=LINE_BYTES,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, bind, port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening; what is still in flight has one second."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        target = request.raw_path
        path, _, query = origin_form(target).partition("?")
        if path.startswith("/_origin/"):
            return await self._delivery.send(request, _whole(self._control(request.method, path, query)))
        arrival = self._shared.arrivals.add(**_described(request, target, self.name))
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _take_body(request, arrival)
        signed_only = self._shared.signed_only
        if signed_only is not None and unquote(path).startswith(signed_only):
            refused = refusal(request.method, origin_form(target), request.headers, time.time())
            if refused is not None:
                return await self._delivery.send(request, _whole(refused.document()))
        if path == "/lab" or path.startswith("/lab/"):
            return await self._experiment(request, query)
        visit = Visit(request.method, unquote(path), query, "; ".join(request.headers.getall("Cookie", [])), body)
        reply = reply_to(request.method, request.headers, self._shared.site.answer(visit))
        return await self._delivery.send(request, reply)

    async def _experiment(self, request: web.BaseRequest, query: str) -> web.StreamResponse:
        try:
            document, faults = self._shared.lab.answer(query)
        except ValueError as error:
            refusal = Document(Octets(f"{error}\n".encode()), (PLAIN, NEVER), 400)
            return await self._delivery.send(request, _whole(refusal))
        return await self._delivery.send(request, reply_to(request.method, request.headers, document), faults)

    def _control(self, method: str, path: str, query: str) -> Document:
        if path == "/_origin/health" and method in {"GET", "HEAD"}:
            return json_document(200, {"status": "ok", "node": self.name})
        if path == "/_origin/requests":
            return arrivals_document(method, query, self._shared.arrivals)
        return json_document(404, {"error": "there is /_origin/health and /_origin/requests on a node"})


def origin_form(target: str) -> str:
    """The path and query of a target; a server must take the absolute form too (RFC 9112 section 3.2.2)."""
    scheme, colon, rest = target.partition("://")
    if not colon or scheme.lower() not in {"http", "https"}:
        return target
    return "/" + rest.partition("/")[2]


def json_document(status: int, what: Mapping[str, Any]) -> Document:
    return Document(Octets(json.dumps(what, indent=1).encode() + b"\n"), (JSON, NEVER), status)


def arrivals_document(method: str, query: str, arrivals: Arrivals) -> Document:
    """``GET`` and ``DELETE`` of ``/_origin/requests``."""
    if method == "DELETE":
        arrivals.clear()
        return Document(Octets(b""), (NEVER,), 204)
    if method not in {"GET", "HEAD"}:
        return json_document(405, {"error": "requests can be read (GET) and emptied (DELETE)"})
    try:
        return json_document(200, arrivals.listing(dict(parse_qsl(query))))
    except ValueError:
        return json_document(400, {"error": "since must be a whole number, the number of a request"})


def _whole(document: Document) -> Reply:
    return Reply(document.status, document.fields, document.body, 0, document.body.length)


def _described(request: web.BaseRequest, target: str, node: str) -> dict[str, Any]:
    """The arrival's fields. Bytes become characters one to one (Latin-1), so nothing is lost."""
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.raw_headers]
    via = [value for name, value in headers if name.lower() == VIA.lower()]
    peername = request.transport.get_extra_info("peername") if request.transport is not None else None
    scheme, peer = "http", f"{peername[0]}:{peername[1]}" if peername else ""
    if via:
        scheme, _, peer = via[-1].partition(" ")
    return {
        "method": request.method,
        "target": target,
        "version": f"{request.version.major}.{request.version.minor}",
        "scheme": scheme,
        "headers": [line for line in headers if line[0].lower() != VIA.lower()],
        "node": node,
        "peer": peer,
    }


async def _take_body(request: web.BaseRequest, arrival: Arrival) -> bytes:
    """Read the body to its end; only the first MiB is kept, for forms."""
    kept = bytearray()
    async for piece in request.content.iter_any():
        arrival.body_length += len(piece)
        if len(kept) < FORM_BYTES:
            kept += piece
    return bytes(kept)
