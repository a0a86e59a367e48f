"""What a model alone cannot see: names that lead nowhere, things said twice, settings without effect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from pydantic import JsonValue

from edgesim.core.latency import LatencyModel
from edgesim.core.policies import (
    MANAGED_CACHE_POLICIES,
    MANAGED_ORIGIN_REQUEST_POLICIES,
    MANAGED_RESPONSE_HEADERS_POLICIES,
)
from edgesim.core.routing import EdgeSite
from edgesim.world.compiling import MANAGED, Policy, distribution_domain, distribution_id, find_policy, public_key_id
from edgesim.world.distributions import BehaviorSettings, DistributionEntry
from edgesim.world.documented import CloudFrontSection
from edgesim.world.documents import Steps
from edgesim.world.fields import show
from edgesim.world.gazetteer import Gazetteer, UnknownPlace
from edgesim.world.models import WorldFile

_MANAGED: dict[str, Mapping[str, Policy]] = {
    "cache_policies": MANAGED_CACHE_POLICIES,
    "origin_request_policies": MANAGED_ORIGIN_REQUEST_POLICIES,
    "response_headers_policies": MANAGED_RESPONSE_HEADERS_POLICIES,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong, or (a ``warning``) one thing that will not do what it says."""

    steps: Steps
    found: str
    expected: str
    hint: str = ""
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """The names a document defines, those of broken entries too: a broken origin is not an unknown one."""

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: JsonValue) -> Known:
        """The keys of the named maps of a document."""
        maps = data.items() if isinstance(data, dict) else ()
        return cls({section: frozenset(value) for section, value in maps if isinstance(value, dict)})

    def __getitem__(self, section: str) -> frozenset[str]:
        return self.names.get(section, frozenset())


def nearest(name: str, names: Iterable[str]) -> str:
    """``Did you mean ...?``, or the names there are when none is near."""
    known = sorted(names)
    lower = {one.lower(): one for one in reversed(known)}
    if near := get_close_matches(name.lower(), lower, 1, 0.5):
        return f'Did you mean "{lower[near[0]]}"?'
    return f"There is {', '.join(known[:8])}{' and more' if len(known) > 8 else ''}" if known else "There is none yet"


def check(file: WorldFile, known: Known) -> list[Finding]:
    """Every finding about a file, in the order of its sections."""
    return [
        *_places(file),
        *_edges(file),
        *_origins(file, known),
        *_policies(file),
        *_keys(file, known),
        *_distributions(file, known),
        *_documents(file),
    ]


def _documents(file: WorldFile) -> Iterator[Finding]:
    """Documents of the API that could not be served."""
    if file.cloudfront == CloudFrontSection():
        return
    from edgesim.world.seeding import mistakes  # it makes a World, which needs what is checked here

    for steps, why in mistakes(file):
        yield Finding(steps, why, "documents as the API takes them")


def _placed(steps: Steps, place: str, find: Callable[[str], object]) -> Iterator[Finding]:
    try:
        find(place)
    except UnknownPlace as error:
        yield unknown_place(steps, place, error)


def unknown_place(steps: Steps, place: str, error: UnknownPlace, expected: str = "a place edgesim knows") -> Finding:
    """The finding for a place nobody knows."""
    hint = f"Did you mean {' or '.join(error.suggestions)}?" if error.suggestions else ""
    return Finding(steps, show(place), expected, f"{error.why.capitalize()}. {hint}".lstrip(". ").strip(), False)


def _places(file: WorldFile) -> Iterator[Finding]:
    gazetteer = Gazetteer.load()
    yield from _placed(("front", "default_place"), file.front.default_place, gazetteer.find)
    for index, rule in enumerate(file.front.networks):
        yield from _placed(("front", "networks", index, "place"), rule.place, gazetteer.find)
    if file.site:
        yield from _placed(("site", "place"), file.site.place, gazetteer.find)
    model: LatencyModel = gazetteer.latency_model()
    if file.latency.access not in model.last_mile:
        hint = nearest(file.latency.access, model.last_mile)
        yield Finding(
            ("latency", "access"), show(file.latency.access), f"one of {', '.join(sorted(model.last_mile))}", hint
        )


def _edges(file: WorldFile) -> Iterator[Finding]:
    if not file.edges:
        yield Finding(("edges",), "no edge", "at least one edge", "Write `edges: [London]`, or `edges: worldwide`")
    gazetteer, seen = Gazetteer.load(), dict[str, int]()
    for index, entry in enumerate(file.edges):
        try:
            pop = gazetteer.edge_site(entry.pop).pop
        except UnknownPlace as error:
            yield unknown_place(("edges", index), entry.pop, error, "a POP code, IATA code or city with an edge")
            continue
        if pop in seen:
            hint = f'Give it a POP code of its own, such as "{_another_pop(pop, seen)}"'
            yield Finding(("edges", index), f"{pop}, which edges[{seen[pop]}] is too", "each edge once", hint)
        seen.setdefault(pop, index)


