"""The world file: every key there is, what it means and what it is when left out.

``docs/configuration.md`` and ``configs/schema.json`` are made from these models.
"""

from __future__ import annotations

import re
from datetime import datetime
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, ValidationInfo, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from edgesim.world.distributions import DistributionEntry
from edgesim.world.documented import CloudFrontSection
from edgesim.world.fields import Bytes, FileOrOff, Listen, Model, Seconds, conflict, mistake, show
from edgesim.world.gazetteer import Gazetteer
from edgesim.world.origins import OriginEntry, OriginGroupEntry, SiteSection, check_origin_address
from edgesim.world.policies import CachePolicyEntry, ForwardEntry, ResponseHeadersPolicyEntry
from edgesim.world.public_keys import KeyGroup, PublicKeyEntry

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)


def _instant(text: str) -> str:
    if text == "real":
        return text
    try:
        zone = datetime.fromisoformat(text).tzinfo
    except ValueError:
        raise mistake(show(text), 'real, or a date such as "2026-03-01T12:00:00Z"') from None
    if zone is None:
        raise mistake(show(text), "a date with its zone", f'Write "{text}Z" for UTC')
    return text


def _network(cidr: str) -> str:
    try:
        return str(ip_network(cidr))
    except ValueError as error:
        raise mistake(show(cidr), 'a network such as "203.0.113.0/24"', str(error)) from None


def _origin_addresses(mapping: dict[str, str]) -> dict[str, str]:
    return {name.lower().removesuffix("."): check_origin_address(url) for name, url in mapping.items()}


def _named(mapping: dict[str, Any]) -> dict[str, Any]:
    for name in mapping:
        if not _ID.fullmatch(name):
            raise mistake(show(name), "a name of letters, digits, dot, dash and underscore")
    return mapping


class ClockSection(Model):
    """The simulated clock."""

    start: Annotated[str, AfterValidator(_instant)] = Field(
        default="real",
        description='What the clock shows at the start: real, or a date with zone: "2026-03-01T12:00:00Z".',
    )
    speed: float = Field(default=1.0, gt=0, le=1_000_000, description="Simulated seconds per real second.")
    paused: bool = Field(default=False, description="Start with the clock standing still.")


class LatencySection(Model):
    """Whether and how distances cost time."""

    mode: Literal["real", "reported"] = Field(
        default="real", description="real: the modelled delays are waited for. reported: they are only shown."
    )
    scale: float = Field(default=1.0, ge=0, le=100, description="Factor on every modelled delay.")
    access: str = Field(default="fibre", description="The viewers' last mile: fibre, cable, dsl, lte_4g and so on.")
    jitter: float = Field(
        default=0.0, ge=0, le=2, description="Sigma of the lognormal factor on each delay; 0 is steady."
    )
    handshakes: bool = Field(default=False, description="Also wait for the round trips of TCP and TLS handshakes.")


class NetworkRule(Model):
    """Viewers from these addresses are at this place."""

    cidr: Annotated[str, AfterValidator(_network)] = Field(description="A network: `203.0.113.0/24`.")
    place: str = Field(description="A city, IATA code, country code or `lat,lon`.")


class FrontSection(Model):
    """The front door, which finds a viewer's place and the edge for it."""

    mode: Literal["proxy", "redirect"] = Field(
        default="proxy",
        description="proxy: one address for all edges. redirect: viewers are sent to the edge's own port.",
    )
    default_place: str = Field(default="London", description="Where a viewer is when nothing says otherwise.")
    networks: tuple[NetworkRule, ...] = Field(default=(), description="Places of address ranges; the first match wins.")
    redirect_base_port: int | None = Field(
        default=None,
        ge=1,
        le=65_000,
        description="In redirect mode the edges listen from this port on, in their order.",
    )


class EdgeDefaults(Model):
    """What holds for every edge that does not say otherwise."""

    cache: Bytes = Field(default=64_000_000, description="Size of the cache.")
    max_object: Bytes | None = Field(default=None, description="The largest object kept; a whole cache unless set.")
    eviction: Literal["lru"] = Field(
        default="lru", description="Who leaves when the cache is full: the least recently used."
    )


class EdgeEntry(Model):
    """One edge; its POP code, IATA code or city alone will do."""

    pop: str = Field(min_length=1, description="POP code (SYD62-C1), IATA code (SYD) or city (Sydney).")
    cache: Bytes | None = Field(default=None, description="Size of its cache.")
    max_object: Bytes | None = Field(default=None, description="The largest object it keeps.")
    eviction: Literal["lru"] | None = Field(default=None, description="Who leaves when its cache is full.")

    @model_validator(mode="before")
    @classmethod
    def _pop_alone(cls, value: Any) -> Any:
        return {"pop": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(core)]}


def _worldwide(value: object) -> object:
    if value == "worldwide":
        return tuple({"pop": site.pop} for site in Gazetteer.load().worldwide_edges())
    return value


