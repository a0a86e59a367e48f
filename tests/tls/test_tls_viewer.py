from __future__ import annotations

import builtins
import io
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from tls_wires import client, connect, server

from edgesim.tls.authority import DAY, CertificateAuthority
from edgesim.tls.facts import facts_of
from edgesim.tls.names import CertificateError
from edgesim.tls.policies import POLICIES, PROTOCOLS
from edgesim.tls.store import CertificateStore
from edgesim.tls.viewer import DEFAULT_NAMES, ContextChoice, ViewerContexts, ViewerTls, server_context

VERSIONS = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]


def alias(policy: str) -> str:
    """``TLSv1.2_2021`` is served on tlsv1-2-2021.example.com."""
    return f"{policy.lower().replace('_', '-').replace('.', '-')}.example.com"


class World:
    """Aliases with policies, as the control plane would know them."""

    def __init__(self, store: CertificateStore, now: float) -> None:
        self.store = store
        self.default = store.ensure(DEFAULT_NAMES, now)
        self.certificate = store.ensure(["*.example.com"], now)
        self.asked: list[str | None] = []
        self.refused: list[tuple[str | None, str | None]] = []
        self.viewer = ViewerContexts(self.resolve, lambda: ContextChoice(self.default), self.note)

    def resolve(self, name: str | None) -> ContextChoice | None:
        self.asked.append(name)
        policies = {alias(policy): policy for policy in POLICIES}
        if name not in policies:
            return None
        return ContextChoice(self.store.get(self.certificate.arn) or self.certificate, policies[name])

    def note(self, name: str | None, error: ssl.SSLError) -> None:
        self.refused.append((name, error.reason))


@pytest.fixture
def world(store: CertificateStore, now: float) -> World:
    return World(store, now)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("policy", list(POLICIES))
def test_each_name_has_its_own_oldest_version(policy: str, version: str, world: World) -> None:
    name = alias(policy)
    viewer = client(world.store.authority.pem, newest=PROTOCOLS[version].name)
    order = list(PROTOCOLS)
    if order.index(version) >= order.index(POLICIES[policy].minimum):
        near, far = connect(viewer, world.viewer.context, name)
        assert near.version() == far.version() == version
        assert facts_of(far).server_name == name
        assert world.refused == []
    else:
        with pytest.raises(ssl.SSLError, match=r"(?i)alert_protocol_version|unsupported_protocol"):
            connect(viewer, world.viewer.context, name)
        assert world.refused == [(name, "UNSUPPORTED_PROTOCOL")]


def test_the_policys_ciphers_hold_per_name(world: World) -> None:
    def suite(name: str, ciphers: str) -> str:
        near, _ = connect(client(newest="TLSv1_2", ciphers=ciphers), world.viewer.context, name)
        return near.cipher()[0]  # type: ignore[index]

    old = "ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA"
    assert suite("tlsv1-2016.example.com", old) == "ECDHE-ECDSA-AES128-SHA", "the server's order"
    assert suite("tlsv1-2-2021.example.com", "ALL") == "ECDHE-ECDSA-AES128-GCM-SHA256"
    with pytest.raises(ssl.SSLError, match=r"NO_SHARED_CIPHER|HANDSHAKE_FAILURE"):
        suite("tlsv1-2-2021.example.com", old)
    with pytest.raises(ssl.SSLError, match=r"NO_SHARED_CIPHER|HANDSHAKE_FAILURE"):
        suite("tlsv1-2-2025.example.com", "ECDHE-ECDSA-CHACHA20-POLY1305")
    assert world.refused == [
        ("tlsv1-2-2021.example.com", "NO_SHARED_CIPHER"),
        ("tlsv1-2-2025.example.com", "NO_SHARED_CIPHER"),
    ]


@pytest.mark.parametrize("name", ["d111111abcdef8.cloudfront.net", "unknown.example.org", None])
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_3"])
def test_unknown_and_missing_names_get_the_default_certificate(name: str | None, version: str, world: World) -> None:
    _, far = connect(client(newest=version), world.viewer.context, name)
    assert isinstance(far, ViewerTls)
    assert (far.server_name, far.choice) == (name, ContextChoice(world.default, "TLSv1"))
    trusting = client(world.store.authority.pem, newest=version)
    if name == "d111111abcdef8.cloudfront.net":
        connect(trusting, world.viewer.context, name)
    elif name:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            connect(trusting, world.viewer.context, name)
        assert world.refused == []  # the server's side was done with; only the viewer minds


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_sessions_are_resumed_on_their_own_name(version: str, world: World) -> None:
    viewer = client(newest=version)
    name = "tlsv1-2-2021.example.com"
    near, far = connect(viewer, world.viewer.context, name)
    assert not facts_of(far).resumed
    again, far = connect(viewer, world.viewer.context, name, session=near.session)
    assert again.session_reused
    facts = facts_of(far)
    assert facts.resumed
    assert facts.viewer_tls() == f"{again.version()}:{again.cipher()[0]}:sessionResumed"  # type: ignore[index]
    _, far = connect(viewer, world.viewer.context, "tlsv1-2-2019.example.com", session=near.session)
    assert not facts_of(far).resumed, "a ticket is good for the name it was made for only"


