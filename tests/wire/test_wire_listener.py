"""What a viewer may rely on: order, keep-alive, framing, 100-continue, any method, limits of time, upgrades."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from wire_peers import HELLO, Viewer, hello, listening, talk

from edgesim.wire.listener import BodyBroken, BodyFault, Connection, Incoming, ListenerLimits, Reply, ViewerGone

POST = b"POST /p HTTP/1.1\r\nHost: a\r\n"
CLOSE = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def echo(incoming: Incoming, reply: Reply) -> None:
    body = b"" if incoming.body is None else await incoming.body.read()
    reply.respond(200, "OK", [("X-Method", incoming.method)], body)


async def stream(incoming: Incoming, reply: Reply) -> None:
    """An answer of unknown length."""
    reply.head(200, "OK", [], length=None)
    await reply.write(b"one")
    await reply.write(b"")
    await reply.write(b"two!")
    await reply.finish()


async def test_what_a_request_says_of_itself() -> None:
    seen: list[Incoming] = []

    async def note(incoming: Incoming, reply: Reply) -> None:
        seen.append(incoming)
        await hello(incoming, reply)

    async with listening(note) as (_, port), Viewer.to(port) as viewer:
        for _ in range(2):
            viewer.send(HELLO)
            assert await viewer.answer() == (
                b"HTTP/1.1 200 OK\r\nX-Method: GET\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n",
                b"/",
            )
        first, second = seen
        assert (first.requests_on_connection, second.requests_on_connection) == (1, 2)
        assert first.connection_id == second.connection_id
        assert first.peer == viewer.writer.get_extra_info("sockname")
        assert (first.local_port, first.label, first.scheme, first.tls) == (port, "here", "http", None)
        assert (first.raw_head, first.head_bytes, first.body) == (HELLO, len(HELLO), None)
        assert 0 <= second.started - first.started < 1


async def test_raw_head_only_for_what_came_alone_and_whole() -> None:
    seen: list[bytes | None] = []

    async def note(incoming: Incoming, reply: Reply) -> None:
        seen.append(incoming.raw_head)
        await hello(incoming, reply)

    async with listening(note) as (_, port), Viewer.to(port) as viewer:
        viewer.send(HELLO[:9])
        await asyncio.sleep(0.01)
        viewer.send(HELLO[9:])
        await viewer.answer()
        viewer.send(HELLO + HELLO)
        await viewer.answer()
        await viewer.answer()
        viewer.send(POST + b"Content-Length: 1\r\n\r\nx")
        await viewer.answer()
        viewer.send(HELLO)
        await viewer.answer()
    assert seen[0] is None
    assert seen[1] is None
    assert seen[3] is None
    assert seen[4] == HELLO


async def test_pipelined_requests_are_answered_in_order() -> None:
    async def slow_first(incoming: Incoming, reply: Reply) -> None:
        if incoming.target == "/0":
            await asyncio.sleep(0.02)
        await echo(incoming, reply)

    requests = [f"POST /{i} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{i:02}".encode() for i in range(20)]
    requests.insert(5, b"BREW /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n0\r\n\r\n")
    async with listening(slow_first) as (_, port), Viewer.to(port) as viewer:
        viewer.send(b"".join(requests))
        bodies = [(await viewer.answer())[1] for _ in requests]
    assert bodies == [*[b"%02d" % i for i in range(5)], b"xx", *[b"%02d" % i for i in range(5, 20)]]


async def test_a_flood_of_pipelined_requests_is_held_back() -> None:
    gate = asyncio.Event()

    async def wait(incoming: Incoming, reply: Reply) -> None:
        await gate.wait()
        await hello(incoming, reply)

    limits = ListenerLimits(pipeline_bytes=10_000)
    async with listening(wait, limits) as (listener, port), Viewer.to(port) as viewer:
        count = 100_000
        viewer.send(HELLO * count)
        await asyncio.sleep(0.1)
        (connection,) = listener._open()
        assert connection.bytes_in < len(HELLO) * count
        assert len(connection._buffer) < 600_000
        gate.set()
        for _ in range(200):
            await viewer.answer()
        assert len(connection._buffer) < 600_000
        viewer.writer.transport.abort()


async def test_pipelined_answers_wait_for_the_viewer_to_take_them() -> None:
    made = 0

    async def big(incoming: Incoming, reply: Reply) -> None:
        nonlocal made
        made += 1
        reply.respond(200, "OK", [], b"x" * 1_000_000)

    async with listening(big) as (_, port), Viewer.to(port, limit=1000) as viewer:
        viewer.send(HELLO * 1000)
        await asyncio.sleep(0.1)
        assert made < 20
        for _ in range(30):
            assert len((await viewer.answer())[1]) == 1_000_000
        viewer.writer.transport.abort()


async def test_one_viewer_s_pipeline_does_not_starve_the_others() -> None:
    async with listening() as (_, port), Viewer.to(port) as greedy, Viewer.to(port) as modest:
        greedy.send(HELLO * 8000)
        await asyncio.sleep(0)
        modest.send(HELLO)
        await modest.answer()
        assert len(greedy.reader._buffer) < 8000 * 80  # type: ignore[attr-defined]
        greedy.writer.transport.abort()


@pytest.mark.parametrize("method", ["FOO", "M-SEARCH", "get", "X!#$%&'*+-.^_`|~9", "PRI", "QUERY"])
async def test_any_method_is_relayed(method: str) -> None:
    async with listening() as (_, port):
        request = f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        answer = await talk(port, HELLO + request + CLOSE)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert f"X-Method: {method}\r\n".encode() in answer


@pytest.mark.parametrize("target", ["/", "/a?b=%20&c#d", "//x//y", "http://other/x", "HTTPS://other:1/x?y"])
async def test_the_target_is_given_as_written(target: str) -> None:
    async with listening() as (_, port):
        answer = await talk(port, f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert answer.endswith(b"\r\n\r\n" + target.encode())


async def test_options_star() -> None:
    async with listening() as (_, port):
        assert (await talk(port, b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).endswith(b"\r\n\r\n*")


async def test_an_empty_line_before_a_request_is_let_pass() -> None:
    async with listening() as (_, port), Viewer.to(port) as viewer:
        for data in (b"\r\n" + HELLO, b"\r", b"\n", HELLO):
            viewer.send(data)
            await asyncio.sleep(0.01)
        await viewer.answer()
        await viewer.answer()


@pytest.mark.parametrize(
    ("request_", "kept"),
    [
        (HELLO, True),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", True),
        (CLOSE, False),
    ],
)
async def test_keep_alive(request_: bytes, kept: bool) -> None:
    async with listening() as (_, port), Viewer.to(port) as viewer:
        viewer.send(request_)
        head, _ = await viewer.answer()
        assert (b"Connection: keep-alive\r\n" in head) is kept
        if kept:
            viewer.send(request_)
            await viewer.answer()
        else:
            assert await viewer.rest() == b""


async def test_bytes_behind_a_last_request_do_not_reset_its_answer() -> None:
    async with listening() as (_, port):
        for _ in range(20):
            assert (await talk(port, CLOSE + b"x" * 50_000)).endswith(b"\r\n\r\n/last")


async def test_a_viewer_that_only_stops_sending_is_answered() -> None:
    async def slow(incoming: Incoming, reply: Reply) -> None:
        assert not reply.gone
        await asyncio.sleep(0.02)
        assert reply.gone
        await hello(incoming, reply)

    async with listening(slow) as (_, port), Viewer.to(port) as viewer:
        viewer.send(HELLO)
        await asyncio.sleep(0.01)
        viewer.writer.write_eof()
        assert (await viewer.rest()).endswith(b"\r\n\r\n/")


# -- answers ----------------------------------------------------------------------------------------------------------


async def test_the_headers_are_written_as_given() -> None:
    given = [("x-B", "1"), ("Set-Cookie", "a"), ("X-b", "2"), ("Set-Cookie", "\udcff"), ("ETag", '""')]

    async def answer(incoming: Incoming, reply: Reply) -> None:
        reply.respond(218, "This is fine", [*given, ("Connection", "x"), ("Transfer-Encoding", "y")], b"z")

    async with listening(answer) as (_, port):
        assert await talk(port, CLOSE) == (
            b'HTTP/1.1 218 This is fine\r\nx-B: 1\r\nSet-Cookie: a\r\nX-b: 2\r\nSet-Cookie: \xff\r\nETag: ""\r\n'
            b"Content-Length: 1\r\nConnection: close\r\n\r\nz"
        )


async def test_unknown_length() -> None:
    async with listening(stream) as (_, port):
        chunked = await talk(port, HELLO + CLOSE)
        assert chunked.count(b"\r\nTransfer-Encoding: chunked\r\n") == 2
        assert chunked.count(b"\r\n\r\n3\r\none\r\n4\r\ntwo!\r\n0\r\n\r\n") == 2
        plain = await talk(port, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert plain == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nonetwo!"
        head = await talk(port, b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert head == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(("status", "announced"), [(200, True), (304, True), (204, False)])
async def test_answers_without_a_body(status: int, announced: bool) -> None:
    async def answer(incoming: Incoming, reply: Reply) -> None:
        reply.head(status, "X", [], length=9, body_allowed=False)
        await reply.write(b"not sent.")
        await reply.finish()

    async with listening(answer) as (_, port):
        got = await talk(port, HELLO + CLOSE)
    assert got.count(b"\r\nContent-Length: 9\r\n") == (2 if announced else 0)
    assert b"not sent" not in got
    assert got.count(b"HTTP/1.1 ") == 2


async def test_head_announces_what_get_would_send() -> None:
    async with listening() as (_, port):
        got = await talk(port, b"HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n" + CLOSE)
    head = b"HTTP/1.1 200 OK\r\nX-Method: HEAD\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\n"
    assert got.startswith(head + b"HTTP/1.1")


async def test_a_given_length_is_the_length() -> None:
    async def answer(incoming: Incoming, reply: Reply) -> None:
        with pytest.raises(ValueError, match="announced"):
            reply.head(200, "OK", [("content-length", "3")], length=4)
        with pytest.raises(ValueError, match="CR, LF"):
            reply.head(200, "OK", [("A", "b\r\nC: d")], length=4)
        reply.head(200, "OK", [("content-length", "3")], length=None)
        with pytest.raises(RuntimeError, match="begun already"):
            reply.head(200, "OK", [], length=4)
        with pytest.raises(RuntimeError, match="more body"):
            await reply.write(b"1234")
        await reply.write(b"123")
        await reply.finish()
        await reply.finish()
        with pytest.raises(RuntimeError, match="between"):
            await reply.write(b"4")

    async with listening(answer) as (_, port):
        assert await talk(port, CLOSE) == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nConnection: close\r\n\r\n123"


async def test_counts_and_times() -> None:
    seen: list[Reply] = []

    async def answer(incoming: Incoming, reply: Reply) -> None:
        seen.append(reply)
        reply.interim(103, "Early Hints", [("Link", "x")])
        await stream(incoming, reply)

    async with listening(answer) as (_, port):
        got = await talk(port, CLOSE)
    (reply,) = seen
    assert got.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert reply.bytes_sent == len(got)
    assert reply.first_byte_at is not None
    assert reply.last_byte_at is not None
    assert reply.first_byte_at <= reply.last_byte_at
    assert reply.started
    assert reply.status == 200


async def test_the_head_does_not_wait_for_the_body() -> None:
    gate = asyncio.Event()

    async def answer(incoming: Incoming, reply: Reply) -> None:
        reply.head(200, "OK", [], length=1)
        await gate.wait()
        await reply.write(b"x")
        await reply.finish()

    async with listening(answer) as (_, port), Viewer.to(port) as viewer:
        viewer.send(HELLO)
        await viewer.head()
        gate.set()
        assert await viewer.reader.readexactly(1) == b"x"


@pytest.mark.parametrize("length", [100, None])
async def test_an_aborted_answer_is_seen_to_be_cut(length: int | None) -> None:
    async def answer(incoming: Incoming, reply: Reply) -> None:
        reply.head(200, "OK", [], length=length)
        await reply.write(b"part")
        await asyncio.sleep(0.01)
        reply.abort()

    async with listening(answer) as (_, port):
        got = await talk(port, HELLO)
        assert b"part" in got
        assert not got.endswith(b"0\r\n\r\n")
        if length is None:
            with pytest.raises(ConnectionResetError):
                await talk(port, b"GET / HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize("begun", [False, True])
async def test_a_handler_that_fails(begun: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def fail(incoming: Incoming, reply: Reply) -> None:
        if begun:
            reply.head(200, "OK", [], length=5)
            await reply.write(b"ab")
        raise LookupError("oops")

    async with listening(fail) as (_, port):
        got = await talk(port, HELLO)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n" if begun else b"HTTP/1.1 500 Internal Server Error\r\n")
    assert not begun or got.endswith(b"\r\n\r\nab")
    assert "oops" in caplog.text


@pytest.mark.parametrize("begun", [False, True])
async def test_a_handler_that_forgets_to_answer(begun: bool) -> None:
    async def forget(incoming: Incoming, reply: Reply) -> None:
        if begun:
            reply.head(200, "OK", [], length=None)

    async with listening(forget) as (_, port):
        got = await talk(port, HELLO)
    assert got.startswith(b"HTTP/1.1 200 " if begun else b"HTTP/1.1 500 ")
    assert not got.endswith(b"0\r\n\r\n")


async def test_less_body_than_announced_is_an_error() -> None:
    async def short(incoming: Incoming, reply: Reply) -> None:
        reply.head(200, "OK", [], length=5)
        await reply.write(b"ab")
        with pytest.raises(RuntimeError, match="less body"):
            await reply.finish()

    async with listening(short) as (_, port):
        assert (await talk(port, HELLO)).endswith(b"\r\n\r\nab")


async def test_a_viewer_that_hangs_up() -> None:
    over: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def endless(incoming: Incoming, reply: Reply) -> None:
        reply.head(200, "OK", [], length=None)
        try:
            while True:
                await reply.write(b"x" * 10_000)
        except ViewerGone:
            over.set_result(reply)
            raise

    async with listening(endless) as (_, port):
        async with Viewer.to(port) as viewer:
            viewer.send(HELLO)
            await viewer.head()
            await asyncio.sleep(0.02)
            viewer.writer.transport.abort()
        assert (await asyncio.wait_for(over, 2)).gone


# -- request bodies ---------------------------------------------------------------------------------------------------


async def test_bodies_of_both_framings_in_any_cut() -> None:
    data = (
        POST + b"Content-Length: 5\r\n\r\nhello" + POST + b"Transfer-Encoding: chunked\r\n\r\n"
        b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: dropped\r\n\r\n" + CLOSE
    )
    async with listening(echo) as (_, port):
        for step in (len(data), 1, 7, 50):
            got = await talk(port, *(data[at : at + step] for at in range(0, len(data), step)))
            assert got.count(b"HTTP/1.1 200 OK") == 3
            assert b"\r\n\r\nhelloHTTP" in got
            assert b"\r\n\r\nabcdeHTTP" in got


async def test_read_by_pieces() -> None:
    async def read(incoming: Incoming, reply: Reply) -> None:
        body = incoming.body
        assert body is not None
        pieces = [await body.read(0), await body.read(2)]
        pieces += [piece async for piece in body.iter_chunked(3)]
        assert body.at_eof()
        assert body.total_bytes == 9
        reply.respond(200, "OK", [], b"|".join(pieces))

    async with listening(read) as (_, port), Viewer.to(port) as viewer:
        viewer.send(POST + b"Content-Length: 9\r\n\r\n123456789")
        assert (await viewer.answer())[1] == b"|12|345|678|9"


async def test_100_continue_is_sent_when_the_body_is_read() -> None:
    async def late(incoming: Incoming, reply: Reply) -> None:
        await asyncio.sleep(0.02)
        await echo(incoming, reply)

    async with listening(late) as (_, port), Viewer.to(port) as viewer:
        viewer.send(POST + b"Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(viewer.reader.read(1), 0.01)
        assert await viewer.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        viewer.send(b"hi")
        head, body = await viewer.answer()
        assert body == b"hi"
        assert b"keep-alive" in head


async def test_an_unwanted_body_is_not_asked_for_and_ends_the_connection() -> None:
    async with listening() as (_, port), Viewer.to(port) as viewer:
        viewer.send(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        head, _ = await viewer.answer()
        assert b"Connection: close\r\n" in head
        assert await viewer.rest() == b""


async def test_continue_on_demand_and_not_when_the_body_is_there() -> None:
    async def ask(incoming: Incoming, reply: Reply) -> None:
        reply.continue_()
        reply.continue_()
        await echo(incoming, reply)

    async with listening(ask) as (_, port), Viewer.to(port) as viewer:
        viewer.send(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert await viewer.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        viewer.send(b"hi")
        await viewer.answer()
        viewer.send(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\nho")
        assert (await viewer.answer())[1] == b"ho"


@pytest.mark.parametrize(("size", "kept"), [(30_000, True), (3_000_000, False)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_an_unread_body_is_thrown_away_when_it_is_small(size: int, kept: bool, chunked: bool) -> None:
    if chunked:
        data = POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size)
    else:
        data = POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size
    async with listening() as (_, port), Viewer.to(port) as viewer:
        viewer.send(data[:1000])
        await viewer.answer()
        viewer.send(data[1000:])
        if kept:
            viewer.send(HELLO)
            assert (await viewer.answer())[1] == b"/"
        else:
            with contextlib.suppress(ConnectionResetError):  # it kept sending for longer than we read
                assert await viewer.rest() == b""


@pytest.mark.parametrize("how", ["ended", "lost", "slow"])
async def test_a_body_that_never_ends(how: str) -> None:
    seen: asyncio.Future[BodyBroken] = asyncio.get_running_loop().create_future()

    async def read(incoming: Incoming, reply: Reply) -> None:
        assert incoming.body is not None
        try:
            assert await incoming.body.readany() == b"part"
            await incoming.body.readany()
        except BodyBroken as broken:
            seen.set_result(broken)
            reply.respond(broken.status, "Broken", [], b"")

    async with listening(read, ListenerLimits(body_s=0.1)) as (_, port), Viewer.to(port) as viewer:
        viewer.send(POST + b"Content-Length: 9\r\n\r\npart")
        await asyncio.sleep(0.02)
        if how == "ended":
            viewer.writer.write_eof()
        elif how == "lost":
            viewer.writer.transport.abort()
        broken = await asyncio.wait_for(seen, 2)
        assert broken.why is (BodyFault.TIMEOUT if how == "slow" else BodyFault.ENDED)
        if how != "lost":
            got = await viewer.rest()
            assert got.startswith(f"HTTP/1.1 {broken.status} Broken".encode())
            assert b"Connection: close" in got


async def test_a_slow_reader_of_the_body_holds_the_viewer_back_and_is_not_timed() -> None:
    total = 20_000_000

    async def read(incoming: Incoming, reply: Reply) -> None:
        assert incoming.body is not None
        await asyncio.sleep(0.4)
        got = sum([len(piece) async for piece in incoming.body.iter_any()])
        reply.respond(200, "OK", [], str(got).encode())

    limits = ListenerLimits(body_s=0.15, body_buffer=100_000)
    async with listening(read, limits) as (listener, port), Viewer.to(port) as viewer:
        viewer.send(POST + b"Content-Length: %d\r\n\r\n" % total + b"x" * total)
        await asyncio.sleep(0.2)
        assert listener._open()[0].bytes_in < 1_000_000
        assert (await viewer.answer())[1] == str(total).encode()


# -- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [b"", HELLO[:20]])
async def test_idle_connections_and_slow_heads_end(start: bytes) -> None:
    limits = ListenerLimits(idle_s=0.15 if not start else 60, head_s=0.15 if start else 60)
    async with listening(limits=limits) as (_, port), Viewer.to(port) as viewer:
        began = asyncio.get_running_loop().time()
        viewer.send(start)
        assert await viewer.rest() == b""
        assert 0.1 < asyncio.get_running_loop().time() - began < 1


async def test_a_trickled_head_does_not_extend_its_time() -> None:
    async with listening(limits=ListenerLimits(head_s=0.15)) as (_, port), Viewer.to(port) as viewer:
        began = asyncio.get_running_loop().time()
        for byte in HELLO[:-1] * 10:
            viewer.send(bytes([byte]))
            await asyncio.sleep(0.01)
            if viewer.reader.at_eof():
                break
        assert asyncio.get_running_loop().time() - began < 0.6


async def test_a_viewer_that_takes_nothing_is_cut_off() -> None:
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def endless(incoming: Incoming, reply: Reply) -> None:
        reply.head(200, "OK", [], length=None)
        try:
            while True:
                await reply.write(b"x" * 100_000)
        except ViewerGone:
            over.set_result(None)

    limits = ListenerLimits(write_s=0.2)
    async with listening(endless, limits) as (listener, port), Viewer.to(port, limit=1000) as viewer:
        viewer.send(HELLO)
        await asyncio.wait_for(over, 3)
        assert listener.connections == 0


async def test_a_viewer_that_is_only_slow_is_not_cut_off() -> None:
    async def big(incoming: Incoming, reply: Reply) -> None:
        reply.respond(200, "OK", [], b"x" * 12_000_000)

    async with listening(big, ListenerLimits(write_s=0.15)) as (_, port), Viewer.to(port, limit=1000) as viewer:
        viewer.send(CLOSE)
        got = 0
        while data := await viewer.reader.read(500_000):
            got += len(data)
            if got < 4_000_000:
                await asyncio.sleep(0.01)
        assert got > 12_000_000


# -- the fast path, upgrades, the end ---------------------------------------------------------------------------------


async def test_the_fast_path_sees_idle_connections_only() -> None:
    seen: list[bytes] = []
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfast"

    def fast(data: bytes, connection: Connection) -> bytes | None:
        seen.append(data)
        connection.extra = connection.peer
        return answer if data == HELLO else None

    async with listening(echo) as (listener, port), Viewer.to(port) as viewer:
        listener.fast = fast
        viewer.send(HELLO)
        assert (await viewer.answer())[1] == b"fast"
        viewer.send(POST + b"Content-Length: 5\r\n\r\nab")
        await asyncio.sleep(0.01)
        viewer.send(b"cde" + HELLO)
        assert (await viewer.answer())[1] == b"abcde"
        assert (await viewer.answer())[1] == b""
        viewer.send(HELLO)
        assert (await viewer.answer())[1] == b"fast"
        (connection,) = listener._open()
        assert connection.requests == 4
        assert connection.extra == connection.peer
    assert seen == [HELLO, POST + b"Content-Length: 5\r\n\r\nab", HELLO]


async def test_fast_answers_keep_a_connection_from_idling_out() -> None:
    async with listening(limits=ListenerLimits(idle_s=0.2)) as (listener, port), Viewer.to(port) as viewer:
        listener.fast = lambda data, connection: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        for _ in range(8):
            viewer.send(HELLO)
            await viewer.answer()
            await asyncio.sleep(0.05)
        assert await viewer.rest() == b""


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
async def test_an_upgrade_nobody_takes_is_an_ordinary_request(protocol: bytes) -> None:
    async with listening(echo) as (_, port), Viewer.to(port) as viewer:
        upgrade = b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\nContent-Length: 2\r\n\r\nab"
        viewer.send(POST + upgrade + HELLO)
        assert (await viewer.answer())[1] == b"ab"
        await viewer.answer()


async def test_an_upgrade_gives_raw_bytes_from_the_first() -> None:
    async def shout(incoming: Incoming, reply: Reply) -> None:
        wire = reply.upgrade(101, "Switching", [("Connection", "Upgrade"), ("Upgrade", "loud")])
        while data := await wire.read():
            await wire.write(data.upper())
        assert wire.bytes_in == wire.bytes_out == 10

    async with listening(shout) as (_, port), Viewer.to(port) as viewer:
        viewer.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: loud\r\n\r\nearly")
        assert await viewer.head() == b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: loud\r\n\r\n"
        assert await viewer.reader.readexactly(5) == b"EARLY"
        viewer.send(b"later")
        assert await viewer.reader.readexactly(5) == b"LATER"
        viewer.writer.write_eof()
        assert await viewer.rest() == b""


async def test_close_lets_what_is_in_hand_end() -> None:
    gate = asyncio.Event()

    async def wait(incoming: Incoming, reply: Reply) -> None:
        await gate.wait()
        await hello(incoming, reply)

    async with listening(wait) as (listener, port), Viewer.to(port) as idle, Viewer.to(port) as busy:
        busy.send(HELLO)
        await asyncio.sleep(0.02)
        closing = asyncio.create_task(listener.close(2))
        assert await idle.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            await talk(port, HELLO)
        gate.set()
        got = await busy.rest()
        assert b"Connection: close\r\n" in got
        assert got.endswith(b"/")
        await closing


async def test_close_cuts_what_takes_longer() -> None:
    async def never(incoming: Incoming, reply: Reply) -> None:
        await asyncio.sleep(60)

    async with listening(never) as (listener, port), Viewer.to(port) as busy:
        busy.send(HELLO)
        await asyncio.sleep(0.02)
        began = asyncio.get_running_loop().time()
        await listener.close(0.05)
        assert asyncio.get_running_loop().time() - began < 1
        assert await busy.rest() == b""


async def test_several_sockets() -> None:
    async def label(incoming: Incoming, reply: Reply) -> None:
        reply.respond(200, "OK", [], f"{incoming.label}:{incoming.local_port}".encode())

    async with listening(label) as (listener, port):
        other = await listener.start("127.0.0.1", 0, label="there")
        assert (await talk(port, CLOSE)).endswith(f"here:{port}".encode())
        assert (await talk(other, CLOSE)).endswith(f"there:{other}".encode())


async def test_a_crowd_is_accepted_at_once() -> None:
    """All who wait at the door come in together, and with the listener its door closes."""
    async with listening(hello) as (listener, port):
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        for one in crowd:
            one.sendall(HELLO)
        for one in crowd:
            one.setblocking(False)
            assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(one, 1_000), 10)
        assert (listener.accepted, listener.connections) == (200, 200)
        for one in crowd:
            one.close()
        await listener.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
