from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tls_wires import client

from edgesim.tls.hello import ClientHello, NotClientHelloError, read_client_hello


def opening(name: str | None, newest: str = "TLSv1_3") -> bytes:
    """The first bytes Python's own client sends."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        client(newest=newest).wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def recut(data: bytes, size: int) -> bytes:
    """The same handshake message in records of ``size`` bytes."""
    message = data[5:]
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(data[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)


HELLO = opening("www.example.com")


@pytest.mark.parametrize("newest", ["TLSv1", "TLSv1_2", "TLSv1_3"])
def test_the_name_is_found_whatever_the_version(newest: str) -> None:
    assert read_client_hello(opening("WWW.example.com", newest)) == ClientHello("www.example.com")
    assert read_client_hello(opening(None, newest)) == ClientHello(None)
    assert read_client_hello(opening("127.0.0.1", newest)) == ClientHello(None), "addresses are never sent"


@given(st.integers(1, 600), st.binary(max_size=20))
def test_records_may_be_cut_anywhere_and_be_followed_by_anything(size: int, more: bytes) -> None:
    assert read_client_hello(recut(HELLO, size) + more) == ClientHello("www.example.com")


def test_every_beginning_is_incomplete() -> None:
    for cut in (HELLO, recut(HELLO, 50)):
        assert all(read_client_hello(cut[:length]) is None for length in range(len(cut)))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x80\x2e\x01\x03\x01",  # SSLv2
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x00\x01\x02\x16",
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
        HELLO[:76] + b"\xff\xff" + HELLO[78:],  # the length of the cipher suites
    ],
)
def test_anything_else_is_left_to_openssl(data: bytes) -> None:
    with pytest.raises(NotClientHelloError):
        read_client_hello(data)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: HELLO[:60] + tail))
def test_nothing_else_is_raised(data: bytes) -> None:
    try:
        hello = read_client_hello(data)
    except NotClientHelloError:
        return
    assert hello is None or hello.server_name is None or hello.server_name.isascii()


def test_hellos_without_extensions_and_odd_names() -> None:
    def hello(extensions: bytes) -> bytes:
        body = b"\x03\x01" + bytes(32) + b"\x00" + b"\x00\x02\x00\x2f" + b"\x01\x00" + extensions
        return b"\x16\x03\x01" + (len(body) + 4).to_bytes(2, "big") + b"\x01" + len(body).to_bytes(3, "big") + body

    def names(value: bytes) -> bytes:
        listed = len(value).to_bytes(2, "big") + value
        extension = b"\x00\x00" + len(listed).to_bytes(2, "big") + listed
        return hello(len(extension).to_bytes(2, "big") + extension)

    assert read_client_hello(hello(b"")) == ClientHello(None)
    assert read_client_hello(hello(b"\x00\x00")) == ClientHello(None)
    assert read_client_hello(names(b"\x00\x00\x01a")) == ClientHello("a")
    assert read_client_hello(names(b"\x01\x00\x01a\x00\x00\x01b")) == ClientHello("b"), (
        "other kinds of name are skipped"
    )
    assert read_client_hello(names(b"\x00\x00\x02\xc3\xa9")) == ClientHello(None)
    assert read_client_hello(names(b"\x00\x00\x00")) == ClientHello(None)
    assert read_client_hello(names(b"")) == ClientHello(None)
    with pytest.raises(NotClientHelloError):
        read_client_hello(names(b"\x00\x00\x09a"))