def _another_pop(pop: str, taken: Collection[str]) -> str:
    return next(code for number in range(50, 500) if (code := f"{pop[:3]}{number}-C1") not in taken)


def _origins(file: WorldFile, known: Known) -> Iterator[Finding]:
    gazetteer = Gazetteer.load()
    shields = [region for region, cache in gazetteer.regional_caches.items() if cache.origin_shield]
    for name, entry in file.origins.items():
        here: Steps = ("origins", name)
        if entry.toy_site and file.site is None:
            yield Finding((*here, "toy_site"), "no `site` section", "a `site` section", "Add `site: {}`")
        if entry.toy_site and file.site and not file.site.https and entry.protocol in ("https-only", "match-viewer"):
            yield Finding((*here, "protocol"), f'"{entry.protocol}"', "http-only, as the site has `https: false`")
        if entry.place is not None:
            yield from _placed((*here, "place"), entry.place, gazetteer.find)
        if entry.shield is not None and entry.shield not in shields:
            hint = nearest(entry.shield, shields)
            yield Finding((*here, "shield"), show(entry.shield), "an AWS region that has Origin Shield", hint)
        if entry.shield is not None and not file.regional_caches:
            yield Finding((*here, "shield"), "a shield without regional caches", "regional_caches: true", warning=True)
    for name, group in file.origin_groups.items():
        if name in known["origins"]:
            yield Finding(("origin_groups", name), "the id of an origin too", "an id of its own")
        for role, member in (("primary", group.primary), ("secondary", group.secondary)):
            if member not in known["origins"]:
                hint = nearest(member, known["origins"])
                yield Finding(("origin_groups", name, role), show(member), "one of `origins`", hint)


def _policies(file: WorldFile) -> Iterator[Finding]:
    for section, managed in _MANAGED.items():
        taken = {name for policy in managed.values() for name in (policy.id, policy.name, policy.name[len(MANAGED) :])}
        for name in getattr(file, section):
            if name in taken:
                yield Finding((section, name), "the name of a managed policy", "a name of its own")


def _keys(file: WorldFile, known: Known) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, entry in file.public_keys.items():
        id = public_key_id(name, entry)
        if id in seen:
            yield Finding(("public_keys", name, "id"), f'{show(id)}, which "{seen[id]}" has already', "each id once")
        seen.setdefault(id, name)
    for group, names in file.key_groups.items():
        for index, name in enumerate(names):
            if name not in known["public_keys"]:
                hint = nearest(name, known["public_keys"])
                yield Finding(("key_groups", group, index), show(name), "one of `public_keys`", hint)
            elif name in names[:index]:
                yield Finding(("key_groups", group, index), f"{show(name)} again", "each key once")


def _distributions(file: WorldFile, known: Known) -> Iterator[Finding]:
    sites = _sites(file)
    seen: dict[tuple[str, str], str] = {}
    for index, entry in enumerate(file.distributions):
        here: Steps = ("distributions", index)
        yield from _identities(here, entry, seen)
        yield from _names_of(here, entry, file, known)
        if sites and not any(entry.price_class in site.price_classes for site in sites):
            hint = "Add an edge, or use PriceClass_All"
            yield Finding(
                (*here, "price_class"), f"{entry.price_class}, which holds none of the edges", "an edge", hint
            )
        if entry.http3:
            yield Finding((*here, "http3"), "true", "false: edgesim's edges do not speak HTTP/3", warning=True)
        yield from _behaviors(here, entry, file, known)


def _sites(file: WorldFile) -> list[EdgeSite]:
    gazetteer, sites = Gazetteer.load(), []
    for entry in file.edges:
        try:
            sites.append(gazetteer.edge_site(entry.pop))
        except UnknownPlace:  # reported where the edges are checked
            continue
    return sites


def _identities(here: Steps, entry: DistributionEntry, seen: dict[tuple[str, str], str]) -> Iterator[Finding]:
    """Names, ids, domains and aliases are each given once in the whole world (spec §7.5)."""
    domain = distribution_domain(entry)
    marks: list[tuple[Steps, str, str]] = [
        ((*here, "name"), "name", entry.name),
        ((*here, "id"), "id", distribution_id(entry)),
        ((*here, "domain"), "host", domain),
        *(((*here, "aliases", index), "host", alias) for index, alias in enumerate(entry.aliases)),
    ]
    for steps, kind, value in marks:
        if owner := seen.get((kind, value)):
            hint = "CloudFront refuses this as CNAMEAlreadyExists" if kind == "host" else ""
            yield Finding(steps, f"{show(value)}, which {owner} has already", "each name once", hint)
        seen.setdefault((kind, value), f'distribution "{entry.name}"')


