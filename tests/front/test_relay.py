"""The front door's relay against edges made of the wire alone: bytes, seals, and processes that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from multidict import CIMultiDict

from edgesim.core.entrance import Routed
from edgesim.core.messages import Request
from edgesim.core.reasons import Rejection
from edgesim.core.routing import Candidate, Choice
from edgesim.core.verdict import Visitor
from edgesim.front.members import Members, Registered
from edgesim.front.relay import Relay
from edgesim.front.relayed import NotSealed, Relayed, Seal
from edgesim.wire.listener import Incoming, Listener, Reply

pytestmark = pytest.mark.live

TOKEN = "a-token-of-these-tests-only"
CHOICE = Choice("A", 1.0, (Candidate("A", 1.0, None), Candidate("B", 2.0, None)))


class Front:
    """A front door with edges A and B, A the nearer; what it answers itself is the reason as text."""

    def __init__(self) -> None:
        self.members = Members(lambda: None)
        self.seal = Seal(TOKEN)
        self.relay = Relay(lambda host: None, self.route, self.answer, self.members, self.seal)

    def route(self, request: Request, incoming: Incoming, _: object) -> Routed:
        up = [pop for pop in ("A", "B") if self.members.of(pop)]
        visitor = Visitor(*incoming.peer, place="Zürich", choice=CHOICE)
        return Routed(up[0], visitor, 1.0) if up else Routed("", visitor, 0.0, Rejection.NO_EDGE, 503, "nobody")

    async def answer(self, incoming: Incoming, reply: Reply) -> None:
        assert isinstance(incoming, Relayed)
        reply.respond(incoming.routed.status, "No", [], incoming.routed.detail.encode())


Handler = Callable[[Incoming, Reply], Awaitable[None]]


@asynccontextmanager
async def world(**edges: Handler) -> AsyncIterator[tuple[Front, int]]:
    """A front door at a port, and an edge process for each handler."""
    listeners = {name: Listener(handler, lambda facts: None) for name, handler in edges.items()}
    ports = {name: await listener.start("127.0.0.1", 0) for name, listener in listeners.items()}
    front = Front()
    known = [Registered(name, f"boot-{name}", (name,), "127.0.0.1", port) for name, port in ports.items()]
    front.members.update(known, settling=False)
    outside = Listener(front.relay.handle, lambda facts: None)
    try:
        yield front, await outside.start("127.0.0.1", 0)
    finally:
        await outside.close(0.1)
        await front.relay.close()
        for listener in listeners.values():
            await listener.close(0.1)


async def say(port: int, *lines: str, body: bytes = b"") -> bytes:
    """One request as bytes, and all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_headers_pass_as_they_are_both_ways() -> None:
    """Order, case, repeats and odd bytes; and the edge sees who the viewer is."""
    seen: list[Relayed] = []
    answered = [("x-lower", "1"), ("Set-Cookie", "a=1"), ("X-UPPER", "caf\udce9"), ("Set-Cookie", "b=2"), ("Age", "3")]

    async def edge(incoming: Incoming, reply: Reply) -> None:
        seen.append(front.seal.open(incoming))
        reply.respond(203, "Quite So", answered, b"body")

    async with world(A=edge) as (front, port):
        lines = ("GET /p?q=%41 HTTP/1.0", "hOsT: x", "Cookie: 1", "Accept: b", "Cookie: 2", "X-Edgesim-Relay: no")
        got = await say(port, *lines)
        assert got == (
            b"HTTP/1.1 203 Quite So\r\nx-lower: 1\r\nSet-Cookie: a=1\r\nX-UPPER: caf\xe9\r\nSet-Cookie: b=2\r\n"
            b"Age: 3\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
        )
        (one,) = seen
        expected = [("hOsT", "x"), ("Cookie", "1"), ("Accept", "b"), ("Cookie", "2")]
        assert list(one.headers.items()) == expected
        assert (one.target, one.version, one.scheme) == ("/p?q=%41", (1, 0), "http")
        assert one.routed.visitor.place == "Zürich"
        assert one.routed.visitor.choice == CHOICE
        assert one.peer == (one.routed.visitor.address, one.routed.visitor.port)
        assert one.head_bytes == len("\r\n".join([*lines, "Connection: close", "", ""]))


