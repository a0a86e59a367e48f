"""What logs and headers say about a TLS connection."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from edgesim.tls.viewer import ViewerTls


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """A finished handshake, in the words of CloudFront's logs (which are OpenSSL's).

    ``protocol`` is the log's ssl-protocol (``TLSv1.3``), ``cipher`` its ssl-cipher (``TLS_AES_128_GCM_SHA256``).
    """

    protocol: str
    cipher: str
    server_name: str | None
    """What the viewer asked for by SNI; None when it named nothing."""
    resumed: bool

    def viewer_tls(self, connection_reused: bool = False) -> str:
        """The value of ``CloudFront-Viewer-TLS`` (CloudFront guide, adding-cloudfront-headers; spec §1.5)."""
        handshake = "sessionResumed" if self.resumed else "fullHandshake"
        return f"{self.protocol}:{self.cipher}:{'connectionReused' if connection_reused else handshake}"


def facts_of(tls: ssl.SSLObject | ssl.SSLSocket, server_name: str | None = None) -> TlsFacts:
    """The facts of a connection whose handshake is done; the server name comes from ``tls`` when it knows it."""
    cipher = tls.cipher()
    return TlsFacts(
        protocol=tls.version() or "-",
        cipher=cipher[0] if cipher else "-",
        server_name=tls.server_name if isinstance(tls, ViewerTls) else server_name,
        resumed=bool(tls.session_reused),
    )
