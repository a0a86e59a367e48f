from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from edgesim.tls.authority import DAY, CertificateAuthority, self_signed
from edgesim.tls.names import CertificateError
from edgesim.tls.store import ARN_PREFIX, CertificateStore, arn_for

ARN = f"{ARN_PREFIX}12345678-1234-4234-9234-123456789012"


def test_what_is_added_is_there_after_a_restart(store: CertificateStore, now: float) -> None:
    issued = store.authority.issue(["a.example", "*.a.example"], now=now)
    added = store.add(issued, now=now)
    assert added.arn == arn_for(["*.a.example", "a.example"])
    assert added.managed
    assert added.names == issued.names
    assert (added.serial, added.fingerprint_sha256) == (issued.serial, issued.fingerprint_sha256)
    assert (added.key_algorithm, added.subject) == ("EC_prime256v1", "CN=a.example")
    assert "edgesim local authority" in added.issuer
    assert added.chain_pem == issued.chain_pem
    again = CertificateStore(store.directory, store.authority)
    assert again.list() == store.list() == (added,)
    assert again.get(added.arn) == added
    assert again.warnings == ()
    assert len(again) == 1


def test_files_are_private_and_openssl_loads_them(store: CertificateStore, now: float) -> None:
    path = store.ensure(["a.example"], now, arn=ARN).path
    assert path.name == "12345678-1234-4234-9234-123456789012.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)


def test_remove(store: CertificateStore, now: float) -> None:
    added = store.ensure(["a.example"], now)
    assert store.remove(added.arn) == added
    assert store.remove(added.arn) is None
    assert store.find("a.example") is None
    assert list(store.directory.iterdir()) == []


def test_find(store: CertificateStore, now: float) -> None:
    wild = store.ensure(["*.example.com"], now, arn=arn_for(["wild"]))
    exact = store.add(store.authority.issue(["a.example.com"], now=now), now=now)
    assert store.find("A.example.com.", now) == exact
    assert store.find("b.example.com", now) == wild
    assert store.find("*.example.com") == wild
    assert store.find("example.com") is None
    assert store.find("a.b.example.com") is None
    assert store.find("not a host") is None
    longer = store.add(store.authority.issue(["a.example.com"], now=now, days=500), now=now, arn=ARN)
    assert store.find("a.example.com", now) == longer
    later = store.add(
        store.authority.issue(["a.example.com"], now=now, not_before=now + DAY, days=900),
        now=now,
        arn=arn_for(["later"]),
    )
    assert store.find("a.example.com", now) == longer
    assert store.find("a.example.com") == later


def test_ensure_keeps_what_is_good_and_replaces_what_is_not(store: CertificateStore, now: float) -> None:
    first = store.ensure(["a.example.com"], now)
    assert store.ensure(["A.example.com"], now) == first
    wild = store.ensure(["*.example.com", "example.com"], now)
    assert store.ensure(["b.example.com", "example.com"], now) == wild
    assert store.ensure(["a.example.com"], now) == first, "the one for exactly these names comes first"
    later = store.ensure(["a.example.com"], now + 400 * DAY)
    assert later.arn == first.arn
    assert later.serial != first.serial
    assert store.ensure(["a.example.com"], now, arn=ARN).arn == ARN
    assert store.ensure(["c.example.org"], now, key_type="rsa").key_algorithm == "RSA_2048"


def test_managed_certificates_are_renewed_sixty_days_before_their_end(store: CertificateStore, now: float) -> None:
    managed = store.add(store.authority.issue(["a.example"], now=now), now=now)
    made = self_signed(["b.example"], now=now)
    imported = store.import_pem(made.chain_pem, made.key_pem, now=now)
    at_sixty = managed.not_after - 60 * DAY
    assert store.renew_due(at_sixty) == ()
    (renewed,) = store.renew_due(at_sixty + 1)
    assert renewed.arn == managed.arn
    assert renewed.serial != managed.serial
    assert renewed.not_after == at_sixty + 1 + 395 * DAY
    assert renewed.not_before == now - DAY, "clients in real time, behind the simulated clock, accept it"
    assert renewed.added_at == managed.added_at
    assert store.get(managed.arn) == store.find("a.example") == renewed
    assert store.get(imported.arn) == imported
    assert CertificateStore(store.directory, store.authority).get(managed.arn) == renewed


def test_renewal_keeps_the_kind_of_key(store: CertificateStore, now: float) -> None:
    store.ensure(["a.example"], now, key_type="rsa")
    (renewed,) = store.renew_due(now + 390 * DAY)
    assert renewed.key_algorithm == "RSA_2048"


def test_import_of_a_chain(store: CertificateStore, authority: CertificateAuthority, now: float) -> None:
    issued = authority.issue(["a.example"], now=now)
    stored = store.import_pem(issued.chain_pem + authority.pem, issued.key_pem, now=now, arn=ARN)
    assert (stored.arn, stored.managed) == (ARN, False)
    assert stored.chain_pem.count(b"BEGIN CERTIFICATE") == 2
    other = authority.issue(["a.example"], now=now)
    assert store.import_pem(other.chain_pem, other.key_pem, now=now).arn != ARN
    again = store.import_pem(other.chain_pem, other.key_pem, now=now, arn=ARN)
    assert store.get(ARN) == again


