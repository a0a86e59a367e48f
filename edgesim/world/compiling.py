"""From the world file to the core's values: policies, origins, behaviours, distributions, edges."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from edgesim.core.behaviors import (
    Behavior,
    Distribution,
    ErrorRule,
    Origin,
    OriginAccess,
    OriginGroup,
    OriginProtocol,
    TrustedKey,
    ViewerProtocol,
)
from edgesim.core.policies import (
    EVERYTHING,
    MANAGED_CACHE_POLICIES,
    MANAGED_ORIGIN_REQUEST_POLICIES,
    MANAGED_RESPONSE_HEADERS_POLICIES,
    CachePolicy,
    Cors,
    OriginRequestPolicy,
    PolicyBook,
    ResponseHeadersPolicy,
    Ttls,
)
from edgesim.core.profiles import PROFILES, Profile
from edgesim.core.routing import EdgeSite
from edgesim.world.distributions import BehaviorSettings, DistributionEntry
from edgesim.world.gazetteer import Gazetteer
from edgesim.world.models import SwitchesSection, WorldFile
from edgesim.world.origins import OriginEntry, SiteSection
from edgesim.world.policies import (
    CachePolicyEntry,
    CorsEntry,
    ForwardEntry,
    KeyEntry,
    LegacyEntry,
    ResponseHeadersPolicyEntry,
    TtlEntry,
)
from edgesim.world.public_keys import PublicKeyEntry

MANAGED = "Managed-"
SEVEN_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_NAMESPACE = uuid.UUID("6a1d2a3e-5d0c-5b39-8a52-0f6c0e1d7c11")  # arbitrary, and fixed for ever: ids hang on it

Policy = CachePolicy | OriginRequestPolicy | ResponseHeadersPolicy
P = TypeVar("P", bound=Policy)


@dataclass(frozen=True, slots=True)
class SiteAddress:
    """Where the toy site listens; ports are 0 until it does."""

    address: str = "127.0.0.1"
    http_port: int = 0
    https_port: int = 0


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """The cache of one edge: bytes it holds, the largest object it keeps, and who leaves when it is full."""

    cache: int
    max_object: int | None
    eviction: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """Everything of a world that follows from its file alone."""

    policies: PolicyBook
    distributions: dict[str, Distribution]
    sites: tuple[EdgeSite, ...]
    edges: dict[str, EdgeSettings]
    origins: dict[str, Origin] = field(default_factory=dict)


def compile_world(file: WorldFile, site: SiteAddress | None = None) -> Compiled:
    """The core's values for a file that ``check`` found nothing wrong with. Pure: the same file, the same values."""
    policies = compile_policies(file)
    sites, edges = compile_edges(file)
    origins = {
        name: compile_origin(name, entry, file.site, site or SiteAddress()) for name, entry in file.origins.items()
    }
    groups = {
        name: OriginGroup(name, entry.primary, entry.secondary, frozenset(entry.statuses))
        for name, entry in file.origin_groups.items()
    }
    distributions = [compile_distribution(entry, file, policies, origins, groups) for entry in file.distributions]
    return Compiled(policies, {distribution.id: distribution for distribution in distributions}, sites, edges, origins)


def distribution_id(entry: DistributionEntry) -> str:
    """Its id, made from its name where the file has none."""
    return entry.id or "E" + _letters(f"distribution {entry.name}").upper()


def distribution_domain(entry: DistributionEntry) -> str:
    """Its own domain, made from its name where the file has none."""
    return entry.domain or f"d{_letters(f'domain {entry.name}')}.cloudfront.net"


def public_key_id(name: str, entry: PublicKeyEntry) -> str:
    """A public key's id, made from its name where the file has none."""
    return entry.id or "K" + _letters(f"public key {name}").upper()


def _letters(text: str) -> str:
    """13 letters and digits that a text always gives."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:13]


def find_policy(name: str, policies: Mapping[str, P]) -> P | None:
    """A policy by id, by name, or by a managed one's name without its prefix."""
    if name in policies:
        return policies[name]
    named = {policy.name: policy for policy in policies.values()}
    return named.get(name) or named.get(MANAGED + name)


def compile_policies(file: WorldFile) -> PolicyBook:
    """The managed policies and the file's own; an own one's id is made from its name."""
    cache = (_cache_policy(name, entry) for name, entry in file.cache_policies.items())
    requests = (
        OriginRequestPolicy(_uuid("origin request", name), name, entry.headers, entry.cookies, entry.query)
        for name, entry in file.origin_request_policies.items()
    )
    responses = (_response_headers(name, entry) for name, entry in file.response_headers_policies.items())
    return PolicyBook(
        _by_id(MANAGED_CACHE_POLICIES, cache),
        _by_id(MANAGED_ORIGIN_REQUEST_POLICIES, requests),
        _by_id(MANAGED_RESPONSE_HEADERS_POLICIES, responses),
    )


