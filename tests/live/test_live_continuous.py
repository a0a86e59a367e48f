"""Continuous deployment from the API to the wire: boto3 sets it up, requests go to either side, promotion ends it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from live_worlds import World

pytestmark = pytest.mark.live

KEYS: dict[str, Any] = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
HOST, HEADER = "trial.test", "aws-cf-cd-trial"
OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
ORIGIN = {
    "Id": "site",
    "DomainName": "origin.harbour.test",
    "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
}
CONFIG: dict[str, Any] = {
    "CallerReference": "trial",
    "Comment": "",
    "Enabled": True,
    "Origins": {"Quantity": 1, "Items": [ORIGIN]},
    "DefaultCacheBehavior": {
        "TargetOriginId": "site",
        "ViewerProtocolPolicy": "allow-all",
        "CachePolicyId": OPTIMIZED,
    },
}


def served(world: World, *headers: str, host: str) -> tuple[int, str, str, str | None]:
    """Status, outcome, the distribution that answered and why."""
    got = world.get("/wp-content/uploads/harbour.jpg", headers={"Host": host, **dict.fromkeys(headers, "on")})
    told = world.ask(f"explain/{got.id}")["distribution"]
    return got.status, got.outcome.partition(" ")[0], told["id"], (told["deployment"] or {}).get("name")


def test_a_trial_by_header(quick: World) -> None:
    api = boto3.client("cloudfront", endpoint_url=quick.control, **KEYS)
    primary = api.create_distribution(DistributionConfig=CONFIG)
    id, host = primary["Distribution"]["Id"], primary["Distribution"]["DomainName"]
    copy = api.copy_distribution(
        PrimaryDistributionId=id, Staging=True, IfMatch=primary["ETag"], CallerReference="copy", Enabled=True
    )["Distribution"]
    traffic = {"Type": "SingleHeader", "SingleHeaderConfig": {"Header": HEADER, "Value": "on"}}
    names = {"Quantity": 1, "Items": [copy["DomainName"]]}
    config = {"StagingDistributionDnsNames": names, "Enabled": True, "TrafficConfig": traffic}
    made = api.create_continuous_deployment_policy(ContinuousDeploymentPolicyConfig=config)
    policy = made["ContinuousDeploymentPolicy"]["Id"]
    current = api.get_distribution_config(Id=id)
    attached = {**current["DistributionConfig"], "ContinuousDeploymentPolicyId": policy}
    api.update_distribution(Id=id, IfMatch=current["ETag"], DistributionConfig=attached)
    assert served(quick, host=host) == (200, "Miss", id, "OTHER_HEADER")
    assert served(quick, host=host) == (200, "Hit", id, "OTHER_HEADER")
    assert served(quick, HEADER, host=host) == (200, "Miss", copy["Id"], "HEADER")
    assert served(quick, HEADER, host=host) == (200, "Hit", copy["Id"], "HEADER")
    assert served(quick, HEADER, host=copy["DomainName"])[0] == 403
    off = {**config, "Enabled": False}
    api.update_continuous_deployment_policy(Id=policy, IfMatch=made["ETag"], ContinuousDeploymentPolicyConfig=off)
    assert served(quick, HEADER, host=host) == (200, "Hit", id, None)
