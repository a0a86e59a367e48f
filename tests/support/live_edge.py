"""A live edge for tests: a running world in this process, a viewer on a raw socket, an origin that does as it is told.

The simulated clock stands still and is moved by hand; nothing here sleeps for a fixed time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from multidict import CIMultiDict

from edgesim.assembly.running import Options, RunningWorld
from edgesim.core.cache import Tier
from edgesim.world.commands import ClearFault, Command, Invalidate, SetClock, SetFault
from edgesim.world.loading import check_data
from support.scenarios import POP, Answered, Case, Observed, document, request_of
from support.script import Arrived, Reply, Script

PATIENCE = 20.0
FAULTS = {"refused": ("origin:{id}", "stop"), "connect_timeout": ("link:{pop}->{id}", "partition")}


class LoopbackOrigin:
    """One port of the origin side. ``gate`` holds answers back while it is there and not set."""

    def __init__(self, name: str, script: Script, now: Callable[[], float]) -> None:
        self.name = name
        self.script = script
        self.gate: asyncio.Event | None = None
        self._now = now
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> LoopbackOrigin:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, headers = await read_head(reader)
        await read_body(reader, headers)
        host = headers.get("X-Case", "")
        reply = self.script.answer(Arrived(f"{host}.{self.name}", method, target, headers), self._now())
        if self.gate is not None:
            await self.gate.wait()
        if reply.fail == "read_timeout":
            await reader.read()  # until the edge has had enough
        elif reply.fail == "invalid":
            writer.write(b"neither HTTP nor anything else\r\n\r\n")
        elif reply.fail != "reset":
            writer.write(wire(reply, method))
        await writer.drain()


def wire(reply: Reply, method: str) -> bytes:
    """A reply as bytes; the connection ends after it."""
    lines = [f"HTTP/1.1 {reply.status} Told", *(f"{name}: {value}" for name, value in reply.headers)]
    if reply.chunked:
        lines.append("Transfer-Encoding: chunked")
    if not any(name.lower() == "connection" for name, _ in reply.headers):
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode()
    if method == "HEAD" or reply.status in (204, 304):
        return head
    body = reply.body[: len(reply.body) // 2] if reply.fail == "truncated" else reply.body
    if reply.chunked:
        body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    return head + body


async def read_head(reader: asyncio.StreamReader) -> tuple[str, str, CIMultiDict[str]]:
    """The first line's first two words and the fields."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    words = head[0].split(" ", 2)
    return words[0], words[1], CIMultiDict([_field(line) for line in head[1:] if line])


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


async def read_body(reader: asyncio.StreamReader, headers: CIMultiDict[str]) -> bytes:
    """A body by its length or in chunks; none without either."""
    if "chunked" in headers.get("Transfer-Encoding", ""):
        found = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            found += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return found
    return await reader.readexactly(int(headers.get("Content-Length", "0")))


