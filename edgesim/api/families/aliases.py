"""Alternate domain names across distributions: who has one, and how it moves (spec §7.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgesim.api.call import Call, Handler
from edgesim.api.families.checks import items
from edgesim.api.families.distribution_rules import check_alias, check_distribution, unsupported_alias
from edgesim.api.families.distributions import changeable, of
from edgesim.api.faults import fault
from edgesim.api.paging import page
from edgesim.world.state import Record


def associate(call: Call) -> Mapping[str, Any]:
    """Move an alias to a distribution, whose certificate must cover it, from whichever has it now."""
    account, alias = call.account, str(call.params["Alias"]).lower()
    check_alias(alias)
    target = changeable(account, call.params["TargetDistributionId"])
    if target.config.get("Staging"):
        raise fault("IllegalUpdate", "A staging distribution cannot have alternate domain names (CNAMEs).")
    names = items(target.config, "Aliases")
    if alias in names:
        return {}
    config = _with(target, [*names, alias])
    source = next((one for one in account.all("distribution") if alias in items(one.config, "Aliases")), None)
    if source is not None:
        changeable(account, source.id)
    if why := unsupported_alias(account, config):
        raise fault("InvalidArgument", why)
    check_distribution(account, config, target, moving=alias)
    if source is not None:
        left = [name for name in items(source.config, "Aliases") if name != alias]
        account.put("distribution", source.id, _with(source, left), expect=source.version)
    account.put("distribution", target.id, config, expect=target.version)
    return {}


def list_conflicting(call: Call) -> Mapping[str, Any]:
    """The distributions that have an alias, a wildcard over it, or names under it; ids are partly hidden."""
    account, alias = call.account, str(call.params["Alias"]).lower()
    check_alias(alias)
    of(account, call.params["DistributionId"])
    found = [
        {"Alias": name, "DistributionId": _hidden(one.id), "AccountId": _hidden(account.id)}
        for one in account.all("distribution")
        for name in items(one.config, "Aliases")
        if _overlap(str(name).lower(), alias)
    ]
    return {"ConflictingAliasesList": page(found, call.params, lambda item: item["Alias"])}


def _with(record: Record, names: list[str]) -> dict[str, Any]:
    aliases = {"Quantity": len(names), **({"Items": names} if names else {})}
    return {**record.config, "Aliases": aliases}


def _overlap(name: str, other: str) -> bool:
    def under(wildcard: str, plain: str) -> bool:
        return wildcard.startswith("*.") and plain.endswith(wildcard[1:])

    return name == other or under(name, other) or under(other, name)


def _hidden(id: str) -> str:
    """An id with all but its last characters as stars, as CloudFront shows what may be somebody else's."""
    return "*" * (len(id) // 2) + id[len(id) // 2 :]


OPERATIONS: Mapping[str, Handler] = {"AssociateAlias": associate, "ListConflictingAliases": list_conflicting}
