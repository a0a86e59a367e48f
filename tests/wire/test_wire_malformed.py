"""Each way a request can be malformed, over a real socket: its answer, then the end of the connection."""

from __future__ import annotations

import asyncio

import pytest
from wire_peers import HELLO, Viewer, listening, talk

from edgesim.wire.listener import BodyBroken, Incoming, Listener, ListenerLimits, MalformedFacts, Reply

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

SHAPES = {
    "no version": (b"GET /\r\n", 400, "REQUEST_LINE"),
    "no method": (b" / HTTP/1.1\r\n\r\n", 400, "REQUEST_LINE"),
    "bad method": (b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "REQUEST_LINE"),
    "two blanks": (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "REQUEST_LINE"),
    "blank in target": (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "REQUEST_LINE"),
    "control in target": (b"GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "REQUEST_LINE"),
    "only blank lines": (b"\r\n\r\n\r\n", 400, "REQUEST_LINE"),
    "no path": (b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "TARGET"),
    "star": (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "TARGET"),
    "other scheme": (b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "TARGET"),
    "http 1.2": (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "VERSION"),
    "http 2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "VERSION"),
    "lower case version": (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400, "REQUEST_LINE"),
    "bare LF all over": (b"GET / HTTP/1.1\nHost: a\n\n", 400, "BARE_LF"),
    "bare LF in a field": (GET + b"X: a\nY: b\r\n\r\n", 400, "BARE_LF"),
    "bare LF at the end": (GET + b"\n", 400, "BARE_LF"),
    "lone CR": (GET + b"X: a\rb\r\n\r\n", 400, "FIELD_VALUE"),
    "fold": (GET + b"X: a\r\n b\r\n\r\n", 400, "OBS_FOLD"),
    "fold at once": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "OBS_FOLD"),
    "no colon": (GET + b"Nonsense\r\n\r\n", 400, "FIELD_NAME"),
    "no name": (GET + b": a\r\n\r\n", 400, "FIELD_NAME"),
    "name not a token": (GET + b"X[]: a\r\n\r\n", 400, "FIELD_NAME"),
    "blank before colon": (GET + b"X : a\r\n\r\n", 400, "SPACE_BEFORE_COLON"),
    "tab before colon": (GET + b"X\t: a\r\n\r\n", 400, "SPACE_BEFORE_COLON"),
    "NUL": (GET + b"X: a\0b\r\n\r\n", 400, "FIELD_VALUE"),
    "control": (GET + b"X: a\x08\r\n\r\n", 400, "FIELD_VALUE"),
    "DEL": (GET + b"X: \x7f\r\n\r\n", 400, "FIELD_VALUE"),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400, "NO_HOST"),
    "two Hosts": (GET + b"Host: a\r\n\r\n", 400, "HOST_REPEATED"),
    "two Hosts, HTTP/1.0": (b"GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400, "HOST_REPEATED"),
    "Host with a path": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "HOST_INVALID"),
    "Host with a blank": (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "HOST_INVALID"),
    "length and coding": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "LENGTH_AND_CODING"),
    "different lengths": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 400, "LENGTH_REPEATED"),
    "same lengths": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, "LENGTH_REPEATED"),
    "list of lengths": (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400, "LENGTH_REPEATED"),
    "signed length": (POST + b"Content-Length: +3\r\n\r\nabc", 400, "LENGTH_INVALID"),
    "hex length": (POST + b"Content-Length: 0x3\r\n\r\nabc", 400, "LENGTH_INVALID"),
    "empty length": (POST + b"Content-Length:\r\n\r\n", 400, "LENGTH_INVALID"),
    "huge length": (POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", 400, "LENGTH_INVALID"),
    "other digits": (POST + "Content-Length: ٣\r\n\r\nabc".encode(), 400, "LENGTH_INVALID"),
    "gzip coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "CODING_UNKNOWN"),
    "identity coding": (POST + b"Transfer-Encoding: identity\r\n\r\n", 501, "CODING_UNKNOWN"),
    "disguised coding": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n", 400, "FIELD_VALUE"),
    "chunked not last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n", 400, "CODING_INVALID"),
    "chunked twice": (POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n", 400, "CODING_INVALID"),
    "chunked in 1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "CODING_INVALID"),
    "chunk size": (CHUNKED + b"xyz\r\n", 400, "CHUNKING"),
    "signed chunk size": (CHUNKED + b"-1\r\n", 400, "CHUNKING"),
    "chunk too long": (CHUNKED + b"1\r\nab\r\n", 400, "CHUNKING"),
    "chunk with LF": (CHUNKED + b"1\na\r\n", 400, "CHUNKING"),
    "connect": (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "CONNECT"),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "TLS_ON_PLAIN"),
    "binary": (b"\x00\x01\x02", 400, "REQUEST_LINE"),
}


@pytest.mark.parametrize(("data", "status", "why"), SHAPES.values(), ids=SHAPES.keys())
async def test_each_shape_is_refused(data: bytes, status: int, why: str) -> None:
    async with listening() as (_, port):
        answer = await talk(port, data)
    assert answer.startswith(f"HTTP/1.1 {status} Refused\r\nX-Why: {why}\r\n".encode()), answer


