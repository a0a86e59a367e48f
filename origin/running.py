"""The three roles, put together: the whole site, one node, or the balancer alone."""

from __future__ import annotations

import asyncio
import string
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from origin.balancer import Balancer
from origin.certificate import ServerCertificate
from origin.control import Control
from origin.health import Health
from origin.node import Node, Shared
from origin.pool import Pool, Target
from origin.posts import Comments

GRACE_SECONDS = 3.0
PATIENCE_SECONDS = 60.0


class CannotStart(Exception):
    """Something that is needed is not there; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says; ports are 0 for a free one."""

    role: str = "site"
    bind: str = "127.0.0.1"
    http: int = 0
    https: int | None = None
    cert: Path | None = None
    key: Path | None = None
    nodes: int = 2
    node_urls: tuple[str, ...] = ()
    node_name: str = "site-a"
    sticky: bool = False
    host_name: str = "harbour.example"
    health_interval: float = 1.0
    data: Path | None = None
    signed_only: str | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """What answers now: base addresses, and the certificate that can be loaded again."""

    http: str
    https: str | None = None
    certificate: ServerCertificate | None = None

    @property
    def ready_line(self) -> str:
        return f"origin ready http={self.http}" + (f" https={self.https}" if self.https else "")


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """Start the role and yield once everything answers; on leaving, let requests in flight finish for 3 seconds."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.sleep, 0)  # the loop ends closed connections in its next turn
        if settings.role == "node":
            yield await _start_node(settings, stack)
        else:
            yield await _start_balancer(settings, stack)


async def _start_node(settings: Settings, stack: AsyncExitStack) -> Running:
    node = Node(settings.node_name, Shared.create(settings.host_name, Comments(settings.data), settings.signed_only))
    port = await _bound(node.start(settings.bind, settings.http), settings.bind, settings.http)
    stack.push_async_callback(node.stop)
    return Running(_address("http", settings.bind, port))


async def _start_balancer(settings: Settings, stack: AsyncExitStack) -> Running:
    shared = None
    if settings.role == "site":
        shared = Shared.create(settings.host_name, Comments(settings.data), settings.signed_only)
        targets = [await _own_target(name, shared, stack) for name in node_names(settings.nodes)]
    else:
        targets = [Target(url.split("://")[-1].rstrip("/"), url.rstrip("/")) for url in settings.node_urls]
    pool = Pool(targets)
    stack.callback(pool.close)
    client = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
    health = Health(pool, client, settings.health_interval)
    stack.push_async_callback(health.close)
    if not await health.all_answer(PATIENCE_SECONDS):
        silent = ", ".join(target.url for target in targets if not target.healthy)
        raise CannotStart(f"no answer to /_origin/health from {silent}: start the nodes, or correct --node")
    checks = asyncio.create_task(health.run())
    stack.callback(checks.cancel)
    control = Control(pool, health, client, shared.arrivals if shared is not None else None)
    return await _listen(settings, stack, Balancer(pool, control, settings.sticky))


async def _listen(settings: Settings, stack: AsyncExitStack, balancer: Balancer) -> Running:
    stack.push_async_callback(balancer.close, GRACE_SECONDS)
    port = await _bound(balancer.listen(settings.bind, settings.http), settings.bind, settings.http)
    plain = _address("http", settings.bind, port)
    if settings.https is None:
        return Running(plain)
    certificate = _certificate(settings)
    listening = balancer.listen(settings.bind, settings.https, certificate.context)
    secure = await _bound(listening, settings.bind, settings.https)
    return Running(plain, _address("https", settings.bind, secure), certificate)


async def _own_target(name: str, shared: Shared, stack: AsyncExitStack) -> Target:
    """A node of this process, on a free port of the loopback interface."""
    node = Node(name, shared)

    async def start() -> str:
        return f"http://127.0.0.1:{await node.start('127.0.0.1')}"

    target = Target(name, await start(), start=start, stop=node.stop)
    stack.push_async_callback(node.stop)
    return target


async def _bound(listening: Coroutine[Any, Any, int], bind: str, port: int) -> int:
    try:
        return await listening
    except OSError as error:
        raise CannotStart(f"cannot listen on {bind}:{port} ({error.strerror}): choose another port, or 0") from error


def _certificate(settings: Settings) -> ServerCertificate:
    if settings.cert is None or settings.key is None:
        return ServerCertificate.self_signed(settings.host_name)
    try:
        return ServerCertificate(settings.cert, settings.key)
    except OSError as error:
        raise CannotStart(f"cannot use {settings.cert} and {settings.key}: {error}") from error


def node_names(count: int) -> list[str]:
    """``site-a``, ``site-b``, … as far as ``site-z``."""
    return [f"site-{letter}" for letter in string.ascii_lowercase[:count]]


def _address(scheme: str, bind: str, port: int) -> str:
    """An address that can be opened: the loopback one when every interface is bound."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(bind, f"[{bind}]" if ":" in bind else bind)
    return f"{scheme}://{host}:{port}"
