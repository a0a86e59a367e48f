"""Worlds for the tests of the fast path: in this process, with a clock that stands still, behind an origin that echoes.

Every answer of the origin says what the origin was sent, so an answer that went to the wrong viewer can be told.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from edgesim.assembly.running import Options, RunningWorld
from edgesim.core.cache import Cache, Tier
from edgesim.core.verdict import Verdict
from edgesim.edge.fast import FastPath
from edgesim.observe.billing import Billing
from edgesim.observe.stats import Stats
from edgesim.world.commands import Command, SetClock
from edgesim.world.loading import check_data

PATIENCE = 20.0
NEAR, FAR = "LHR62-C1", "SYD62-C1"
ECHOED = (
    "Host",
    "X-Tenant",
    "X-Other",
    "Accept-Language",
    "Accept-Encoding",
    "Authorization",
    "Cookie",
    "Origin",
    "User-Agent",
    "X-HTTP-Method-Override",
)


class EchoOrigin(asyncio.Protocol):
    """One connection of the origin. What comes after the last dot of a path says how the answer is made."""

    asked = 0
    stamp = "A"
    bulk = 2_000

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            type(self).asked += 1
            self._transport.write(self._answer(head.decode("latin-1")))

    def _answer(self, head: str) -> bytes:
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ")
        seen = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        told = [f"{name}={value}" for name, value in seen if name.lower() in _ECHOED]
        kind = target.partition("?")[0].rpartition(".")[2]
        words = dict(seen)
        if kind == "renewed" and words.get("If-None-Match") == f'"{self.stamp}"':
            return _wire(304, [("ETag", f'"{self.stamp}"'), ("X-Renewed", "yes"), ("Cache-Control", "max-age=10")])
        body = f"{self.stamp} {method} {target} {' '.join(sorted(told))}\n".encode("latin-1")
        status, headers = 200, [("Content-Type", "text/css"), ("Date", "Sun, 01 Mar 2026 11:59:00 GMT")]
        headers += [("ETag", f'"{self.stamp}"'), ("Via", "1.1 before"), ("Cache-Status", "before; hit; ttl=7")]
        headers += _CONTROL.get(kind, [("Cache-Control", "max-age=600")])
        if kind in ("big", "bulk", "stream"):
            body += b"x" * (2_000 if kind == "big" else self.bulk)
        if kind == "missing":
            status = 404
        if kind == "empty":
            body = b""
        if kind == "dateless":
            headers = [pair for pair in headers if pair[0] != "Date"]
        if kind == "marks":
            headers += [("X-Echo", "@edgesim-id@ @edgesim-age@ @edgesim-ttl@")]
        if kind == "moved":
            status, headers = 301, [*headers, ("Location", "/elsewhere")]
        return _wire(status, headers, b"" if method == "HEAD" else body, chunked=kind in ("chunked", "stream"))


_ECHOED = frozenset(name.lower() for name in ECHOED)
_CONTROL: Mapping[str, list[tuple[str, str]]] = {
    "short": [("Cache-Control", "max-age=5")],
    "renewed": [("Cache-Control", "max-age=10")],
    "private": [("Cache-Control", "private, max-age=600")],
    "vary": [("Cache-Control", "max-age=600"), ("Vary", "X-Tenant, Accept-Encoding, Origin")],
    "behind": [("Cache-Control", "max-age=10, stale-while-revalidate=60")],
    "cors": [("Cache-Control", "max-age=600"), ("Access-Control-Allow-Origin", "https://own.test")],
    "cookie": [("Cache-Control", "max-age=600"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")],
    "aged": [("Cache-Control", "max-age=600"), ("Age", "30")],
    "plainold": [],
    "star": [("Cache-Control", "max-age=600"), ("Vary", "*")],
}


def _wire(status: int, headers: list[tuple[str, str]], body: bytes = b"", *, chunked: bool = False) -> bytes:
    lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {value}" for name, value in headers)]
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    elif status != 304:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@dataclass(frozen=True)
class Got:
    """One answer as the wire had it."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head[9:12])

    def __getitem__(self, name: str) -> str:
        found = re.search(rb"(?im)^%b: *(.*?)\r$" % re.escape(name.encode()), self.head)
        return found[1].decode() if found else ""

    @property
    def id(self) -> str:
        return self["X-Amz-Cf-Id"]

    @property
    def cached(self) -> str:
        return self["X-Cache"].partition(" ")[0]

    @property
    def masked(self) -> bytes:
        """All of it but the id: with a clock that stands still nothing else may differ."""
        return _ID.sub(b"ID", self.head + self.body)


