"""Certificates requested, described, listed, tagged, exported and deleted, asked for by boto3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acm_accounts import NOW, Owner, client
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from edgesim.api.account import Account
from edgesim.api.families.certificates import viewer_certificate
from edgesim.tls.authority import DAY
from edgesim.tls.store import CertificateStore
from edgesim.world.state import Record

NAMES = ["www.example.com", "*.example.com", "example.com"]
UNKNOWN = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-4234-9234-123456789012"


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path)


@pytest.fixture
def acm(owner: Owner) -> Any:
    return client(owner)


def request(acm: Any, *names: str, **more: Any) -> str:
    wanted = names or tuple(NAMES)
    others = {"SubjectAlternativeNames": list(wanted[1:])} if wanted[1:] else {}
    given = {"DomainName": wanted[0], "ValidationMethod": "DNS", "KeyAlgorithm": "EC_prime256v1", **others, **more}
    return str(acm.request_certificate(**given)["CertificateArn"])


def describe(acm: Any, arn: str) -> dict[str, Any]:
    return dict(acm.describe_certificate(CertificateArn=arn)["Certificate"])


def refused(code: str, action: Callable[..., Any], **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        action(**params)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(caught.value.response["Error"]["Message"])


def use(owner: Owner, arn: str) -> None:
    """Have a distribution's document name a certificate."""
    config = {"ViewerCertificate": {"ACMCertificateArn": arn}, "Enabled": False}
    record = Record("distribution", "E1", 1, config, {}, {}, NOW, NOW)
    records = {**owner.world.records, "distribution": {"E1": record}}
    owner.keeper.world = replace(owner.world, records=records)


# Requesting


def test_a_request_is_issued_when_it_is_looked_at(owner: Owner, acm: Any) -> None:
    arn = request(acm)
    assert arn.startswith("arn:aws:acm:us-east-1:123456789012:certificate/")
    one = describe(acm, arn)
    assert (one["Status"], one["Type"], one["DomainName"]) == ("ISSUED", "AMAZON_ISSUED", "www.example.com")
    assert one["SubjectAlternativeNames"] == NAMES
    assert one["KeyAlgorithm"] == "EC_prime256v1"
    assert one["CreatedAt"].timestamp() == one["IssuedAt"].timestamp() == NOW
    assert one["NotAfter"].timestamp() == NOW + 395 * DAY
    assert (one["RenewalEligibility"], one["InUseBy"]) == ("ELIGIBLE", [])
    assert one["KeyUsages"] == [{"Name": "DIGITAL_SIGNATURE"}]
    assert one["ExtendedKeyUsages"] == [{"Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1"}]
    assert (one["Subject"], one["SignatureAlgorithm"]) == ("CN=www.example.com", "SHA256WITHECDSA")
    assert one["Options"] == {"CertificateTransparencyLoggingPreference": "ENABLED", "Export": "DISABLED"}
    assert "RenewalSummary" not in one
    pem = acm.get_certificate(CertificateArn=arn)
    leaf = x509.load_pem_x509_certificate(pem["Certificate"].encode())
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(pem["CertificateChain"].encode()))
    assert leaf.serial_number == int(one["Serial"].replace(":", ""), 16)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == NAMES


def test_validation_takes_the_time_the_world_file_says(tmp_path: Path) -> None:
    owner = Owner(tmp_path, "propagation: { certificates: 90 s }\n")
    acm = client(owner)
    arn = request(acm)
    owner.now += 89
    one = describe(acm, arn)
    assert (one["Status"], one["RenewalEligibility"]) == ("PENDING_VALIDATION", "INELIGIBLE")
    assert not {"IssuedAt", "NotAfter", "Serial"} & one.keys()
    assert {each["ValidationStatus"] for each in one["DomainValidationOptions"]} == {"PENDING_VALIDATION"}
    assert "is not issued yet" in refused("RequestInProgressException", acm.get_certificate, CertificateArn=arn)
    assert viewer_certificate(Account(owner), arn) is None
    assert not list(owner.certificates.directory.glob("*.pem"))
    owner.now += 1
    assert viewer_certificate(Account(owner), arn) == owner.certificates.get(arn) is not None
    one = describe(acm, arn)
    assert one["Status"] == "ISSUED"
    assert (one["IssuedAt"] - one["CreatedAt"]).total_seconds() == 90
    assert {each["ValidationStatus"] for each in one["DomainValidationOptions"]} == {"SUCCESS"}