def _or_worldwide(schema: dict[str, Any]) -> None:
    several = {key: schema.pop(key) for key in ("type", "items") if key in schema}
    schema["anyOf"] = [several, {"const": "worldwide"}]


class CertificateEntry(Model):
    """A certificate: issued by edgesim for `names`, or read from your files."""

    names: tuple[str, ...] = Field(default=(), description="Names edgesim's own authority certifies.")
    key: str | None = Field(
        default=None, description="With `names`: ecdsa or rsa. With `chain`: the file of the private key."
    )
    chain: str | None = Field(default=None, description="A PEM file: the certificate, then its issuers.")

    @model_validator(mode="after")
    def _issued_or_read(self, info: ValidationInfo) -> CertificateEntry:
        if bool(self.names) == (self.chain is not None):
            conflict(info, "both `names` and `chain`" if self.chain else "neither `names` nor `chain`", "one of them")
        if self.chain and not self.key:
            conflict(info, "`chain` without `key`", "the file of the private key as well")
        if self.names and self.key not in (None, "ecdsa", "rsa"):
            conflict(info, f"key {show(self.key)}", "ecdsa or rsa")
        return self


class ListenSection(Model):
    """Where to listen; the command line wins."""

    http: Listen | None = Field(default=None, description="HTTP for viewers: a port, or host:port.")
    https: Listen | None = Field(default=None, description="HTTPS for viewers.")
    control: Listen | None = Field(default=None, description="Dashboard and control API.")


class TlsSection(Model):
    """TLS on the viewers' side; each origin has its own `protocol`."""

    viewer: bool = Field(default=True, description="Listen for HTTPS too.")


class LogsSection(Model):
    """Logs in CloudFront's formats."""

    access: FileOrOff = Field(default=None, description="File of the standard access log, or false.")


class SwitchesSection(Model):
    """Questions the CloudFront guide leaves open, and how this world answers them (docs/differences.md)."""

    must_revalidate_allows_stale: bool = Field(
        default=False, description="A stale answer may be served although the origin said must-revalidate."
    )
    hit_for_miss: Seconds = Field(
        default=10.0, description="Requests for something just found uncacheable do not queue for this long."
    )
    vary_star_refetches: bool = Field(
        default=True,
        description="In the cloudfront profile, `Vary: *` with minimum TTL 0 is stored but always fetched again.",
    )
    heuristic_fraction: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="In the rfc9111 profile, the share of Date - Last-Modified that answers live.",
    )
    stale_outcome: Literal["Hit", "RefreshHit", "Error"] = Field(
        default="Hit", description="What X-Cache says of a stale answer."
    )
    no_cache_stores: bool = Field(
        default=False,
        description="With minimum TTL 0, bare no-cache and private are stored and validated each time, not refused.",
    )
    min_ttl_beats_max_age: bool = Field(
        default=True, description="With no-store, no-cache or private, a minimum TTL wins over max-age as well."
    )
    invalid_max_age_is_stale: bool = Field(
        default=False, description="A max-age that is no number means 0; otherwise the directive is ignored."
    )
    invalid_expires_is_stale: bool = Field(
        default=True, description="An Expires that is no date means already expired; otherwise it is ignored."
    )
    counts_origin_age: bool = Field(
        default=True, description="An Age from the origin shortens the freshness that is left."
    )
    head_miss_gets: bool = Field(
        default=False, description="A HEAD that misses fetches the whole object by GET and keeps it."
    )
    forwards_conditions: bool = Field(
        default=False,
        description="With nothing stored, a viewer's If-None-Match and the like go to the origin under a cache policy.",
    )
    q_zero_accepts: bool = Field(default=False, description="`gzip;q=0` counts as accepting gzip.")
    normalised_path_in_key: bool = Field(
        default=False, description="The normalised path is in the cache key, not the raw one."
    )
    root_object_matches_first: bool = Field(
        default=True, description="The behaviour is matched on the default root object's path, not on /."
    )
    unknown_method_status: Literal[403, 405] = Field(
        default=403, description="The status for methods CloudFront never relays."
    )
    too_large_status: Literal[502, 504] = Field(
        default=502, description="The status for an object above the largest CloudFront caches."
    )
    connect_failure_status: Literal[502, 503, 504] = Field(
        default=502, description="The status for an origin that cannot be connected to."
    )
    caches_410: bool = Field(default=True, description="410 is always cached, as 404 is.")
    client_errors_need_lifetime: bool = Field(
        default=True, description="400, 403, 405, 412 and 415 are cached only with max-age or s-maxage."
    )
    errors_age_across_tiers: bool = Field(
        default=True,
        description="An error kept by a regional cache comes to the edge with its age; otherwise its time starts anew.",
    )
    tier_refresh_outcome: Literal["RefreshHit", "Hit"] = Field(
        default="RefreshHit",
        description="What X-Cache says of an expired edge copy that the regional cache calls unchanged.",
    )
    failover_keeps_validators: bool = Field(
        default=False, description="The secondary origin is asked with the primary's validators."
    )
    dynamic_skips_regional: bool = Field(
        default=True, description="Behaviours that can never cache skip the regional cache."
    )
    shield_takes_dynamic: bool = Field(
        default=True, description="What skips the regional cache still passes the Origin Shield."
    )
    forwards_signed_cookies: bool = Field(
        default=False, description="The cookies of a signature go to the origin as others do."
    )
    head_limit: Literal[32768, 20480] = Field(
        default=32768, description="Bytes of request line and headers; more is a 494. Two pages of the guide differ."
    )
    staging_domain_answers: bool = Field(
        default=False, description="A staging distribution also answers requests for its own domain, without a 403."
    )


