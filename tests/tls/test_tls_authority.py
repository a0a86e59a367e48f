from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509

from edgesim.tls import files
from edgesim.tls.authority import DAY, CertificateAuthority, self_signed
from edgesim.tls.names import CertificateError

YEAR = 365 * DAY

# Ends itself with SIGKILL at the n-th call that touches the disk.
KILLED = """
import os, signal, sys
from pathlib import Path
from edgesim.tls.authority import CertificateAuthority
left = int(sys.argv[2])
def counted(call):
    def wrapper(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return wrapper
for name in ("open", "fsync", "link", "unlink", "replace"):
    setattr(os, name, counted(getattr(os, name)))
CertificateAuthority.load_or_create(Path(sys.argv[1]), 1.78e9)
"""


def openssl(*arguments: str | Path) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_root_is_kept_and_private(tmp_path: Path, now: float) -> None:
    first = CertificateAuthority.load_or_create(tmp_path / "new" / "ca", now)
    again = CertificateAuthority.load_or_create(tmp_path / "new" / "ca", now + YEAR)
    assert again.fingerprint_sha256 == first.fingerprint_sha256
    assert again.pem == first.pem == first.path.read_bytes()
    assert stat.S_IMODE((first.path.parent / "ca-key.pem").stat().st_mode) == 0o600
    assert sorted(entry.name for entry in first.path.parent.iterdir()) == ["ca-key.pem", "ca.pem"]
    assert first.created == now
    assert first.not_before < now - 9 * YEAR
    assert first.not_after > now + 10 * YEAR


def test_openssl_reads_the_root_as_a_constrained_authority(authority: CertificateAuthority) -> None:
    text = openssl("x509", "-in", authority.path, "-noout", "-text")
    assert "CA:TRUE, pathlen:1" in text
    assert "prime256v1" in text
    assert "Certificate Sign, CRL Sign" in text


@pytest.mark.parametrize("key_type", ["ecdsa", "rsa"])
def test_openssl_verifies_what_it_issues(
    key_type: str, authority: CertificateAuthority, tmp_path: Path, now: float
) -> None:
    issued = authority.issue(["A.example.com", "*.example.com", "127.0.0.1", "::1"], now=now, key_type=key_type)  # type: ignore[arg-type]
    assert issued.names == ("a.example.com", "*.example.com", "127.0.0.1", "::1")
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(issued.chain_pem)
    for moment in (now - DAY, now, now + 395 * DAY - 1):
        said = openssl(
            "verify", "-x509_strict", "-purpose", "sslserver", "-attime", str(int(moment)),
            "-CAfile", authority.path, "-verify_hostname", "x.example.com", leaf,
        )  # fmt: skip
        assert said.endswith("OK\n"), said
    said = openssl("verify", "-attime", str(int(now + 396 * DAY)), "-CAfile", authority.path, leaf)
    assert "certificate has expired" in said
    text = openssl("x509", "-in", leaf, "-noout", "-text", "-fingerprint", "-sha256")
    assert "DNS:a.example.com, DNS:*.example.com, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1" in text
    assert "CN = a.example.com" in text
    assert "TLS Web Server Authentication" in text
    assert "CA:FALSE" in text
    assert issued.fingerprint_sha256 in text.replace(":", "").lower()


def test_a_leaf_issued_with_the_clock_ahead_is_good_now(authority: CertificateAuthority, now: float) -> None:
    issued = authority.issue(["a.example"], now=now + 5 * YEAR)
    assert issued.not_before == now - DAY
    assert issued.not_after == now + 5 * YEAR + 395 * DAY


def test_a_leaf_issued_with_the_clock_set_back_is_good_then(authority: CertificateAuthority, now: float) -> None:
    issued = authority.issue(["a.example"], now=now - YEAR)
    assert issued.not_before == now - YEAR - DAY


def test_dates_and_serial_can_be_chosen(authority: CertificateAuthority, now: float) -> None:
    issued = authority.issue(["a.example"], now=now, not_before=now - 9, not_after=now - 1, serial=77)
    assert (issued.not_before, issued.not_after, issued.serial) == (now - 9, now - 1, 77)


def test_names_too_long_for_a_common_name(authority: CertificateAuthority, tmp_path: Path, now: float) -> None:
    name = f"{'a' * 60}.example.com"
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(authority.issue([name], now=now).chain_pem)
    assert "X509v3 Subject Alternative Name: critical" in openssl("x509", "-in", leaf, "-noout", "-text")
    said = openssl("verify", "-x509_strict", "-attime", str(int(now)), "-CAfile", authority.path, leaf)
    assert said.endswith("OK\n"), said


def test_refusals(authority: CertificateAuthority, now: float) -> None:
    with pytest.raises(CertificateError, match="at least one name"):
        authority.issue([], now=now)
    with pytest.raises(CertificateError, match="cannot end"):
        authority.issue(["a"], now=now, days=-800, not_before=now)


def test_self_signed(tmp_path: Path, now: float) -> None:
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(self_signed(["a.example"], now=now).chain_pem)
    assert "self-signed certificate" in openssl("verify", "-attime", str(int(now)), leaf)
    late = self_signed(["a.example"], now=now, not_before=now - 10, not_after=now - 5)
    assert (late.not_before, late.not_after) == (now - 10, now - 5)


@pytest.mark.parametrize("calls", range(11))
def test_a_kill_at_any_moment_leaves_a_usable_directory(calls: int, tmp_path: Path, now: float) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(calls)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    authority = CertificateAuthority.load_or_create(tmp_path, now)
    assert authority.certificate.public_key() == CertificateAuthority.load_or_create(tmp_path, now)._key.public_key()


def test_those_who_make_it_at_the_same_time_get_the_same_root(tmp_path: Path, now: float) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: CertificateAuthority.load_or_create(tmp_path / "ca", now), range(16)))
    assert len({authority.fingerprint_sha256 for authority in made}) == 1


def test_damaged_directories_are_explained(tmp_path: Path, now: float, authority: CertificateAuthority) -> None:
    CertificateAuthority.load_or_create(tmp_path, now)
    root, key = tmp_path / "ca.pem", tmp_path / "ca-key.pem"
    good_root, good_key = root.read_bytes(), key.read_bytes()

    root.write_bytes(authority.pem)
    with pytest.raises(CertificateError, match="does not belong to the key"):
        CertificateAuthority.load_or_create(tmp_path, now)
    root.write_bytes(b"no")
    with pytest.raises(CertificateError, match=r"ca\.pem is not a certificate"):
        CertificateAuthority.load_or_create(tmp_path, now)
    root.write_bytes(good_root)
    key.write_bytes(b"no")
    with pytest.raises(CertificateError, match=r"ca-key\.pem is not a private key"):
        CertificateAuthority.load_or_create(tmp_path, now)
    key.write_bytes(self_signed(["a"], now=now, key_type="rsa").key_pem)
    with pytest.raises(CertificateError, match="another kind"):
        CertificateAuthority.load_or_create(tmp_path, now)
    key.unlink()
    with pytest.raises(CertificateError, match="without its key"):
        CertificateAuthority.load_or_create(tmp_path, now)
    key.write_bytes(good_key)
    root.unlink()
    assert x509.load_pem_x509_certificate(CertificateAuthority.load_or_create(tmp_path, now).pem)


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    files.create_once(tmp_path / "a", b"first", 0o600)
    files.create_once(tmp_path / "a", b"second", 0o600)
    assert (tmp_path / "a").read_bytes() == b"first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("disk full")

    path = tmp_path / "a"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(OSError, match="disk full"):
            files.replace(path, b"new", 0o600)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
