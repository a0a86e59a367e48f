"""The balancer: one request at a time from each client connection to a node and back, byte for byte.

It parses no more than it must to know where a message ends. So whatever a node does wrong reaches the client as it is:
bytes that are not HTTP are passed on, a body that ends early ends early, a reset is a reset, silence is silence.

A request is sent to another node only when that is safe: when the node refused the connection, or when it died without
a byte of answer to a GET, HEAD or OPTIONS without a body. ``/lab`` is never sent twice: its faults are meant. A client
that ends its side of the connection is taken to have left, and the node's connection is then ended too.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from enum import Enum, auto

from origin.control import Control
from origin.delivery import SERVER, abort, reason_of
from origin.document import Document, Octets, http_date
from origin.forwarding import STICKY, Client, forwarded, sticky_node
from origin.messages import Inbox, Malformed, Relay, RequestHead, ResponseHead, read_request, read_response
from origin.pool import Connection, Pool, Refused, Target

IDLE_SECONDS = 120.0
FAREWELL_SECONDS = 1.0  # how long a TLS client may take to say goodbye in its turn
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
TEXT = (("Content-Type", "text/plain; charset=UTF-8"), ("Cache-Control", "no-store"))
CONTROL_BYTES = 1 << 16


class Outcome(Enum):
    """How an exchange with a node ended."""

    KEPT = auto()
    CLOSED = auto()
    UNANSWERED = auto()


class Balancer:
    """Listens for clients, and shares their requests out over the pool."""

    def __init__(self, pool: Pool, control: Control, sticky: bool = False) -> None:
        self._pool = pool
        self._control = control
        self._sticky = sticky
        self._servers: list[asyncio.Server] = []
        self._clients: dict[asyncio.Task[None], Client] = {}
        self._closing = False

    async def listen(self, bind: str, port: int, context: ssl.SSLContext | None = None) -> int:
        """Open one listener, HTTPS when there is a ``context``; returns the port."""
        loop, scheme = asyncio.get_running_loop(), "http" if context is None else "https"

        def protocol() -> asyncio.StreamReaderProtocol:
            inbox = Inbox()
            return asyncio.StreamReaderProtocol(inbox, lambda _, writer: self._connected(inbox, writer, scheme))

        patience = None if context is None else FAREWELL_SECONDS
        server = await loop.create_server(
            protocol, bind, port, ssl=context, backlog=1024, ssl_shutdown_timeout=patience
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def close(self, grace: float) -> None:
        """Accept nothing more, give what is in flight ``grace`` seconds, and end the rest."""
        self._closing = True
        for server in self._servers:
            server.close()
        for client in self._clients.values():
            if not client.busy:
                client.writer.close()
        if self._clients:
            await asyncio.wait(self._clients, timeout=grace)
        for task in (tasks := list(self._clients)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _connected(self, inbox: Inbox, writer: asyncio.StreamWriter, scheme: str) -> None:
        client = Client(inbox, writer, scheme)
        task = asyncio.get_running_loop().create_task(self._serve(client))
        self._clients[task] = client
        task.add_done_callback(self._clients.pop)

    async def _serve(self, client: Client) -> None:
        try:
            keep = True
            while keep and not self._closing:
                client.busy = False
                async with asyncio.timeout(IDLE_SECONDS):
                    head = await read_request(client.inbox)
                if head is None:
                    break
                client.busy = True
                keep = await self._answer(client, head) and head.keeps_alive
                await client.writer.drain()
        except Malformed as error:
            _say(client, Document(Octets(f"{error}\n".encode()), TEXT, 400), "GET", last=True)
        except (OSError, EOFError, TimeoutError):
            pass  # the client left, or was silent for too long
        finally:
            client.writer.close()

    async def _answer(self, client: Client, head: RequestHead) -> bool:
        """Answer one request; False when the client's connection cannot carry another."""
        has_body = head.body_length != 0
        if head.target.startswith("/_origin/"):
            body = await client.inbox.readexactly(min(head.body_length or 0, CONTROL_BYTES))
            _say(client, await self._control.answer(head.method, head.target, body), head.method)
            return head.body_length is not None and head.body_length <= CONTROL_BYTES
        path = head.target.partition("?")[0]
        is_lab = path == "/lab" or path.startswith("/lab/")
        outcome = await self._share_out(client, head, is_lab, repeatable=head.method in SAFE and not has_body)
        if outcome is None:
            _say(client, _trouble(503, "No node is up.\n"), head.method, last=has_body)
            return not has_body
        if outcome is Outcome.UNANSWERED and not client.inbox.gone.is_set():
            _say(client, _trouble(502, "The node did not answer.\n"), head.method, last=True)
        return outcome is Outcome.KEPT

    async def _share_out(self, client: Client, head: RequestHead, is_lab: bool, repeatable: bool) -> Outcome | None:
        """Try nodes until one takes the request; None when there is none that does."""
        tried: set[str] = set()
        unanswered = fresh = False
        while target := self._pool.choose(sticky_node(head) if self._sticky else None, tried):
            target.enter()
            try:
                connection = await target.connect(fresh)
                outcome = await self._exchange(client, head, target, connection, is_lab)
            except Refused:
                target.healthy = False
                tried.add(target.url)
                continue
            finally:
                target.leave()
            if outcome is not Outcome.UNANSWERED or not repeatable or client.inbox.gone.is_set():
                return outcome
            unanswered = True
            if connection.used:
                fresh = True
            else:
                tried.add(target.url)
        return Outcome.UNANSWERED if unanswered else None

    async def _exchange(
        self, client: Client, head: RequestHead, target: Target, connection: Connection, is_lab: bool
    ) -> Outcome:
        """One request and its response over one connection to a node, both directions at once."""
        if client.inbox.gone.is_set():
            target.give_back(connection)
            return Outcome.CLOSED
        client.inbox.when_gone = lambda: abort(connection.writer.transport)
        connection.writer.write(forwarded(head, client))
        upload = asyncio.create_task(_upload(client, head, connection)) if head.body_length != 0 else None
        outcome = Outcome.CLOSED
        try:
            outcome = await self._relay(client, head, target, connection)
            if outcome is Outcome.UNANSWERED and is_lab:
                await client.end(fault=connection.inbox.fault is not None)
                outcome = Outcome.CLOSED
        finally:
            client.inbox.when_gone = None
            uploaded = upload is None or upload.done()
            if upload is not None:
                upload.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await upload
            if outcome is Outcome.KEPT and uploaded:
                target.give_back(connection)
            else:
                abort(connection.writer.transport)
        return outcome if uploaded or outcome is Outcome.UNANSWERED else Outcome.CLOSED

    async def _relay(self, client: Client, head: RequestHead, target: Target, connection: Connection) -> Outcome:
        """The response, interim ones first; what is not a response is passed on as it is."""
        relay = Relay(connection.inbox, client.writer)
        try:
            while (response := await read_response(connection.inbox)) is not None and response.status < 200:
                client.writer.write(response.raw)
                await client.writer.drain()
        except Malformed as error:
            client.writer.write(error.seen)
            await relay.rest()
            await client.end(fault=connection.inbox.fault is not None)
            return Outcome.CLOSED
        if response is None:
            return Outcome.UNANSWERED
        target.served += 1
        if self._sticky and sticky_node(head) != target.name:
            response.lines.append(f"Set-Cookie: {STICKY}={target.name}; Path=/".encode())
        client.writer.write(response.raw)
        whole, kept = await _relay_body(relay, head.method, response)
        if connection.inbox.fault is not None or not (whole or response.ends_by_closing):
            await client.end(fault=connection.inbox.fault is not None)
        return Outcome.KEPT if whole and kept else Outcome.CLOSED


