"""World files, and documents of the API that run nowhere, as subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgesim.core.behaviors import Distribution, OriginAccess
from edgesim.core.policies import CachePolicy, OriginRequestPolicy, PolicyBook, ResponseHeadersPolicy, Ttls
from edgesim.world.cloudfront.addresses import Addresses
from edgesim.world.cloudfront.defaults import filled_cache_policy, filled_distribution
from edgesim.world.cloudfront.distribution import Surroundings, distribution
from edgesim.world.cloudfront.policies import cache_policy, origin_request_policy, response_headers_policy
from edgesim.world.cloudfront.reading import items, part
from edgesim.world.compiling import compile_world
from edgesim.world.deriving import derived
from edgesim.world.linting.finding import Finding, Subject
from edgesim.world.models import WorldFile
from edgesim.world.seeding import seeded
from edgesim.world.state import Record, World

Documents = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Configurations by family and id; in a distribution's, references are ids of the others."""

UNKNOWN = "a policy this document does not contain"


def of_file(file: WorldFile) -> list[Subject]:
    """The distributions of a world file."""
    compiled = compile_world(file)
    found = [
        Subject(one, "world", f"distributions[{index}]") for index, one in enumerate(compiled.distributions.values())
    ]
    served = derived(seeded(World(file=file, base=compiled), 0.0)).distributions
    for index, document in enumerate(file.cloudfront.distributions):
        path = f"cloudfront.distributions[{index}].config"
        found.append(Subject(signing(served[document.id], document.config), "api", path))
    return found


def of_documents(documents: Documents, paths: Mapping[str, str]) -> tuple[list[Subject], list[Finding]]:
    """Distributions among documents; ``paths`` says where each is. Findings are about what is not there to look at."""
    given = {
        family: {id: Record(family, id, 1, config, {}, {}, 0.0, 0.0) for id, config in of_family.items()}
        for family, of_family in documents.items()
    }
    own = PolicyBook()
    book = PolicyBook(
        own.cache | {id: cache_policy(id, filled_cache_policy(one)) for id, one in _of(documents, "cache-policy")},
        own.origin_request
        | {id: origin_request_policy(id, one) for id, one in _of(documents, "origin-request-policy")},
        own.response_headers
        | {id: response_headers_policy(id, one) for id, one in _of(documents, "response-headers-policy")},
    )
    subjects: list[Subject] = []
    findings: list[Finding] = []
    for id, config in _of(documents, "distribution"):
        path = paths.get(id, "")
        around = Surroundings(_completed(config, book, path, findings), _controls(config, given), Addresses())
        made = signing(distribution(id, _reachable(filled_distribution(config)), {"domain": id}, around), config)
        if not any(part(one, "TrustedKeyGroups").get("Enabled") for one in _behaviors(config)):
            subjects.append(Subject(made, "api", path))
            continue
        signed = tuple(
            replace(one, trusted_keys=()) if part(written, "TrustedKeyGroups").get("Enabled") else one
            for one, written in zip(made.behaviors, _behaviors(config), strict=True)
        )
        subjects.append(Subject(replace(made, behaviors=signed), "api", path))
    return subjects, findings


def _of(documents: Documents, family: str) -> list[tuple[str, Mapping[str, Any]]]:
    return list(documents.get(family, {}).items())


def _behaviors(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*items(config, "CacheBehaviors"), config["DefaultCacheBehavior"]]


def _completed(config: Mapping[str, Any], book: PolicyBook, path: str, findings: list[Finding]) -> PolicyBook:
    """The policies with something harmless for each id that is not among them."""
    cache, forward, headers = dict(book.cache), dict(book.origin_request), dict(book.response_headers)
    for behavior in _behaviors(config):
        for member, known in (
            ("CachePolicyId", cache),
            ("OriginRequestPolicyId", forward),
            ("ResponseHeadersPolicyId", headers),
        ):
            id = behavior.get(member)
            if id and id not in known:
                message = f"{member} {id} is {UNKNOWN}: rules about it were not applied"
                findings.append(Finding("unknown-policy", "info", path, message, "Give its document as well."))
                cache.setdefault(id, CachePolicy(id, id, Ttls(0, 0, 1), gzip=True, brotli=True))
                forward.setdefault(id, OriginRequestPolicy(id, id))
                headers.setdefault(id, ResponseHeadersPolicy(id, id))
    return PolicyBook(cache, forward, headers)


def _reachable(config: dict[str, Any]) -> dict[str, Any]:
    """The document without what only means something where it runs: keys, and what shares traffic."""
    config = {**config, "ContinuousDeploymentPolicyId": ""}
    for behavior in _behaviors(config):
        for member in ("TrustedKeyGroups", "TrustedSigners"):
            if member in behavior:
                behavior[member] = {"Enabled": False, "Quantity": 0}  # type: ignore[index]
    return config


def signing(made: Distribution, config: Mapping[str, Any]) -> Distribution:
    """The distribution with buckets reached by an origin access identity counted as signed for."""
    identified = {
        one["Id"] for one in items(config, "Origins") if part(one, "S3OriginConfig").get("OriginAccessIdentity")
    }
    origins = {id: replace(one, access=OriginAccess()) if id in identified else one for id, one in made.origins.items()}
    return replace(made, origins=origins)


def _controls(
    config: Mapping[str, Any], given: Mapping[str, Mapping[str, Record]]
) -> Mapping[str, Mapping[str, Record]]:
    """The documents with something usual for each access control that is not among them."""
    usual = {"SigningBehavior": "always", "OriginAccessControlOriginType": "s3"}
    named = [str(one["OriginAccessControlId"]) for one in items(config, "Origins") if one.get("OriginAccessControlId")]
    controls = {id: Record("origin-access-control", id, 1, usual, {}, {}, 0.0, 0.0) for id in named}
    return {**given, "origin-access-control": {**controls, **given.get("origin-access-control", {})}}
