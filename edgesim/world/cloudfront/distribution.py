"""A distribution: from the documents of the API to the core's value (spec §7, §9)."""

from __future__ import annotations

from dataclasses import dataclass

from edgesim.core.behaviors import Continuous, Distribution, ErrorRule
from edgesim.core.policies import PolicyBook
from edgesim.core.profiles import CLOUDFRONT, Profile
from edgesim.errors import ControlError
from edgesim.world.cloudfront.addresses import Addresses
from edgesim.world.cloudfront.behaviors import behavior
from edgesim.world.cloudfront.keys import AUTO, Records
from edgesim.world.cloudfront.origins import origin, origin_group
from edgesim.world.cloudfront.reading import Doc, items, missing, part

HTTP3 = frozenset({"http3", "http2and3"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a distribution's document is read with: all policies, all documents, and the world file's switches."""

    policies: PolicyBook
    records: Records
    addresses: Addresses
    profile: Profile = CLOUDFRONT
    regional_caches: bool = True


def distribution(id: str, config: Doc, facts: Doc, around: Surroundings) -> Distribution:
    """A DistributionConfig, defaults filled in; ``facts`` has the domain.

    Raises ControlError when it names something that does not exist.
    """
    origins = {one["Id"]: origin(one, around.addresses, around.records) for one in items(config, "Origins")}
    groups = {one["Id"]: origin_group(one) for one in items(config, "OriginGroups")}
    for group in groups.values():
        _check_targets({group.primary, group.secondary}, set(origins))
    written = [*items(config, "CacheBehaviors"), config["DefaultCacheBehavior"]]
    _check_targets({one["TargetOriginId"] for one in written}, {*origins, *groups})
    certificate = part(config, "ViewerCertificate")
    named = certificate.get("ACMCertificateArn") or certificate.get("IAMCertificateId")
    logging = part(config, "Logging")
    allowed, blocked = _countries(part(part(config, "Restrictions"), "GeoRestriction"))
    return Distribution(
        id,
        facts["domain"],
        origins,
        tuple(behavior(one, id, around.policies, around.records, around.profile) for one in written),
        tuple(name.lower() for name in items(config, "Aliases")),
        groups,
        {rule.code: rule for rule in map(_error_rule, items(config, "CustomErrorResponses"))},
        bool(config["Enabled"]),
        config.get("DefaultRootObject", ""),
        config.get("PriceClass", "PriceClass_All"),
        certificate.get("MinimumProtocolVersion", "TLSv1") if named else "TLSv1",
        None if named in (None, "", AUTO) else named,
        blocked,
        allowed,
        http3=config.get("HttpVersion") in HTTP3,
        regional_caches=around.regional_caches,
        staging=bool(config.get("Staging")),
        continuous=_continuous(config.get("ContinuousDeploymentPolicyId"), around.records),
        logging=bool(logging.get("Enabled")),
        log_cookies=bool(logging.get("IncludeCookies")),
    )


def _check_targets(wanted: set[str], there: set[str]) -> None:
    if lost := wanted - there:
        raise missing("NoSuchOrigin", "origin", min(lost))


def _error_rule(config: Doc) -> ErrorRule:
    code = config.get("ResponseCode")
    return ErrorRule(
        int(config["ErrorCode"]),
        int(config.get("ErrorCachingMinTTL", 10)),
        config.get("ResponsePagePath") or None,
        int(code) if code else None,
    )


def _countries(config: Doc) -> tuple[frozenset[str] | None, frozenset[str]]:
    """The countries allowed (None: all) and those blocked."""
    listed = frozenset(config.get("Items") or ())
    match config.get("RestrictionType"):
        case "whitelist":
            return listed, frozenset()
        case "blacklist":
            return None, listed
        case _:
            return None, frozenset()


def _continuous(id: str | None, records: Records) -> Continuous | None:
    """The policy that shares a primary's traffic with its staging distribution, if it is switched on."""
    if not id:
        return None
    record = records.get("continuous-deployment-policy", {}).get(id)
    if record is None:
        raise missing("NoSuchContinuousDeploymentPolicy", "continuous deployment policy", id)
    config: Doc = record.config
    if not config.get("Enabled"):
        return None
    ids = {str(one.facts["domain"]): one.id for one in records.get("distribution", {}).values()}
    names = items(config, "StagingDistributionDnsNames")
    if lost := [name for name in names if name not in ids]:
        raise ControlError("NoSuchDistribution", f"there is no staging distribution {lost[0]}", 404)
    staging = tuple(ids[name] for name in names)
    traffic = part(config, "TrafficConfig")
    if traffic.get("Type") == "SingleHeader":
        one = part(traffic, "SingleHeaderConfig")
        return Continuous(id, staging, header=(one["Header"], one["Value"]))
    weighted = part(traffic, "SingleWeightConfig")
    sticky = part(weighted, "SessionStickinessConfig")
    return Continuous(
        id,
        staging,
        weight=float(weighted.get("Weight", 0)),
        idle_ttl=sticky.get("IdleTTL"),
        max_ttl=sticky.get("MaximumTTL"),
    )
