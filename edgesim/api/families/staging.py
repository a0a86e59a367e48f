"""Continuous deployment: policies, staging distributions and their promotion (spec §9.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgesim.api.account import Account
from edgesim.api.call import Call, Handler
from edgesim.api.etags import check_if_match, etag
from edgesim.api.families.checks import Document, Row, between, check_rows, items
from edgesim.api.families.distribution_rules import check_distribution
from edgesim.api.families.distributions import changeable, created, describe, of
from edgesim.api.families.regular import Kind, Use, operations
from edgesim.api.faults import fault
from edgesim.world.state import Record

FAMILY = "continuous-deployment-policy"
_WEIGHT = "TrafficConfig.SingleWeightConfig"
_STICKY = f"{_WEIGHT}.SessionStickinessConfig"
_HEADER = "TrafficConfig.SingleHeaderConfig"
ROWS = (
    Row(f"{_WEIGHT}.Weight", between(0, 0.15), "InvalidArgument", "The parameter Weight must be from 0 to 0.15: "
        "{value}"),
    Row(f"{_STICKY}.IdleTTL", between(300, 3_600), "InvalidArgument", "The parameter IdleTTL must be from 300 to 3600: "
        "{value}"),
    Row(f"{_STICKY}.MaximumTTL", between(300, 3_600), "InvalidArgument", "The parameter MaximumTTL must be from 300 to "
        "3600: {value}"),
    Row(f"{_HEADER}.Header", lambda name: name.lower().startswith("aws-cf-cd-") and len(name) <= 256,
        "InvalidArgument", "The parameter Header must begin with aws-cf-cd-: {value}"),
    Row(f"{_HEADER}.Value", lambda text: 0 < len(text) <= 1_783, "InvalidArgument", "The parameter Value of "
        "SingleHeaderConfig has 1 to 1783 characters."),
)  # fmt: skip


def policy(account: Account, given: Mapping[str, Any], old: Record | None) -> Mapping[str, Any]:
    """A continuous deployment policy as CloudFront stores it. Raises ControlError for one that it refuses."""
    check_rows(given, ROWS)
    _check_traffic(given)
    names = items(given, "StagingDistributionDnsNames")
    if len(names) > 1 or (given["Enabled"] and not names):
        raise fault("InvalidArgument", "The parameter StagingDistributionDnsNames must name one staging distribution.")
    staging = {
        one.facts["domain"]: one
        for one in account.all("distribution")
        if one.config.get("Staging") and "owner" not in one.facts
    }
    for name in names:
        if name not in staging:
            raise fault("InvalidArgument", f"The parameter StagingDistributionDnsNames has no staging one: {name}")
        for other in account.all(FAMILY):
            if (old is None or other.id != old.id) and name in items(other.config, "StagingDistributionDnsNames"):
                raise fault("StagingDistributionInUse")
    return given


def copy(call: Call) -> Mapping[str, Any]:
    """Make a staging distribution with the config of another; its names and its policy stay behind."""
    account, params = call.account, call.params
    primary = of(account, params["PrimaryDistributionId"])
    if not params.get("Staging", False):
        raise fault("InvalidArgument", "The parameter Staging must be true: a copy is a staging distribution.")
    if primary.config.get("Staging"):
        raise fault("InvalidArgument", "The parameter PrimaryDistributionId is a staging distribution's.")
    check_if_match(call, primary)
    config = {
        **primary.config,
        "CallerReference": params["CallerReference"],
        "Aliases": {"Quantity": 0},
        "ContinuousDeploymentPolicyId": "",
        "Staging": True,
        "Enabled": params.get("Enabled", True),
    }
    return created(account, config, {}, [])


def promote(call: Call) -> Mapping[str, Any]:
    """Give a primary distribution the config of its staging one, and end the policy's trial.

    The primary keeps its names and its policy. If-Match has both versions: the primary's, a comma, the staging one's.
    """
    account, params = call.account, call.params
    primary = changeable(account, params["Id"])
    if not params.get("StagingDistributionId"):
        raise fault("InvalidArgument", "The parameter StagingDistributionId is required.")
    staging = of(account, params["StagingDistributionId"])
    _check_both(call, primary, staging)
    if not staging.config.get("Staging") or primary.config.get("Staging"):
        raise fault("IllegalUpdate", "A staging distribution is promoted to a distribution that is not one.")
    chosen = primary.config.get("ContinuousDeploymentPolicyId")
    trial = account.find(FAMILY, str(chosen)) if chosen else None
    if trial is not None and staging.facts["domain"] not in items(trial.config, "StagingDistributionDnsNames"):
        raise fault("IllegalUpdate", "The distribution's continuous deployment policy names another staging one.")
    kept = ("CallerReference", "Aliases", "ContinuousDeploymentPolicyId", "Staging")
    config = {**staging.config, **{member: primary.config[member] for member in kept}}
    check_distribution(account, config, primary)
    after = account.put("distribution", primary.id, config, expect=primary.version)
    if trial is not None and trial.config["Enabled"]:
        account.put(FAMILY, trial.id, {**trial.config, "Enabled": False}, expect=trial.version)
    return {"Distribution": describe(account, after, status="InProgress"), "ETag": etag(after.version)}


def _check_both(call: Call, primary: Record, staging: Record) -> None:
    given = str(call.params.get("IfMatch", ""))
    versions = [one.strip().strip('"') for one in given.split(",")]
    if not given or len(versions) != 2:
        raise fault("InvalidIfMatchVersion", "If-Match needs both versions: <primary ETag>, <staging ETag>.")
    if versions != [etag(primary.version), etag(staging.version)]:
        raise fault("PreconditionFailed")


def _check_traffic(given: Document) -> None:
    traffic = given.get("TrafficConfig")
    if traffic is None:
        if given["Enabled"]:
            raise fault("InvalidArgument", "The parameter TrafficConfig is required for an enabled policy.")
        return
    kinds = {"SingleWeight": "SingleWeightConfig", "SingleHeader": "SingleHeaderConfig"}
    there = [member for member in kinds.values() if member in traffic]
    if there != [kinds[traffic["Type"]]]:
        raise fault("InvalidArgument", f"The parameter TrafficConfig of type {traffic['Type']} needs its own config.")
    sticky = (traffic.get("SingleWeightConfig") or {}).get("SessionStickinessConfig")
    if sticky and sticky["IdleTTL"] > sticky["MaximumTTL"]:
        raise fault("InvalidArgument", "The parameter IdleTTL must not be larger than MaximumTTL.")


POLICIES = Kind(
    FAMILY,
    "ContinuousDeploymentPolicy",
    "ContinuousDeploymentPolicies",
    "wrapped",
    missing="NoSuchContinuousDeploymentPolicy",
    exists="ContinuousDeploymentPolicyAlreadyExists",
    too_many="TooManyContinuousDeploymentPolicies",
    limit=20,
    check=policy,
    users=(Use("distribution", "ContinuousDeploymentPolicyId"),),
    in_use="ContinuousDeploymentPolicyInUse",
    unique=(),
)

OPERATIONS: Mapping[str, Handler] = {
    **operations(POLICIES),
    "CopyDistribution": copy,
    "UpdateDistributionWithStagingConfig": promote,
}
