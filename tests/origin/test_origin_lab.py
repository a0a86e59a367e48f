"""The laboratory: answers to order, the broken ones included, as they come out of the balancer."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from origin.document import Pattern, parse_http_date
from origin.running import Settings


def split(answer: bytes) -> tuple[bytes, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


async def test_fields_to_order(visitor):
    query = "status=404&body=h%C3%A9&cache-control=max-age=7&vary=Accept&type=text/x-y&header=X-A:1&header=X-A:%202"
    answer = await visitor.get(f"/lab/thing?{query}&set-cookie=a=1&set-cookie=b=2&expires=-1&unknown=ignored")
    assert (answer.status, answer.text) == (404, "hé")
    assert answer.headers["Cache-Control"] == "max-age=7"
    assert answer.headers["Vary"] == "Accept"
    assert answer.headers["Content-Type"] == "text/x-y"
    assert answer.headers["Expires"] == "-1" or answer.headers["Expires"].endswith("GMT")
    assert answer.headers.getall("X-A") == ["1", "2"]
    assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]


async def test_expires_is_seconds_from_now_or_text(visitor):
    answer = await visitor.get("/lab?expires=60")
    dates = [parse_http_date(answer.headers[name]) for name in ("Date", "Expires")]
    assert dates[1] - dates[0] in {59, 60, 61}
    assert (await visitor.get("/lab?expires=soon")).headers["Expires"] == "soon"


async def test_validators_and_ranges_are_honoured(visitor):
    answer = await visitor.get("/lab?size=1000&etag=a&last-modified=3600")
    assert answer.headers["ETag"] == '"a"'
    assert answer.body == b"".join(Pattern(1000).pieces(0, 1000))
    assert (await visitor.get("/lab?etag=a&vary=X", If_None_Match='"a"')).status == 304
    assert (await visitor.get("/lab?etag=W/%22a%22", If_None_Match='"a"')).status == 304
    assert (await visitor.get("/lab?last-modified=3600", If_Modified_Since=answer.headers["Date"])).status == 304
    assert (await visitor.get("/lab?status=500&etag=a", If_None_Match='"a"')).status == 500
    part = await visitor.get("/lab?size=1000&etag=a", Range="bytes=10-19")
    assert (part.status, part.body) == (206, answer.body[10:20])
    assert (await visitor.get("/lab?size=1000&ranges=0", Range="bytes=10-19")).status == 200
    assert (await visitor.get("/lab?chunked=1", Range="bytes=10-19")).status == 200


async def test_the_counter_shows_fresh_content_on_every_node(visitor):
    answers = [await visitor.get("/lab?counter=1&body=x") for _ in range(3)]
    assert [answer.text for answer in answers] == ["1\nx", "2\nx", "3\nx"]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_any_method_is_answered(visitor, method):
    answer = await visitor.ask(method, "/lab?body=ahoy", data=b"z" * 1000 if method != "HEAD" else None)
    assert (answer.status, answer.body) == (200, b"" if method == "HEAD" else b"ahoy")


@pytest.mark.parametrize(
    "query",
    [
        "status=199",
        "status=x",
        "size=-1",
        "delay=121",
        "delay=nan",
        "hang=2",
        "interim=101",
        "chunked=yes",
        "header=none",
        "header=Transfer-Encoding:chunked",
        "header=A:b%0d%0aC:d",
        "last-modified=tomorrow",
    ],
)
async def test_an_order_that_cannot_be_read_is_refused_with_a_reason(visitor, query):
    answer = await visitor.get(f"/lab?{query}")
    assert answer.status == 400
    assert answer.text.lower().startswith(query.split("=")[0]) or answer.text.startswith(("A ", "Transfer-Encoding"))


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_a_body_leave_the_connection_usable(visitor, connect, status):
    reader, writer = await connect(visitor.site.http)
    for target in (f"/lab?status={status}&size=50", "/lab?body=next"):
        writer.write(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert f" {status} ".encode() in await reader.readuntil(b"\r\n\r\n")
    assert (await reader.readuntil(b"next")).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.transport.abort()


async def test_chunked_and_interim(visitor):
    answer, _ = await visitor.raw("/lab?chunked=1&size=5&interim=103&interim=102", "Connection: close")
    early, processing, final = answer.split(b"HTTP/1.1 ")[1:]
    assert early.startswith(b"103 Early Hints\r\nLink: <")
    assert processing == b"102 Processing\r\n\r\n"
    assert b"Transfer-Encoding: chunked" in final
    assert b"Content-Length" not in final
    assert split(final)[1] == b"5\r\nblock\r\n0\r\n\r\n"


async def test_http_1_0_gets_a_body_that_ends_with_the_connection(visitor, connect):
    reader, writer = await connect(visitor.site.http)
    writer.write(b"GET /lab?chunked=1&size=5 HTTP/1.0\r\n\r\n")
    head, body = split(await reader.read())
    assert b"chunked" not in head
    assert body == b"block"
    writer.close()


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(("chunked", "body"), [("", b"block 0000"), ("&chunked=1", b"A\r\nblock 0000\r\n")])
async def test_break_ends_the_body_early(visit, secure, chunked, body):
    async with visit(Settings(https=0)) as visitor:
        answer, failure = await visitor.raw(f"/lab?size=99999&break=10{chunked}", secure=secure)
        assert failure is None
        assert split(answer)[1].upper() == body.upper()
        with pytest.raises(aiohttp.ClientPayloadError):
            await visitor.get("/lab?size=99999&break=70000")
        assert (await visitor.get("/lab?body=well")).text == "well"


@pytest.mark.parametrize("secure", [False, True])
async def test_reset_comes_through_as_a_reset(visit, secure):
    async with visit(Settings(https=0)) as visitor:
        assert await visitor.raw("/lab?reset=1", secure=secure) == (b"", ConnectionResetError)
        answer, failure = await visitor.raw("/lab?reset=1&break=5", secure=secure)
        assert failure is ConnectionResetError
        assert not answer or split(answer)[1] in {b"block", b""}
        assert len(await visitor.arrivals("?path=/lab")) == 2  # a fault is never hidden by asking another node


@pytest.mark.parametrize("secure", [False, True])
async def test_garbage_comes_through(visit, secure):
    async with visit(Settings(https=0)) as visitor:
        answer, failure = await visitor.raw("/lab?garbage=1", secure=secure)
        assert failure is None
        assert b"AHOY this is not HTTP" in answer


async def test_a_content_length_that_lies(visitor):
    head, body = split((await visitor.raw("/lab?size=10&short=4"))[0])
    assert b"Content-Length: 6\r\n" in head
    assert body == b"block 0000"
    head, body = split((await visitor.raw("/lab?size=10&long=4"))[0])
    assert b"Content-Length: 14\r\n" in head
    assert body == b"block 0000"


@pytest.mark.parametrize(("query", "first"), [("hang=1", b"HTTP/1.1 200 OK\r\n"), ("hang=head", b"")])
async def test_hanging_lasts_until_the_client_leaves(visitor, connect, until, query, first):
    reader, writer = await connect(visitor.site.http)
    writer.write(f"GET /lab?{query} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    if first:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(first)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.15):
            await reader.read(1)
    assert await visitor.in_flight() == 1
    writer.close()

    async def at_rest():
        return await visitor.in_flight() == 0

    await until(at_rest)


async def test_delay_and_pause_take_their_time(visitor, connect):
    clock = asyncio.get_running_loop().time
    began = clock()
    assert (await visitor.get("/lab?delay=0.1")).status == 200
    assert clock() - began >= 0.1
    reader, writer = await connect(visitor.site.http)
    writer.write(b"GET /lab?size=20&pause=0.1 HTTP/1.1\r\nHost: h\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    assert await reader.read(100) == b"block 0000"
    began = clock()
    assert len(await reader.read(100)) == 10
    assert clock() - began > 0.05
    writer.close()


async def test_a_large_body_streams_past_a_slow_reader(visitor):
    """The client stops reading: only what the buffers hold is made, not 2 GiB."""
    size = 2 << 30
    async with visitor.session.get(f"{visitor.site.http}/lab?size={size}") as response:
        assert response.headers["Content-Length"] == str(size)
        assert await response.content.readexactly(16) == b"block 000000000\n"
        response.close()
    part = await visitor.get(f"/lab?size={size}", Range="bytes=2147418112-2147418127")
    assert part.body == b"block 000032767\n"
