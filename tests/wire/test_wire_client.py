"""The origins' side against hand-written origins: what is read, what is kept, what is sent twice, what each failure
is called."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from wire_peers import QUICK, Origin, Script, get, origin, pooled, saying

from edgesim.core.failures import FailureKind
from edgesim.wire.client import OriginFailed, OriginPool, Target, Timeouts
from edgesim.wire.grammar import Headers

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def failure(
    script: Script, timeouts: Timeouts = QUICK, *, method: str = "GET", body: bool = False
) -> FailureKind | None:
    """The kind of failure of one request, of its head or (``body``) of its body."""
    async with origin(script) as found, pooled() as pool:
        if not body:
            with pytest.raises(OriginFailed) as caught:
                await get(pool, found.target(), timeouts, method)
        else:
            response = await get(pool, found.target(), timeouts, method)
            with pytest.raises(OriginFailed) as caught:
                await response.read()
        assert str(caught.value)
        await asyncio.sleep(0.01)
        assert pool.stats.idle == 0
        return caught.value.failure.kind


# -- responses --------------------------------------------------------------------------------------------------------

BODIES = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", 5, True),
    "empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", 0, True),
    "same lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", b"ok", 2, True),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: v\r\n\r\n",
        b"abcde",
        None,
        True,
    ),
    "until close": (b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nto the end", b"to the end", None, False),
    "old": (b"HTTP/1.0 200 OK\r\n\r\nold", b"old", None, False),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n1", b"1", 1, True),
    "204": (b"HTTP/1.1 204 None\r\nContent-Length: 7\r\n\r\n", b"", 0, True),
    "304": (b"HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n", b"", 0, True),
}


@pytest.mark.parametrize(("answer", "body", "length", "framed"), BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("cut", [False, True])
async def test_bodies(answer: bytes, body: bytes, length: int | None, framed: bool, cut: bool) -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in answer if cut else ():
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        if not cut:
            writer.write(answer)
        if framed:
            await reader.read()

    async with origin(script) as found, pooled() as pool:
        response = await get(pool, found.target())
        assert (await response.read(), response.length, response.framed) == (body, length, framed)
        assert response.chunked is (length is None and framed)
        assert response.bytes_in == len(answer)
        assert response.bytes_out == len(b"GET / HTTP/1.1\r\nHost: o\r\n\r\n")
        assert response.remote == ("127.0.0.1", found.port)
        assert not response.reused
        assert response.attempts == 1
        assert response.timings.connect_ms > 0
        await asyncio.sleep(0.01)
        assert pool.stats.idle == (1 if framed else 0)


async def test_head_has_no_body_whatever_it_says() -> None:
    async with origin(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", OK)) as found, pooled() as pool:
        response = await get(pool, found.target(), method="HEAD")
        assert response.headers["content-length"] == "99"
        assert await response.read() == b""
        assert (await get(pool, found.target())).reused


async def test_status_reason_and_fields_as_they_came() -> None:
    answer = b"HTTP/1.1 999 No Idea\r\nset-cookie: a\r\nX-A: 1\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"
    async with origin(saying(answer)) as found, pooled() as pool:
        response = await get(pool, found.target())
    assert (response.status, response.reason, response.version) == (999, "No Idea", (1, 1))
    assert list(response.headers.items())[:3] == [("set-cookie", "a"), ("X-A", "1"), ("Set-Cookie", "b")]


async def test_interim_responses() -> None:
    seen: list[tuple[int, Headers]] = []
    interims = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\nLink: b\r\n\r\n"
    async with origin(saying(interims + OK)) as found, pooled() as pool:
        response = await pool.send(
            found.target(),
            "GET",
            "/",
            [],
            timeouts=QUICK,
            on_interim=lambda status, fields: seen.append((status, fields)),
        )
        assert await response.read() == b"ok"
    assert [status for status, _ in seen] == [102, 103]
    assert seen[1][1].getall("Link") == ["a", "b"]


async def test_read_stops_at_a_limit() -> None:
    async with origin(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789")) as found, pooled() as pool:
        response = await get(pool, found.target())
        with pytest.raises(OriginFailed) as caught:
            await response.read(8)
        assert caught.value.failure.kind is FailureKind.TOO_LARGE


# -- requests ---------------------------------------------------------------------------------------------------------


async def echo(reader: Reader, writer: Writer) -> None:
    """Answer each request with its own bytes."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        got = head
        if b"Content-Length: " in head:
            got += await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]))
        elif b"Transfer-Encoding: chunked" in head:
            got += await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(got) + got)


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        await asyncio.sleep(0)
        yield piece