class PropagationSection(Model):
    """How long changes take to reach the edges, on the simulated clock; each edge has its own share of it."""

    distributions: Seconds = Field(default=0.0, description="Until the last edge has a changed distribution.")
    invalidations: Seconds = Field(default=0.0, description="Until the last edge has carried an invalidation out.")
    certificates: Seconds = Field(default=0.0, description="Until a certificate that was requested is issued.")


class WorldFile(Model):
    """A world for edgesim to run."""

    name: str = Field(default="", max_length=100, description="What the dashboard calls this world.")
    description: str = Field(default="", description="What it is for.")
    clock: ClockSection = Field(default=ClockSection(), description="The simulated clock.")
    latency: LatencySection = Field(default=LatencySection(), description="Whether and how distances cost time.")
    front: FrontSection = Field(default=FrontSection(), description="The front door.")
    edges: Annotated[tuple[EdgeEntry, ...], BeforeValidator(_worldwide)] = Field(
        default=(),
        description="The edges that run, by POP code, IATA code or city; or worldwide, one in every metro.",
        json_schema_extra=_or_worldwide,
    )
    edge_defaults: EdgeDefaults = Field(default=EdgeDefaults(), description="What holds for every edge.")
    regional_caches: bool = Field(default=True, description="Regional edge caches stand between edges and origins.")
    regional_cache_size: Bytes = Field(default=256_000_000, description="Size of each regional edge cache.")
    site: SiteSection | None = Field(default=None, description="The toy site edgesim starts.")
    origins: Annotated[dict[str, OriginEntry], AfterValidator(_named)] = Field(
        default={}, description="Origins by the id that behaviours use."
    )
    origin_groups: Annotated[dict[str, OriginGroupEntry], AfterValidator(_named)] = Field(
        default={}, description="Pairs of origins, by id."
    )
    cache_policies: Annotated[dict[str, CachePolicyEntry], AfterValidator(_named)] = Field(
        default={}, description="Cache policies of your own, by name."
    )
    origin_request_policies: Annotated[dict[str, ForwardEntry], AfterValidator(_named)] = Field(
        default={}, description="Origin request policies of your own, by name."
    )
    response_headers_policies: Annotated[dict[str, ResponseHeadersPolicyEntry], AfterValidator(_named)] = Field(
        default={}, description="Response headers policies of your own, by name."
    )
    public_keys: Annotated[dict[str, PublicKeyEntry], AfterValidator(_named)] = Field(
        default={}, description="Public keys that signed URLs and cookies are checked with, by name."
    )
    key_groups: Annotated[dict[str, KeyGroup], AfterValidator(_named)] = Field(
        default={}, description="Groups of one to five of `public_keys`, by name."
    )
    distributions: tuple[DistributionEntry, ...] = Field(default=(), description="The distributions.")
    origin_addresses: Annotated[dict[str, str], AfterValidator(_origin_addresses)] = Field(
        default={},
        description="Where origins of distributions that come through the API are, by their domain name: "
        '`shop.example.com: "http://127.0.0.1:3000"`, or `resolve` to look the name up and call out. '
        "Names without an address are never called.",
    )
    cloudfront: CloudFrontSection = Field(
        default=CloudFrontSection(), description="Documents of the API as they are, as `edgesim export` writes them."
    )
    certificates: Annotated[dict[str, CertificateEntry], AfterValidator(_named)] = Field(
        default={}, description="Certificates by name."
    )
    listen: ListenSection = Field(default=ListenSection(), description="Where to listen; the command line wins.")
    tls: TlsSection = Field(default=TlsSection(), description="TLS on the viewers' side.")
    trust: tuple[str, ...] = Field(
        default=(), description="PEM files of more authorities that origins' certificates may use."
    )
    logs: LogsSection = Field(default=LogsSection(), description="Logs.")
    switches: SwitchesSection = Field(default=SwitchesSection(), description="Open questions, answered.")
    propagation: PropagationSection = Field(
        default=PropagationSection(), description="How long changes take to reach edges."
    )