def _by_id(managed: Mapping[str, P], own: Iterable[P]) -> dict[str, P]:
    return {**managed, **{policy.id: policy for policy in own}}


def _uuid(kind: str, name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{kind} {name}"))


def _cache_policy(name: str, entry: CachePolicyEntry) -> CachePolicy:
    ttls, key = entry.ttl.ttls, entry.key
    on = not ttls.disabled  # with caching off, CloudFront allows no normalisation
    return CachePolicy(
        _uuid("cache", name),
        name,
        ttls,
        key.headers,
        key.cookies,
        key.query,
        gzip=entry.gzip and on,
        brotli=entry.brotli and on,
    )


def legacy_id(name: str) -> str:
    """The id of the policy that a behaviour's older settings make."""
    return _uuid("legacy", name)


def _legacy_policy(name: str, entry: LegacyEntry, ttls: Ttls) -> CachePolicy:
    keys = entry.query.names
    return CachePolicy(
        legacy_id(name),
        name,
        ttls,
        entry.headers,
        replace(entry.cookies, wildcards=bool(entry.cookies.names)),
        EVERYTHING if keys else entry.query,
        gzip=not ttls.disabled,
        legacy=True,
        legacy_query_keys=keys,
    )


def _response_headers(name: str, entry: ResponseHeadersPolicyEntry) -> ResponseHeadersPolicy:
    return ResponseHeadersPolicy(
        _uuid("response headers", name),
        name,
        _cors(entry.cors) if entry.cors else None,
        tuple((header, value.value, value.override) for header, value in entry.security.items()),
        tuple((header, value.value, value.override) for header, value in entry.custom.items()),
        entry.remove,
        entry.server_timing,
    )


def _cors(entry: CorsEntry) -> Cors:
    methods = SEVEN_METHODS if "ALL" in entry.methods else entry.methods
    return Cors(entry.origins, methods, entry.headers, entry.expose, entry.credentials, entry.max_age, entry.override)


def compile_edges(file: WorldFile) -> tuple[tuple[EdgeSite, ...], dict[str, EdgeSettings]]:
    """The edges in the file's order, and their caches by POP code; raises ``UnknownPlace``."""
    gazetteer, usual = Gazetteer.load(), file.edge_defaults
    sites = tuple(gazetteer.edge_site(entry.pop) for entry in file.edges)
    edges = {
        site.pop: EdgeSettings(
            usual.cache if entry.cache is None else entry.cache,
            usual.max_object if entry.max_object is None else entry.max_object,
            entry.eviction or usual.eviction,
        )
        for site, entry in zip(sites, file.edges, strict=True)
    }
    return sites, edges


def compile_origin(name: str, entry: OriginEntry, site: SiteSection | None, at: SiteAddress) -> Origin:
    """An origin; the toy site's address and ports come from where it really listens."""
    toy, url = entry.toy_site, entry.parts
    section = site or SiteSection()
    host = section.domain if toy else url.hostname or ""
    https = url.scheme == "https"
    ports = (at.http_port, at.https_port) if toy else (None if https else url.port, url.port if https else None)
    return Origin(
        name,
        entry.domain or host,
        address=entry.address or (at.address if toy else host),
        http_port=entry.http_port or ports[0] or (0 if toy else 80),
        https_port=entry.https_port or ports[1] or (0 if toy else 443),
        protocol=OriginProtocol(entry.protocol or ("https-only" if https else "http-only")),
        path=entry.path or url.path.rstrip("/"),
        headers=tuple(entry.headers.items()),
        place=entry.place or (section.place if toy else "us-east-1"),
        shield_region=entry.shield,
        ssl_protocols=entry.ssl_protocols,
        verify=entry.verify,
        connection_attempts=entry.connection_attempts,
        connection_timeout=entry.connection_timeout,
        response_timeout=entry.response_timeout,
        completion_timeout=entry.completion_timeout,
        keepalive_timeout=entry.keepalive_timeout,
        simulated_clock=entry.clock == "simulated",
        access=OriginAccess(entry.access.signing, entry.access.service, entry.access.region) if entry.access else None,
    )


def compile_distribution(
    entry: DistributionEntry,
    file: WorldFile,
    policies: PolicyBook,
    origins: Mapping[str, Origin],
    groups: Mapping[str, OriginGroup],
) -> Distribution:
    """One distribution with the origins and groups its behaviours use."""
    settings: list[tuple[str, BehaviorSettings]] = [(behavior.path, behavior) for behavior in entry.behaviors]
    settings.append(("*", entry.default_behavior))
    used = dict.fromkeys(behavior.origin for _, behavior in settings)
    members = dict.fromkeys(
        member
        for name in used
        for member in ((groups[name].primary, groups[name].secondary) if name in groups else (name,))
    )
    geo = entry.geo
    return Distribution(
        distribution_id(entry),
        distribution_domain(entry),
        {name: origins[name] for name in members},
        tuple(_behavior(pattern, one, entry.name, file, policies) for pattern, one in settings),
        entry.aliases,
        {name: groups[name] for name in used if name in groups},
        {rule.code: ErrorRule(rule.code, rule.min_ttl, rule.page, rule.response_code) for rule in entry.errors},
        entry.enabled,
        entry.default_root_object,
        entry.price_class,
        entry.security_policy,
        None if entry.certificate == "auto" else entry.certificate,
        frozenset(geo.block or ()) if geo else frozenset(),
        frozenset(geo.allow) if geo and geo.allow else None,
        account=entry.account,
        logging=entry.logging,
        log_cookies=entry.log_cookies,
        http3=entry.http3,
        regional_caches=file.regional_caches,
    )


def _behavior(
    pattern: str, entry: BehaviorSettings, distribution: str, file: WorldFile, policies: PolicyBook
) -> Behavior:
    name = f"{distribution} {pattern}"
    request = find_policy(entry.origin_request_policy or "", policies.origin_request)
    if entry.forward:
        request = _forward(name, entry.forward)
    return Behavior(
        pattern,
        entry.origin,
        _behavior_policy(name, entry, policies),
        request,
        find_policy(entry.response_headers_policy or "", policies.response_headers),
        ViewerProtocol(entry.viewer_protocol),
        entry.methods,
        entry.cached_methods,
        entry.compress,
        compile_profile(entry.profile, file.switches),
        entry.range_block,
        trusted_keys(entry, file),
    )


def trusted_keys(entry: BehaviorSettings, file: WorldFile) -> tuple[TrustedKey, ...] | None:
    """The keys of a behaviour's groups, each once; None where it has no groups."""
    names = dict.fromkeys(name for group in entry.trusted_key_groups for name in file.key_groups[group])
    keys = (TrustedKey(public_key_id(name, file.public_keys[name]), file.public_keys[name].pem or "") for name in names)
    return tuple(keys) if names else None


def _behavior_policy(name: str, entry: BehaviorSettings, policies: PolicyBook) -> CachePolicy:
    ttl = entry.ttl or TtlEntry()
    if entry.legacy:
        return _legacy_policy(name, entry.legacy, ttl.ttls)
    if entry.cache_policy:
        found = find_policy(entry.cache_policy, policies.cache)
        if found is None:
            raise LookupError(f"the check should have found that there is no cache policy {entry.cache_policy!r}")
        return found
    # A standard cache knows no policies: there the whole URL is the key.
    key = entry.key or (KeyEntry(query=EVERYTHING) if entry.profile == "rfc9111" else KeyEntry())
    return _cache_policy(name, CachePolicyEntry(ttl=ttl, key=key, gzip=entry.compress, brotli=entry.compress))


def _forward(name: str, entry: ForwardEntry) -> OriginRequestPolicy:
    return OriginRequestPolicy(_uuid("forward", name), name, entry.headers, entry.cookies, entry.query)


# these act elsewhere than in a profile
_OF_THE_WORLD = frozenset({"hit_for_miss", "head_limit", "staging_domain_answers"})
_OF_ONE_PROFILE = frozenset({"vary_star_refetches", "heuristic_fraction"})


def compile_profile(name: str, switches: SwitchesSection) -> Profile:
    """A profile with the world's switches set. A switch has the name of the profile's field, but for two old ones."""
    profile = PROFILES[name]
    chosen: dict[str, Any] = {key: value for key, value in switches if key not in _OF_THE_WORLD}
    changes: dict[str, Any] = {
        "must_revalidate_forbids_stale": not chosen.pop("must_revalidate_allows_stale"),
        "strict_directives": profile.strict_directives or chosen.pop("invalid_max_age_is_stale", False),
    }
    chosen.pop("invalid_max_age_is_stale", None)
    for key in _OF_ONE_PROFILE:
        value = chosen.pop(key)
        changes[key] = value if getattr(profile, key) else getattr(profile, key)
    return replace(profile, **changes, **chosen)