class LiveStage:
    """A running world for all cases that share its settings."""

    def __init__(self) -> None:
        self.script = Script()
        self.origins: dict[str, LoopbackOrigin] = {}
        self.running: RunningWorld
        self._batches = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, cases: list[Case]) -> AsyncIterator[LiveStage]:
        """Start it; every origin gets a header that names the case it answers in."""
        stage = cls()
        async with contextlib.AsyncExitStack() as stack:
            for name in ("main", "other"):
                origin = LoopbackOrigin(name, stage.script, lambda: stage.running.clock.now())
                stage.origins[name] = await stack.enter_async_context(origin)
            written = document(cases, {name: origin.port for name, origin in stage.origins.items()})
            for id, entry in written["origins"].items():
                entry["headers"] = {**entry.get("headers", {}), "X-Case": id.rpartition(".")[0]}
            checked = check_data(written)
            stage.running = await RunningWorld.start(Options(checked.configure(0.0)))
            stack.push_async_callback(stage.running.close)
            yield stage

    def apply(self, command: Command) -> None:
        """Change the World."""
        self.running.keeper.apply(command)

    async def perform(self, case: Case, step: dict[str, Any]) -> Observed | None:
        """Do what a step says; the answers, if it asks."""
        if "after" in step:
            real, now = self.running.clock.real(), self.running.clock.now()
            self.apply(SetClock(real=real, simulated=now + step["after"], speed=0))
        self._give_orders(case, step)
        if "invalidate" in step:
            self._invalidate(case, step["invalidate"])
        if "get" not in step and "ask" not in step:
            return None
        before, now = len(self.script.arrived), self.running.clock.now()
        idle = len(self.running.tasks)
        answers = await self._ask(case, step)
        await until(lambda: len(self.running.tasks) <= idle)
        arrived = self.script.arrived[before:]
        for one in arrived:
            one.headers.popall("X-Case", None)
        return Observed(answers, arrived, now)

    def _give_orders(self, case: Case, step: Mapping[str, Any]) -> None:
        orders = dict(step.get("origin") or {})
        other = orders.pop("other", None)
        if orders or ("origin" in step and other is None):
            self._order(f"{case.id}.main", orders)
        if other is not None:
            self._order(f"{case.id}.other", other)

    def _order(self, origin: str, orders: Mapping[str, Any]) -> None:
        self.script.order(origin, orders)
        if origin in self.running.world.faults:
            self.apply(ClearFault(id=origin))
        if orders.get("fail") in FAULTS:
            target, kind = FAULTS[orders["fail"]]
            target = target.format(id=origin, pop=POP)
            self.apply(SetFault.model_validate({"id": origin, "target": target, "kind": kind}))

    def end(self, case: Case) -> None:
        """Mend what a case has broken."""
        for fault in [id for id in self.running.world.faults if id.startswith(f"{case.id}.")]:
            self.apply(ClearFault(id=fault))

    def _invalidate(self, case: Case, paths: list[str]) -> None:
        served = self.running.world.distribution_for(case.host)
        assert served is not None
        self._batches += 1
        name = f"I{self._batches}"
        at = self.running.clock.now()
        self.apply(Invalidate(id=name, distribution=served.id, paths=tuple(paths), caller_reference=name, at=at))

    async def _ask(self, case: Case, step: Mapping[str, Any]) -> list[Answered]:
        count = step.get("together")
        if count is None:
            return [await self.viewer(case, step)]
        before = len(self.script.arrived)
        gate = asyncio.Event()
        for origin in self.origins.values():
            origin.gate = gate
        viewers = [asyncio.ensure_future(self.viewer(case, step)) for _ in range(count)]
        await until(lambda: self._settled(before, viewers))
        gate.set()
        answers = [await viewer for viewer in viewers]
        for origin in self.origins.values():
            origin.gate = None
        return answers

    def _settled(self, before: int, viewers: list[asyncio.Future[Answered]]) -> bool:
        """Every viewer has an answer, or waits for the origin or for another viewer's fetch."""
        done = sum(viewer.done() for viewer in viewers)
        flights = self.running.hierarchy.caches[Tier.EDGE, POP].flights
        waiting = sum(flight.followers for flight in flights._flying.values())
        asking = len(self.script.arrived) - before
        return done == len(viewers) or done + waiting + asking >= len(viewers)

    async def viewer(self, case: Case, step: Mapping[str, Any]) -> Answered:
        """One request over a connection of its own."""
        method, target, headers = request_of(case, step, self.running.clock.now())
        address = self.running.http
        assert address is not None
        reader, writer = await asyncio.open_connection(address.host, address.port)
        version = step.get("version", "1.1")
        lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in headers)]
        if "from" in step:
            lines.append(f"X-Edgesim-Edge: {step['from']}")
        if not any(name.lower() == "connection" for name, _ in headers):
            lines.append("Connection: close")
        writer.write("\r\n".join([*lines, "", ""]).encode() + str(step.get("body", "")).encode())
        status, fields = await self._head(reader)
        bodyless = method == "HEAD" or status in (204, 304)
        body, complete = (b"", True) if bodyless else await _rest(reader, fields)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        id = fields["X-Amz-Cf-Id"]
        await until(lambda: self.running.records.get(id) is not None)
        verdict = self.running.records.get(id)
        assert verdict is not None
        return Answered(status, fields, body, verdict, complete)

    @staticmethod
    async def _head(reader: asyncio.StreamReader) -> tuple[int, CIMultiDict[str]]:
        while True:
            _, status, fields = await read_head(reader)
            if int(status) >= 200:
                return int(status), fields


async def _rest(reader: asyncio.StreamReader, headers: CIMultiDict[str]) -> tuple[bytes, bool]:
    try:
        if "chunked" in headers.get("Transfer-Encoding", "") or "Content-Length" in headers:
            return await read_body(reader, headers), True
        return await reader.read(), True
    except asyncio.IncompleteReadError as short:
        return short.partial, False
    except (ConnectionError, ValueError):
        return b"", False


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so."""
    for _ in range(int(PATIENCE * 1000)):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise TimeoutError(f"it did not come about within {PATIENCE:.0f} s")