async def test_requests_as_they_go_out() -> None:
    fields = [("Host", "o"), ("x-B", "1"), ("X-b", "2"), ("content-length", "99"), ("Transfer-Encoding", "x")]
    head = b"%b /p?q HTTP/1.1\r\nHost: o\r\nx-B: 1\r\nX-b: 2\r\n"
    async with origin(echo) as found, pooled() as pool:

        async def sent(method: str, body: bytes | AsyncIterator[bytes] | None, length: int | None = None) -> bytes:
            response = await pool.send(found.target(), method, "/p?q", fields, body, length, QUICK)
            return await response.read()

        assert await sent("FOO", None) == head % b"FOO" + b"\r\n"
        assert await sent("POST", None) == head % b"POST" + b"Content-Length: 0\r\n\r\n"
        assert await sent("PUT", b"abc") == head % b"PUT" + b"Content-Length: 3\r\n\r\nabc"
        assert await sent("POST", pieces(b"ab", b"", b"c"), 3) == head % b"POST" + b"Content-Length: 3\r\n\r\nabc"
        assert await sent("POST", pieces(b"ab", b"", b"c")) == (
            head % b"POST" + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
        )
        assert pool.stats == type(pool.stats)(open=1, idle=1, requests=5, reused=4)
        assert found.connections == 1


async def test_an_early_response_wins_over_the_body() -> None:
    stopped = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0)
        finally:
            stopped.set()

    async def script(reader: Reader, writer: Writer) -> None:
        await reader.readexactly(5000)
        writer.write(b"HTTP/1.1 413 Enough\r\nContent-Length: 2\r\n\r\nno")
        while await reader.read(100_000):
            pass

    async with origin(script) as found, pooled() as pool:
        response = await pool.send(found.target(), "POST", "/", [], endless(), None, QUICK)
        assert (response.status, await response.read()) == (413, b"no")
        await asyncio.wait_for(stopped.wait(), 1)
        assert pool.stats.idle == 0


async def test_a_body_whose_source_fails_is_the_callers_error() -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"x"
        raise LookupError("the viewer broke off")

    async with origin(echo) as found, pooled() as pool:
        with pytest.raises(LookupError):
            await pool.send(found.target(), "POST", "/", [], breaks(), None, QUICK)
        await asyncio.sleep(0)
        assert pool.stats.open == 0


@pytest.mark.parametrize("length", [2, 4])
async def test_a_body_of_another_length_than_announced(length: int) -> None:
    async with origin(echo) as found, pooled() as pool:
        with pytest.raises(ValueError, match="announced"):
            await pool.send(found.target(), "POST", "/", [], pieces(b"abc"), length, QUICK)


async def test_a_slow_source_is_not_the_origins_fault_but_a_deaf_origin_is() -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(0.4)
        yield b"b"

    async def huge() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000_000

    async def deaf(reader: Reader, writer: Writer) -> None:
        await asyncio.sleep(10)

    async with origin(echo) as found, pooled() as pool:
        response = await pool.send(found.target(), "POST", "/", [], slow(), 2, QUICK)
        assert (await response.read()).endswith(b"ab")
    async with origin(deaf) as found, pooled() as pool:
        with pytest.raises(OriginFailed) as caught:
            await pool.send(found.target(), "POST", "/", [], huge(), None, QUICK)
        assert caught.value.failure.kind is FailureKind.READ_TIMEOUT


# -- the pool ---------------------------------------------------------------------------------------------------------


