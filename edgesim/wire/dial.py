"""Making a connection to an origin: its name, its addresses, TCP, TLS, and what each failure is called."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from edgesim.core.failures import Failure, FailureKind
from edgesim.errors import EdgesimError
from edgesim.wire.flow import Flow

F = TypeVar("F", bound=Flow)

Verify = Callable[[Any], None]
Classify = Callable[[BaseException], Failure]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. ``host`` is the address or name to connect to, ``server_name`` the SNI (None: none sent).

    ``ssl`` is None for plain HTTP; ``verify`` is given the ``ssl_object`` of each new connection and raises when the
    origin must not be trusted. Connections are shared by targets with the same ``key``.
    """

    scheme: str
    host: str
    port: int
    server_name: str | None
    ssl: ssl.SSLContext | None
    verify: Verify | None
    key: Hashable


class OriginFailed(EdgesimError):
    """An origin failed a request; ``failure`` says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.kind.value}: {failure.detail}" if failure.detail else failure.kind.value)
        self.failure = failure

    @classmethod
    def of(cls, kind: FailureKind, detail: str = "") -> OriginFailed:
        """The error for a failure of this kind."""
        return cls(Failure(kind, detail))


@dataclass(frozen=True, slots=True)
class Dialled:
    """How long a new connection took, in milliseconds, and by how many attempts it came; ``connect_ms`` has TLS in."""

    dns_ms: float
    connect_ms: float
    attempts: int


def classify_tls(error: BaseException) -> Failure:
    """The plain naming of TLS failures, for a pool that was given no better one."""
    if isinstance(error, OriginFailed):
        return error.failure
    if isinstance(error, ssl.SSLCertVerificationError):
        kind = _BY_VERIFY_CODE.get(error.verify_code, FailureKind.TLS_UNTRUSTED)
        return Failure(kind, error.verify_message)
    return Failure(FailureKind.TLS_HANDSHAKE, str(error) or type(error).__name__)


_BY_VERIFY_CODE = {
    9: FailureKind.TLS_EXPIRED,  # not yet valid
    10: FailureKind.TLS_EXPIRED,
    62: FailureKind.TLS_NAME,
    64: FailureKind.TLS_NAME,  # the same for an address
}


async def dial(
    target: Target, make: Callable[[], F], connect_s: float, attempts: int, classify: Classify
) -> tuple[F, Dialled]:
    """Connect, trying up to ``attempts`` times while the origin refuses or does not answer in time.

    Each attempt has ``connect_s`` for all of the target's addresses, TLS included.

    Raises:
        OriginFailed: DNS, REFUSED, CONNECT_TIMEOUT or one of the TLS kinds.
    """
    loop = asyncio.get_running_loop()
    begun = monotonic()
    addresses = await _resolve(loop, target, connect_s)
    resolved = monotonic()
    for attempt in range(1, attempts + 1):
        try:
            async with asyncio.timeout(connect_s):
                flow = await _connect(loop, target, make, addresses, classify)
        except TimeoutError:
            failure = Failure(FailureKind.CONNECT_TIMEOUT, f"{attempt} attempts of {connect_s:g} s")
        except OriginFailed as failed:
            if failed.failure.kind is not FailureKind.REFUSED:
                raise
            failure = failed.failure
        else:
            return flow, Dialled((resolved - begun) * 1e3, (monotonic() - resolved) * 1e3, attempt)
    raise OriginFailed(failure)


async def _resolve(loop: asyncio.AbstractEventLoop, target: Target, seconds: float) -> list[str]:
    try:
        ipaddress.ip_address(target.host)
    except ValueError:
        pass
    else:
        return [target.host]
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # a TimeoutError is an OSError
        raise OriginFailed.of(FailureKind.DNS, f"{target.host}: {error or 'no answer in time'}") from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))


async def _connect(
    loop: asyncio.AbstractEventLoop, target: Target, make: Callable[[], F], addresses: list[str], classify: Classify
) -> F:
    """One attempt: the addresses in turn until one takes the connection, then TLS with that one."""
    refused: OSError | None = None
    for address in addresses:
        try:
            sock = await _tcp(loop, address, target.port)
        except TimeoutError:
            raise
        except OSError as error:
            refused = error
            continue
        return await _over(loop, sock, target, make, classify)
    raise OriginFailed.of(FailureKind.REFUSED, f"{target.host}:{target.port}: {_words(refused)}") from refused


async def _tcp(loop: asyncio.AbstractEventLoop, address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _over(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, target: Target, make: Callable[[], F], classify: Classify
) -> F:
    if target.ssl is None:
        _, plain = await loop.create_connection(make, sock=sock)
        return plain
    try:
        transport, flow = await loop.create_connection(
            make, sock=sock, ssl=target.ssl, server_hostname=target.server_name or ""
        )
    except TimeoutError:
        raise
    except (OSError, ssl.CertificateError) as error:  # ssl.SSLError is an OSError, a hang-up in the handshake as well
        raise OriginFailed(classify(error)) from error
    if target.verify is not None:
        try:
            target.verify(transport.get_extra_info("ssl_object"))
        except Exception as error:
            transport.abort()
            raise OriginFailed(classify(error)) from error
    return flow


def _words(error: OSError | None) -> str:
    return "no address" if error is None else error.strerror or str(error)