async def test_the_next_edge_answers_for_one_that_is_gone() -> None:
    async def edge(incoming: Incoming, reply: Reply) -> None:
        body = b"".join([piece async for piece in incoming.body.iter_any()]) if incoming.body else b""
        reply.respond(200, "OK", [], b"B " + body)

    async with world(B=edge) as (front, port):
        gone = Registered("A", "boot-A", ("A",), "127.0.0.1", 1)
        front.members.update([gone, *front.members.registered], settling=False)
        assert front.members.reachable == {"A", "B"}
        got = await say(port, "POST / HTTP/1.1", "Host: x", "Content-Length: 4", body=b"once")
        assert got.endswith(b"B once"), "it never left, so that it may go elsewhere"
        assert front.members.reachable == {"B"}
        assert front.members.silent == ["A"]
        assert front.relay.counts.failed_over == 1


async def test_a_lost_request_is_repeated_only_if_it_changes_nothing() -> None:
    calls: list[str] = []

    async def dies(incoming: Incoming, reply: Reply) -> None:
        calls.append(incoming.method)
        reply.abort()

    async def well(incoming: Incoming, reply: Reply) -> None:
        reply.respond(200, "OK", [], b"B")

    for method, status, count in (("GET", b"200", 1), ("POST", b"503", 0)):
        async with world(A=dies, B=well) as (front, port):
            assert (await say(port, f"{method} / HTTP/1.1", "Host: x"))[9:12] == status
            assert front.relay.counts.failed_over == count
    assert calls == ["GET", "POST"]


async def test_nobody_is_left() -> None:
    async with world() as (_, port):
        assert (await say(port, "GET / HTTP/1.1", "Host: x")).endswith(b"nobody")


async def test_an_edge_that_is_gone_keeps_nobody_waiting() -> None:
    asked = asyncio.Event()

    async def hangs(incoming: Incoming, reply: Reply) -> None:
        asked.set()
        await asyncio.sleep(60)

    async def well(incoming: Incoming, reply: Reply) -> None:
        reply.respond(200, "OK", [], b"B")

    async with world(A=hangs, B=well) as (front, port):
        waiting = asyncio.ensure_future(say(port, "GET / HTTP/1.1", "Host: x"))
        await asked.wait()
        front.members.update([one for one in front.members.registered if one.name == "B"], settling=False)
        assert (await waiting).endswith(b"B")


async def test_a_control_plane_that_just_started_takes_nobody_away() -> None:
    members = Members(lambda: None)
    a, b = (Registered(name, f"boot-{name}", (name,), "127.0.0.1", 9) for name in "AB")
    members.update([a, b], settling=False)
    members.update([a], settling=True)
    assert members.reachable == {"A", "B"}
    again = Registered("B", "boot-C", ("B",), "127.0.0.1", 10)
    members.update([a, again], settling=True)
    assert [one.boot for one in members.registered] == ["boot-A", "boot-C"], "but one that restarted is replaced"
    members.update([a], settling=False)
    assert members.reachable == {"A"}


@pytest.mark.parametrize("change", ["mac", "facts", "choice", "token", "none"])
def test_a_broken_seal_is_not_believed(change: str) -> None:
    incoming = _incoming([("Host", "x")])
    headers = dict(Seal(TOKEN).headers(incoming, Routed("A", Visitor("192.0.2.1", 7, choice=CHOICE), 1.0)))
    mac, _, facts = headers["X-Edgesim-Relay"].partition(" ")
    if change == "mac":
        headers["X-Edgesim-Relay"] = f"{'0' * len(mac)} {facts}"
    elif change == "facts":
        headers["X-Edgesim-Relay"] = f"{mac} {facts.replace('192.0.2.1', '127.0.0.1')}"
    elif change == "choice":
        headers["X-Edgesim-Relay-Choice"] = "[]"
    elif change == "none":
        headers = {"Host": "x"}
    token = "another-token-entirely" if change == "token" else TOKEN
    with pytest.raises(NotSealed):
        Seal(token).open(_incoming(list(headers.items())))


def _incoming(headers: list[tuple[str, str]]) -> Incoming:
    return Incoming(
        method="GET",
        target="/",
        version=(1, 1),
        headers=CIMultiDict(headers),  # type: ignore[arg-type]
        body=None,
        head_bytes=20,
        scheme="http",
        peer=("127.0.0.1", 1),
        local_port=1,
        tls=None,
        connection_id=1,
        requests_on_connection=1,
        started=0.0,
        label="",
        raw_head=None,
    )
