"""Distributions and their cache behaviours as a world file writes them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from edgesim.core.behaviors import GET_HEAD
from edgesim.world.fields import Bytes, Methods, Model, WholeSeconds, conflict, mistake, show
from edgesim.world.policies import ForwardEntry, KeyEntry, LegacyEntry, TtlEntry

ERROR_CODES = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
"""Statuses a custom error response can be about (spec §5.2)."""

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?"
_ALIAS = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*", re.ASCII)
_PATTERN = re.compile(r"[A-Za-z0-9 _\-.*$/~\"'@:+&?%]{1,255}", re.ASCII)
_ROOT_OBJECT = re.compile(r"[A-Za-z0-9_\-.*$/~\"'&]{0,255}", re.ASCII)


def _alias(alias: str) -> str:
    """A DNS name, a wildcard, ``localhost`` or a loopback address (the last two are edgesim's own addition)."""
    name = alias.lower()
    try:
        loopback = ip_address(name).is_loopback
    except ValueError:
        if _ALIAS.fullmatch(name) and len(name) <= 253 and not name.rpartition(".")[2].isdigit():
            return name
        loopback = False
    if not loopback:
        raise mistake(show(alias), 'a DNS name such as "www.example.test" or "*.example.test", or a loopback address')
    return name


def _pattern(pattern: str) -> str:
    if not _PATTERN.fullmatch(pattern):
        raise mistake(show(pattern), "a path pattern of 1 to 255 characters A-Z a-z 0-9 _-.*$/~\"'@:+&?")
    return pattern


def _root_object(name: str) -> str:
    if name.startswith("/") or not _ROOT_OBJECT.fullmatch(name):
        raise mistake(show(name), 'an object such as "index.html", without a leading slash')
    return name


def _page(path: str) -> str:
    if not path.startswith("/"):
        raise mistake(show(path), "a path that starts with /")
    return path


def _countries(countries: object) -> object:
    return tuple(str(code).upper() for code in countries) if isinstance(countries, list | tuple) else countries


Countries = Annotated[
    tuple[str, ...], BeforeValidator(_countries), WithJsonSchema({"type": "array", "items": {"type": "string"}})
]


class GeoEntry(Model):
    """Countries that are served, or that are not."""

    allow: Countries | None = Field(default=None, min_length=1, description="Only these: two-letter ISO country codes.")
    block: Countries | None = Field(default=None, min_length=1, description="All but these.")

    @model_validator(mode="after")
    def _one_list(self, info: ValidationInfo) -> GeoEntry:
        if (self.allow is None) == (self.block is None):
            conflict(info, "both `allow` and `block`" if self.allow else "no list", "either `allow` or `block`")
        return self


class ErrorEntry(Model):
    """What happens when an answer has this status: how long it is kept, and the page shown instead."""

    code: int = Field(description="400, 403, 404, 405, 414, 416, 500, 501, 502, 503 or 504.")
    min_ttl: WholeSeconds = Field(default=10, description="The error is kept at least this long.")
    page: Annotated[str, AfterValidator(_page)] | None = Field(
        default=None, description="Path of the page shown instead; goes with `response_code`."
    )
    response_code: int | None = Field(default=None, description="Status the viewer gets with the page.")

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> ErrorEntry:
        codes = ", ".join(map(str, ERROR_CODES))
        if self.code not in ERROR_CODES:
            conflict(info, f"code {self.code}", f"one of {codes}")
        if (self.page is None) != (self.response_code is None):
            conflict(info, "one of `page` and `response_code`", "both or neither")
        if self.response_code not in (None, 200, *ERROR_CODES):
            conflict(info, f"response_code {self.response_code}", f"200 or one of {codes}")
        return self


class BehaviorSettings(Model):
    """What holds for the requests of one cache behaviour."""

    origin: str = Field(description="The origin or origin group to fetch from.")
    cache_policy: str | None = Field(
        default=None, description="A cache policy: one of yours, or a managed one by name (CachingOptimized) or id."
    )
    ttl: TtlEntry | None = Field(
        default=None, description="Shorthand for a cache policy used only here; with `legacy`, its TTLs."
    )
    key: KeyEntry | None = Field(default=None, description="Shorthand for a cache policy used only here: its key.")
    legacy: LegacyEntry | None = Field(default=None, description="ForwardedValues instead of policies.")
    origin_request_policy: str | None = Field(
        default=None, description="An origin request policy: yours, or a managed one (AllViewer)."
    )
    forward: ForwardEntry | None = Field(
        default=None, description="Shorthand for an origin request policy used only here."
    )
    response_headers_policy: str | None = Field(
        default=None, description="A response headers policy: yours, or a managed one (SimpleCORS)."
    )
    viewer_protocol: Literal["allow-all", "https-only", "redirect-to-https"] = Field(
        default="allow-all", description="What viewers may speak."
    )
    methods: Methods = Field(
        default=GET_HEAD, description="GET_HEAD, GET_HEAD_OPTIONS, ALL, or the list of methods of one of them."
    )
    cached_methods: Methods = Field(default=GET_HEAD, description="GET_HEAD or GET_HEAD_OPTIONS.")
    compress: bool = Field(default=False, description="Compress text on the way to the viewer.")
    profile: Literal["cloudfront", "rfc9111"] = Field(
        default="cloudfront", description="What kind of cache this is: CloudFront, or a strict standard shared cache."
    )
    range_block: Bytes = Field(
        default=1_048_576,
        description="A range asked of the origin is enlarged to blocks of this size; 0 forwards it as it is.",
    )
    trusted_key_groups: tuple[str, ...] = Field(
        default=(),
        max_length=4,
        description="With any of `key_groups`, every request must be signed with a key of theirs: a signed URL, or "
        "signed cookies (`edgesim sign`).",
    )

    @model_validator(mode="after")
    def _one_policy(self, info: ValidationInfo) -> BehaviorSettings:
        inline = self.key is not None or (self.ttl is not None and self.legacy is None)
        ways = [
            name
            for name, given in (("cache_policy", self.cache_policy), ("ttl/key", inline), ("legacy", self.legacy))
            if given
        ]
        if len(ways) > 1:
            conflict(info, " and ".join(ways), "one way to set the cache policy", "`legacy` may have a `ttl`, no `key`")
        if not ways and self.profile == "cloudfront":
            conflict(
                info,
                "no cache policy",
                "`cache_policy`, `ttl`/`key` or `legacy`",
                "CloudFront's usual choice is `cache_policy: CachingOptimized`",
            )
        if self.origin_request_policy and self.forward:
            conflict(info, "`origin_request_policy` and `forward`", "one of them")
        if self.legacy and (self.origin_request_policy or self.forward):
            conflict(info, "an origin request policy next to `legacy`", "a cache policy", "They only go together")
        if len(self.cached_methods) > 3 or not self.cached_methods <= self.methods:
            conflict(info, "cached_methods beyond what can be cached", "GET_HEAD, or GET_HEAD_OPTIONS if both allow it")
        return self


class DefaultBehaviorEntry(BehaviorSettings):
    """The behaviour for all paths that no other one matched."""


class BehaviorEntry(BehaviorSettings):
    """A behaviour for the paths that match its pattern; the first match wins."""

    path: Annotated[str, AfterValidator(_pattern)] = Field(
        description="Path pattern: * is any run of characters (slashes too), ? exactly one. Case counts."
    )


class DistributionEntry(Model):
    """One distribution: its names, what holds for all of it, and its cache behaviours."""

    name: str = Field(min_length=1, max_length=128, description="What you call it.")
    id: str | None = Field(
        default=None, pattern=r"^E[A-Z0-9]{13}$", description="E and 13 characters; made from the name unless set."
    )
    domain: str | None = Field(
        default=None,
        pattern=r"^d[a-z0-9]{13}\.cloudfront\.net$",
        description="Its own domain, d and 13 characters before .cloudfront.net; made from the name unless set.",
    )
    aliases: tuple[Annotated[str, AfterValidator(_alias)], ...] = Field(
        default=(),
        description="Alternate domain names: `www.example.test`, `*.example.test`. `localhost` and loopback addresses "
        "are welcome here, so that `curl http://127.0.0.1:8080/` reaches this distribution.",
    )
    enabled: bool = Field(default=True, description="A disabled distribution refuses its traffic but keeps its names.")
    default_root_object: Annotated[str, AfterValidator(_root_object)] = Field(
        default="", description="What the exact path / stands for: `index.html`."
    )
    price_class: Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"] = Field(
        default="PriceClass_All", description="Which edges answer for it."
    )
    security_policy: Literal[
        "SSLv3",
        "TLSv1",
        "TLSv1_2016",
        "TLSv1.1_2016",
        "TLSv1.2_2018",
        "TLSv1.2_2019",
        "TLSv1.2_2021",
        "TLSv1.2_2025",
        "TLSv1.3_2025",
    ] = Field(default="TLSv1.2_2021", description="The oldest TLS and the ciphers viewers may use.")
    certificate: str = Field(
        default="auto", description="One of `certificates`, or auto: edgesim issues one for all its names."
    )
    account: str = Field(
        default="123456789012",
        pattern=r"^[0-9]{12}$",
        description="Whose it is. A TLS name of one account with a Host of another is refused as domain fronting.",
    )
    geo: GeoEntry | None = Field(default=None, description="Countries that are allowed or blocked.")
    errors: tuple[ErrorEntry, ...] = Field(default=(), description="Custom error responses.")
    http3: bool = Field(
        default=False, description="HTTP/3 as in the distribution's settings; edgesim's edges do not speak it."
    )
    logging: bool = Field(default=True, description="Its requests are in the access log, where there is one.")
    log_cookies: bool = Field(default=False, description="With the viewers' cookies.")
    behaviors: tuple[BehaviorEntry, ...] = Field(
        default=(), max_length=75, description="Cache behaviours in their order."
    )
    default_behavior: DefaultBehaviorEntry = Field(description="The behaviour of every other path.")

    @model_validator(mode="after")
    def _nothing_twice(self, info: ValidationInfo) -> DistributionEntry:
        codes = [rule.code for rule in self.errors]
        if len(set(codes)) < len(codes):
            conflict(info, "two custom error responses for one code", "one per code")
        return self
