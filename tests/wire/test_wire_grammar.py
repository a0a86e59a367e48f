"""The grammar against an oracle: whatever it takes, aiohttp's parser (llhttp) takes too, and reads the same."""

from __future__ import annotations

import asyncio
from unittest import mock

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser
from aiohttp.http_exceptions import HttpProcessingError
from hypothesis import given
from hypothesis import strategies as st

from edgesim.wire.framing import Chunked, ChunkingError, encode_head
from edgesim.wire.grammar import (
    InvalidResponseHead,
    Malformation,
    Malformed,
    parse_request,
    parse_response,
    partial_fault,
)

URL, HEAD = 8_192, 32_768

methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "M-SEARCH"])
versions = st.sampled_from(["HTTP/1.0", "HTTP/1.1", "HTTP/1.1 ", "http/1.1", "HTTP/1.2", "HTTP/11"])
targets = st.sampled_from(["/", "/a?b=c", "*", "http://a/b", "/a b", "a", "//x", "/\x7f", "/a#b"])
names = st.sampled_from(
    ["Host", "host", "Content-Length", "Transfer-Encoding", "X-A", "X-a", "Cookie", "X A", "X-A ", "", "Ä", " X"]
)
values = st.one_of(
    st.sampled_from(["a", "", "5", "5, 5", "+5", "chunked", "gzip, chunked", "a\x00b", "a\tb", " a ", "a\rb", "a\nb"]),
    st.text(st.characters(codec="latin-1"), max_size=6),
)
ends = st.sampled_from(["\r\n"] * 8 + ["\n", "\r", "\r\n "])


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    lines = [f"{draw(methods)} {draw(targets)} {draw(versions)}"]
    blanks = st.sampled_from(["", " ", "  "])
    lines += [f"{name}:{draw(blanks)}{draw(values)}" for name in draw(st.lists(names, max_size=4))]
    if draw(st.booleans()):
        lines.insert(1, "Host: a")
    return ("".join(line + draw(ends) for line in lines) + "\r\n").encode("latin-1")


def oracle() -> HttpRequestParser:
    protocol = mock.Mock(spec=BaseProtocol)
    loop = mock.Mock(spec=asyncio.AbstractEventLoop)
    return HttpRequestParser(
        protocol, loop, 2**16, max_line_size=URL, max_field_size=HEAD, max_headers=999, auto_decompress=False
    )


@given(heads())
def test_what_we_take_llhttp_takes_and_reads_the_same(head: bytes) -> None:
    try:
        ours = parse_request(head, URL, HEAD)
    except Malformed:
        return
    ((theirs, _),), _, _ = oracle().feed_data(head)
    assert (ours.method, ours.target, ours.version) == (theirs.method, theirs.path, tuple(theirs.version))
    assert list(ours.headers.items()) == list(theirs.headers.items())
    assert ours.keep_alive == (not theirs.should_close)
    assert (ours.length == -1) == bool(theirs.chunked)


@given(heads(), st.integers(0, 200))
def test_a_good_head_is_not_refused_while_it_comes(head: bytes, cut: int) -> None:
    try:
        parse_request(head, URL, HEAD)
    except Malformed:
        return
    start = head[:cut]
    if start and b"\r\n\r\n" not in start:
        assert partial_fault(start, URL, HEAD) is None


def test_fields_keep_order_case_repeats_and_bytes() -> None:
    head = parse_request(b"GET / HTTP/1.1\r\nHost: a\r\nx-B: 1\r\nX-b:\t2 \r\nCookie: \xff\xc3\xbc\r\n\r\n", URL, HEAD)
    assert list(head.headers.items())[1:3] == [("x-B", "1"), ("X-b", "2")]
    assert head.headers["Cookie"].encode("utf-8", "surrogateescape") == b"\xff\xc3\xbc"


def test_a_target_may_hold_raw_utf8_where_llhttp_is_narrower() -> None:
    head = parse_request("GET /ü HTTP/1.1\r\nHost: a\r\n\r\n".encode(), URL, HEAD)
    assert head.target == "/ü"


