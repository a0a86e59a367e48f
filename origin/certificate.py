"""The certificate of the HTTPS listener: from files that may be renewed, or self-signed and made on the spot."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAYS = 30


class ServerCertificate:
    """A TLS context whose certificate can be loaded again while connections are open."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = certificate, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self.reload()

    @classmethod
    def self_signed(cls, host_name: str) -> ServerCertificate:
        """For ``host_name``, ``localhost`` and 127.0.0.1; its key is on disk only while it is being loaded."""
        with tempfile.TemporaryDirectory(prefix="origin-") as directory:
            certificate, key = Path(directory, "cert.pem"), Path(directory, "key.pem")
            for path, data in zip((certificate, key), make_pair(host_name), strict=True):
                path.write_bytes(data)
            return cls(certificate, key)

    @property
    def has_files(self) -> bool:
        return all(path.exists() for path in self._files)

    def reload(self) -> None:
        """Read the files again: new connections get the new certificate. Raises OSError (ssl.SSLError is one)."""
        if self.has_files:  # try the pair elsewhere first, so that a bad one leaves the good one in place
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
        self.context.load_cert_chain(*self._files)


def make_pair(host_name: str) -> tuple[bytes, bytes]:
    """A certificate that signs itself, valid for 30 days, and its key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host_name[:64])])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(each) for each in dict.fromkeys([host_name, "localhost"])]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private
