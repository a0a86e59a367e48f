"""Empty elements: absent where old SDKs send them for nothing, kept where a user may have meant them."""

from __future__ import annotations

from typing import Any

import pytest
from wire_values import sent

from edgesim.api.model import service
from edgesim.api.rest_xml import NAMESPACE, RestXml
from edgesim.api.validation import check

WIRE = RestXml("cloudfront")
DISTRIBUTION: dict[str, Any] = {
    "CallerReference": "r",
    "Comment": "",
    "Enabled": True,
    "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "o.test"}]},
    "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all"},
}


def through(operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """Values as botocore sends and we read them."""
    return WIRE.read(sent(service("cloudfront").operation_model(operation), params)).params


def test_a_required_string_may_be_empty() -> None:
    assert through("CreateDistribution", {"DistributionConfig": DISTRIBUTION}) == {"DistributionConfig": DISTRIBUTION}


@pytest.mark.parametrize("name", ["DefaultRootObject", "WebACLId", "PriceClass"])
def test_optional_members_of_a_distribution(name: str) -> None:
    read = through("CreateDistribution", {"DistributionConfig": {**DISTRIBUTION, name: ""}})
    assert read["DistributionConfig"].get(name) == ("" if name == "DefaultRootObject" else None)


@pytest.mark.parametrize("name", ["CachePolicyId", "OriginRequestPolicyId", "ResponseHeadersPolicyId"])
def test_an_empty_reference_refers_to_nothing(name: str) -> None:
    behavior = {**DISTRIBUTION["DefaultCacheBehavior"], name: ""}
    config = {**DISTRIBUTION, "DefaultCacheBehavior": behavior}
    assert (
        name
        not in through("CreateDistribution", {"DistributionConfig": config})["DistributionConfig"][
            "DefaultCacheBehavior"
        ]
    )


def test_an_error_page_that_is_none() -> None:
    page = {"ErrorCode": 404, "ResponsePagePath": "", "ResponseCode": ""}
    config = {**DISTRIBUTION, "CustomErrorResponses": {"Quantity": 1, "Items": [page]}}
    read = through("CreateDistribution", {"DistributionConfig": config})["DistributionConfig"]
    assert read["CustomErrorResponses"]["Items"] == [{"ErrorCode": 404}]


def test_an_empty_optional_list_is_absent_and_a_required_one_is_not() -> None:
    config = {**DISTRIBUTION, "Aliases": {"Quantity": 0, "Items": []}}
    assert through("CreateDistribution", {"DistributionConfig": config})["DistributionConfig"]["Aliases"] == {
        "Quantity": 0
    }
    group = {"Name": "n", "Items": [], "Comment": ""}
    assert through("CreateKeyGroup", {"KeyGroupConfig": group}) == {"KeyGroupConfig": group}


def test_an_optional_comment_is_as_it_was_sent() -> None:
    policy = {"Name": "n", "MinTTL": 0}
    for sent_policy in (policy, {**policy, "Comment": ""}, {**policy, "Comment": " a\n b "}):
        assert through("CreateCachePolicy", {"CachePolicyConfig": sent_policy}) == {"CachePolicyConfig": sent_policy}


def test_an_empty_number_is_absent_and_a_required_one_missing() -> None:
    from edgesim.api.messages import Request

    body = f'<CachePolicyConfig xmlns="{NAMESPACE}"><Name>n</Name><MinTTL/><MaxTTL></MaxTTL></CachePolicyConfig>'
    asked = WIRE.read(Request("POST", "/2020-05-31/cache-policy", {}, body.encode()))
    assert asked.params["CachePolicyConfig"].get("MaxTTL") is None
    assert not [words for words in asked.findings.violations if "maxTTL" in words]
    violations = [*asked.findings.violations, *check(asked.operation.input_shape, asked.params)]
    assert violations == [
        "Value '' at 'cachePolicyConfig.minTTL' failed to satisfy constraint: Member must be a long integer"
    ]