def _names_of(here: Steps, entry: DistributionEntry, file: WorldFile, known: Known) -> Iterator[Finding]:
    if entry.certificate != "auto" and entry.certificate not in known["certificates"]:
        hint = nearest(entry.certificate, [*known["certificates"], "auto"])
        yield Finding((*here, "certificate"), show(entry.certificate), "auto, or one of `certificates`", hint)
    issued = file.certificates.get(entry.certificate)
    for index, alias in enumerate(entry.aliases if issued and issued.names else ()):
        if issued and not any(_covers(name, alias) for name in issued.names):
            hint = f'Add it to the names of certificate "{entry.certificate}"'
            yield Finding((*here, "aliases", index), show(alias), "a name its certificate covers", hint)
    for word in ("allow", "block"):
        for index, code in enumerate((entry.geo and getattr(entry.geo, word)) or ()):
            yield from _placed((*here, "geo", word, index), code, _country)


def _covers(name: str, alias: str) -> bool:
    """A certificate's name covers an alias exactly, or as a wildcard for one label (spec §7.4)."""
    name = name.lower()
    return name == alias or (name.startswith("*.") and alias.partition(".")[2] == name[2:])


def _country(code: str) -> object:
    if len(code) != 2 or not code.isalpha():
        raise UnknownPlace(code, why="country codes have two letters, as ISO 3166 lists them")
    return Gazetteer.load().country_place(code)


def _behaviors(here: Steps, entry: DistributionEntry, file: WorldFile, known: Known) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index, behavior in enumerate(entry.behaviors):
        place: Steps = (*here, "behaviors", index)
        pattern = "/" + behavior.path.lstrip("/") if not behavior.path.startswith("*") else behavior.path
        if pattern in seen:
            yield Finding((*place, "path"), f"{show(behavior.path)} again", "each pattern once")
        elif catch_all := next((one for one in ("*", "/*") if one in seen), None):
            hint = f'"{catch_all}" before it matches every path: move this one up'
            yield Finding((*place, "path"), f"{show(behavior.path)}, never reached", "a reachable path", hint, True)
        seen.setdefault(pattern, index)
        yield from _behavior(place, behavior, file, known)
    yield from _behavior((*here, "default_behavior"), entry.default_behavior, file, known)


def _behavior(here: Steps, entry: BehaviorSettings, file: WorldFile, known: Known) -> Iterator[Finding]:
    sources = known["origins"] | known["origin_groups"]
    if entry.origin not in sources:
        hint = nearest(entry.origin, sources)
        yield Finding((*here, "origin"), show(entry.origin), "one of `origins` or `origin_groups`", hint)
    for key, section in (
        ("cache_policy", "cache_policies"),
        ("origin_request_policy", "origin_request_policies"),
        ("response_headers_policy", "response_headers_policies"),
    ):
        name, managed = getattr(entry, key), _MANAGED[section]
        if name is not None and name not in known[section] and find_policy(name, managed) is None:
            names = [*known[section], *(policy.name.removeprefix(MANAGED) for policy in managed.values())]
            yield Finding((*here, key), show(name), f"one of `{section}` or a managed policy", nearest(name, names))
    for index, group in enumerate(entry.trusted_key_groups):
        if group not in known["key_groups"]:
            hint = nearest(group, known["key_groups"])
            yield Finding((*here, "trusted_key_groups", index), show(group), "one of `key_groups`", hint)
    yield from _without_effect(here, entry, file)


def _without_effect(here: Steps, entry: BehaviorSettings, file: WorldFile) -> Iterator[Finding]:
    """Settings CloudFront accepts and then does not act on."""
    if entry.compress and entry.cache_policy:
        own = file.cache_policies.get(entry.cache_policy)
        managed = find_policy(entry.cache_policy, MANAGED_CACHE_POLICIES)
        off = not (own.gzip or own.brotli) if own else managed is not None and not (managed.gzip or managed.brotli)
        if off or (own and own.ttl.ttls.disabled):
            found = f"true, but cache policy {show(entry.cache_policy)} has neither gzip nor brotli"
            yield Finding((*here, "compress"), found, "a cache policy that compresses", warning=True)
    if entry.profile == "rfc9111" and (entry.origin_request_policy or entry.forward):
        key = "forward" if entry.forward else "origin_request_policy"
        found, expected = "an origin request policy", "none: profile rfc9111 forwards everything"
        yield Finding((*here, key), found, expected, warning=True)
