"""The AWS APIs on the control port: everything under ``/2020-05-31/`` (CloudFront), ``/key-value-stores/``
(what is in CloudFront's stores) and POST ``/`` (ACM, STS).

Service models take a moment to load: in a thread, at the first request, so never before the world is ready.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

from aiohttp import web

from edgesim.control.desk import Desk
from edgesim.control.guard import Failure
from edgesim.errors import ControlError
from edgesim.tls.store import CertificateStore
from edgesim.world.commands import Command
from edgesim.world.state import World

if TYPE_CHECKING:
    from edgesim.api.account import Account
    from edgesim.api.dispatch import Dispatcher
    from edgesim.api.messages import Request, Response

PREFIX = "/2020-05-31/"
STORES_PREFIX = "/key-value-stores/"

_REST = "{rest:(?s:.*)}"  # a label may hold a line's end
MOUNTED = (("*", PREFIX + _REST), ("*", STORES_PREFIX + _REST), ("POST", "/"))
"""Methods and paths."""


def is_aws(request: web.Request) -> bool:
    """Whether a request is for one of these APIs."""
    return request.path.startswith((PREFIX, STORES_PREFIX)) or (request.method == "POST" and request.path == "/")


class Aws:
    """The APIs over a desk."""

    def __init__(self, desk: Desk, *, lenient: bool = False) -> None:
        self._desk = desk
        self._lenient = lenient
        self._lock = asyncio.Lock()
        self._loaded: Dispatcher | None = None

    def add_to(self, app: web.Application) -> None:
        """Mount them."""
        for method, path in MOUNTED:
            app.router.add_route(method, path, self.serve)

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one request."""
        dispatcher = await self._dispatcher()
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            from edgesim.api.faults import fault

            return _sent(dispatcher.refuse(_request(request, b""), fault("RequestEntityTooLarge")))
        running = self._desk.running
        await running.settle()
        before = running.world
        response = dispatcher.answer(_request(request, body))
        if running.world is not before:
            await running.settle()  # what was ordered is in force when the answer is read
        return _sent(response)

    async def _dispatcher(self) -> Dispatcher:
        async with self._lock:
            if self._loaded is None:
                self._loaded = await asyncio.to_thread(_load, self._desk, self._lenient)
            return self._loaded


class _Owner:
    """The running world as an account sees it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def world(self) -> World:
        """The World as it is."""
        return self._desk.world

    @property
    def now(self) -> float:
        """Simulated seconds."""
        return self._desk.now

    def apply(self, command: Command) -> World:
        """Change the World; raises ControlError when it is refused."""
        return self._desk.apply(command)

    @property
    def certificates(self) -> CertificateStore:
        """Keys and certificates."""
        return self._desk.running.certificates.store


def account_of(desk: Desk, *, lenient: bool = False) -> Account:
    """The account of a desk's world, for what speaks to the operations without a wire."""
    from edgesim.api.account import Account

    return Account(_Owner(desk), lenient=lenient)


def _load(desk: Desk, lenient: bool) -> Dispatcher:
    from edgesim.api.dispatch import Dispatcher

    dispatcher = Dispatcher(account_of(desk, lenient=lenient))
    dispatcher.load()
    return dispatcher


def _request(request: web.Request, body: bytes) -> Request:
    from edgesim.api.messages import Request

    headers = {name.lower(): value for name, value in reversed(list(request.headers.items()))}
    return Request(request.method, request.raw_path, headers, body)


def _sent(response: Response) -> web.Response:
    return web.Response(status=response.status, headers=response.headers, body=response.body)


def refusals(request: web.Request) -> Failure | None:
    """How a request wants errors of the control port itself (a strange Host, say)."""
    return _refusal if is_aws(request) else None


def _refusal(status: int, code: str, message: str) -> web.Response:
    from edgesim.api.rest_xml import NAMESPACE, error_document

    return _sent(error_document(ControlError(code, message, status), str(uuid.uuid4()), NAMESPACE))
