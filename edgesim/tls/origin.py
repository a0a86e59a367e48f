"""Connections to origins: the chain, the name and, by the simulated clock, the dates of an origin's certificate.

OpenSSL checks the chain during the handshake but is told to leave the dates alone, since it knows only the real clock;
:func:`verify_peer` does the rest after it.
Source: CloudFront guide, using-https-cloudfront-to-custom-origin (spec §6.2).
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from edgesim.core.failures import Failure, FailureKind
from edgesim.errors import OriginError
from edgesim.tls.authority import subject_names
from edgesim.tls.names import CertificateError, covers
from edgesim.tls.policies import ORIGIN_CIPHERS, set_versions, unavailable_protocols

Tls = ssl.SSLObject | ssl.SSLSocket

_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME, which Python does not name
_DER = 2  # _ssl.ENCODING_DER
_EXPIRED = frozenset({9, 10})  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_MISNAMED = frozenset({62, 63, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, EMAIL_MISMATCH, IP_ADDRESS_MISMATCH


class OriginTlsFailure(OriginError):
    """An origin that fails at TLS: ``kind`` says how, ``detail`` what its certificate says and what was wanted."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(kind.status, detail)
        self.kind = kind
        self.detail = detail

    @property
    def failure(self) -> Failure:
        """The same, as the core takes it."""
        return Failure(self.kind, self.detail)


