"""Viewers and origins that others wrote (curl, OpenSSL's s_client, Python) on real sockets and in real time."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvloop
from tls_wires import client

from edgesim.core.failures import FailureKind
from edgesim.tls.authority import DAY, CertificateAuthority, self_signed
from edgesim.tls.facts import facts_of
from edgesim.tls.origin import OriginTlsFailure, classify, origin_context, verify_peer
from edgesim.tls.policies import PROTOCOLS, set_versions
from edgesim.tls.store import CertificateStore
from edgesim.tls.viewer import DEFAULT_NAMES, ContextChoice, ViewerContexts

pytestmark = pytest.mark.live

ALIASES = {
    "old.example.com": "TLSv1",
    "middle.example.com": "TLSv1.1_2016",
    "new.example.com": "TLSv1.2_2021",
    "newest.example.com": "TLSv1.3_2025",
}
NOW = time.time()


class Edge:
    """A listener that answers every request with the facts of its connection."""

    def __init__(self, directory: Path, ahead: float = 0) -> None:
        self.authority = CertificateAuthority.load_or_create(directory / "ca", NOW)
        self.store = CertificateStore(directory / "certificates", self.authority)
        now = NOW + ahead
        default = ContextChoice(self.store.ensure(DEFAULT_NAMES, now))
        certificate = self.store.ensure(["*.example.com"], now)
        self.refused: list[tuple[str | None, str | None]] = []
        self.viewer = ViewerContexts(
            lambda name: ContextChoice(certificate, ALIASES[name]) if name in ALIASES else None,
            lambda: default,
            lambda name, error: self.refused.append((name, error.reason)),
        )
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        facts = facts_of(writer.get_extra_info("ssl_object"))
        body = f"{facts.viewer_tls()} {facts.server_name}".encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async def serve(self, client: Callable[[], Awaitable[None]]) -> None:
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0, ssl=self.viewer.context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            await client()
        finally:
            server.close()

    async def curl(self, name: str, *arguments: str) -> tuple[int, str]:
        return await run(
            "curl", "-sS", "--max-time", "10", "--noproxy", "*", "--cacert", str(self.authority.path),
            "--resolve", f"{name}:{self.port}:127.0.0.1", *arguments, f"https://{name}:{self.port}/",
        )  # fmt: skip

    async def s_client(self, *arguments: str) -> tuple[int, str]:
        return await run(
            "openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-CAfile", str(self.authority.path),
            "-verify_return_error", "-cipher", "ALL:@SECLEVEL=0", *arguments,
        )  # fmt: skip


async def run(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Edge:
    return Edge(tmp_path_factory.mktemp("edge"))


@pytest.fixture
async def listening(edge: Edge) -> AsyncIterator[Edge]:
    server = await asyncio.start_server(edge.answer, "127.0.0.1", 0, ssl=edge.viewer.context)
    edge.port = server.sockets[0].getsockname()[1]
    edge.refused.clear()
    yield edge
    server.close()


async def test_curl_trusts_the_root_and_gets_the_newest(listening: Edge) -> None:
    for name in ALIASES:
        assert await listening.curl(name) == (0, f"TLSv1.3:TLS_AES_256_GCM_SHA384:fullHandshake {name}")


@pytest.mark.parametrize(
    ("name", "newest", "served"),
    [
        ("old.example.com", "1.0", "TLSv1:ECDHE-ECDSA-AES128-SHA:fullHandshake"),
        ("middle.example.com", "1.0", None),
        ("middle.example.com", "1.1", "TLSv1.1:ECDHE-ECDSA-AES128-SHA:fullHandshake"),
        ("new.example.com", "1.1", None),
        ("new.example.com", "1.2", "TLSv1.2:ECDHE-ECDSA-AES128-GCM-SHA256:fullHandshake"),
        ("newest.example.com", "1.2", None),
    ],
)
async def test_curl_meets_the_policy_of_the_name(name: str, newest: str, served: str | None, listening: Edge) -> None:
    code, output = await listening.curl(name, "--tlsv1.0", "--tls-max", newest, "--ciphers", "ALL:@SECLEVEL=0")
    if served:
        assert (code, output) == (0, f"{served} {name}")
    else:
        assert code == 35
        assert "alert protocol version" in output, "the viewer hears why"
        assert listening.refused == [(name, "UNSUPPORTED_PROTOCOL")]


async def test_s_client_meets_the_policy_of_the_name(listening: Edge) -> None:
    code, output = await listening.s_client("-servername", "old.example.com", "-tls1")
    assert code == 0
    assert "Protocol  : TLSv1\n" in output
    assert "Verify return code: 0 (ok)" in output
    code, output = await listening.s_client("-servername", "new.example.com", "-tls1_1")
    assert code == 1
    assert "alert protocol version" in output
    code, output = await listening.s_client("-servername", "newest.example.com", "-tls1_2")
    assert code == 1
    assert "alert protocol version" in output


async def test_s_client_gets_the_default_certificate_without_a_known_name(listening: Edge) -> None:
    for arguments in (["-noservername"], ["-servername", "unknown.test"]):
        for version in ("-tls1", "-tls1_3"):
            code, output = await listening.s_client(*arguments, version)
            assert code == 0
            assert "subject=CN = *.cloudfront.net" in output
    code, output = await listening.s_client("-servername", "x.cloudfront.net", "-verify_hostname", "x.cloudfront.net")
    assert code == 0
    code, output = await listening.curl("unknown.test")
    assert code == 60
    assert "does not match target host name" in output or "no alternative certificate subject name" in output


async def test_s_client_resumes(listening: Edge, tmp_path: Path) -> None:
    for version in ("-tls1_2", "-tls1_3"):
        arguments = ["-servername", "new.example.com", version, "-quiet"]
        ticket = str(tmp_path / version)
        request = tmp_path / "request"
        request.write_bytes(b"GET / HTTP/1.1\r\nHost: new.example.com\r\n\r\n")

        async def asked(*more: str, request: Path = request, arguments: list[str] = arguments) -> str:
            command = (
                f"openssl s_client -connect 127.0.0.1:{listening.port} {' '.join([*arguments, *more])} < {request}"
            )
            _, output = await run("sh", "-c", command)
            return output

        assert "fullHandshake new.example.com" in await asked("-sess_out", ticket)
        assert "sessionResumed new.example.com" in await asked("-sess_in", ticket)


async def test_plain_http_on_the_tls_port_is_closed(listening: Edge) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: old.example.com\r\n\r\n")
    assert not (await reader.read()).startswith(b"HTTP/")
    writer.close()
    assert listening.refused == [(None, "HTTP_REQUEST")]


async def test_a_viewer_that_hangs_up_early_is_no_trouble(listening: Edge) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", listening.port)
    writer.write(b"\x16\x03\x01")
    await writer.drain()
    writer.close()
    assert (await listening.curl("new.example.com"))[0] == 0


def test_uvloop_listens_as_well(edge: Edge) -> None:
    async def viewers() -> None:
        for name, version, good in (
            ("old.example.com", "TLSv1", True),
            ("middle.example.com", "TLSv1", False),
            ("newest.example.com", "TLSv1_3", True),
            ("newest.example.com", "TLSv1_2", False),
        ):
            context = client(edge.authority.pem, newest=version)
            opening = asyncio.open_connection("127.0.0.1", edge.port, ssl=context, server_hostname=name)
            if not good:
                with pytest.raises((ssl.SSLError, ConnectionError), match=r"(?i)alert_protocol_version"):
                    await opening
                continue
            reader, writer = await opening
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert f":fullHandshake {name}" in (await reader.read()).decode()
            writer.close()
        assert (await edge.curl("new.example.com"))[0] == 0

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(edge.serve(viewers))


async def test_viewers_in_real_time_accept_a_clock_that_is_years_ahead(tmp_path: Path) -> None:
    future = Edge(tmp_path, ahead=3 * 365 * DAY)

    async def viewers() -> None:
        assert (await future.curl("new.example.com"))[0] == 0

    await future.serve(viewers)


async def test_an_origin_by_the_simulated_clock(edge: Edge, tmp_path: Path) -> None:
    """The whole way on sockets: good now, expired in two years, not trusted, closing during the handshake."""

    def origin(certificate: bytes) -> ssl.SSLContext:
        path = tmp_path / "origin.pem"
        path.write_bytes(certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        set_versions(context, PROTOCOLS)
        return context

    async def fetch(context: ssl.SSLContext | None, now: float) -> None:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        trust = origin_context([edge.authority.pem], ["TLSv1.2"])
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname="origin.test")
            try:
                verify_peer(writer.get_extra_info("ssl_object"), ["origin.test"], now)
            finally:
                writer.close()
        finally:
            server.close()

    issued = edge.authority.issue(["origin.test"], now=NOW)
    good = origin(issued.key_pem + issued.chain_pem)
    await fetch(good, NOW)
    with pytest.raises(OriginTlsFailure) as late:
        await fetch(good, NOW + 730 * DAY)
    assert late.value.kind is FailureKind.TLS_EXPIRED

    made = self_signed(["origin.test"], now=NOW)
    with pytest.raises(ssl.SSLCertVerificationError) as untrusted:
        await fetch(origin(made.key_pem + made.chain_pem), NOW)
    assert classify(untrusted.value).kind is FailureKind.TLS_UNTRUSTED

    with pytest.raises((ConnectionError, ssl.SSLError)) as closed:
        await fetch(None, NOW)
    assert classify(closed.value).kind is FailureKind.TLS_HANDSHAKE