async def _relay_body(relay: Relay, method: str, response: ResponseHead) -> tuple[bool, bool]:
    """Whether the body came whole, and whether the node's connection can be used again.

    A node that will close is heard to its end, so that bytes beyond the announced length are passed on too.
    """
    kept = response.keeps_alive
    try:
        length = response.length
    except Malformed:
        length = None
    if method == "HEAD" or response.status in {204, 304}:
        whole = True
    elif response.is_chunked:
        whole = await relay.chunked()
    elif length is not None:
        whole = await relay.exactly(length)
    else:
        whole = kept = False
    if not (whole and kept):
        await relay.rest()
    return whole, kept


async def _upload(client: Client, head: RequestHead, connection: Connection) -> None:
    """The request's body; a client that breaks it off breaks off the node's connection too."""
    relay = Relay(client.inbox, connection.writer)
    with contextlib.suppress(OSError):  # a node may answer early and close: its answer says why
        length = head.body_length
        whole = await (relay.chunked() if length is None else relay.exactly(length))
        if not whole:
            abort(connection.writer.transport)


def _trouble(status: int, text: str) -> Document:
    return Document(Octets(text.encode()), TEXT, status)


def _say(client: Client, document: Document, method: str, last: bool = False) -> None:
    """An answer of the balancer's own."""
    data = b"".join(document.body.pieces(0, document.body.length))
    lines = [f"HTTP/1.1 {document.status} {reason_of(document.status)}"]
    lines += [f"{name}: {value}" for name, value in document.fields]
    lines += ["X-Served-By: balancer", f"Server: {SERVER}", f"Date: {http_date(time.time())}"]
    lines += [f"Content-Length: {len(data)}"] if document.status != 204 else []
    lines += ["Connection: close"] if last else []
    client.writer.write("\r\n".join([*lines, "", ""]).encode() + (b"" if method == "HEAD" else data))
