"""Certificates made elsewhere (by OpenSSL), imported by boto3: what ACM takes, and its words for what it does not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from acm_accounts import NOW, Owner, client
from botocore.exceptions import ClientError

from edgesim.api.account import Account
from edgesim.api.families.certificates import viewer_certificate
from edgesim.tls.authority import DAY, CertificateAuthority, IssuedCertificate, self_signed
from edgesim.tls.requested import issue_due
from edgesim.tls.store import CertificateStore

Pair = tuple[bytes, bytes]


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path)


@pytest.fixture
def acm(owner: Owner) -> Any:
    return client(owner)


def pair(issued: IssuedCertificate) -> dict[str, bytes]:
    return {"Certificate": issued.chain_pem, "PrivateKey": issued.key_pem}


def refused(acm: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        acm.import_certificate(**params)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return str(caught.value.response["Error"]["Message"])


def test_openssl_makes_one_and_acm_keeps_it(owner: Owner, acm: Any, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "30", "-subj", "/O=Shop/CN=shop.test",
         "-addext", "subjectAltName=DNS:www.shop.test,DNS:shop.test", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    said = subprocess.run(
        ["openssl", "x509", "-in", str(certificate), "-noout", "-serial"], check=True, capture_output=True, text=True
    )
    owner.now = certificate.stat().st_mtime + 5
    arn = acm.import_certificate(
        Certificate=certificate.read_bytes(), PrivateKey=key.read_bytes(), Tags=[{"Key": "a", "Value": "b"}]
    )["CertificateArn"]
    one = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert (one["Type"], one["Status"], one["DomainName"]) == ("IMPORTED", "ISSUED", "shop.test")
    assert one["SubjectAlternativeNames"] == ["www.shop.test", "shop.test"]
    assert (one["KeyAlgorithm"], one["SignatureAlgorithm"], one["Issuer"]) == ("RSA_3072", "SHA256WITHRSA", "Shop")
    assert f"serial={one['Serial'].replace(':', '').upper()}" == said.stdout.strip()
    assert one["ImportedAt"].timestamp() == pytest.approx(owner.now, abs=0.01)
    assert (one["KeyUsages"], one["ExtendedKeyUsages"]) == ([{"Name": "ANY"}], [{"Name": "NONE"}])
    assert one["RenewalEligibility"] == "INELIGIBLE"
    assert not {"IssuedAt", "DomainValidationOptions", "RenewalSummary"} & one.keys()
    got = acm.get_certificate(CertificateArn=arn)
    assert got["Certificate"].encode() == certificate.read_bytes()
    assert "CertificateChain" not in got
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    assert viewer_certificate(Account(owner), arn) is not None
    owner.now += 31 * DAY
    owner.certificates.renew_due(owner.now)
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "EXPIRED"
    assert viewer_certificate(Account(owner), arn) is None


def test_the_chain_is_kept_and_given_back(owner: Owner, acm: Any, tmp_path: Path) -> None:
    other = CertificateAuthority.load_or_create(tmp_path / "other", NOW)
    issued = other.issue(["a.test"], now=NOW)
    assert "not a valid self signed" in refused(acm, **pair(issued))
    lenient = client(owner, lenient=True)
    assert lenient.import_certificate(**pair(issued))["CertificateArn"]
    arn = acm.import_certificate(**pair(issued), CertificateChain=other.pem)["CertificateArn"]
    assert acm.get_certificate(CertificateArn=arn)["CertificateChain"].encode() == other.pem
    wrong = refused(acm, **pair(issued), CertificateChain=owner.authority.pem)
    assert wrong.startswith("Unable to validate certificate chain.")
    assert wrong.endswith("is: 0")


def test_importing_again_replaces(owner: Owner, acm: Any) -> None:
    first, second = (self_signed([name], now=NOW) for name in ("a.test", "b.test"))
    arn = acm.import_certificate(**pair(first))["CertificateArn"]
    tagging = {"Tags": [{"Key": "a", "Value": "b"}]}
    assert refused(acm, **pair(second), CertificateArn=arn, **tagging) == "Tagging is not permitted on re-import."
    acm.add_tags_to_certificate(CertificateArn=arn, **tagging)
    owner.now += DAY
    assert acm.import_certificate(**pair(second), CertificateArn=arn)["CertificateArn"] == arn
    one = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert (one["DomainName"], one["SubjectAlternativeNames"]) == ("b.test", ["b.test"])
    assert (one["ImportedAt"] - one["CreatedAt"]).total_seconds() == DAY
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == tagging["Tags"]
    assert len(list(owner.certificates.directory.iterdir())) == 1
    requested = acm.request_certificate(DomainName="c.test.example", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
    assert "was not imported" in refused(acm, **pair(second), CertificateArn=requested)


def test_what_is_refused(owner: Owner, acm: Any) -> None:
    good, other = self_signed(["a.test"], now=NOW), self_signed(["a.test"], now=NOW)
    two = {"Certificate": good.chain_pem + other.chain_pem, "PrivateKey": good.key_pem}
    assert refused(acm, **two).startswith("The certificate field contains more than one certificate.")
    assert refused(acm, Certificate=good.chain_pem, PrivateKey=other.key_pem).endswith(
        "does not match the certificate."
    )
    assert "PEM-encoded X.509" in refused(acm, Certificate=b"none", PrivateKey=good.key_pem)
    assert "PEM-encoded private key" in refused(acm, Certificate=good.chain_pem, PrivateKey=b"none")
    assert "5 KB" in refused(acm, Certificate=good.chain_pem, PrivateKey=good.key_pem + b"\n" * 5000)
    late = self_signed(["a.test"], now=NOW - 500 * DAY)
    assert "valid at the time of import" in refused(acm, **pair(late))
    assert "certificate chain" in refused(acm, **pair(good), CertificateChain=b"none")
    assert not list(owner.certificates.directory.iterdir())
    assert not owner.world.records.get("certificate")


def test_an_encrypted_key_is_refused(acm: Any, tmp_path: Path) -> None:
    good = self_signed(["a.test"], now=NOW)
    key = tmp_path / "key.pem"
    key.write_bytes(good.key_pem)
    locked = subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", str(key), "-passout", "pass:sesame"], check=True, capture_output=True
    )
    assert "unencrypted" in refused(acm, Certificate=good.chain_pem, PrivateKey=locked.stdout)


def test_a_lost_file_is_missed(owner: Owner, acm: Any) -> None:
    arn = acm.import_certificate(**pair(self_signed(["a.test"], now=NOW)))["CertificateArn"]
    next(owner.certificates.directory.glob("*.pem")).unlink()
    store = owner.certificates = CertificateStore(owner.certificates.directory, owner.authority)
    issue_due(store, owner.world, owner.now)
    assert store.warnings == (f"{arn} (a.test) was imported and its file is gone: import it again",)
    one = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert (one["Status"], one["FailureReason"]) == ("FAILED", "OTHER")
    acm.import_certificate(**pair(self_signed(["a.test"], now=NOW)), CertificateArn=arn)
    issue_due(store, owner.world, owner.now)
    assert store.warnings == ()
    acm.delete_certificate(CertificateArn=arn)
