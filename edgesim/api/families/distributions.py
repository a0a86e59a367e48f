"""Distributions: made, read, changed, deleted (spec §14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgesim.api.account import Account
from edgesim.api.call import Call, Handler
from edgesim.api.etags import check_if_match, etag
from edgesim.api.families.behavior_rules import behaviors
from edgesim.api.families.checks import Document, items
from edgesim.api.families.distribution_rules import check_distribution, key_groups, unsupported_alias
from edgesim.api.families.repairs import check_update, repair
from edgesim.api.families.tag_rules import tags_of
from edgesim.api.faults import fault
from edgesim.world.cloudfront.defaults import filled_distribution
from edgesim.world.state import Record

FAMILY = "distribution"
Output = Mapping[str, Any]
_TAKEN = "The caller reference that you are using to create a distribution is associated with another distribution."


def create(call: Call) -> Output:
    """Create a distribution; the same caller reference with the same config again is the same distribution."""
    return _create(call.account, call.params["DistributionConfig"], {})


def create_with_tags(call: Call) -> Output:
    """The same, with tags from the start."""
    given = call.params["DistributionConfigWithTags"]
    return _create(call.account, given["DistributionConfig"], tags_of(given["Tags"]))


def get(call: Call) -> Output:
    """A distribution, as it is now."""
    record = of(call.account, call.params["Id"])
    return {"Distribution": describe(call.account, record), "ETag": etag(record.version)}


def get_config(call: Call) -> Output:
    """Its config alone."""
    record = of(call.account, call.params["Id"])
    return {"DistributionConfig": dict(record.config), "ETag": etag(record.version)}


def update(call: Call) -> Output:
    """Replace a distribution's config as a whole."""
    account = call.account
    record = changeable(account, call.params["Id"])
    check_if_match(call, record)
    return replace_config(account, record, call.params["DistributionConfig"])


def delete(call: Call) -> Output:
    """Delete a distribution that is disabled, everywhere, and that nothing refers to."""
    account = call.account
    record = changeable(account, call.params["Id"])
    check_if_match(call, record)
    if record.config["Enabled"] or not account.world.deployed(record.id, account.now):
        raise fault("DistributionNotDisabled")
    domain = record.facts["domain"]
    for policy in account.all("continuous-deployment-policy"):
        if domain in items(policy.config, "StagingDistributionDnsNames"):
            raise fault("ResourceInUse", f"Continuous deployment policy {policy.id} refers to this distribution.")
    if policy_id := record.config.get("ContinuousDeploymentPolicyId"):
        raise fault("ResourceInUse", f"The distribution has continuous deployment policy {policy_id}; take it off.")
    account.drop(record)
    if (subscription := account.find("monitoring-subscription", record.id)) is not None:
        account.drop(subscription)
    return {}


def of(account: Account, id: str) -> Record:
    """A distribution's document. Raises ControlError (NoSuchDistribution)."""
    record = account.find(FAMILY, id)
    if record is None:
        raise fault("NoSuchDistribution")
    return record


def changeable(account: Account, id: str) -> Record:
    """A distribution that came through the API; the world file's are changed there (AccessDenied)."""
    record = of(account, id)
    if record.facts.get("owner") == "file":
        raise fault("AccessDenied", f"Distribution {id} is defined in {account.world.source}: change it there.")
    return record


def make(account: Account, config: Document, tags: Mapping[str, str], repairs: list[str]) -> Record:
    """Put a new distribution on record, once it has passed every rule."""
    check_distribution(account, config, None)
    id = account.new_id("E")
    facts = {
        "domain": f"{account.new_id('d').lower()}.cloudfront.net",
        "arn": account.arn("distribution", id),
        "caller_reference": config["CallerReference"],
        "repairs": repairs,
    }
    return account.put(FAMILY, id, config, expect=0, facts=facts, tags=tags)


def made_before(account: Account, config: Document) -> Record | None:
    """The distribution with the same caller reference and config. Raises DistributionAlreadyExists for another."""
    for record in account.all(FAMILY):
        if record.facts.get("caller_reference") == config["CallerReference"]:
            if dict(record.config) == dict(config):
                return record
            raise fault("DistributionAlreadyExists", f"{_TAKEN} Already exists: {record.id}")
    return None


