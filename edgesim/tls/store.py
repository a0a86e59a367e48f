"""The certificates an account holds, as in AWS Certificate Manager (ACM): issued and renewed here, or imported.

One file per certificate, ``<uuid>.pem``: a line of facts, the private key, the chain. A single file is replaced in one
step, so key and chain never disagree, and OpenSSL reads it as it is. Times are epoch seconds of the simulated clock.
Source: ACM guide (managed-renewal, import-certificate); CloudFront guide, cnames-and-https-requirements (spec §7.4).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from edgesim.tls import files
from edgesim.tls.authority import DAY, CertificateAuthority, IssuedCertificate, KeyType, subject_names
from edgesim.tls.names import CertificateError, canonical, covers, wildcard_for

RENEWAL_DAYS = 60
"""ACM renews a certificate it manages when fewer days than this remain."""

ARN_PREFIX = "arn:aws:acm:us-east-1:123456789012:certificate/"
_NAMESPACE = uuid.UUID("6d1f6bb4-5d2b-5c0e-9f43-0d3c5b8f6a10")
_HEADER = b"# edgesim certificate "
_RSA_SIZES = (1_024, 2_048, 3_072, 4_096)
_CURVES = {"secp256r1": "prime256v1", "secp384r1": "secp384r1", "secp521r1": "secp521r1"}
KEY_TYPES: Mapping[str, KeyType] = {"RSA_2048": "rsa", "EC_prime256v1": "ecdsa", "EC_secp384r1": "ecdsa384"}
"""The key algorithms that are issued, in ACM's words."""


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """One certificate of the store. ``path`` holds key and chain together, for ``load_cert_chain``."""

    arn: str
    names: tuple[str, ...]
    not_before: float
    not_after: float
    serial: int
    fingerprint_sha256: str
    managed: bool
    """Issued, and so renewed, by the store; an imported certificate is renewed by importing again."""
    key_algorithm: str
    """In ACM's words: ``EC_prime256v1``, ``RSA_2048``."""
    issuer: str
    subject: str
    added_at: float
    chain_pem: bytes
    path: Path
    requested: bool = False
    """Asked for through the API: it serves only what names its identifier."""
    renewed_at: float | None = None
    """When the store renewed it last."""

    def valid_at(self, now: float) -> bool:
        """True within the dates, both ends included."""
        return self.not_before <= now <= self.not_after

    def covers(self, host: str) -> bool:
        """True when the certificate is good for ``host``."""
        return covers(self.names, host)


