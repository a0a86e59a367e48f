"""Accounts with certificates and distributions to try the rules on, driven by boto3 without sockets."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acm_accounts import Owner, client
from botocore.exceptions import ClientError
from botocore.serialize import create_serializer

OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
MISSING: Any = ...


def config(reference: str = "first", **changes: Any) -> dict[str, Any]:
    """The least that CloudFront takes, with changes by path: ``Origins__Items__0__Id`` is ``Origins.Items[0].Id``."""
    document: dict[str, Any] = {
        "CallerReference": reference,
        "Comment": "a shop",
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [
                {
                    "Id": "shop",
                    "DomainName": "shop.example.com",
                    "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
                }
            ],
        },
        "DefaultCacheBehavior": {
            "TargetOriginId": "shop",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": OPTIMIZED,
        },
    }
    return changed(document, **changes)


def changed(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy with changes; ``MISSING`` takes a member out."""
    document = copy.deepcopy(document)
    for path, value in changes.items():
        at: Any = document
        value = value if value is MISSING else copy.deepcopy(value)
        *way, last = path.split("__")
        for name in way:
            at = at[int(name)] if isinstance(at, list) else at.setdefault(name, {})
        if value is MISSING:
            at.pop(last, None)
        elif isinstance(at, list):
            at[int(last)] = value
        else:
            at[last] = value
    return document


def listed(*found: Any) -> dict[str, Any]:
    """A list with its quantity."""
    return {"Quantity": len(found), "Items": list(found)}


LEGACY = {
    "DefaultCacheBehavior__CachePolicyId": MISSING,
    "DefaultCacheBehavior__MinTTL": 0,
    "DefaultCacheBehavior__ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
}


@dataclass
class Shop:
    """An account, and short ways to ask it."""

    owner: Owner
    api: Any
    acm: Any

    def create(self, document: dict[str, Any] | None = None, **changes: Any) -> Any:
        return self.api.create_distribution(DistributionConfig=document or config(**changes))

    def update(self, made: Any, **changes: Any) -> Any:
        """Change what is there, with the version it has."""
        got = self.api.get_distribution_config(Id=made["Distribution"]["Id"])
        return self.api.update_distribution(
            Id=made["Distribution"]["Id"],
            IfMatch=got["ETag"],
            DistributionConfig=changed(got["DistributionConfig"], **changes),
        )

    def certificate(self, *names: str) -> str:
        arn = self.acm.request_certificate(DomainName=names[0], SubjectAlternativeNames=list(names))["CertificateArn"]
        return str(arn)

    def named(self, *names: str, covered: tuple[str, ...] = ()) -> dict[str, Any]:
        """Changes that give a distribution these aliases, and a certificate for them."""
        arn = self.certificate(*(covered or names))
        return {
            "Aliases": listed(*names),
            "ViewerCertificate": {"ACMCertificateArn": arn, "SSLSupportMethod": "sni-only"},
        }


def shop(directory: Path, *, lenient: bool = False, more: str = "", checks: bool = True) -> Shop:
    """An account of its own; without ``checks`` boto3 sends what it would refuse."""
    owner = Owner(directory, more)
    api = client(owner, "cloudfront", lenient=lenient)
    if not checks:
        api._serializer = create_serializer("rest-xml", include_validation=False)
    return Shop(owner, api, client(owner))


@contextmanager
def refused(code: str, status: int = 400, says: str = "") -> Iterator[None]:
    """The error that must come: code, status, and words in its message."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status), error
    assert says in error["Error"]["Message"]
