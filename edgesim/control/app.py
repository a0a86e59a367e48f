"""The control port."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web


class Address(Protocol):
    """Where to listen."""

    host: str
    port: int


class Control:
    """Placeholder until the real one lands."""

    def __init__(self, running: object) -> None:
        self._running = running
        self._runner: web.AppRunner | None = None

    async def start(self, address: Address) -> str:
        app = web.Application()
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, address.host, address.port)
        await site.start()
        return f"http://{address.host}:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
