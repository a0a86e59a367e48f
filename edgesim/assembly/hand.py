"""One worker as its parent sees it: its process, the channel to it, and what it said last."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from edgesim.assembly.channel import Channel, Message, Taker

log = logging.getLogger("edgesim.workers")

STOP_SECONDS = 12.0


@dataclass(slots=True, eq=False)
class Hand:
    """One worker as its parent sees it. ``facts`` are what it said last; ``past`` what its dead predecessors had."""

    index: int
    edges: tuple[str, ...]
    inbox: socket.socket
    outbox: socket.socket
    process: asyncio.subprocess.Process | None = None
    channel: Channel | None = None
    boot: str = ""
    port: int = 0
    ready: bool = False
    told: bool = False
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    facts: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    rows_lost: int = 0

    async def live(self, doors: list[socket.socket], heard: Taker, greeting: Callable[[Hand], Message]) -> int:
        """One process from its start to its end; gives its exit code. ``doors`` are sockets it is to have."""
        ours, theirs = socket.socketpair()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # modules of the directory edgesim was started in must not shadow its own
            "-m",
            "edgesim.assembly.worker",
            str(theirs.fileno()),
            pass_fds=[theirs.fileno(), *(door.fileno() for door in doors)],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        theirs.close()
        self.process, self.boot = process, secrets.token_hex(8)
        channel = await Channel.over(ours)
        channel.listen(heard)
        channel.send(greeting(self))
        self.channel = channel  # from here on it is told of every change
        code = await process.wait()
        self.channel = None
        channel.close()
        return code

    async def stop(self) -> None:
        """Let it finish what is in flight, and end."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        if self.channel is not None:
            self.channel.send({"kind": "stop"})
        else:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            log.warning("worker %d does not end, and is killed", self.index)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def bury(self) -> None:
        """It is gone; what it wrote is still written."""
        self.ready, self.told, self.port = False, False, 0
        self.rows += self.facts.get("rows", 0)
        self.rows_lost += self.facts.get("rows_lost", 0)
        self.facts = {}
        self.opened.clear()