def origin_context(
    trust: Iterable[bytes],
    protocols: Sequence[str],
    verify: bool = True,
    *,
    tls13: bool = True,
    system_store: bool = False,
) -> ssl.SSLContext:
    """A client's context for an origin with these ``OriginSslProtocols``; call :func:`verify_peer` after the handshake.

    ``trust`` are PEM files' contents, one or more certificates each; ``system_store`` adds the machine's own.
    ``tls13`` offers TLS 1.3 besides TLS 1.2, as CloudFront does since 2025. Without ``verify`` any certificate passes.
    Raises CertificateError for bad settings, and OriginTlsFailure when this OpenSSL speaks none of ``protocols``.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # verify_peer does, with either of two names
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    context.verify_flags |= _NO_CHECK_TIME
    offered = [*protocols, "TLSv1.3"] if tls13 and "TLSv1.2" in protocols else list(protocols)
    _offer(context, offered)
    context.set_alpn_protocols(["http/1.1"])
    for pem in trust:
        try:
            context.load_verify_locations(cadata=pem.decode("ascii"))
        except (ssl.SSLError, ValueError) as error:
            raise CertificateError(f"a trusted certificate is not PEM: {error}") from error
    if system_store:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def verify_peer(tls: Tls, names: Iterable[str], now: float) -> None:
    """Check, after the handshake, that the origin's certificate covers one of ``names`` and is valid at ``now``.

    ``names``: the origin's domain name and, when the viewer's Host is forwarded, that too; either is enough. Also
    checks that the chain was sent in order. Raises OriginTlsFailure. Does nothing in a context that verifies nothing.
    """
    if tls.context.verify_mode is ssl.CERT_NONE:
        return
    _check_order(tls)
    leaf = _chain(tls)[0]
    found, wanted = certificate_names(leaf), tuple(names)
    if not any(covers(found, name) for name in wanted):
        raise OriginTlsFailure(
            FailureKind.TLS_NAME,
            f"the certificate is for {', '.join(found) or 'no name at all'}; wanted {' or '.join(wanted)} "
            f"({_dates(leaf)})",
        )
    check_validity(tls, now)


def check_validity(tls: Tls, now: float) -> None:
    """Raise OriginTlsFailure unless ``now`` is within the dates of every certificate of the verified chain."""
    for certificate in _chain(tls):
        if certificate.not_valid_before_utc.timestamp() <= now <= certificate.not_valid_after_utc.timestamp():
            continue
        word = "expired" if now > certificate.not_valid_after_utc.timestamp() else "not yet valid"
        raise OriginTlsFailure(
            FailureKind.TLS_EXPIRED,
            f"the certificate of {certificate.subject.rfc4514_string() or ', '.join(certificate_names(certificate))} "
            f"is {word} at {_date(datetime.fromtimestamp(now, UTC))} ({_dates(certificate)})",
        )


def certificate_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names an origin's certificate is good for: the alternative names and the common name."""
    common = [str(item.value) for item in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return tuple(dict.fromkeys((*subject_names(certificate), *common)))


def classify(error: BaseException) -> Failure:
    """What the core is told about a handshake with an origin that ended in ``error``."""
    if isinstance(error, OriginTlsFailure):
        return error.failure
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        kind = FailureKind.TLS_UNTRUSTED
        if code in _EXPIRED:
            kind = FailureKind.TLS_EXPIRED
        elif code in _MISNAMED:
            kind = FailureKind.TLS_NAME
        return Failure(kind, error.verify_message)
    if isinstance(error, ssl.SSLError):
        return Failure(FailureKind.TLS_HANDSHAKE, getattr(error, "reason", None) or str(error))
    if isinstance(error, ConnectionError | EOFError):
        return Failure(
            FailureKind.TLS_HANDSHAKE,
            f"the origin closed the connection during the TLS handshake: {error}".rstrip(": "),
        )
    return Failure(FailureKind.TLS_HANDSHAKE, f"{type(error).__name__}: {error}")


def _offer(context: ssl.SSLContext, protocols: Sequence[str]) -> None:
    if len(missing := unavailable_protocols(protocols)) == len(protocols):
        detail = (
            f"the origin is set to {', '.join(missing)} only, which this OpenSSL ({ssl.OPENSSL_VERSION}) cannot speak"
        )
        raise OriginTlsFailure(FailureKind.TLS_HANDSHAKE, detail)
    set_versions(context, protocols)
    # Level 1 refuses SHA-1 signatures in certificates, as CloudFront does, but in OpenSSL 3 also TLS 1.0 and 1.1.
    level = 0 if context.minimum_version < ssl.TLSVersion.TLSv1_2 else 1
    context.set_ciphers(":".join((*ORIGIN_CIPHERS, f"@SECLEVEL={level}")))


def _check_order(tls: Tls) -> None:
    """CloudFront wants the chain complete and in order; OpenSSL sorts it silently (and checks completeness)."""
    sent = [x509.load_der_x509_certificate(der) for der in _certificates(tls, "get_unverified_chain")]
    for lower, upper in pairwise(sent):
        if lower.issuer != upper.subject:
            raise OriginTlsFailure(
                FailureKind.TLS_UNTRUSTED,
                f"the chain is out of order: the certificate of {lower.subject.rfc4514_string()} is followed by "
                f"that of {upper.subject.rfc4514_string()}, not by its issuer's, {lower.issuer.rfc4514_string()}",
            )


def _chain(tls: Tls) -> list[x509.Certificate]:
    """The verified chain, leaf first; only the leaf when OpenSSL kept no chain (a resumed session)."""
    chain = _certificates(tls, "get_verified_chain")
    if not chain:
        leaf = tls.getpeercert(binary_form=True)
        if leaf is None:
            raise OriginTlsFailure(FailureKind.TLS_UNTRUSTED, "the origin presented no certificate")
        chain = [leaf]
    return [x509.load_der_x509_certificate(der) for der in chain]


def _certificates(tls: Tls, method: str) -> list[bytes]:
    """DER certificates from ``method``: public since Python 3.13, before that on the C object behind ``tls``."""
    public = getattr(tls, method, None)
    if public is not None:
        return list(public() or ())
    private: Any = getattr(getattr(tls, "_sslobj", None), method, None)
    return [] if private is None else [one.public_bytes(_DER) for one in private() or ()]


def _dates(certificate: x509.Certificate) -> str:
    return f"valid {_date(certificate.not_valid_before_utc)} to {_date(certificate.not_valid_after_utc)}"


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