async def test_connections_are_kept_and_the_last_used_is_taken_first() -> None:
    async with origin(echo) as found, pooled() as pool:
        responses = await asyncio.gather(*[get(pool, found.target()) for _ in range(3)])
        assert (found.connections, pool.stats.idle) == (3, 3)
        last = pool._idle[found.target().key][-1]
        response = await get(pool, found.target())
        assert response.reused
        assert response._connection is last
        assert not any(first.reused for first in responses)
        other = Target("http", "127.0.0.1", found.port, None, None, None, "another key")
        assert not (await get(pool, other)).reused


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nmore",
        b"HTTP/1.1 204 None\r\n\r\nok",
    ],
    ids=["excess", "close", "old", "excess chunked", "body of none"],
)
async def test_connections_that_are_not_used_again(answer: bytes) -> None:
    async with origin(saying(answer, OK)) as found, pooled() as pool:
        assert (await (await get(pool, found.target())).read()) in (b"ok", b"")
        await asyncio.sleep(0.01)
        assert pool.stats.open == 0
        assert not (await get(pool, found.target())).reused


async def test_bytes_on_an_idle_connection_end_it() -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        await saying(OK)(reader, writer)
        await asyncio.sleep(0.02)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        await reader.read()

    async with origin(script) as found, pooled() as pool:
        await get(pool, found.target())
        assert pool.stats.idle == 1
        await asyncio.sleep(0.05)
        assert pool.stats.open == pool.stats.idle == 0


async def test_idle_connections_end_after_their_time_and_above_their_number() -> None:
    async with origin(echo) as found, pooled(max_idle=2) as pool:
        times = Timeouts(keepalive_s=0.1)
        await asyncio.gather(*[get(pool, found.target(), times) for _ in range(4)])
        await asyncio.sleep(0.01)
        assert (pool.stats.open, pool.stats.idle) == (2, 2)
        await asyncio.sleep(0.2)
        assert (pool.stats.open, pool.stats.idle) == (0, 0)


async def test_a_full_pool_makes_requests_wait_their_turn() -> None:
    async def slow(reader: Reader, writer: Writer) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(0.01)
            writer.write(OK)

    async with origin(slow) as found, pooled(max_open=2) as pool:
        targets = [Target("http", "127.0.0.1", found.port, None, None, None, i % 3) for i in range(12)]
        await asyncio.gather(*[get(pool, target) for target in targets])
        assert pool.stats.open <= 2
        assert pool.stats.requests == 12


async def test_a_full_pool_gives_up_in_time() -> None:
    async def never(reader: Reader, writer: Writer) -> None:
        await reader.read()

    async with origin(never) as found, pooled(max_open=1) as pool:
        first = asyncio.create_task(get(pool, found.target(), Timeouts(read_s=5)))
        await asyncio.sleep(0.02)
        with pytest.raises(OriginFailed) as caught:
            await get(pool, found.target(), Timeouts(connect_s=0.05, attempts=1))
        assert caught.value.failure.kind is FailureKind.CONNECT_TIMEOUT
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await asyncio.sleep(0)
        assert pool.stats.open == 0


async def test_a_response_let_go_costs_its_connection_only_when_unfinished() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    async with origin(saying(answer, OK)) as found, pooled() as pool:
        with await get(pool, found.target()) as response:
            assert not response.complete
        await asyncio.sleep(0)
        assert pool.stats.open == 0
    async with origin(echo) as found, pooled() as pool:
        response = await get(pool, found.target())
        response.release()
        response.abort()
        assert pool.stats.idle == 1


def stale(served: int) -> Script:
    """An origin that answers ``served`` requests on its first connection, takes one more, and closes it unanswered."""
    first = True

    async def script(reader: Reader, writer: Writer) -> None:
        nonlocal first
        if first:
            first = False
            await saying(*[OK] * served)(reader, writer)
            await reader.readuntil(b"\r\n\r\n")
        else:
            await echo(reader, writer)

    return script


