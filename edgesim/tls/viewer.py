"""Viewer connections: the server name picks certificate and security policy before OpenSSL sees the first byte.

Python's ``sni_callback`` is too late for a policy: replacing the context inside it changes the certificate and the
cipher list, but the connection keeps the protocol versions and options of the context it was made with (a TLS 1.2
viewer gets through to a TLS 1.3-only one), and the callback cannot even see the version. So the listener's context
here makes connections that wait for the whole ClientHello, read the name from it, and only then are made, from the
context of that name's certificate and policy. OpenSSL then enforces everything itself, and sends its own alerts.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgesim.tls.hello import NotClientHelloError, read_client_hello
from edgesim.tls.policies import DEFAULT_POLICY, security_policy
from edgesim.tls.store import StoredCertificate

DEFAULT_NAMES = ("*.cloudfront.net", "cloudfront.net")
"""The names of the certificate a viewer gets when its server name is unknown or missing."""


@dataclass(frozen=True, slots=True)
class ContextChoice:
    """The certificate to present and the security policy (by name) to hold the viewer to."""

    certificate: StoredCertificate
    policy: str = DEFAULT_POLICY


Resolve = Callable[[str | None], ContextChoice | None]
Refused = Callable[[str | None, ssl.SSLError], None]


class ViewerContexts:
    """The contexts of a TLS listener.

    ``resolve`` gets the viewer's server name (lower case; None without one) at each handshake and answers with the
    world's choice, or None for names it does not know: then ``default`` is asked. ``refused`` is told of every
    handshake that failed, with OpenSSL's words. Contexts are made once per certificate and policy, so a handshake
    reads no file.
    """

    def __init__(self, resolve: Resolve, default: Callable[[], ContextChoice], refused: Refused | None = None) -> None:
        self._resolve = resolve
        self._default = default
        self._made: dict[tuple[str, str, int], ssl.SSLContext] = {}
        self.refused = refused
        listener = _ListenerContext(ssl.PROTOCOL_TLS_SERVER)
        listener.contexts = self
        listener.sslobject_class = ViewerTls
        self.context: ssl.SSLContext = listener
        """For ``create_server(ssl=...)``, of asyncio or uvloop."""

    def choose(self, server_name: str | None) -> ContextChoice:
        """What a viewer that asks for ``server_name`` gets."""
        return self._resolve(server_name) or self._default()

    def context_for(self, choice: ContextChoice) -> ssl.SSLContext:
        """The context of this choice. A renewed certificate has another serial number, and so another context."""
        key = (choice.policy, choice.certificate.arn, choice.certificate.serial)
        context = self._made.get(key)
        if context is None:
            self.invalidate(choice.certificate.arn, but=choice.certificate.serial)
            context = self._made[key] = server_context(choice)
        return context

    def invalidate(self, arn: str | None = None, *, but: int | None = None) -> None:
        """Forget the contexts of a certificate (all without ``arn``), except those with the serial number ``but``.

        Running connections go on; session tickets made by forgotten contexts end in a full handshake.
        """
        for key in list(self._made):
            if arn is None or (key[1] == arn and key[2] != but):
                del self._made[key]


def server_context(choice: ContextChoice) -> ssl.SSLContext:
    """A server's context for a certificate and policy: HTTP/1.1 by ALPN, session tickets on.

    Raises CertificateError for an unknown policy, OSError or SSLError when the certificate cannot be loaded.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    security_policy(choice.policy).apply(context)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(choice.certificate.path)
    return context


class ViewerTls(ssl.SSLObject):
    """A viewer's connection, made from the context its server name asks for; then an ordinary SSLObject."""

    server_name: str | None
    """What the viewer asked for, lower case; None when it named nothing."""
    choice: ContextChoice | None
    """What it got; None until its ClientHello is complete."""

    # The C object behind SSLObject, which looks it up at every call: here exchanged once, before its first use.
    _sslobj: Any

    def wait(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, contexts: ViewerContexts) -> None:
        """Start waiting for the ClientHello that arrives through ``incoming``."""
        self.server_name = None
        self.choice = None
        self._incoming = incoming
        self._outgoing = outgoing
        self._contexts = contexts
        self._error: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        """As in SSLObject. Raises SSLWantReadError while the ClientHello is incomplete.

        A failed handshake raises SSLWantReadError once more when there is an alert to send, because asyncio drops what
        is still unsent with any other error, and the viewer would see a closed connection without a reason; the
        connection then ends by the viewer's closing it, its next bytes, or the handshake timeout.
        """
        if self._error is not None:
            raise self._error
        if self.choice is None:
            self._begin()
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            self._error = error
            if self._contexts.refused is not None:
                self._contexts.refused(self.server_name, error)
            if self._outgoing.pending:
                raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "an alert is waiting to be sent") from error
            raise

    def _begin(self) -> None:
        received = self._incoming.read()
        self._incoming.write(received)  # a MemoryBIO cannot be peeked at
        try:
            hello = read_client_hello(received)
        except NotClientHelloError:
            pass  # OpenSSL, in the default context, knows the alert for it
        else:
            if hello is None:
                raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the ClientHello is incomplete")
            self.server_name = hello.server_name
        choice = self._contexts.choose(self.server_name)
        context = self._contexts.context_for(choice)
        made: Any = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._sslobj = made._sslobj
        self.choice = choice


class _ListenerContext(ssl.SSLContext):
    """Holds no certificate of its own: its connections become those of another context."""

    contexts: ViewerContexts

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        waiting = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        assert isinstance(waiting, ViewerTls)
        waiting.wait(incoming, outgoing, self.contexts)
        return waiting

    def wrap_socket(self, *_: Any, **__: Any) -> ssl.SSLSocket:
        raise NotImplementedError("viewer connections need memory BIOs (asyncio, uvloop): use wrap_bio")