@pytest.mark.parametrize(
    ("connection", "version", "kept"),
    [
        (None, "1.1", True),
        (None, "1.0", False),
        ("close", "1.1", False),
        ("keep-alive", "1.0", True),
        ("Keep-Alive, close", "1.1", False),
        ("upgrade", "1.0", False),
    ],
)
def test_keep_alive(connection: str | None, version: str, kept: bool) -> None:
    line = f"Connection: {connection}\r\n" if connection else ""
    head = parse_request(f"GET / HTTP/{version}\r\nHost: a\r\n{line}\r\n".encode(), URL, HEAD)
    assert head.keep_alive is kept


@pytest.mark.parametrize("status", [101, 200, 299, 599, 999])
def test_any_three_digit_status(status: int) -> None:
    assert parse_response(f"HTTP/1.1 {status}\r\nA: b\r\n\r\n".encode()).status == status


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 99 X\r\n\r\n", b"HTTP/1.1 0200 X\r\n\r\n", b"HTTP/2 200 X\r\n\r\n", b"ICY 200 OK\r\n\r\n"]
    + [b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n" for line in (b"no colon", b"A: \0", b"B\x01: 1", b": x")],
)
def test_no_response(head: bytes) -> None:
    with pytest.raises(InvalidResponseHead):
        parse_response(head)


def test_the_two_repairs_of_a_response() -> None:
    head = parse_response(b"HTTP/1.1 200 All right\r\nA : 1\r\nB: 2\r\n \t3\r\nC:4\r\n\r\n")
    assert head.reason == "All right"
    assert list(head.headers.items()) == [("A", "1"), ("B", "2 3"), ("C", "4")]


pieces = st.sampled_from(
    [
        *(b"5\r\nhello\r\n", b"1;a=b\r\nx\r\n", b"0\r\n\r\n", b"0\r\nT: v\r\n\r\n", b"A\r\n0123456789\r\n"),
        *(b"5 \r\nhello\r\n", b"5\nhello\r\n", b"0x5\r\nhello\r\n", b"-1\r\n\r\n", b"5\r\nhelloX\r\n"),
        *(b"g\r\n\r\n", b"0\r\nbad trailer\r\n\r\n"),
    ]
)


@given(st.lists(pieces, min_size=1, max_size=5), st.integers(1, 20))
def test_chunks_are_read_as_llhttp_reads_them_however_they_are_cut(parts: list[bytes], step: int) -> None:
    data = b"".join(parts)
    decoder = Chunked()
    got = b""
    try:
        for at in range(0, len(data), step):
            got += b"".join(decoder.feed(data[at : at + step]))
            if decoder.done:
                rest = decoder.rest + data[at + step :]
                break
    except ChunkingError:
        return
    if not decoder.done:
        return
    parser = oracle()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    ((_, payload),), _, _ = parser.feed_data(head + data[: len(data) - len(rest)])
    assert payload.is_eof()
    assert b"".join(payload._buffer) == got


@pytest.mark.parametrize(
    "data",
    [
        *(b"5\nhello", b"0x5\r\n", b" 5\r\n", b"5 \r\n", b"\r\n", b"-1\r\n", b"5\r\nhelloXY", b"5\r\nhello\r\r"),
        *(b"f" * 16 + b"\r\n", b"0\r\nbad\r\n", b"1;" + b"x" * 2000, b"0\r\n" + b"A: b\r\n" * 9000),
    ],
)
def test_bad_chunks(data: bytes) -> None:
    for step in (len(data), 1):
        decoder = Chunked()
        with pytest.raises(ChunkingError):
            _ = [decoder.feed(data[at : at + step]) for at in range(0, len(data), step)]


def test_an_origin_may_pad_a_chunk_size() -> None:
    decoder = Chunked(lenient=True)
    assert b"".join(decoder.feed(b"5  \r\nhello\r\n0\r\n\r\n")) == b"hello"
    assert decoder.done


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nb", "a\rb", "a\0b"])
def test_a_header_cannot_say_something_else_on_the_wire(value: str) -> None:
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        encode_head("HTTP/1.1 200 OK", [("A", value)])


def test_every_malformation_has_its_status_and_words() -> None:
    assert {fault.status for fault in Malformation} == {400, 405, 414, 494, 501, 503, 505}
    assert all(fault.text for fault in Malformation)


def test_the_oracle_refuses() -> None:
    with pytest.raises(HttpProcessingError):
        oracle().feed_data(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
