"""A certificate authority of one's own: a root kept in a directory, and the certificates it issues.

Times are epoch seconds of the simulated clock. Nothing here reads a clock.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edgesim.tls import files
from edgesim.tls.names import CertificateError, address, canonical

DAY = 86_400
LEAF_DAYS = 395
"""How long ACM's certificates last: 13 months."""

_ROOT_DAYS_BACK = 3_653
_ROOT_DAYS_AHEAD = 7_305
_MAX_COMMON_NAME = 64

KeyType = Literal["ecdsa", "ecdsa384", "rsa"]
"""P-256, P-384, RSA of 2,048 bits."""

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A new certificate (leaf first, PEM) with its private key (PKCS #8 PEM, unencrypted)."""

    chain_pem: bytes
    key_pem: bytes
    names: tuple[str, ...]
    not_before: float
    not_after: float
    serial: int
    fingerprint_sha256: str


class CertificateAuthority:
    """An ECDSA P-256 root that issues server certificates directly; it signs no other authority's certificate."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, path: Path) -> None:
        self.certificate = certificate
        self.path = path
        """The root as a PEM file: what clients are told to trust (``curl --cacert``)."""
        self._key = key

    @classmethod
    def load_or_create(cls, directory: Path, now: float) -> CertificateAuthority:
        """The authority kept in ``directory`` as ``ca.pem`` and ``ca-key.pem``, made there the first time.

        ``now`` matters only when it is made: pass the earlier of the simulated and the real time, so that clients in
        either accept it. The root is good from 10 years before ``now`` (the simulated clock may be set back) to 20
        years after. The key is written first and the root made from the key on disk, each file whole or absent, so
        a crash between the two, or another process doing the same, ends in one usable pair.
        Raises CertificateError for files that are damaged or do not belong together.
        """
        directory.mkdir(parents=True, exist_ok=True)
        root, key_file = directory / "ca.pem", directory / "ca-key.pem"
        if not key_file.exists():
            if root.exists():
                raise CertificateError(f"{root} is there without its key {key_file}: restore the key, or delete {root}")
            files.create_once(key_file, _key_pem(ec.generate_private_key(ec.SECP256R1())), 0o600)
        key = _load_root_key(key_file)
        if not root.exists():
            files.create_once(root, _pem(_root(key, now)), 0o644)
        try:
            certificate = x509.load_pem_x509_certificate(root.read_bytes())
        except ValueError as error:
            raise CertificateError(f"{root} is not a certificate ({error}): delete it to make it anew") from error
        if certificate.public_key() != key.public_key():
            raise CertificateError(f"{root} does not belong to the key {key_file}: delete {root} to make it anew")
        return cls(certificate, key, root)

    @cached_property
    def pem(self) -> bytes:
        """The root certificate, to be trusted by clients."""
        return _pem(self.certificate)

    @cached_property
    def fingerprint_sha256(self) -> str:
        """Of the root, lower-case hex."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @cached_property
    def not_before(self) -> float:
        """The start of the root's validity."""
        return self.certificate.not_valid_before_utc.timestamp()

    @cached_property
    def not_after(self) -> float:
        """The end of the root's validity."""
        return self.certificate.not_valid_after_utc.timestamp()

    @property
    def created(self) -> float:
        """When the root was made, as the clock stood then."""
        return self.not_before + _ROOT_DAYS_BACK * DAY

    def leaf_not_before(self, now: float) -> float:
        """One day before the earlier of the root's making and ``now``.

        So clients in real time accept what is issued while the simulated clock is ahead of them.
        """
        return min(self.created, now) - DAY

    def issue(
        self,
        names: Sequence[str],
        *,
        now: float,
        days: float = LEAF_DAYS,
        key_type: KeyType = "ecdsa",
        not_before: float | None = None,
        not_after: float | None = None,
        serial: int | None = None,
    ) -> IssuedCertificate:
        """A server certificate for ``names`` (host names, wildcards, IP literals), good until ``now`` + ``days``.

        ``not_before`` and ``not_after`` override the dates, for expired and future certificates in labs and tests.
        Raises CertificateError for bad names or dates.
        """
        start = self.leaf_not_before(now) if not_before is None else not_before
        end = now + days * DAY if not_after is None else not_after
        return _issue(names, start, end, key_type, serial, self.certificate, self._key)


def self_signed(
    names: Sequence[str],
    *,
    now: float,
    days: float = LEAF_DAYS,
    key_type: KeyType = "ecdsa",
    not_before: float | None = None,
    not_after: float | None = None,
) -> IssuedCertificate:
    """A server certificate nobody vouches for: like :meth:`CertificateAuthority.issue`, signed by its own key."""
    start = now - DAY if not_before is None else not_before
    end = now + days * DAY if not_after is None else not_after
    return _issue(names, start, end, key_type, None, None, None)


def subject_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names and addresses of the subject alternative name extension, in its order."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(item.value) for item in extension if isinstance(item, x509.DNSName | x509.IPAddress))


def _issue(
    names: Sequence[str],
    start: float,
    end: float,
    key_type: KeyType,
    serial: int | None,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey | None,
) -> IssuedCertificate:
    wanted = tuple(dict.fromkeys(canonical(name) for name in names))
    if not wanted:
        raise CertificateError("a certificate needs at least one name")
    if int(end) <= int(start):
        raise CertificateError(f"a certificate cannot end ({_date(end)}) before it begins ({_date(start)})")
    key: PrivateKey
    if key_type == "rsa":
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    else:
        key = ec.generate_private_key(ec.SECP384R1() if key_type == "ecdsa384" else ec.SECP256R1())
    subject = _subject(wanted)
    builder = _builder(subject, issuer.subject if issuer else subject, key, start, end, serial)
    # RFC 5280 §4.2.1.6: the alternative names are critical when the subject is empty.
    builder = builder.add_extension(_alternative_names(wanted), critical=not list(subject))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(sign=True, encipher=key_type == "rsa"), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    authority_key = (issuer_key or key).public_key()
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key), critical=False)
    certificate = builder.sign(issuer_key or key, hashes.SHA256())
    return IssuedCertificate(
        chain_pem=_pem(certificate),
        key_pem=_key_pem(key),
        names=wanted,
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        serial=certificate.serial_number,
        fingerprint_sha256=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def _root(key: ec.EllipticCurvePrivateKey, now: float) -> x509.Certificate:
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    # A name of its own per root: browsers confuse two roots that share one.
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "edgesim"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"edgesim local authority {mark}"),
        ]
    )
    builder = _builder(name, name, key, now - _ROOT_DAYS_BACK * DAY, now + _ROOT_DAYS_AHEAD * DAY, None)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    builder = builder.add_extension(_usage(sign=False, encipher=False), critical=True)
    return builder.sign(key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, start: float, end: float, serial: int | None
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number() if serial is None else serial)
        .not_valid_before(datetime.fromtimestamp(int(start), UTC))
        .not_valid_after(datetime.fromtimestamp(int(end), UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(names: Sequence[str]) -> x509.Name:
    """The first name that fits the 64 characters of a common name; empty when none does."""
    fitting = next((name for name in names if len(name) <= _MAX_COMMON_NAME), None)
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, fitting)] if fitting else [])


def _alternative_names(names: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [x509.DNSName(name) if address(name) is None else x509.IPAddress(ipaddress.ip_address(name)) for name in names]
    )


def _usage(*, sign: bool, encipher: bool) -> x509.KeyUsage:
    """Of a leaf (``sign``; ``encipher`` for the RSA key exchange of old suites), or of an authority when not."""
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=False,
        key_encipherment=encipher,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not sign,
        crl_sign=not sign,
        encipher_only=False,
        decipher_only=False,
    )


def _load_root_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise CertificateError(f"{path} is not a private key ({error}): restore it, or delete the directory") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError(f"{path} holds a key of another kind; expected ECDSA P-256")
    return key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _date(moment: float) -> str:
    return datetime.fromtimestamp(int(moment), UTC).isoformat()