def test_the_dns_record_of_a_domain_is_always_the_same(acm: Any) -> None:
    records = {}
    for arn in (request(acm, *NAMES), request(acm, "example.com")):
        for each in describe(acm, arn)["DomainValidationOptions"]:
            assert each["ValidationMethod"] == "DNS"
            records.setdefault(each["DomainName"], set()).add(tuple(each["ResourceRecord"].items()))
    assert len(records["example.com"]) == 1
    assert records["*.example.com"] == records["example.com"] != records["www.example.com"]
    name, kind, value = (text for _, text in next(iter(records["example.com"])))
    assert (name[0], name[-13:], kind) == ("_", ".example.com.", "CNAME")
    assert value.endswith(".acm-validations.aws.")


def test_validation_by_mail(tmp_path: Path) -> None:
    owner = Owner(tmp_path, "propagation: { certificates: 1 h }\n")
    acm = client(owner)
    options = [{"DomainName": "www.example.com", "ValidationDomain": "example.com"}]
    arn = request(acm, "www.example.com", ValidationMethod="EMAIL", DomainValidationOptions=options)
    (one,) = describe(acm, arn)["DomainValidationOptions"]
    assert (one["ValidationDomain"], one["ValidationMethod"]) == ("example.com", "EMAIL")
    assert "hostmaster@example.com" in one["ValidationEmails"]
    assert "ResourceRecord" not in one
    again = {"CertificateArn": arn, "Domain": "www.example.com"}
    acm.resend_validation_email(**again, ValidationDomain="example.com")
    words = refused(
        "InvalidDomainValidationOptionsException", acm.resend_validation_email, **again, ValidationDomain="other.com"
    )
    assert "other.com" in words
    owner.now += 3600
    refused("InvalidStateException", acm.resend_validation_email, **again, ValidationDomain="example.com")


@pytest.mark.parametrize(
    ("names", "more", "code", "words"),
    [
        (["a..com"], {}, "ValidationException", "domainName"),
        (["127.0.0.10"], {}, "InvalidParameterException", "not valid"),
        ([f"{'a' * 60}.example.com"], {}, "InvalidParameterException", "64"),
        ([f"n{index}.example.com" for index in range(11)], {}, "LimitExceededException", "quota is 10"),
        (["a.com"], {"KeyAlgorithm": "RSA_4096"}, "InvalidParameterException", "imported certificates only"),
        (["a.com"], {"ValidationMethod": "HTTP"}, "InvalidParameterException", "does not emulate"),
        (["a.com"], {"ManagedBy": "CLOUDFRONT"}, "InvalidParameterException", "does not emulate"),
        (
            ["a.com"],
            {"CertificateAuthorityArn": "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/x"},
            "InvalidParameterException",
            "does not emulate",
        ),
        (["a.com"], {"Tags": [{"Key": "aws:x", "Value": "1"}]}, "InvalidTagException", "reserved"),
        (
            ["a.com"],
            {"DomainValidationOptions": [{"DomainName": "b.com", "ValidationDomain": "b.com"}]},
            "InvalidDomainValidationOptionsException",
            "b.com",
        ),
    ],
)
def test_requests_that_are_refused(
    owner: Owner, acm: Any, names: list[str], more: dict[str, Any], code: str, words: str
) -> None:
    assert words in refused(code, lambda: request(acm, *names, **more))
    assert not owner.world.records.get("certificate")


def test_one_token_is_one_request_for_an_hour(owner: Owner, acm: Any) -> None:
    first = request(acm, IdempotencyToken="one")
    assert request(acm, IdempotencyToken="one") == first
    assert request(acm, IdempotencyToken="two") != first
    assert request(acm, "a.com", IdempotencyToken="one") != first
    assert request(client(owner, region="eu-west-1"), IdempotencyToken="one") != first
    owner.now += 3600
    assert request(acm, IdempotencyToken="one") != first


def test_key_algorithms(owner: Owner, acm: Any) -> None:
    assert acm.request_certificate(DomainName="a.com")  # RSA_2048 and EMAIL unless told
    (one,) = acm.list_certificates()["CertificateSummaryList"]
    assert one["KeyAlgorithm"] == "RSA_2048"
    assert "KEY_ENCIPHERMENT" in one["KeyUsages"]
    assert viewer_certificate(Account(owner), one["CertificateArn"]) is not None
    curve = request(acm, KeyAlgorithm="EC_secp384r1")
    assert describe(acm, curve)["KeyAlgorithm"] == "EC_secp384r1"
    assert viewer_certificate(Account(owner), curve) is None  # ACM keeps it, CloudFront does not take it


def test_another_region_keeps_its_own(owner: Owner, acm: Any) -> None:
    there = client(owner, region="eu-central-1")
    arn = request(there)
    assert arn.startswith("arn:aws:acm:eu-central-1:123456789012:certificate/")
    assert describe(there, arn)["Status"] == "ISSUED"
    assert "Could not find certificate" in refused(
        "ResourceNotFoundException", acm.describe_certificate, CertificateArn=arn
    )
    assert viewer_certificate(Account(owner), arn) is None