_ID = re.compile(rb"[A-Za-z0-9_-]{54}==")


class Viewer:
    """A connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @property
    def port(self) -> int:
        return int(self.writer.get_extra_info("sockname")[1])

    async def ask(self, sent: bytes) -> Got:
        """Send bytes, read one answer."""
        self.writer.write(sent)
        return await self.read(method=sent.partition(b" ")[0])

    async def read(self, method: bytes = b"GET") -> Got:
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            if int(head[9:12]) in (204, 304) or method == b"HEAD":
                return Got(head, b"")
            if length := re.search(rb"(?i)\r\ncontent-length: (\d+)", head):
                return Got(head, await self.reader.readexactly(int(length[1])))
            if re.search(rb"(?i)\r\ntransfer-encoding: chunked", head):
                return Got(head, await self._chunks())
            return Got(head, await self.reader.read())

    async def _chunks(self) -> bytes:
        found = b""
        while True:
            size = await self.reader.readuntil(b"\r\n")
            found += size + await self.reader.readexactly(int(size.split(b";")[0], 16) + 2)
            if int(size.split(b";")[0], 16) == 0:
                return found

    async def ended(self) -> bytes:
        """What still comes until the other side closes."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await self.writer.wait_closed()
        except OSError:
            pass


class FastWorld:
    """A running world, with or without its fast path, and what it counts."""

    origin: type[EchoOrigin]

    def __init__(self, running: RunningWorld, *, fast: bool) -> None:
        self.running = running
        if not fast:
            running.listener.fast = None
        self.viewers: list[Viewer] = []
        self.stats = Stats()
        self.billing = Billing(lambda: running.world)
        running.records.listen(self.stats.listen, self.stats.burst)
        running.records.listen(self.billing.listen, self.billing.burst)

    @property
    def fast(self) -> FastPath:
        return self.running.fast

    @property
    def hits(self) -> int:
        """Answers of the fast path so far."""
        self.fast.flush()
        return self.fast.hits

    def cache(self, pop: str = NEAR) -> Cache:
        return self.running.hierarchy.caches[Tier.EDGE, pop]

    def verdict(self, got: Got) -> Verdict:
        found = self.running.records.get(got.id)
        assert found is not None
        return found

    def apply(self, command: Command) -> None:
        self.running.keeper.apply(command)

    def advance(self, seconds: float) -> None:
        clock = self.running.clock
        self.apply(SetClock(real=clock.real(), simulated=clock.now() + seconds, speed=0))

    async def viewer(self, *, source: str | None = None, port: int = 0, tls: ssl.SSLContext | None = None) -> Viewer:
        """A new connection; ``source`` is the viewer's own address."""
        at = self.running.https if tls is not None else self.running.http
        assert at is not None
        local = (source, 0) if source else None
        name = "localhost" if tls is not None else None
        opened = asyncio.open_connection(
            at.host, port or at.port, local_addr=local, ssl=tls, server_hostname=name, limit=1 << 22
        )
        viewer = Viewer(*await opened)
        self.viewers.append(viewer)
        return viewer

    async def hang_up(self) -> None:
        """Every viewer leaves."""
        viewers, self.viewers = self.viewers, []
        for viewer in viewers:
            await viewer.close()

    async def learnt(self, sent: bytes, viewer: Viewer | None = None) -> tuple[Viewer, Got]:
        """Ask until the fast path answers; the connection, and its answer."""
        viewer = viewer or await self.viewer()
        before = self.hits
        for _ in range(4):
            got = await viewer.ask(sent)
            if self.hits > before:
                return viewer, got
        raise AssertionError(f"the fast path does not take it: {got.head!r}")

    async def answered(self, sent: bytes, viewer: Viewer | None = None) -> tuple[bool, Got]:
        """Whether the fast path answered, and what was answered."""
        own = viewer or await self.viewer()
        before = self.hits
        got = await own.ask(sent)
        if viewer is None:
            await own.close()
        return self.hits > before, got


