"""Listener and client together: TLS and its hooks, streams in bounded memory, WebSocket-like relays."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from wire_peers import HELLO, QUICK, Script, Viewer, get, hello, listening, origin, pooled, saying

from edgesim.core.failures import Failure, FailureKind
from edgesim.wire.client import OriginFailed, OriginPool, Target, Timeouts
from edgesim.wire.duplex import Relayed, relay
from edgesim.wire.listener import Incoming, Reply

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for origin.test, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "origin.test")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("origin.test")]), critical=False)
    path = tmp_path_factory.mktemp("tls") / "pair.pem"
    path.write_bytes(
        builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def client_side(certificate: Path | None = None) -> ssl.SSLContext:
    """Trusts this certificate, or anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        context.load_verify_locations(certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_https_both_ways_and_the_facts_of_a_handshake(certificate: Path) -> None:
    seen: list[Incoming] = []

    async def note(incoming: Incoming, reply: Reply) -> None:
        seen.append(incoming)
        await hello(incoming, reply)

    asked: list[object] = []

    def facts(ssl_object: object) -> object:
        asked.append(ssl_object)
        assert isinstance(ssl_object, ssl.SSLObject)
        return ssl_object.version()

    async with listening(note, context=server_side(certificate), tls_facts=facts) as (_, port), pooled() as pool:
        target = Target("https", "127.0.0.1", port, "origin.test", client_side(certificate), None, "k")
        for _ in range(2):
            response = await get(pool, target)
            assert await response.read() == b"/"
    assert len(asked) == 1
    assert [(one.scheme, one.tls) for one in seen] == [("https", "TLSv1.3")] * 2
    assert response.reused


async def test_a_half_said_https_request_is_malformed_over_tls_too(certificate: Path) -> None:
    secure = listening(context=server_side(certificate))
    async with secure as (_, port), Viewer.to(port, ssl=client_side(), server_hostname="") as viewer:
        viewer.send(HELLO + b"GET /\r\n\r\n")
        await viewer.answer()
        assert b"X-Why: REQUEST_LINE" in await viewer.head()


async def test_verify_judges_each_new_connection_and_classify_names_it(certificate: Path) -> None:
    verdicts: list[Exception | None] = [None, ValueError("not him")]
    sent_names: list[str | None] = []

    def verify(ssl_object: ssl.SSLObject) -> None:
        sent_names.append(ssl_object.server_hostname)
        if (verdict := verdicts.pop(0)) is not None:
            raise verdict

    def classify(error: BaseException) -> Failure:
        return Failure(FailureKind.TLS_NAME, str(error))

    async with origin(saying(OK, OK), server_side(certificate)) as found:
        pool = OriginPool(classify)
        target = Target("https", "127.0.0.1", found.port, None, client_side(), verify, "k")
        assert not (await get(pool, target)).reused
        assert (await get(pool, target)).reused
        await asyncio.sleep(0.02)
        with pytest.raises(OriginFailed) as caught:
            await get(pool, target)
        assert caught.value.failure == Failure(FailureKind.TLS_NAME, "not him")
        assert sent_names == [None, None]
        await asyncio.sleep(0.02)
        assert pool.stats.open == 0
        await pool.close()


async def test_tls_failures_without_a_classifier(certificate: Path) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async def failure(port: int, context: ssl.SSLContext) -> FailureKind:
        target = Target("https", "127.0.0.1", port, "origin.test", context, None, "k")
        async with pooled() as pool:
            with pytest.raises(OriginFailed) as caught:
                await get(pool, target, Timeouts(connect_s=0.2, attempts=1))
            return caught.value.failure.kind

    untrusting = client_side()
    untrusting.verify_mode = ssl.CERT_REQUIRED
    naming = client_side(certificate)
    naming.check_hostname = True
    async with origin(saying(OK), server_side(certificate)) as found:
        assert await failure(found.port, untrusting) is FailureKind.TLS_UNTRUSTED
    async with origin(plain) as found:
        assert await failure(found.port, client_side()) is FailureKind.TLS_HANDSHAKE
    async with origin(saying()) as found:
        assert await failure(found.port, client_side()) is FailureKind.TLS_HANDSHAKE
    async with origin(mute) as found:
        assert await failure(found.port, client_side()) is FailureKind.CONNECT_TIMEOUT


@contextlib.asynccontextmanager
async def relaying(script: Script) -> AsyncIterator[Viewer]:
    """A viewer of a listener that relays every request to an origin of this script."""

    async def handler(incoming: Incoming, reply: Reply) -> None:
        body = None if incoming.body is None else incoming.body.iter_any()
        fields = list(incoming.headers.items())
        response = await pool.send(found.target(), incoming.method, incoming.target, fields, body)
        reply.head(response.status, response.reason, list(response.headers.items()), length=response.length)
        async for piece in response.chunks():
            await reply.write(piece)
        await reply.finish()

    async with origin(script) as found, pooled() as pool, listening(handler) as (_, port), Viewer.to(port) as viewer:
        yield viewer


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_stream_passes_in_bounded_memory(chunked: bool) -> None:
    piece = b"x" * 250_000
    count = 800

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (len(piece) * count)
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        for _ in range(count):
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await writer.drain()
        writer.write(b"0\r\n\r\n" if chunked else b"")
        await reader.read()

    async with relaying(script) as viewer:
        viewer.send(HELLO)
        await viewer.head()
        tracemalloc.start()
        await asyncio.sleep(0.2)  # the viewer takes nothing: everything fills up
        got = 0
        while got < len(piece) * count:
            got += len(await viewer.reader.read(1_000_000))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10_000_000


async def test_a_large_upload_passes_in_bounded_memory() -> None:
    size = 50_000_000

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.1)
        got = 0
        while got < size:
            got += len(await reader.read(1_000_000))
        writer.write(OK)
        await reader.read()

    async with relaying(script) as viewer:
        viewer.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        tracemalloc.start()
        for _ in range(size // 500_000):
            viewer.send(b"7a120\r\n" + b"x" * 500_000 + b"\r\n")
            await viewer.writer.drain()
        viewer.send(b"0\r\n\r\n")
        head = await viewer.head()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert peak < 10_000_000


async def loud(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An origin that upgrades, greets at once, then shouts back; "bye" ends it."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"Upgrade: loud" in head
    writer.write(b"HTTP/1.1 101 Switching\r\nUpgrade: loud\r\nConnection: Upgrade\r\n\r\nWELCOME")
    while (data := await reader.read(1000)) not in (b"", b"bye"):
        writer.write(data.upper())


UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: loud\r\n\r\n"


@pytest.mark.parametrize("end", ["origin", "viewer", "idle"])
async def test_an_upgraded_connection_is_relayed_both_ways(end: str) -> None:
    over: asyncio.Future[Relayed] = asyncio.get_running_loop().create_future()

    async with origin(loud) as found, pooled() as pool:

        async def handler(incoming: Incoming, reply: Reply) -> None:
            response = await pool.send(found.target(), "GET", "/", list(incoming.headers.items()), timeouts=QUICK)
            assert response.duplex is not None
            viewer = reply.upgrade(response.status, response.reason, list(response.headers.items()))
            over.set_result(await relay(viewer, response.duplex, 0.3))

        async with listening(handler) as (_, port), Viewer.to(port) as viewer:
            viewer.send(UPGRADE)
            assert await viewer.head() == b"HTTP/1.1 101 Switching\r\nUpgrade: loud\r\nConnection: Upgrade\r\n\r\n"
            assert await viewer.reader.readexactly(7) == b"WELCOME"
            for _ in range(8):  # longer than the idle limit in all, and than the read timeout
                viewer.send(b"hey")
                assert await viewer.reader.readexactly(3) == b"HEY"
                await asyncio.sleep(0.05)
            if end == "origin":
                viewer.send(b"bye")
            elif end == "viewer":
                viewer.writer.write_eof()
            assert await viewer.rest() == b""
            relayed = await asyncio.wait_for(over, 1)
        assert relayed.idle is (end == "idle")
        assert relayed.to_viewer == 31
        assert relayed.to_origin == 24 + (3 if end == "origin" else 0)
        await asyncio.sleep(0.01)
        assert pool.stats.open == 0


async def test_a_relay_of_bulk_in_both_directions() -> None:
    size = 5_000_000

    async def swallow_and_pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching\r\nUpgrade: loud\r\n\r\n" + b"y" * size)
        await reader.readexactly(size)

    async with origin(swallow_and_pour) as found, pooled() as pool:

        async def handler(incoming: Incoming, reply: Reply) -> None:
            response = await pool.send(found.target(), "GET", "/", list(incoming.headers.items()), timeouts=QUICK)
            assert response.duplex is not None
            await relay(reply.upgrade(101, "Switching", []), response.duplex)

        async with listening(handler) as (_, port), Viewer.to(port) as viewer:
            viewer.send(UPGRADE + b"x" * size)
            await viewer.head()
            assert await viewer.rest() == b"y" * size
