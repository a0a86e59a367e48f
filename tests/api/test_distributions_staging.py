"""Continuous deployment through boto3: policies, staging distributions, promotion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from distribution_documents import MISSING, Shop, changed, listed, refused, shop

HEADER = {"Type": "SingleHeader", "SingleHeaderConfig": {"Header": "aws-cf-cd-beta", "Value": "yes"}}
WEIGHT = {
    "Type": "SingleWeight",
    "SingleWeightConfig": {"Weight": 0.15, "SessionStickinessConfig": {"IdleTTL": 300, "MaximumTTL": 3600}},
}


@pytest.fixture
def at(tmp_path: Path) -> Shop:
    return shop(tmp_path)


def policy(name: str, traffic: Any = HEADER, *, enabled: bool = True) -> dict[str, Any]:
    return {"StagingDistributionDnsNames": listed(name), "Enabled": enabled, "TrafficConfig": traffic}


def pair(at: Shop) -> tuple[Any, Any]:
    """A primary distribution and its staging one."""
    primary = at.create(**at.named("www.shop.test"))
    copy = at.api.copy_distribution(
        PrimaryDistributionId=primary["Distribution"]["Id"],
        Staging=True,
        IfMatch=primary["ETag"],
        CallerReference="copy",
    )
    return primary, copy


def test_a_trial_and_its_promotion(at: Shop) -> None:
    primary, copy = pair(at)
    id, staging = primary["Distribution"]["Id"], copy["Distribution"]
    config = staging["DistributionConfig"]
    assert copy["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (config["Staging"], config["Enabled"], config["Aliases"]["Quantity"]) == (True, True, 0)
    made = at.api.create_continuous_deployment_policy(ContinuousDeploymentPolicyConfig=policy(staging["DomainName"]))
    trial = made["ContinuousDeploymentPolicy"]["Id"]
    attached = at.update(primary, ContinuousDeploymentPolicyId=trial)
    running = at.owner.world.distributions[id].continuous
    assert running is not None
    assert running.staging == (staging["Id"],)
    assert running.header == ("aws-cf-cd-beta", "yes")

    with refused("ContinuousDeploymentPolicyInUse", 409):
        at.api.delete_continuous_deployment_policy(Id=trial, IfMatch=made["ETag"])
    with refused("ContinuousDeploymentPolicyInUse", 409):
        at.update(at.create(reference="third"), ContinuousDeploymentPolicyId=trial)
    better = at.update(copy, Comment="better")
    promote = at.api.update_distribution_with_staging_config
    with refused("InvalidIfMatchVersion"):
        promote(Id=id, StagingDistributionId=staging["Id"], IfMatch=attached["ETag"])
    with refused("PreconditionFailed", 412):
        promote(Id=id, StagingDistributionId=staging["Id"], IfMatch=f"{attached['ETag']}, {copy['ETag']}")
    after = promote(Id=id, StagingDistributionId=staging["Id"], IfMatch=f"{attached['ETag']}, {better['ETag']}")
    config = after["Distribution"]["DistributionConfig"]
    assert (config["Comment"], config["Staging"], config["CallerReference"]) == ("better", False, "first")
    assert config["Aliases"]["Items"] == ["www.shop.test"]
    ended = at.api.get_continuous_deployment_policy(Id=trial)["ContinuousDeploymentPolicy"]
    assert not ended["ContinuousDeploymentPolicyConfig"]["Enabled"]
    assert at.owner.world.distributions[id].continuous is None


def test_what_refers_to_each_other_stays(at: Shop) -> None:
    primary, copy = pair(at)
    made = at.api.create_continuous_deployment_policy(
        ContinuousDeploymentPolicyConfig=policy(copy["Distribution"]["DomainName"], WEIGHT)
    )
    off = at.update(copy, Enabled=False)
    with refused("ResourceInUse", 409):
        at.api.delete_distribution(Id=copy["Distribution"]["Id"], IfMatch=off["ETag"])
    trial = made["ContinuousDeploymentPolicy"]["Id"]
    off = at.update(primary, Enabled=False, ContinuousDeploymentPolicyId=trial)
    with refused("ResourceInUse", 409):
        at.api.delete_distribution(Id=primary["Distribution"]["Id"], IfMatch=off["ETag"])
    at.update(primary, ContinuousDeploymentPolicyId="")
    at.api.delete_continuous_deployment_policy(Id=trial, IfMatch=made["ETag"])
    version = at.api.get_distribution(Id=copy["Distribution"]["Id"])["ETag"]
    at.api.delete_distribution(Id=copy["Distribution"]["Id"], IfMatch=version)


BAD = [
    ({"TrafficConfig__SingleWeightConfig__Weight": 0.16}, "Weight"),
    ({"TrafficConfig__SingleWeightConfig__SessionStickinessConfig__IdleTTL": 299}, "IdleTTL"),
    ({"TrafficConfig__SingleWeightConfig__SessionStickinessConfig__MaximumTTL": 3601}, "MaximumTTL"),
    ({"TrafficConfig__SingleWeightConfig__SessionStickinessConfig": {"IdleTTL": 900, "MaximumTTL": 600}}, "IdleTTL"),
    ({"TrafficConfig": {**HEADER, "SingleHeaderConfig": {"Header": "beta", "Value": "1"}}}, "aws-cf-cd-"),
    ({"TrafficConfig": {**HEADER, **WEIGHT}}, "TrafficConfig"),
    ({"TrafficConfig__Type": "SingleHeader"}, "TrafficConfig"),
    ({"TrafficConfig": MISSING}, "TrafficConfig"),
    ({"StagingDistributionDnsNames": {"Quantity": 0}}, "StagingDistributionDnsNames"),
    ({"StagingDistributionDnsNames": listed("dnone.cloudfront.net")}, "dnone"),
]


def test_what_is_no_policy(at: Shop) -> None:
    primary, copy = pair(at)
    good = policy(copy["Distribution"]["DomainName"], WEIGHT)
    create = at.api.create_continuous_deployment_policy
    for changes, says in BAD:
        with refused("InvalidArgument", says=says):
            create(ContinuousDeploymentPolicyConfig=changed(good, **changes))
    with refused("InvalidArgument", says="no staging one"):
        create(ContinuousDeploymentPolicyConfig=policy(primary["Distribution"]["DomainName"]))
    create(ContinuousDeploymentPolicyConfig=good)
    with refused("StagingDistributionInUse", 409):
        create(ContinuousDeploymentPolicyConfig=changed(good, TrafficConfig=HEADER))
    listing = at.api.list_continuous_deployment_policies()["ContinuousDeploymentPolicyList"]
    assert listing["Quantity"] == 1


def test_what_staging_cannot_do(at: Shop) -> None:
    primary, copy = pair(at)
    id = primary["Distribution"]["Id"]
    with refused("InvalidArgument", says="Staging"):
        at.api.copy_distribution(PrimaryDistributionId=id, IfMatch=primary["ETag"], CallerReference="x", Staging=False)
    with refused("PreconditionFailed", 412):
        at.api.copy_distribution(PrimaryDistributionId=id, IfMatch="E1", CallerReference="x", Staging=True)
    with refused("DistributionAlreadyExists", 409):
        at.api.copy_distribution(
            PrimaryDistributionId=id, IfMatch=primary["ETag"], CallerReference="first", Staging=True
        )
    with refused("IllegalUpdate", says="Staging"):
        at.update(copy, Staging=False)
    with refused("InvalidArgument", says="alternate domain names"):
        at.update(copy, **at.named("beta.shop.test"))
    with refused("InvalidArgument", says="not supported during distribution creation"):
        at.create(reference="new", ContinuousDeploymentPolicyId="x")
    with refused("NoSuchContinuousDeploymentPolicy", 404):
        at.update(primary, ContinuousDeploymentPolicyId="none")