@pytest.mark.parametrize(
    ("method", "body", "again"),
    [
        ("GET", None, True),
        ("HEAD", None, True),
        ("OPTIONS", b"x", True),
        ("POST", None, False),
        ("PUT", b"x", False),
        ("DELETE", None, False),
        ("GET", "stream", False),
    ],
)
async def test_a_stale_connection(method: str, body: bytes | str | None, again: bool) -> None:
    async with origin(stale(1)) as found, pooled() as pool:
        await get(pool, found.target())
        source = pieces(b"x") if isinstance(body, str) else body
        if again:
            response = await pool.send(found.target(), method, "/", [], source, None, QUICK)
            assert response.retried
            assert not response.reused
            assert found.connections == 2
        else:
            with pytest.raises(OriginFailed) as caught:
                await pool.send(found.target(), method, "/", [], source, None, QUICK)
            assert caught.value.failure.kind is FailureKind.RESET
            assert found.connections == 1


async def test_a_new_connection_that_closes_is_not_tried_again() -> None:
    async with origin(stale(0)) as found, pooled() as pool:
        with pytest.raises(OriginFailed) as caught:
            await get(pool, found.target())
        assert caught.value.failure.kind is FailureKind.RESET
        assert found.connections == 1


async def test_a_connection_closed_while_idle_is_no_obstacle_to_any_method() -> None:
    async with origin(saying(OK)) as found, pooled() as pool:
        await get(pool, found.target())
        await asyncio.sleep(0.02)
        assert pool.stats.idle == 0
        response = await pool.send(found.target(), "POST", "/", [], pieces(b"x"), 1, QUICK)
        assert not response.retried
        assert found.connections == 2


async def test_a_response_begun_on_a_reused_connection_is_not_asked_for_again() -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        await saying(OK, b"HTTP/1.1 2")(reader, writer)

    async with origin(script) as found, pooled() as pool:
        await get(pool, found.target())
        with pytest.raises(OriginFailed) as caught:
            await get(pool, found.target())
        assert caught.value.failure.kind is FailureKind.RESET
        assert found.connections == 1


# -- failures ---------------------------------------------------------------------------------------------------------

INVALID = {
    "not http": b"SSH-2.0-OpenSSH\r\n",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "http 2": b"HTTP/2 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "control": b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and coding": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "list of lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na",
    "coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "coding in 1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "second 100": b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + OK,
    "many 102": b"HTTP/1.1 102 Processing\r\n\r\n" * 17 + OK,
    "uninvited 101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
}


@pytest.mark.parametrize("answer", INVALID.values(), ids=INVALID.keys())
async def test_invalid_responses(answer: bytes) -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await reader.read()

    assert await failure(script) is FailureKind.INVALID_RESPONSE


async def test_a_bad_chunk() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n"
    assert await failure(saying(answer), body=True) is FailureKind.INVALID_RESPONSE


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 33_000, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5_500 + b"\r\n"]
)
async def test_a_head_too_big(head: bytes) -> None:
    assert await failure(saying(head)) is FailureKind.HEAD_TOO_BIG


async def test_the_biggest_head() -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: "
    head = start + b"y" * (32_768 - len(start) - 4) + b"\r\n\r\n"
    async with origin(saying(head)) as found, pooled() as pool:
        assert (await get(pool, found.target())).status == 200


@pytest.mark.parametrize(
    ("answer", "before"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"half"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", b"half"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", b"half"),
    ],
)
@pytest.mark.parametrize("reset", [False, True])
async def test_a_truncated_body_fails_after_what_came(answer: bytes, before: bytes, reset: bool) -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        await saying(answer)(reader, writer)
        if reset:
            await asyncio.sleep(0.02)
            writer.transport.abort()

    async with origin(script) as found, pooled() as pool:
        response = await get(pool, found.target())
        got = b""
        with pytest.raises(OriginFailed) as caught:  # noqa: PT012
            async for piece in response.chunks():
                got += piece
        assert got == before
        assert caught.value.failure.kind is FailureKind.TRUNCATED
        assert response.bytes_in == len(answer)


async def test_nothing_and_half_a_head() -> None:
    assert await failure(saying(b"")) is FailureKind.RESET
    assert await failure(saying(b"HTTP/1.1 200 OK\r\nContent-")) is FailureKind.RESET


