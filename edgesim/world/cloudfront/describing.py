"""What the world file defines, and the managed policies, as documents of the API (spec §14).

They are listed and described like all others, and can be used; they are changed in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from edgesim.core.behaviors import Behavior, Distribution, Origin
from edgesim.core.policies import (
    MANAGED_CACHE_POLICIES,
    MANAGED_ORIGIN_REQUEST_POLICIES,
    MANAGED_RESPONSE_HEADERS_POLICIES,
    CachePolicy,
    OriginRequestPolicy,
    PolicyBook,
    ResponseHeadersPolicy,
)
from edgesim.world.cloudfront.describing_distribution import distribution_config
from edgesim.world.cloudfront.describing_policies import (
    cache_policy_config,
    origin_request_policy_config,
    response_headers_policy_config,
)
from edgesim.world.cloudfront.keys import access_id, group_id
from edgesim.world.compiling import Compiled, distribution_id
from edgesim.world.state import Record, World

FILE, MANAGED = "file", "managed"
"""Owners, in ``facts``: the world file, CloudFront. Documents made through the API have none."""

P = TypeVar("P", CachePolicy, OriginRequestPolicy, ResponseHeadersPolicy)


def described(world: World, family: str) -> dict[str, Record]:
    """The documents of a family that nobody made through the API, by id; version 1."""
    describe = _FAMILIES.get(family)
    if describe is None:
        return {}
    start = world.file.clock.start
    at = world.clock.simulated if start == "real" else datetime.fromisoformat(start).timestamp()
    return {
        id: Record(family, id, 1, config, facts, {}, at, at)
        for id, config, facts in describe(world.base, _names(world))
    }


def all_records(world: World) -> dict[str, Mapping[str, Record]]:
    """Every document that others may name, by family and id: those of the API and those described here."""
    found: dict[str, Mapping[str, Record]] = dict(world.records)
    for family in ("origin-access-control", "public-key", "key-group"):
        if there := described(world, family):
            found[family] = {**there, **world.records.get(family, {})}
    return found


def all_policies(base: Compiled) -> PolicyBook:
    """A file's policies with those its behaviours have of their own."""
    behaviors = list(_behaviors(base))
    requests = (one.origin_request for one in behaviors)
    return PolicyBook(
        {**{one.policy.id: one.policy for one in behaviors if not one.policy.legacy}, **base.policies.cache},
        {**{one.id: one for one in requests if one is not None}, **base.policies.origin_request},
        base.policies.response_headers,
    )


Found = Iterator[tuple[str, dict[str, Any], dict[str, Any]]]
Names = Mapping[str, str]


def _names(world: World) -> Names:
    return {distribution_id(entry): entry.name for entry in world.file.distributions}


def _behaviors(base: Compiled) -> Iterator[Behavior]:
    for one in base.distributions.values():
        yield from one.behaviors


def _distributions(base: Compiled, names: Names) -> Found:
    for one in base.distributions.values():
        yield one.id, distribution_config(one, names.get(one.id, "")), _distribution_facts(one)


def _distribution_facts(one: Distribution) -> dict[str, Any]:
    return {
        "owner": FILE,
        "domain": one.domain,
        "arn": f"arn:aws:cloudfront::{one.account}:distribution/{one.id}",
        "caller_reference": one.id,
    }


def _policies(
    of: Callable[[PolicyBook], Mapping[str, P]], managed: Mapping[str, P], config: Callable[[P], dict[str, Any]]
) -> Callable[[Compiled, Names], Found]:
    def describe(base: Compiled, _: Names) -> Found:
        for id, policy in {**managed, **of(all_policies(base))}.items():
            yield id, config(policy), {"owner": MANAGED if id in managed else FILE}

    return describe


def _accesses(base: Compiled, _: Names) -> Found:
    origins: dict[str, Origin] = {}
    for each in base.distributions.values():
        origins |= each.origins
    for access in dict.fromkeys(origin.access for origin in origins.values() if origin.access):
        config = {
            "Name": f"{access.service} {access.signing} {access.region}",
            "SigningProtocol": "sigv4",
            "SigningBehavior": access.signing,
            "OriginAccessControlOriginType": access.service,
        }
        yield access_id(access), config, {"owner": FILE, "region": access.region}


def _public_keys(base: Compiled, _: Names) -> Found:
    for key in dict.fromkeys(key for one in _behaviors(base) for key in one.trusted_keys or ()):
        config = {"CallerReference": key.id, "Name": key.id, "EncodedKey": key.pem}
        yield key.id, config, {"owner": FILE, "caller_reference": key.id}


def _key_groups(base: Compiled, _: Names) -> Found:
    for keys in dict.fromkeys(one.trusted_keys for one in _behaviors(base)):
        if keys is not None:
            id = group_id(keys)
            yield id, {"Name": f"group-{id[:8]}", "Items": [key.id for key in keys]}, {"owner": FILE}


_FAMILIES: Mapping[str, Callable[[Compiled, Names], Found]] = {
    "distribution": _distributions,
    "cache-policy": _policies(lambda book: book.cache, MANAGED_CACHE_POLICIES, cache_policy_config),
    "origin-request-policy": _policies(
        lambda book: book.origin_request, MANAGED_ORIGIN_REQUEST_POLICIES, origin_request_policy_config
    ),
    "response-headers-policy": _policies(
        lambda book: book.response_headers, MANAGED_RESPONSE_HEADERS_POLICIES, response_headers_policy_config
    ),
    "origin-access-control": _accesses,
    "public-key": _public_keys,
    "key-group": _key_groups,
}