# The store and the documents


def test_a_certificate_whose_file_is_lost_is_issued_anew(owner: Owner, acm: Any) -> None:
    arn = request(acm)
    before = describe(acm, arn)
    next(owner.certificates.directory.glob("*.pem")).unlink()
    owner.certificates.reload()
    after = describe(acm, arn)
    assert after["Serial"] != before["Serial"]
    assert (after["Status"], after["CertificateArn"]) == ("ISSUED", arn)


def test_a_file_without_a_document_is_nobodys(owner: Owner, acm: Any) -> None:
    arn = request(acm, "www.filed.test")
    describe(acm, arn)
    again = Owner(owner.certificates.directory.parent)  # another World over the same files
    assert again.certificates.get(arn) is not None
    assert client(again).list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"] == []
    refused("ResourceNotFoundException", client(again).describe_certificate, CertificateArn=arn)
    assert viewer_certificate(Account(again), arn) is None
    assert again.certificates.ensure(["www.filed.test"], NOW).arn != arn  # nor does it serve others


def test_a_clock_that_is_set_back_asks_for_nothing_again(tmp_path: Path) -> None:
    owner = Owner(tmp_path, "propagation: { certificates: 90 s }\n")
    acm = client(owner)
    arn = request(acm)
    owner.now -= 1000
    assert describe(acm, arn)["Status"] == "ISSUED"


def test_renewal_keeps_the_arn_and_is_told(owner: Owner, acm: Any) -> None:
    arn = request(acm, Tags=[{"Key": "team", "Value": "web"}])
    before = describe(acm, arn)
    owner.now += 336 * DAY  # 59 days are left
    owner.certificates.renew_due(owner.now)
    after = describe(acm, arn)
    assert after["Serial"] != before["Serial"]
    assert after["NotAfter"].timestamp() == owner.now + 395 * DAY
    assert after["IssuedAt"] == before["IssuedAt"]
    summary = after["RenewalSummary"]
    assert (summary["RenewalStatus"], summary["UpdatedAt"].timestamp()) == ("SUCCESS", owner.now)
    assert [each["DomainName"] for each in summary["DomainValidationOptions"]] == NAMES
    again = CertificateStore(owner.certificates.directory, owner.authority)
    assert again.get(arn) == owner.certificates.get(arn)  # and a restart knows
    assert "60 days before it expires" in refused("ValidationException", acm.renew_certificate, CertificateArn=arn)


# Listing


def test_lists_have_pages_and_filters(owner: Owner, acm: Any) -> None:
    arns = []
    for index in range(5):
        owner.now = NOW + index
        arns.append(request(acm, f"n{index}.example.com", KeyAlgorithm="EC_prime256v1"))
    assert acm.list_certificates()["CertificateSummaryList"] == []  # RSA only, as ACM does, unless asked
    curves = {"Includes": {"keyTypes": ["EC_prime256v1"]}}
    pages = acm.get_paginator("list_certificates").paginate(**curves, PaginationConfig={"PageSize": 2})
    listed = [[one["CertificateArn"] for one in page["CertificateSummaryList"]] for page in pages]
    assert listed == [arns[:2], arns[2:4], arns[4:]]
    down = acm.list_certificates(**curves, SortBy="CREATED_AT", SortOrder="DESCENDING")["CertificateSummaryList"]
    assert [one["CertificateArn"] for one in down] == arns[::-1]
    for wanted, count in (
        ({"CertificateStatuses": ["ISSUED"]}, 5),
        ({"CertificateStatuses": ["EXPIRED", "PENDING_VALIDATION"]}, 0),
        ({"CertificateKeyPairOrigins": ["CUSTOMER_PROVIDED"]}, 0),
        ({"Includes": {**curves["Includes"], "keyUsage": ["CRL_SIGNING"]}}, 0),
        ({"Includes": {**curves["Includes"], "extendedKeyUsage": ["TLS_WEB_SERVER_AUTHENTICATION"]}}, 5),
        ({"Includes": {**curves["Includes"], "exportOption": "ENABLED"}}, 0),
    ):
        assert len(acm.list_certificates(**{**curves, **wanted})["CertificateSummaryList"]) == count, wanted
    refused("InvalidArgsException", acm.list_certificates, **curves, NextToken="nothing")
    refused("ValidationException", acm.list_certificates, **curves, SortBy="CREATED_AT")


