from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from tls_wires import connect, server

from edgesim.core.failures import Failure, FailureKind
from edgesim.tls.authority import DAY, CertificateAuthority, IssuedCertificate, self_signed
from edgesim.tls.names import CertificateError
from edgesim.tls.origin import OriginTlsFailure, check_validity, classify, origin_context, verify_peer
from edgesim.tls.policies import PROTOCOLS, set_versions

NAME = "origin.example.com"


class Origin:
    """Connects to servers with one certificate or another, as an edge does."""

    def __init__(self, authority: CertificateAuthority, directory: Path, now: float) -> None:
        self.authority, self.directory, self.now = authority, directory, now

    def issue(self, *names: str, **arguments: float) -> IssuedCertificate:
        return self.authority.issue(names or [NAME], now=self.now, **arguments)  # type: ignore[arg-type]

    def context(self, **arguments: object) -> ssl.SSLContext:
        return origin_context([self.authority.pem], ["TLSv1.2"], **arguments)  # type: ignore[arg-type]

    def connect(
        self, certificate: IssuedCertificate, context: ssl.SSLContext | None = None, extra: bytes = b""
    ) -> ssl.SSLObject:
        return connect(context or self.context(), server(certificate, self.directory, extra), NAME)[0]


@pytest.fixture
def site(authority: CertificateAuthority, tmp_path: Path, now: float) -> Origin:
    return Origin(authority, tmp_path, now)


def test_a_good_origin(site: Origin) -> None:
    tls = site.connect(site.issue())
    assert tls.version() == "TLSv1.3"
    verify_peer(tls, [NAME], site.now)


def test_either_name_will_do(site: Origin) -> None:
    verify_peer(site.connect(site.issue("www.example.com")), [NAME, "www.example.com"], site.now)
    verify_peer(site.connect(site.issue("*.example.com")), [NAME], site.now)


def test_a_wrong_name_is_explained(site: Origin) -> None:
    with pytest.raises(OriginTlsFailure) as caught:
        verify_peer(site.connect(site.issue("a.test", "b.test")), [NAME, "www.example.com"], site.now)
    assert caught.value.kind is FailureKind.TLS_NAME
    assert caught.value.status == 502
    assert "is for a.test, b.test; wanted origin.example.com or www.example.com (valid 20" in caught.value.detail
    assert classify(caught.value) == caught.value.failure


def test_the_simulated_clock_decides_about_dates(site: Origin) -> None:
    issued = site.issue()
    tls = site.connect(issued)
    for moment in (issued.not_before, site.now, issued.not_after):
        check_validity(tls, moment)
    for moment, word in ((issued.not_before - 1, "not yet valid"), (issued.not_after + 1, "expired")):
        with pytest.raises(OriginTlsFailure, match=word) as caught:
            verify_peer(tls, [NAME], moment)
        assert caught.value.kind is FailureKind.TLS_EXPIRED
        assert f"CN={NAME} is {word} at 20" in caught.value.detail


def test_what_expired_long_ago_is_good_when_the_clock_is_set_back(site: Origin) -> None:
    then = site.now - 5 * 365 * DAY
    tls = site.connect(site.issue(not_before=then - DAY, not_after=then + DAY))
    verify_peer(tls, [NAME], then)
    with pytest.raises(OriginTlsFailure, match=f"CN={NAME} is expired"):
        verify_peer(tls, [NAME], site.now)
    with pytest.raises(OriginTlsFailure, match=r"CN=edgesim local authority .* is expired"):
        verify_peer(site.connect(site.issue(days=30 * 365)), [NAME], site.now + 25 * 365 * DAY)


def test_self_signed_and_foreign_certificates_fail_the_handshake(site: Origin, tmp_path: Path) -> None:
    foreign = CertificateAuthority.load_or_create(tmp_path / "foreign", site.now)
    for certificate, words in (
        (self_signed([NAME], now=site.now), "self-signed certificate"),
        (foreign.issue([NAME], now=site.now), "unable to get local issuer certificate"),
    ):
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            site.connect(certificate)
        failure = classify(caught.value)
        assert failure.kind is FailureKind.TLS_UNTRUSTED
        assert words in failure.detail
    trusting = origin_context([site.authority.pem, foreign.pem], ["TLSv1.2"])
    verify_peer(site.connect(foreign.issue([NAME], now=site.now), trusting), [NAME], site.now)


def test_a_chain_out_of_order(site: Origin, tmp_path: Path) -> None:
    foreign = CertificateAuthority.load_or_create(tmp_path / "foreign", site.now)
    verify_peer(site.connect(site.issue(), extra=site.authority.pem), [NAME], site.now)
    with pytest.raises(OriginTlsFailure, match=f"out of order: .*{NAME} is followed by") as caught:
        verify_peer(site.connect(site.issue(), extra=foreign.pem + site.authority.pem), [NAME], site.now)
    assert caught.value.kind is FailureKind.TLS_UNTRUSTED