def request(target: str = "/one.plain", *lines: str, host: str = "one.test", method: str = "GET") -> bytes:
    """A request head as bytes."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode("latin-1")


def document(port: int, **sections: Any) -> dict[str, Any]:
    """A world file: many behaviours, three distributions."""
    ttl = {"min": 0, "default": 300, "max": 86_400}
    behaviors: dict[str, dict[str, Any]] = {
        "/headers/*": {"key": {"headers": ["X-Tenant", "Accept-Language", "Authorization"]}},
        "/cookies/*": {"key": {"cookies": ["session", "edgesim-location"]}},
        "/query/*": {"key": {"query": ["q", "r"]}},
        "/allquery/*": {"key": {"query": "all"}},
        "/host/*": {"key": {"headers": ["Host", "Origin"]}},
        "/cors/*": {"ttl": ttl, "response_headers_policy": "sharing"},
        "/undated/*": {"ttl": ttl, "response_headers_policy": "undated"},
        "/odd/*": {"ttl": ttl, "response_headers_policy": "framing"},
        "/open/*": {"ttl": ttl, "response_headers_policy": "SimpleCORS"},
        "/identity/*": {"cache_policy": "listed-encoding", "compress": True},
        "/gzip/*": {"cache_policy": "gzip-only", "compress": True},
        "/both/*": {"cache_policy": "CachingOptimized", "compress": True},
        "/off/*": {"cache_policy": "CachingDisabled", "origin_request_policy": "AllViewer"},
        "/forward/*": {"ttl": ttl, "forward": {"headers": "all_viewer", "cookies": "all", "query": "all"}},
        "/legacy/*": {"legacy": {"query": ["q"], "headers": ["X-Tenant"], "cookies": ["sess*"]}, "ttl": ttl},
        "/methods/*": {"cache_policy": "UseOriginCacheControlHeaders-QueryStrings"},
        "/rfc/*": {"profile": "rfc9111", "key": {"query": "all"}},
        "/secure/*": {"ttl": ttl, "viewer_protocol": "redirect-to-https"},
        "/least/*": {"ttl": {"min": 5, "default": 5, "max": 5}},
    }
    origin = {"origin": "main"}
    usual = {"ttl": ttl, **origin}
    return {
        "latency": {"mode": "reported"},
        "clock": {"start": "2026-03-01T12:00:00Z", "paused": True},
        "tls": {"viewer": False},
        "regional_caches": False,
        "edges": [NEAR, FAR, "JFK50-P1"],
        "origins": {"main": {"url": f"http://127.0.0.1:{port}", "clock": "simulated", "connection_attempts": 1}},
        "cache_policies": {
            "listed-encoding": {"ttl": ttl, "key": {"headers": ["Accept-Encoding"]}, "gzip": False, "brotli": False},
            "gzip-only": {"ttl": ttl, "gzip": True, "brotli": False},
        },
        "response_headers_policies": {
            "sharing": {
                "cors": {"origins": ["https://a.test", "https://*.b.test"], "credentials": True, "override": True},
                "security": {"X-Frame-Options": "DENY"},
                "custom": {"X-Custom": "1"},
                "remove": ["ETag"],
            },
            "framing": {"custom": {"Age": "7"}},
            "undated": {"remove": ["Date"]},
        },
        "distributions": [
            {
                "name": "one",
                "aliases": ["one.test", "www.one.test", "*.one.test"],
                "default_root_object": "index.html",
                "log_cookies": True,
                "errors": [{"code": 404, "min_ttl": 60, "page": "/pages/404.plain", "response_code": 200}],
                "behaviors": [{"path": path, **entry, **origin} for path, entry in behaviors.items()],
                "default_behavior": usual,
            },
            {"name": "two", "aliases": ["two.test"], "default_behavior": usual},
            {
                "name": "three",
                "aliases": ["three.test"],
                "default_behavior": {"key": {"headers": ["CloudFront-Viewer-Country"]}, **origin},
            },
            {
                "name": "four",
                "aliases": ["four.test"],
                "geo": {"block": ["AU"]},
                "default_behavior": usual,
            },
        ],
        **sections,
    }


@asynccontextmanager
async def origin() -> AsyncIterator[tuple[int, type[EchoOrigin]]]:
    """The origin's port, and its class, whose attributes are its orders."""
    kind = type("Origin", (EchoOrigin,), {})
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], kind
    finally:
        server.close()


@asynccontextmanager
async def fast_world(*, fast: bool = True, port: int = 0, **sections: Any) -> AsyncIterator[FastWorld]:
    """A running world behind an origin of its own, or behind the one at ``port``."""
    async with origin() as (own, kind):
        configure = check_data(document(port or own, **sections)).configure(0.0)
        running = await RunningWorld.start(Options(configure))
        world = FastWorld(running, fast=fast)
        world.origin = kind
        try:
            yield world
        finally:
            await world.hang_up()
            await running.close()


def plain(verdict: Verdict) -> Verdict:
    """A verdict without what every request has of its own."""
    return replace(
        verdict, id="", first_byte_ms=0.0, total_ms=0.0, visitor=replace(verdict.visitor, port=0), legs=verdict.legs
    )
