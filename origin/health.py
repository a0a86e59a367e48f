"""Health checks, and the orders to stop and start a node while requests are running."""

from __future__ import annotations

import asyncio
import logging

import aiohttp

from origin.pool import Pool, Target

log = logging.getLogger("origin.health")
FAILURES_ALLOWED = 2
ANSWER_SECONDS = 2.0


class Health:
    """Asks every running target for ``/_origin/health`` each ``interval`` seconds.

    Two failures in a row take a target out, one success takes it back in; a refused connection takes it out at once.
    """

    def __init__(self, pool: Pool, client: aiohttp.ClientSession, interval: float) -> None:
        self._pool = pool
        self._client = client
        self._interval = interval
        self._drains: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await self.check_all()
            await asyncio.sleep(self._interval)

    async def check_all(self) -> None:
        await asyncio.gather(*(self.check(target) for target in self._pool.targets if not target.stopped))

    async def check(self, target: Target) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        try:
            async with self._client.get(target.url + "/_origin/health", timeout=timeout) as response:
                well = response.status == 200
                name = response.headers.get("X-Served-By")
        except (aiohttp.ClientError, TimeoutError, OSError):
            well, name = False, None
        if name and not any(other.name == name for other in self._pool.targets if other is not target):
            target.name = name
        target.failures = 0 if well else target.failures + 1
        was = target.healthy
        target.healthy = well or (was and target.failures < FAILURES_ALLOWED)
        if was != target.healthy:
            log.info("node %s is %s", target.name, "up" if target.healthy else "down")

    async def all_answer(self, patience: float) -> bool:
        """Wait until every target is healthy; False when that takes longer than ``patience`` seconds."""
        deadline = asyncio.get_running_loop().time() + patience
        await self.check_all()
        while not all(target.healthy for target in self._pool.targets):
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(min(0.1, self._interval))
            await self.check_all()
        return True

    def stop(self, target: Target) -> None:
        """Send it nothing more; once nothing is in flight, close its listener if it is ours."""
        if target.stopped:
            return
        target.stopped = True
        self._drains[target.url] = asyncio.create_task(self._drain(target))

    async def _drain(self, target: Target) -> None:
        if target.in_flight:
            await target.is_idle.wait()
        target.drop_idle()
        if target.stop is not None:
            await target.stop()
        target.healthy = False

    async def start(self, target: Target) -> None:
        """Bring it back; returns when its health is known."""
        if not target.stopped:
            return
        drain = self._drains.pop(target.url)
        if not target.in_flight:
            await drain
        drain.cancel()
        if not target.healthy and target.start is not None:
            target.url = await target.start()
        target.stopped = False
        await self.check(target)

    async def close(self) -> None:
        for drain in self._drains.values():
            drain.cancel()
        await asyncio.gather(*self._drains.values(), return_exceptions=True)