def created(account: Account, config: Document, tags: Mapping[str, str], repairs: list[str]) -> Output:
    """Make a distribution, unless it was made before, and give the answer to that."""
    record, status = made_before(account, config), ""
    if record is None:
        record, status = make(account, config, tags, repairs), "InProgress"
    return {
        "Distribution": describe(account, record, status=status),
        "Location": f"https://cloudfront.amazonaws.com/2020-05-31/distribution/{record.id}",
        "ETag": etag(record.version),
    }


def replace_config(account: Account, record: Record, given: Document) -> Output:
    """Replace a config by one from outside; gives the answer."""
    repairs = check_update(given, lenient=account.lenient)
    config, more = _normal(account, given)
    for member in ("CallerReference", "Staging"):
        if config[member] != record.config[member]:
            raise fault("IllegalUpdate", f"The parameter {member} cannot be changed.")
    check_distribution(account, config, record)
    facts = {**record.facts, "repairs": [*repairs, *more]}
    after = account.put(FAMILY, record.id, config, expect=record.version, facts=facts)
    return {"Distribution": describe(account, after, status="InProgress"), "ETag": etag(after.version)}


def describe(account: Account, record: Record, *, status: str = "") -> dict[str, Any]:
    """A Distribution as the API shows it: config, and what follows from it and from the world."""
    config = record.config
    return {
        "Id": record.id,
        "ARN": record.facts["arn"],
        "Status": status or status_of(account, record),
        "LastModifiedTime": record.modified,
        "InProgressInvalidationBatches": sum(
            one.distribution == record.id and one.status(account.now) == "InProgress"
            for one in account.world.invalidations
        ),
        "DomainName": record.facts["domain"],
        "ActiveTrustedSigners": _signers(account, config),
        "ActiveTrustedKeyGroups": _key_groups(account, config),
        "DistributionConfig": dict(config),
        **icp_records(config),
    }


def status_of(account: Account, record: Record) -> str:
    """``Deployed`` once every edge has the config (spec §14)."""
    return "Deployed" if account.world.deployed(record.id, account.now) else "InProgress"


def icp_records(config: Document) -> dict[str, Any]:
    """What a list shows about names and the Chinese register; nothing for a distribution without names."""
    names = items(config, "Aliases")
    found = [{"CNAME": name, "ICPRecordalStatus": "APPROVED"} for name in names]
    return {"AliasICPRecordals": found} if found else {}


def _create(account: Account, given: Document, tags: Mapping[str, str]) -> Output:
    config, repairs = _normal(account, given)
    return created(account, config, tags, repairs)


def _normal(account: Account, given: Document) -> tuple[dict[str, Any], list[str]]:
    """A config with CloudFront's defaults, and what ``--lenient`` had to mend in it."""
    mended, repairs = repair(given) if account.lenient else (dict(given), [])
    config = filled_distribution(mended)
    if account.lenient and (why := unsupported_alias(account, config)):
        repairs.append(f"Aliases: {why} It was taken all the same")
    return config, repairs


def _signers(account: Account, config: Document) -> dict[str, Any]:
    """Accounts whose keys sign: there is one, and its keys are the public keys on record (a choice of edgesim's)."""
    accounts = dict.fromkeys(id for one in behaviors(config) for id in items(one, "TrustedSigners"))
    keys = [one.id for one in account.all("public-key")]
    return _active([{"AwsAccountNumber": id, "KeyPairIds": _list(keys)} for id in accounts])


def _key_groups(account: Account, config: Document) -> dict[str, Any]:
    found = []
    for id in key_groups(config):
        group = account.find("key-group", id)
        keys = group.config.get("Items", []) if group is not None else []
        found.append({"KeyGroupId": id, "KeyPairIds": _list(keys)})
    return _active(found)


def _active(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Enabled": bool(found), **_list(found)}


def _list(found: Any) -> dict[str, Any]:
    """A list as the API shows it: no ``Items`` when there are none."""
    return {"Quantity": len(found), **({"Items": list(found)} if found else {})}


OPERATIONS: Mapping[str, Handler] = {
    "CreateDistribution": create,
    "CreateDistributionWithTags": create_with_tags,
    "GetDistribution": get,
    "GetDistributionConfig": get_config,
    "UpdateDistribution": update,
    "DeleteDistribution": delete,
}
