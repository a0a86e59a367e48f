"""Malformed requests and lying origins: the right status, nothing cached, the edge alive (spec §1.2, §1.8, §5.5)."""

from __future__ import annotations

import socket
import time

import pytest
from live_worlds import World

pytestmark = pytest.mark.live

HOST = b"Host: localhost\r\n"

MALFORMED = {
    "not http": (b"\x00\x01\x02 hello\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", 400),
    "both lengths": (
        b"POST /lab HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two lengths": (b"POST /lab HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd", 400),
    "negative length": (b"POST /lab HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
    "folded header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: localhost\n\n", 400),
    "space before colon": (b"GET / HTTP/1.1\r\n" + HOST + b"X : a\r\n\r\n", 400),
    "nul in a value": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n", 400),
    "bad chunk": (b"POST /lab HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "unknown coding": (b"POST /lab HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    "version 3": (b"GET / HTTP/3.7\r\n" + HOST + b"\r\n", 505),
    "connect": (b"CONNECT example.test:443 HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "long url": (b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "long headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 32_769 + b"\r\n\r\n", 494),
    "many headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 6000 + b"\r\n", 494),
    "unknown host": (b"GET / HTTP/1.1\r\nHost: elsewhere.test\r\nConnection: close\r\n\r\n", 403),
    "body on get": (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nConnection: close\r\n\r\nhi", 403),
    "method not allowed": (b"DELETE / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 403),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_requests_are_refused_and_the_connection_ends(quick: World, name: str) -> None:
    sent, status = MALFORMED[name]
    got = quick.raw(sent)
    assert got.startswith(f"HTTP/1.1 {status} ".encode()), got[:200]
    assert b"X-Amz-Cf-Id: " in got
    assert b"\r\n\r\n" in got
    assert quick.get("/about/").status == 200


def test_a_refusal_is_recorded(quick: World) -> None:
    got = quick.raw(b"GET / HTTP/1.1\r\n\r\n")
    id = got.split(b"X-Amz-Cf-Id: ")[1].split(b"\r\n")[0].decode()
    assert quick.ask(f"explain/{id}")["answer"]["status"] == 400


def test_a_smuggled_second_request_is_never_seen(quick: World) -> None:
    sent = (
        b"POST /lab HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /lab?smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    )
    got = quick.raw(sent)
    assert got.count(b"HTTP/1.1 ") == 1


LIES = {
    "garbage": ("garbage=1", 502),
    "reset": ("reset=1", 502),
    "truncated": ("size=50000&break=100", None),
    "truncated chunks": ("size=50000&break=100&chunked=1", None),
    "longer than sent": ("size=500&long=100", None),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lying_origin_never_poisons_the_cache(quick: World, name: str) -> None:
    query, status = LIES[name]
    path = f"/lab/{name.replace(' ', '-')}?{query}&cache-control=max-age%3D60"
    for _ in range(2):
        if status is not None:
            got = quick.get(path)
            assert got.status == status
            assert got.outcome == "Error from cloudfront"
            continue
        answer = quick.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert b"X-Cache: Miss from cloudfront" in answer
        assert len(answer.partition(b"\r\n\r\n")[2]) < 50_000
    assert quick.get("/about/").status == 200


def test_a_slow_sender_is_cut_off_and_costs_nobody_else(quick: World) -> None:
    with socket.create_connection(("127.0.0.1", quick.http), 20) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        started = time.monotonic()
        assert quick.get("/about/").status == 200
        got = slow.recv(4096)
        assert time.monotonic() - started < 15
        assert got == b"" or got.startswith(b"HTTP/1.1 408 ") or got.startswith(b"HTTP/1.1 400 ")


def test_an_upload_passes_whole(quick: World) -> None:
    body = bytes(range(256)) * 4096
    assert quick.get("/lab?status=201", method="POST", body=body).status == 201
    seen = quick.ask("health")
    assert seen["status"] == "ok"


def test_a_gigabyte_passes_in_bounded_memory(quick: World) -> None:
    size = 1_000_000_000
    before = quick.memory()
    with socket.create_connection(("127.0.0.1", quick.http), 30) as sock:
        sock.sendall(f"GET /lab?size={size} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        received, most = 0, before
        buffer = bytearray(1 << 20)
        while count := sock.recv_into(buffer):
            received += count
            if received % 97 == 0:
                most = max(most, quick.memory())
    most = max(most, quick.memory())
    assert received > size
    assert most < 150_000_000, f"{most:,} bytes"