class CertificateStore:
    """Certificates by identifier (ARN), kept in a directory.

    A file that cannot be read as a certificate is left alone and named in :attr:`warnings`.
    """

    def __init__(self, directory: Path, authority: CertificateAuthority) -> None:
        self.directory = directory
        self.authority = authority
        self.missing: tuple[str, ...] = ()
        """What the account should have and is not here, in words."""
        self.assigned: Mapping[str, str] = {}
        """The ARN of the certificate each distribution serves, by its id, as whoever serves them says."""
        self._unreadable: tuple[str, ...] = ()
        self._by_arn: dict[str, StoredCertificate] = {}
        self._by_name: dict[str, list[StoredCertificate]] = {}
        directory.mkdir(parents=True, exist_ok=True)
        self.reload()

    def reload(self) -> None:
        """Read the directory again, for certificates another process has changed."""
        found: dict[str, StoredCertificate] = {}
        warnings: list[str] = []
        for path in sorted(self.directory.glob("*.pem")):
            certificate = read_stored(path)
            if isinstance(certificate, str):
                warnings.append(certificate)
            else:
                found[certificate.arn] = certificate
        self._by_arn, self._unreadable = found, tuple(warnings)
        self._index()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Files that are no certificates, and certificates that have no file."""
        return (*self._unreadable, *self.missing)

    def __len__(self) -> int:
        return len(self._by_arn)

    def list(self) -> tuple[StoredCertificate, ...]:
        """All certificates, by identifier."""
        return tuple(self._by_arn[arn] for arn in sorted(self._by_arn))

    def get(self, arn: str) -> StoredCertificate | None:
        """The certificate with this identifier, as it is now (renewed or not)."""
        return self._by_arn.get(arn)

    def add(
        self, issued: IssuedCertificate, *, now: float, arn: str | None = None, requested: bool = False
    ) -> StoredCertificate:
        """Keep a certificate the local authority issued; the store renews it. Replaces one with the same ``arn``.

        Without ``arn`` the identifier follows from the names, so the same names get the same identifier again.
        """
        chain, key = _check(issued.chain_pem, issued.key_pem, any_kind=requested)
        return self._save(
            arn or arn_for(issued.names), chain, key, managed=True, added_at=now, requested=requested, renewed_at=None
        )

    def import_pem(
        self, chain_pem: bytes, key_pem: bytes, *, now: float, arn: str | None = None, requested: bool = False
    ) -> StoredCertificate:
        """Keep a certificate made elsewhere (leaf first). Replaces one with the same ``arn`` (ACM's re-import).

        Without ``arn`` the identifier follows from the certificate itself. Raises CertificateError when the PEM does
        not parse, the key is not the leaf's, the chain is out of order, the key is of a kind CloudFront does not take
        (ACM keeps those too, so ``requested`` ones may be), there are no alternative names, or ``now`` is outside the
        dates. One that is here already is not judged by its dates again.
        """
        chain, key = _check(chain_pem, key_pem, any_kind=requested)
        leaf = chain[0]
        known = self._by_arn.get(arn_for([_fingerprint(leaf)])) if arn is None else None
        if known is not None and known.chain_pem == _pem(chain):
            return known
        if not leaf.not_valid_before_utc.timestamp() <= now <= leaf.not_valid_after_utc.timestamp():
            raise CertificateError(
                f"the certificate is valid from {leaf.not_valid_before_utc} to {leaf.not_valid_after_utc}, "
                "which does not include the current (simulated) time"
            )
        arn = arn or arn_for([_fingerprint(leaf)])
        return self._save(arn, chain, key, managed=False, added_at=now, requested=requested, renewed_at=None)

    def remove(self, arn: str) -> StoredCertificate | None:
        """Forget a certificate and delete its file; gives what was removed."""
        removed = self._by_arn.pop(arn, None)
        if removed is not None:
            removed.path.unlink(missing_ok=True)
            self._index()
        return removed

    def find(self, host: str, now: float | None = None) -> StoredCertificate | None:
        """The best certificate for ``host``: named exactly before a wildcard, then valid at ``now``, then longest."""
        try:
            wanted = canonical(host)
        except CertificateError:
            return None
        for name in (wanted, wildcard_for(wanted)):
            if candidates := self._by_name.get(name):
                return max(candidates, key=lambda one: (now is None or one.valid_at(now), one.not_after, one.arn))
        return None

    def ensure(
        self, names: Sequence[str], now: float, *, arn: str | None = None, key_type: KeyType = "ecdsa"
    ) -> StoredCertificate:
        """A certificate that is valid at ``now`` and covers all ``names``: one that is there, or a new managed one.

        With ``arn``, only the certificate of that identifier counts; without, none that was requested by the API.
        """
        wanted = [canonical(name) for name in names]
        candidates: Iterable[StoredCertificate] = [one for one in self._by_arn.values() if not one.requested]
        if arn is not None:
            candidates = [one] if (one := self._by_arn.get(arn)) else []
        good = [one for one in candidates if one.valid_at(now) and all(one.covers(name) for name in wanted)]
        if good:
            return max(good, key=lambda one: (set(one.names) == set(wanted), one.not_after, one.arn))
        return self.add(self.authority.issue(wanted, now=now, key_type=key_type), now=now, arn=arn)

    def renew_due(self, now: float) -> tuple[StoredCertificate, ...]:
        """Renew the managed certificates with less than 60 days left at ``now``, with new keys; gives the new ones.

        Their identifiers stay, so everything that refers to them uses the new ones.
        """
        due = [one for one in self.list() if one.managed and one.not_after - now < RENEWAL_DAYS * DAY]
        return tuple(self._renew(one, now) for one in due)

    def _renew(self, old: StoredCertificate, now: float) -> StoredCertificate:
        issued = self.authority.issue(old.names, now=now, key_type=KEY_TYPES[old.key_algorithm])
        chain, key = _check(issued.chain_pem, issued.key_pem, any_kind=old.requested)
        return self._save(
            old.arn, chain, key, managed=True, added_at=old.added_at, requested=old.requested, renewed_at=now
        )

    def _save(
        self,
        arn: str,
        chain: Sequence[x509.Certificate],
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
        *,
        managed: bool,
        added_at: float,
        requested: bool,
        renewed_at: float | None,
    ) -> StoredCertificate:
        path = self.directory / f"{_uuid_of(arn)}.pem"
        facts = _Facts(arn, managed, added_at, requested, renewed_at)
        key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        files.replace(path, _HEADER + facts.to_json().encode() + b"\n" + key_pem + _pem(chain), 0o600)
        stored = _describe(facts, chain, path)
        self._by_arn[arn] = stored
        self._index()
        return stored

    def _index(self) -> None:
        self._by_name = {}
        for certificate in self._by_arn.values():
            for name in certificate.names:
                self._by_name.setdefault(name, []).append(certificate)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a certificate does not say of itself: the first line of its file."""

    arn: str
    managed: bool
    added_at: float
    requested: bool = False
    renewed_at: float | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes) -> _Facts:
        """Raises ValueError, KeyError or TypeError."""
        found = json.loads(text)
        renewed = found.get("renewed_at")
        return cls(
            str(found["arn"]),
            bool(found["managed"]),
            float(found["added_at"]),
            bool(found.get("requested", False)),
            None if renewed is None else float(renewed),
        )


