"""Handshakes without sockets, and clients of every age."""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path

from edgesim.tls.authority import IssuedCertificate


def handshake(client: ssl.SSLObject, server: ssl.SSLObject, pipes: tuple[ssl.MemoryBIO, ...], step: int = 0) -> None:
    """Carry bytes between the two ends until both are done; the first error of either is raised.

    ``step``: at most so many bytes reach the server at a time (0: all there are).
    """
    client_in, client_out, server_in, server_out = pipes
    open_ends = [client, server]
    pending = b""
    errors: list[ssl.SSLError] = []
    for _ in range(5_000):
        for end in list(open_ends):
            try:
                end.do_handshake()
                open_ends.remove(end)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                open_ends.remove(end)
                errors.append(error)
        pending += client_out.read()
        taken, pending = (pending[:step], pending[step:]) if step else (pending, b"")
        server_in.write(taken)
        client_in.write(server_out.read())
        if not open_ends and not pending:
            break
        if errors and client not in open_ends:
            break
    if errors:
        raise errors[0]


def connect(
    client: ssl.SSLContext,
    server: ssl.SSLContext,
    name: str | None,
    *,
    session: ssl.SSLSession | None = None,
    step: int = 0,
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a finished connection in memory; raises what either end raised."""
    pipes = tuple(ssl.MemoryBIO() for _ in range(4))
    near = client.wrap_bio(pipes[0], pipes[1], server_hostname=name, session=session)
    far = server.wrap_bio(pipes[2], pipes[3], server_side=True)
    handshake(near, far, pipes, step)
    far.write(b"x")  # carries the session tickets of TLS 1.3 along
    pipes[0].write(pipes[3].read())
    assert near.read() == b"x"
    return near, far


def client(
    trust: bytes | None = None, *, newest: str = "TLSv1_3", oldest: str = "TLSv1", ciphers: str = "ALL"
) -> ssl.SSLContext:
    """A viewer that speaks ``oldest`` to ``newest``; it checks certificate and name when given a root to ``trust``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trust is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=trust.decode())
        context.verify_flags |= ssl.VerifyFlags(0x200000)  # the tests' clock is not the machine's
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion[oldest]
        context.maximum_version = ssl.TLSVersion[newest]
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    return context


def server(certificate: IssuedCertificate, directory: Path, extra_chain: bytes = b"") -> ssl.SSLContext:
    """A plain server, for tests of the client's side."""
    path = directory / f"{certificate.serial}.pem"
    path.write_bytes(certificate.key_pem + certificate.chain_pem + extra_chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