def _pem_key(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, password: bytes | None = None) -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def test_imports_that_are_refused(store: CertificateStore, authority: CertificateAuthority, now: float) -> None:
    good, other = authority.issue(["a.example"], now=now), authority.issue(["b.example"], now=now)

    def refused(match: str, chain: bytes, key: bytes = good.key_pem, at: float = now, arn: str | None = None) -> None:
        with pytest.raises(CertificateError, match=match):
            store.import_pem(chain, key, now=at, arn=arn)

    refused("not PEM", b"no")
    refused("not an unencrypted PEM key", good.chain_pem, b"no")
    refused("not an unencrypted PEM key", good.chain_pem, _pem_key(ec.generate_private_key(ec.SECP256R1()), b"secret"))
    refused("does not belong", good.chain_pem, other.key_pem)
    refused("kind CloudFront does not take", good.chain_pem, _pem_key(ec.generate_private_key(ec.SECP384R1())))
    refused("kind CloudFront does not take", good.chain_pem, _pem_key(ed25519.Ed25519PrivateKey.generate()))
    refused("CN=a.example was not issued by CN=b.example", good.chain_pem + other.chain_pem + authority.pem)
    refused("no subject alternative names", authority.pem, (authority.path.parent / "ca-key.pem").read_bytes())
    refused("does not include the current", good.chain_pem, at=good.not_after + 1)
    refused("does not include the current", good.chain_pem, at=good.not_before - 1)
    refused("not a certificate identifier", good.chain_pem, arn="arn:aws:acm:us-east-1:1:certificate/../../x")
    assert store.list() == ()


def test_damaged_files_are_named_and_left_alone(store: CertificateStore, now: float) -> None:
    good, bad, moved = (store.ensure([name], now).path for name in ("a.example", "b.example", "c.example"))
    bad.write_bytes(bad.read_bytes()[:-100])
    (store.directory / "foreign.pem").write_bytes(b"hello")
    (store.directory / "torn.pem").write_bytes(b"# edgesim certificate {")
    moved.rename(store.directory / "moved.pem")
    (store.directory / ".half.tmp").write_bytes(b"left by a crash")
    again = CertificateStore(store.directory, store.authority)
    assert [one.path for one in again.list()] == [good]
    assert {warning.partition(" is skipped")[0] for warning in again.warnings} == {
        bad.name, "foreign.pem", "torn.pem", "moved.pem",
    }  # fmt: skip
    assert bad.exists()
    assert again.ensure(["b.example"], now).path == bad, "made again under its identifier"
    again.reload()
    assert bad.name not in str(again.warnings)


def test_another_process_sees_changes_after_a_reload(store: CertificateStore, now: float) -> None:
    other = CertificateStore(store.directory, store.authority)
    added = store.ensure(["a.example"], now)
    assert other.find("a.example") is None
    other.reload()
    assert other.find("a.example") == added


def test_an_unknown_directory_is_made(tmp_path: Path, authority: CertificateAuthority) -> None:
    assert CertificateStore(tmp_path / "a" / "b", authority).list() == ()


def test_what_was_requested_serves_only_by_its_identifier(store: CertificateStore, now: float) -> None:
    issued = store.authority.issue(["a.example"], now=now, key_type="ecdsa384")
    requested = store.add(issued, now=now, arn=ARN, requested=True)
    assert (requested.requested, requested.key_algorithm, requested.renewed_at) == (True, "EC_secp384r1", None)
    other = store.ensure(["a.example"], now)
    assert other.arn != ARN
    assert store.ensure(["a.example"], now, arn=ARN) == requested
    later = now + 336 * DAY
    assert {one.arn for one in store.renew_due(later)} == {ARN, other.arn}
    renewed = store.get(ARN)
    assert renewed is not None
    assert (renewed.key_algorithm, renewed.requested, renewed.renewed_at) == ("EC_secp384r1", True, later)
    assert (renewed.added_at, renewed.serial == requested.serial) == (now, False)
    assert CertificateStore(store.directory, store.authority).list() == store.list()


def test_a_file_of_an_older_edgesim_is_read(store: CertificateStore, now: float) -> None:
    added = store.ensure(["a.example"], now)
    _, _, rest = added.path.read_bytes().partition(b"\n")
    facts = f'# edgesim certificate {{"arn": "{added.arn}", "managed": true, "added_at": {now}}}\n'
    added.path.write_bytes(facts.encode() + rest)
    store.reload()
    assert store.list() == (added,)


def test_only_the_api_may_keep_curves_cloudfront_does_not_take(store: CertificateStore, now: float) -> None:
    issued = self_signed(["a.example"], now=now, key_type="ecdsa384")
    with pytest.raises(CertificateError, match="CloudFront does not take; expected ECDSA P-256 or RSA"):
        store.import_pem(issued.chain_pem, issued.key_pem, now=now)
    assert store.import_pem(issued.chain_pem, issued.key_pem, now=now, arn=ARN, requested=True).requested


def test_what_is_here_already_is_not_judged_by_its_dates_again(store: CertificateStore, now: float) -> None:
    issued = self_signed(["a.example"], now=now, days=30)
    first = store.import_pem(issued.chain_pem, issued.key_pem, now=now)
    assert store.import_pem(issued.chain_pem, issued.key_pem, now=now + 31 * DAY) == first
    store.remove(first.arn)
    with pytest.raises(CertificateError, match="does not include"):
        store.import_pem(issued.chain_pem, issued.key_pem, now=now + 31 * DAY)