async def test_each_shape_is_refused_behind_a_good_request_too() -> None:
    async with listening() as (_, port):
        for data, status, why in SHAPES.values():
            answer = await talk(port, HELLO + data)
            first, _, second = answer.partition(b"HTTP/1.1 200 OK")[2].partition(b"HTTP/1.1 ")
            assert b"X-Method: GET" in first
            if not data.startswith(b"\r\n"):
                assert second.startswith(f"{status} Refused\r\nX-Why: {why}".encode()), (data, answer)


def request_of(url: int, head: int) -> bytes:
    """A request with so many bytes of URL and of head."""
    start = b"GET /" + b"u" * (url - 1) + b" HTTP/1.1\r\nHost: a\r\n"
    filler = head - len(start) - 2
    names = b""
    while filler > 9000:
        names += b"X: " + b"y" * 4000 + b"\r\n"
        filler -= 4005
    return start + names + (b"X: " + b"y" * (filler - 5) + b"\r\n" if filler else b"") + b"\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request_of(8_192, 8_300), 200),
        (request_of(8_193, 8_300), 414),
        (request_of(10, 32_768), 200),
        (request_of(10, 32_769), 494),
        (request_of(8_193, 40_000), 414),
        (b"GET /" + b"u" * 8_300, 414),  # still on its way
        (b"G" * 8_300, 414),
        (GET + b"X: " + b"y" * 33_000, 494),
        (GET + b"X: y\r\n" * 6_000, 494),
    ],
)
@pytest.mark.parametrize("pieces", [1, 7])
async def test_sizes(data: bytes, status: int, pieces: int) -> None:
    step = -(-len(data) // pieces)
    async with listening() as (_, port), Viewer.to(port) as viewer:
        for at in range(0, len(data), step):
            viewer.send(data[at : at + step])
            await asyncio.sleep(0.002)
        assert (await viewer.head()).startswith(f"HTTP/1.1 {status} ".encode())
        if status != 200:
            assert await viewer.rest() == b""


async def test_the_facts_of_a_refusal() -> None:
    seen: list[MalformedFacts] = []

    def note(facts: MalformedFacts) -> None:
        seen.append(facts)

    listener = Listener(hello_never, note)
    port = await listener.start("127.0.0.1", 0, label="edge")
    assert await talk(port, b"GET / HTTP/1.1\r\nHost: a\r\nBad\r\n\r\n") == b""  # None: no word
    await listener.close(0)
    (facts,) = seen
    assert (facts.status, facts.detail) == (400, "Bad")
    assert (facts.label, facts.scheme, facts.local_port) == ("edge", "http", port)
    assert facts.bytes_in == 32
    assert facts.head_excerpt.startswith(b"GET / HTTP/1.1\r\n")
    assert facts.peer[0] == "127.0.0.1"


async def hello_never(incoming: Incoming, reply: Reply) -> None:
    raise AssertionError("refused before")


async def test_a_chunk_that_breaks_later_reaches_the_reader() -> None:
    seen: list[BodyBroken] = []

    async def read(incoming: Incoming, reply: Reply) -> None:
        assert incoming.body is not None
        reply.head(200, "OK", [], length=None)
        assert await incoming.body.readany() == b"abc"
        try:
            await incoming.body.readany()
        except BodyBroken as broken:
            seen.append(broken)
            raise

    async with listening(read) as (_, port), Viewer.to(port) as viewer:
        viewer.send(CHUNKED + b"3\r\nabc\r\n")
        await viewer.head()
        viewer.send(b"nonsense\r\n")
        assert await viewer.rest() == b""  # no last chunk: cut
    assert seen[0].status == 400


async def test_a_chunk_that_breaks_before_the_answer_is_a_refusal() -> None:
    async def read(incoming: Incoming, reply: Reply) -> None:
        assert incoming.body is not None
        await incoming.body.read()

    async with listening(read) as (_, port), Viewer.to(port) as viewer:
        viewer.send(CHUNKED + b"3\r\nabc\r\n")
        await asyncio.sleep(0.01)
        viewer.send(b"nonsense\r\n")
        assert b"X-Why: CHUNKING" in await viewer.rest()


async def test_the_answer_survives_bytes_we_never_read() -> None:
    async with listening() as (_, port):
        for _ in range(20):
            assert b"LENGTH_REPEATED" in await talk(port, POST + b"Content-Length: 1\r\n" * 2 + b"\r\n" + b"x" * 60_000)


async def test_one_connection_too_many() -> None:
    async with listening(limits=ListenerLimits(connections=1)) as (listener, port), Viewer.to(port) as first:
        first.send(HELLO)
        await first.answer()
        assert b"503 Refused\r\nX-Why: TOO_MANY_CONNECTIONS" in await talk(port, HELLO)
        first.send(HELLO)
        await first.answer()
        assert listener.accepted == 2
