"""The control port: the JSON API under ``/_edgesim/``, the AWS APIs and the pages for people, on one application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from edgesim.control import aws, caches, changes, importing, looking, origins, pages, resetting, streaming, time
from edgesim.control.contract import Address, Running
from edgesim.control.desk import Desk
from edgesim.control.guard import guard, own_names
from edgesim.control.route import LARGEST_BODY, Answer, Route, read
from edgesim.errors import EdgesimError

ROUTES: tuple[Route, ...] = (
    *looking.ROUTES,
    *time.ROUTES,
    *caches.ROUTES,
    *changes.ROUTES,
    *importing.ROUTES,
    *origins.ROUTES,
    *resetting.ROUTES,
    *streaming.ROUTES,
    *pages.PAGES,
)
"""Everything the port answers; the OpenAPI document is made from it."""

SHUTDOWN = 2.0
"""Seconds for answers in flight when the port closes; streams are told to end before."""


class Control:
    """The control port of a running world."""

    def __init__(self, running: Running, *, lenient: bool = False) -> None:
        self.desk = Desk(running)
        self.aws = aws.Aws(self.desk, lenient=lenient)
        self._runner: web.AppRunner | None = None

    async def start(self, address: Address) -> str:
        """Listen; gives the URL. Raises EdgesimError when the port is taken."""
        app = web.Application(middlewares=[guard(own_names(), _paths, aws.refusals)], client_max_size=LARGEST_BODY)
        for route in ROUTES:
            app.router.add_route(route.method, route.full, _serving(route, self.desk))
        self.aws.add_to(app)
        app.on_shutdown.append(self._end_streams)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN)
        await self._runner.setup()
        site = web.TCPSite(self._runner, address.host, address.port)
        try:
            await site.start()
        except OSError as error:
            await self.close()
            hint = "choose another with --control, or 0 for a free one"
            reason = error.strerror or error
            raise EdgesimError(f"cannot listen on {address.host}:{address.port}: {reason}; {hint}") from None
        return _url(address.host, self._runner.addresses[0][1])

    async def close(self) -> None:
        """End the streams, finish what is in flight, stop listening."""
        self.desk.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _end_streams(self, _: web.Application) -> None:
        self.desk.close()


def _paths() -> list[str]:
    return list(dict.fromkeys(route.full for route in ROUTES))


def _serving(route: Route, desk: Desk) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        call = await read(route, desk, request)
        await desk.running.settle()
        answer = await route.handler(call)
        if route.method != "GET":
            await desk.running.settle()  # what was ordered is in force when the answer is read
        if isinstance(answer, web.StreamResponse):
            return answer
        if isinstance(answer, Answer):
            return web.json_response(answer.data, status=answer.status)
        return web.json_response(answer)

    return serve


def _url(host: str, port: int) -> str:
    """As somebody on this machine reaches it."""
    name = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
