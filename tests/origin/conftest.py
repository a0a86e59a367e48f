"""The witness on real sockets, and two ways to talk to it: a well-behaved client, and bytes."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from origin.running import Running, Settings, running


@dataclass
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Visitor:
    """Asks the witness; redirects are not followed, nothing is decoded, cookies are the test's own business."""

    def __init__(self, session: aiohttp.ClientSession, site: Running) -> None:
        self.session = session
        self.site = site

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        url = path if "://" in path else self.site.http + path
        async with self.session.request(method, url, allow_redirects=False, ssl=False, **more) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers=CIMultiDict({k.replace("_", "-"): v for k, v in headers.items()}))

    async def arrivals(self, query: str = "") -> list[dict[str, Any]]:
        return list((await self.get("/_origin/requests" + query)).json()["requests"])

    async def order(self, node: str, state: str) -> dict[str, Any]:
        answer = await self.ask("POST", f"/_origin/nodes/{node}", json={"state": state})
        assert answer.status == 200, answer.text
        return dict(answer.json())

    async def in_flight(self) -> int:
        return sum(node["in_flight"] for node in (await self.get("/_origin/nodes")).json()["nodes"])

    async def is_healthy(self, node: str) -> bool:
        return bool((await self.get(f"/_origin/nodes/{node}")).json()["healthy"])

    async def raw(self, target: str, *lines: str, secure: bool = False) -> tuple[bytes, type[OSError] | None]:
        """Everything that came back until the connection ended, and how it failed if it did."""
        base = self.site.https if secure else self.site.http
        reader, writer = await open_raw(str(base))
        try:
            writer.write("\r\n".join([f"GET {target} HTTP/1.1", "Host: harbour", *lines, "", ""]).encode())
            return await read_all(reader)
        finally:
            writer.transport.abort()


async def open_raw(base: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(base)
    context = None
    if parts.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return await asyncio.open_connection(parts.hostname, parts.port, ssl=context)


async def read_all(reader: asyncio.StreamReader) -> tuple[bytes, type[OSError] | None]:
    got = b""
    try:
        async with asyncio.timeout(5):
            while piece := await reader.read(65_536):
                got += piece
    except TimeoutError:
        raise
    except OSError as error:
        return got, type(error)
    return got, None


@asynccontextmanager
async def visiting(settings: Settings) -> AsyncIterator[Visitor]:
    jar = aiohttp.DummyCookieJar()
    async with running(settings) as site, aiohttp.ClientSession(cookie_jar=jar, auto_decompress=False) as session:
        yield Visitor(session, site)


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with visiting(Settings()) as made:
        yield made


@pytest.fixture
def visit() -> Callable[[Settings], Any]:
    """For settings of the test's own: ``async with visit(Settings(...)) as visitor``."""
    return visiting


@pytest.fixture
async def connect() -> AsyncIterator[Callable[[str], Any]]:
    """Open a connection of bytes to an address; the fixture closes it."""
    writers: list[asyncio.StreamWriter] = []

    async def opened(base: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await open_raw(base)
        writers.append(writer)
        return reader, writer

    yield opened
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)


@pytest.fixture
def until() -> Callable[[Callable[[], Awaitable[Any]]], Awaitable[None]]:
    """Ask again and again until the answer is true, for 3 seconds at most."""

    async def asked(question: Callable[[], Awaitable[Any]]) -> None:
        async with asyncio.timeout(3):
            for _ in range(10_000):
                if await question():
                    return
                await asyncio.sleep(0.005)

    return asked