def arn_for(names: Sequence[str]) -> str:
    """The identifier that follows from ``names``, whatever their order: the same in every process and every run."""
    return ARN_PREFIX + str(uuid.uuid5(_NAMESPACE, ",".join(sorted(names))))


def _uuid_of(arn: str) -> uuid.UUID:
    try:
        return uuid.UUID(arn.rpartition("certificate/")[2])
    except ValueError:
        raise CertificateError(f"{arn!r} is not a certificate identifier; expected {ARN_PREFIX}<uuid>") from None


def _check(
    chain_pem: bytes, key_pem: bytes, *, any_kind: bool = False
) -> tuple[list[x509.Certificate], ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]:
    """The parsed chain and key, when they can be served; raises CertificateError saying what is wrong with them.

    ``any_kind``: of the kinds ACM keeps, not only of those CloudFront takes.
    """
    try:
        chain = x509.load_pem_x509_certificates(chain_pem)
    except ValueError as error:
        raise CertificateError(f"the certificate chain is not PEM with X.509 certificates: {error}") from error
    try:
        key = serialization.load_pem_private_key(key_pem, None)
    except (ValueError, TypeError) as error:
        raise CertificateError(f"the private key is not an unencrypted PEM key: {error}") from error
    if isinstance(key, ec.EllipticCurvePrivateKey):
        accepted = isinstance(key.curve, ec.SECP256R1) or (any_kind and key.curve.name in _CURVES)
    else:
        accepted = isinstance(key, rsa.RSAPrivateKey) and key.key_size in _RSA_SIZES
    if not accepted or not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        who, curves = ("ACM", "P-256, P-384, P-521") if any_kind else ("CloudFront", "P-256")
        raise CertificateError(f"the key is of a kind {who} does not take; expected ECDSA {curves} or RSA 1024-4096")
    if chain[0].public_key() != key.public_key():
        raise CertificateError("the private key does not belong to the first certificate of the chain")
    if not subject_names(chain[0]):
        raise CertificateError("the certificate has no subject alternative names, and CloudFront looks at no other")
    _check_order(chain)
    return chain, key


def _check_order(chain: Sequence[x509.Certificate]) -> None:
    for lower, upper in pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature):
            raise CertificateError(
                f"the chain is out of order: {_name(lower.subject)} was not issued by {_name(upper.subject)}, "
                "the next certificate; expected each one to be followed by its issuer"
            ) from None


def read_stored(path: Path) -> StoredCertificate | str:
    """The certificate in a file of a store, or why it cannot be used."""
    try:
        data = path.read_bytes()
        first, _, _ = data.partition(b"\n")
        if not first.startswith(_HEADER):
            return f"{path.name} is skipped: its first line is not the store's"
        facts = _Facts.from_json(first.removeprefix(_HEADER))
        chain, _ = _check(data, data, any_kind=facts.requested)
        if path.name != f"{_uuid_of(facts.arn)}.pem":
            return f"{path.name} is skipped: it holds {facts.arn}"
        return _describe(facts, chain, path)
    except (OSError, ValueError, KeyError, TypeError, CertificateError) as error:
        return f"{path.name} is skipped: {error}"


def _describe(facts: _Facts, chain: Sequence[x509.Certificate], path: Path) -> StoredCertificate:
    leaf = chain[0]
    return StoredCertificate(
        arn=facts.arn,
        names=subject_names(leaf),
        not_before=leaf.not_valid_before_utc.timestamp(),
        not_after=leaf.not_valid_after_utc.timestamp(),
        serial=leaf.serial_number,
        fingerprint_sha256=_fingerprint(leaf),
        managed=facts.managed,
        key_algorithm=_algorithm(leaf.public_key()),
        issuer=_name(leaf.issuer),
        subject=_name(leaf.subject),
        added_at=facts.added_at,
        chain_pem=_pem(chain),
        path=path,
        requested=facts.requested,
        renewed_at=facts.renewed_at,
    )


def _algorithm(key: object) -> str:
    """The kind of a key that was checked, in ACM's words."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC_{_CURVES[key.curve.name]}"
    return f"RSA_{key.key_size}" if isinstance(key, rsa.RSAPublicKey) else "unknown"


def _pem(chain: Sequence[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _name(name: x509.Name) -> str:
    return name.rfc4514_string() or "(no subject)"