async def test_silence_before_and_within_a_response() -> None:
    async def silent(reader: Reader, writer: Writer) -> None:
        await asyncio.sleep(5)

    async def halting(reader: Reader, writer: Writer) -> None:
        await saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")(reader, writer)
        await asyncio.sleep(5)

    assert await failure(silent) is FailureKind.READ_TIMEOUT
    assert await failure(halting, body=True) is FailureKind.READ_TIMEOUT


async def test_completion_bounds_what_the_read_timeout_lets_pass() -> None:
    async def dripping(reader: Reader, writer: Writer) -> None:
        await saying(b"HTTP/1.1 200 OK\r\n\r\n")(reader, writer)
        while True:
            writer.write(b".")
            await asyncio.sleep(0.01)

    times = Timeouts(read_s=1, completion_s=0.2)
    assert await failure(dripping, times, body=True) is FailureKind.COMPLETION_TIMEOUT


async def test_a_reader_that_takes_its_time_is_not_the_origins_fault() -> None:
    size = 3_000_000

    async def big(reader: Reader, writer: Writer) -> None:
        await saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)(reader, writer)
        await reader.read()

    async with origin(big) as found, pooled() as pool:
        response = await get(pool, found.target())
        await asyncio.sleep(0.5)
        assert response.bytes_in < 1_500_000
        assert len(await response.read()) == size


async def test_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        target = Origin(taken.getsockname()[1]).target()
        async with pooled() as pool:
            with pytest.raises(OriginFailed) as caught:
                await get(pool, target, Timeouts(attempts=3))
    assert caught.value.failure.kind is FailureKind.REFUSED
    assert str(target.port) in caught.value.failure.detail


async def test_refused_at_first() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        tried = 0
        loop = asyncio.get_running_loop()
        connect = loop.sock_connect

        async def counting(sock: socket.socket, address: tuple[str, int]) -> None:
            nonlocal tried
            tried += 1
            if tried == 3:
                server.listen()
            await connect(sock, address)

        async with pooled() as pool:
            patched = pytest.MonkeyPatch()
            if not hasattr(loop, "__dict__"):
                pytest.skip("this loop's methods cannot be replaced")
            patched.setattr(loop, "sock_connect", counting)
            with pytest.raises(OriginFailed):
                await get(pool, Origin(port).target(), Timeouts(attempts=3, read_s=0.05))
        assert tried == 3


async def test_connect_timeout() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(4)]  # a full backlog drops the next SYN
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        async with pooled() as pool:
            began = asyncio.get_running_loop().time()
            with pytest.raises(OriginFailed) as caught:
                await get(pool, Origin(server.getsockname()[1]).target(), Timeouts(connect_s=0.1, attempts=2))
            took = asyncio.get_running_loop().time() - began
            with pytest.raises(OriginFailed) as whole:
                await get(pool, Origin(server.getsockname()[1]).target(), Timeouts(connect_s=5, completion_s=0.1))
        for filler in fillers:
            filler.close()
    assert caught.value.failure.kind is FailureKind.CONNECT_TIMEOUT
    assert 0.19 <= took < 1
    assert whole.value.failure.kind is FailureKind.COMPLETION_TIMEOUT


@pytest.mark.parametrize("name", ["no-such-origin.invalid", "x" * 70 + ".example", "a..b"])
async def test_dns(name: str) -> None:
    async with pooled() as pool:
        with pytest.raises(OriginFailed) as caught:
            await get(pool, Target("http", name, 80, None, None, None, name), Timeouts(connect_s=3))
    assert caught.value.failure.kind is FailureKind.DNS
    assert name in caught.value.failure.detail


async def test_a_name_is_resolved() -> None:
    async with origin(echo) as found, pooled() as pool:
        response = await get(pool, found.target("localhost"))
        assert response.status == 200
        assert response.timings.dns_ms > 0


async def test_a_closed_pool() -> None:
    pool = OriginPool()
    async with origin(echo) as found:
        await get(pool, found.target())
        await pool.close()
        assert pool.stats.open == 0
        with pytest.raises(RuntimeError, match="closed"):
            await get(pool, found.target())