def test_the_worlds_own_certificates_are_listed_and_stay(owner: Owner, acm: Any) -> None:
    own = owner.certificates.ensure(["www.filed.test"], NOW, key_type="rsa")
    owner.certificates.ensure(["*.cloudfront.net", "cloudfront.net"], NOW, key_type="rsa")
    distribution = next(iter(owner.world.distributions))
    owner.certificates.assigned = {distribution: own.arn}
    (one,) = acm.list_certificates()["CertificateSummaryList"]
    assert (one["CertificateArn"], one["InUse"], one["Type"]) == (own.arn, True, "AMAZON_ISSUED")
    assert describe(acm, own.arn)["InUseBy"] == [f"arn:aws:cloudfront::123456789012:distribution/{distribution}"]
    assert viewer_certificate(Account(owner), own.arn) == own
    tags = [{"Key": "a", "Value": "b"}]
    words = refused("AccessDeniedException", acm.add_tags_to_certificate, CertificateArn=own.arn, Tags=tags)
    assert "world.yaml" in words
    owner.certificates.assigned = {distribution: UNKNOWN}
    assert "world.yaml" in refused("AccessDeniedException", acm.delete_certificate, CertificateArn=own.arn)
    assert acm.list_tags_for_certificate(CertificateArn=own.arn)["Tags"] == []


# Changing


def test_deleting_waits_for_the_last_user(owner: Owner, acm: Any) -> None:
    arn = request(acm)
    describe(acm, arn)
    free = owner.world
    use(owner, arn)
    assert describe(acm, arn)["InUseBy"] == ["arn:aws:cloudfront::123456789012:distribution/E1"]
    assert "in use" in refused("ResourceInUseException", acm.delete_certificate, CertificateArn=arn)
    owner.keeper.world = free
    acm.delete_certificate(CertificateArn=arn)
    assert not list(owner.certificates.directory.iterdir())
    refused("ResourceNotFoundException", acm.delete_certificate, CertificateArn=arn)


def test_tags(acm: Any) -> None:
    arn = request(acm, Tags=[{"Key": "a", "Value": "1"}])

    def tags() -> dict[str, str]:
        found = acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
        return {one["Key"]: one["Value"] for one in found}

    acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "c"}])
    assert tags() == {"a": "1", "b": "2", "c": ""}
    acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "a", "Value": "other"}, {"Key": "b"}])
    assert tags() == {"a": "1", "c": ""}
    many = [{"Key": f"k{index}", "Value": ""} for index in range(49)]
    refused("TooManyTagsException", acm.add_tags_to_certificate, CertificateArn=arn, Tags=many)


def test_only_what_is_exportable_is_exported(owner: Owner, acm: Any) -> None:
    arn = request(acm)
    asked = {"CertificateArn": arn, "Passphrase": b"sesame"}
    assert "Export option" in refused("ValidationException", acm.export_certificate, **asked)
    acm.update_certificate_options(CertificateArn=arn, Options={"Export": "ENABLED"})
    assert describe(acm, arn)["Options"]["Export"] == "ENABLED"
    got = acm.export_certificate(**asked)
    key = serialization.load_pem_private_key(got["PrivateKey"].encode(), b"sesame")
    assert key.public_key() == x509.load_pem_x509_certificate(got["Certificate"].encode()).public_key()
    (one,) = acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"]
    assert (one["Exported"], one["ExportOption"]) == (True, "ENABLED")
    words = refused(
        "ValidationException",
        acm.update_certificate_options,
        CertificateArn=arn,
        Options={"ValidationMethod": "DNS"},
    )
    assert "does not emulate" in words


def test_the_accounts_settings(owner: Owner, acm: Any) -> None:
    assert acm.get_account_configuration()["ExpiryEvents"] == {"DaysBeforeExpiry": 45}
    acm.put_account_configuration(ExpiryEvents={"DaysBeforeExpiry": 20}, IdempotencyToken="a")
    acm.put_account_configuration(ExpiryEvents={"DaysBeforeExpiry": 10}, IdempotencyToken="b")
    assert acm.get_account_configuration()["ExpiryEvents"] == {"DaysBeforeExpiry": 10}


def test_arns_that_lead_nowhere(acm: Any) -> None:
    assert UNKNOWN in refused("ResourceNotFoundException", acm.get_certificate, CertificateArn=UNKNOWN)
    refused("ValidationException", acm.describe_certificate, CertificateArn="not an ARN, though long enough")


def test_what_is_not_emulated_says_so(acm: Any) -> None:
    with pytest.raises(ClientError, match="does not emulate ACM's RevokeCertificate"):
        acm.revoke_certificate(CertificateArn=UNKNOWN, RevocationReason="UNSPECIFIED")


def test_who_am_i(owner: Owner) -> None:
    got = client(owner, "sts").get_caller_identity()
    assert (got["Account"], got["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:root")
    assert got["UserId"] == "123456789012"