def test_alpn_is_http_1_1(world: World) -> None:
    viewer = client()
    viewer.set_alpn_protocols(["h2", "http/1.1"])
    near, _ = connect(viewer, world.viewer.context, "tlsv1-2-2021.example.com")
    assert near.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("step", [1, 7, 100])
def test_the_hello_may_come_in_pieces(step: int, world: World) -> None:
    _, far = connect(client(), world.viewer.context, "tlsv1-3-2025.example.com", step=step)
    assert facts_of(far).server_name == "tlsv1-3-2025.example.com"
    assert world.asked == ["tlsv1-3-2025.example.com"], "one question per handshake"


def test_what_is_not_tls_gets_openssls_own_answer(world: World) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    far = world.viewer.context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(ssl.SSLError, match="HTTP_REQUEST"):
        far.do_handshake()
    assert world.refused == [(None, "HTTP_REQUEST")]


def test_an_alert_is_sent_before_the_error_is_raised(world: World) -> None:
    pipes = ssl.MemoryBIO(), ssl.MemoryBIO()
    viewer = client(newest="TLSv1").wrap_bio(ssl.MemoryBIO(), pipes[0], server_hostname="tlsv1-2-2021.example.com")
    far = world.viewer.context.wrap_bio(*pipes, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        viewer.do_handshake()
    with pytest.raises(ssl.SSLWantReadError, match="alert is waiting"):
        far.do_handshake()
    assert pipes[1].read()[5:] == bytes([2, 70]), "fatal, protocol_version (RFC 8446 §6)"
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        far.do_handshake()


def test_a_renewed_certificate_is_served_at_once(world: World, now: float) -> None:
    name = "tlsv1-2-2021.example.com"

    def presented() -> bytes | None:
        near, _ = connect(client(), world.viewer.context, name)
        return near.getpeercert(binary_form=True)

    first = presented()
    assert presented() == first
    (_, renewed) = sorted(world.store.renew_due(now + 390 * DAY), key=lambda one: one.names[0] == "*.example.com")
    second = presented()
    assert second != first
    assert ssl.PEM_cert_to_DER_cert(renewed.chain_pem.decode()) == second


def test_contexts_are_made_once_and_forgotten_when_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer, choice = world.viewer, ContextChoice(world.certificate, "TLSv1.2_2021")
    made, other = viewer.context_for(choice), viewer.context_for(ContextChoice(world.default))
    assert viewer.context_for(choice) is made
    viewer.invalidate(choice.certificate.arn)
    assert viewer.context_for(choice) is not made
    assert viewer.context_for(ContextChoice(world.default)) is other
    viewer.invalidate()
    assert viewer.context_for(ContextChoice(world.default)) is not other
    with pytest.raises(CertificateError, match="no security policy"):
        viewer.context_for(ContextChoice(world.default, "TLSv9"))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a handshake reads no file")

    connect(client(), viewer.context, alias(choice.policy))
    choice.certificate.path.unlink()
    monkeypatch.setattr(builtins, "open", refuse)
    monkeypatch.setattr(io, "open", refuse)
    connect(client(), viewer.context, "tlsv1-2-2021.example.com")


def test_sockets_are_not_served(world: World) -> None:
    with pytest.raises(NotImplementedError, match="wrap_bio"):
        world.viewer.context.wrap_socket(None)  # type: ignore[arg-type]


def test_why_the_sni_callback_alone_will_not_do(authority: CertificateAuthority, tmp_path: Path, now: float) -> None:
    """Exchanging the context in Python's callback leaves the protocol versions as they were (the reason for ours)."""
    certificate = authority.issue(["a.example"], now=now)
    base, strict = server(certificate, tmp_path), server(certificate, tmp_path)
    strict.minimum_version = ssl.TLSVersion.TLSv1_3
    versions: list[str | None] = []

    def exchange(tls: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        versions.append(tls.version())
        tls.context = strict

    base.sni_callback = exchange
    near, _ = connect(client(newest="TLSv1_2"), base, "a.example")
    assert near.version() == "TLSv1.2", "through to a TLS 1.3-only context"
    assert versions == [None], "and the callback could not have known"


@pytest.mark.parametrize("bits", [1_024, 3_072])
def test_imported_rsa_certificates_are_served_under_every_policy(
    bits: int, store: CertificateStore, tmp_path: Path, now: float
) -> None:
    """CloudFront takes RSA-1024, which OpenSSL refuses at Debian's default security level."""
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", f"rsa:{bits}", "-nodes", "-keyout", key, "-out", certificate,
         "-days", "9999", "-subj", "/CN=rsa.test", "-addext", "subjectAltName=DNS:rsa.test"],
        check=True, capture_output=True,
    )  # fmt: skip
    today = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_before_utc.timestamp()
    stored = store.import_pem(certificate.read_bytes(), key.read_bytes(), now=today)
    assert stored.key_algorithm == f"RSA_{bits}"
    for policy in POLICIES:
        near, _ = connect(client(), server_context(ContextChoice(stored, policy)), "rsa.test")
        assert near.version() == "TLSv1.3"
    near, _ = connect(client(newest="TLSv1_2", ciphers="AES128-SHA"), server_context(ContextChoice(stored)), None)
    assert (near.version(), (near.cipher() or ("",))[0]) == ("TLSv1.2", "AES128-SHA")