def test_without_verification_anything_passes(site: Origin) -> None:
    tls = site.connect(self_signed(["else.test"], now=site.now), site.context(verify=False))
    verify_peer(tls, [NAME], site.now + 9_999 * DAY)


def test_a_resumed_session_is_checked_too(site: Origin) -> None:
    context, far = site.context(), server(site.issue(), site.directory)
    first, _ = connect(context, far, NAME)
    again, _ = connect(context, far, NAME, session=first.session)
    assert again.session_reused
    verify_peer(again, [NAME], site.now)
    with pytest.raises(OriginTlsFailure, match="expired"):
        verify_peer(again, [NAME], site.now + 400 * DAY)


@pytest.mark.parametrize(
    ("protocols", "arguments", "version"),
    [
        (["TLSv1"], {}, "TLSv1"),
        (["SSLv3", "TLSv1", "TLSv1.1"], {}, "TLSv1.1"),
        (["TLSv1", "TLSv1.1", "TLSv1.2"], {}, "TLSv1.3"),
        (["TLSv1", "TLSv1.1", "TLSv1.2"], {"tls13": False}, "TLSv1.2"),
        (["TLSv1.3"], {}, "TLSv1.3"),
    ],
)
def test_protocol_lists(protocols: list[str], arguments: dict[str, bool], version: str, site: Origin) -> None:
    far = server(site.issue(), site.directory)
    set_versions(far, PROTOCOLS)
    far.set_ciphers("ALL:@SECLEVEL=0")
    near, _ = connect(origin_context([site.authority.pem], protocols, **arguments), far, NAME)
    assert near.version() == version
    verify_peer(near, [NAME], site.now)


def test_no_common_protocol_is_a_failed_handshake(site: Origin) -> None:
    with pytest.raises(ssl.SSLError) as caught:
        site.connect(site.issue(), origin_context([site.authority.pem], ["TLSv1"]))
    failure = classify(caught.value)
    assert failure.kind is FailureKind.TLS_HANDSHAKE
    assert "PROTOCOL" in failure.detail


def test_protocols_nobody_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "HAS_SSLv3", False)
    with pytest.raises(OriginTlsFailure, match=r"SSLv3 only, which this OpenSSL .* cannot speak") as caught:
        origin_context([], ["SSLv3"])
    assert caught.value.kind is FailureKind.TLS_HANDSHAKE
    with pytest.raises(CertificateError, match="no protocol 'TLS'"):
        origin_context([], ["TLS"])


def test_trust(site: Origin) -> None:
    assert origin_context([], ["TLSv1.2"]).cert_store_stats()["x509"] == 0, "not the machine's own store"
    assert len(origin_context([site.authority.pem], ["TLSv1.2"]).get_ca_certs()) == 1
    origin_context([], ["TLSv1.2"], system_store=True)
    for rubbish in (b"no", "é".encode(), b""):
        with pytest.raises(CertificateError, match="not PEM"):
            origin_context([rubbish], ["TLSv1.2"])


def verification_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "failed")
    error.verify_code, error.verify_message = code, "why"
    return error


def test_classify() -> None:
    kinds = {18: FailureKind.TLS_UNTRUSTED, 10: FailureKind.TLS_EXPIRED, 9: FailureKind.TLS_EXPIRED,
             62: FailureKind.TLS_NAME}  # fmt: skip
    for code, kind in kinds.items():
        assert classify(verification_error(code)) == Failure(kind, "why")
    closed = classify(ConnectionResetError("reset by peer"))
    assert closed.kind is FailureKind.TLS_HANDSHAKE
    assert closed.detail == "the origin closed the connection during the TLS handshake: reset by peer"
    assert classify(EOFError()).detail == "the origin closed the connection during the TLS handshake"
    assert classify(ssl.SSLEOFError(8, "EOF occurred")).kind is FailureKind.TLS_HANDSHAKE
    assert classify(ValueError("odd")).detail == "ValueError: odd"


class Bare:
    """A connection on a Python with public chain methods, or one that kept nothing."""

    def __init__(self, context: ssl.SSLContext, chain: list[bytes] | None, leaf: bytes | None) -> None:
        self.context, self._chain, self._leaf = context, chain, leaf

    def get_verified_chain(self) -> list[bytes] | None:
        return self._chain

    get_unverified_chain = get_verified_chain

    def getpeercert(self, binary_form: bool) -> bytes | None:
        assert binary_form
        return self._leaf


def test_the_public_chain_methods_of_newer_pythons(site: Origin) -> None:
    der = ssl.PEM_cert_to_DER_cert(site.issue().chain_pem.decode())
    verify_peer(Bare(site.context(), [der], None), [NAME], site.now)  # type: ignore[arg-type]
    verify_peer(Bare(site.context(), None, der), [NAME], site.now)  # type: ignore[arg-type]
    with pytest.raises(OriginTlsFailure, match="no certificate"):
        verify_peer(Bare(site.context(), None, None), [NAME], site.now)  # type: ignore[arg-type]
