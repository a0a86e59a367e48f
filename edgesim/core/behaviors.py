"""Distributions, their origins and their ordered cache behaviours; how a path finds its behaviour (spec §7.10)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from edgesim.core.policies import CachePolicy, OriginRequestPolicy, ResponseHeadersPolicy
from edgesim.core.profiles import CLOUDFRONT, Profile
from edgesim.core.values import record

GET_HEAD = frozenset({"GET", "HEAD"})
GET_HEAD_OPTIONS = GET_HEAD | {"OPTIONS"}
ALL_METHODS = GET_HEAD_OPTIONS | {"PUT", "POST", "PATCH", "DELETE"}
METHOD_SETS = (GET_HEAD, GET_HEAD_OPTIONS, ALL_METHODS)
"""The three sets a behaviour may allow (spec §3.9)."""

PROXY_METHODS = frozenset({"PUT", "POST", "PATCH", "DELETE", "OPTIONS"})
"""Methods that go from the edge straight to the origin, past the regional cache (spec §1.1)."""


class ViewerProtocol(Enum):
    """Viewer protocol policy (spec §7.1)."""

    ALLOW_ALL = "allow-all"
    HTTPS_ONLY = "https-only"
    REDIRECT = "redirect-to-https"


class OriginProtocol(Enum):
    """Origin protocol policy (spec §6.2)."""

    HTTP_ONLY = "http-only"
    HTTPS_ONLY = "https-only"
    MATCH_VIEWER = "match-viewer"


@dataclass(frozen=True, slots=True)
class OriginAccess:
    """How requests to an origin are signed (spec §6.8): ``signing`` is always, never or no-override."""

    signing: str = "always"
    service: str = "s3"
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key (PEM) whose signatures open a behaviour, and its id (spec §10.1)."""

    id: str
    pem: str


@dataclass(frozen=True, slots=True)
class Continuous:
    """The continuous deployment policy of a primary distribution (spec §9.4).

    Either ``weight`` (share of traffic, 0 to 0.15) or ``header`` (name, value) sends a request to the first of the
    ``staging`` distributions (ids). ``idle_ttl`` and ``max_ttl`` (seconds) keep a viewer's session where it is.
    """

    policy: str
    staging: tuple[str, ...]
    weight: float | None = None
    header: tuple[str, str] | None = None
    idle_ttl: int | None = None
    max_ttl: int | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a distribution fetches. ``domain`` is the name asked for; ``address`` where it listens on this machine.

    An empty ``address`` is a name that leads nowhere on this machine.
    Timeouts are seconds (spec §6.3). ``region`` is the AWS region or place whose distance counts.
    """

    id: str
    domain: str
    address: str = "127.0.0.1"
    http_port: int = 80
    https_port: int = 443
    protocol: OriginProtocol = OriginProtocol.HTTP_ONLY
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    place: str = "us-east-1"
    shield_region: str | None = None
    ssl_protocols: tuple[str, ...] = ("TLSv1.2", "TLSv1.3")
    verify: bool = True
    connection_attempts: int = 3
    connection_timeout: float = 10.0
    response_timeout: float = 30.0
    completion_timeout: float | None = None
    keepalive_timeout: float = 5.0
    simulated_clock: bool = False
    """True when the origin's own dates follow the simulated clock; otherwise they are real and are shifted."""
    access: OriginAccess | None = None


@dataclass(frozen=True, slots=True)
class OriginGroup:
    """A primary, a secondary and the statuses that make the second one be asked (spec §6.5)."""

    id: str
    primary: str
    secondary: str
    statuses: frozenset[int]


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One custom error response: how long code is kept, and the page and code that replace it (spec §5.2, §5.4)."""

    code: int
    min_ttl: int = 10
    page: str | None = None
    response_code: int | None = None


@dataclass(frozen=True, slots=True)
class Behavior:
    """One cache behaviour: a path pattern and what holds for the requests that match it first."""

    pattern: str
    origin: str
    policy: CachePolicy
    origin_request: OriginRequestPolicy | None = None
    response_headers: ResponseHeadersPolicy | None = None
    viewer_protocol: ViewerProtocol = ViewerProtocol.ALLOW_ALL
    allowed_methods: frozenset[str] = GET_HEAD
    cached_methods: frozenset[str] = GET_HEAD
    compress: bool = False
    profile: Profile = CLOUDFRONT
    range_block: int = 1_048_576
    """Bytes a forwarded range is aligned to (spec §4.2 [sim]); 0 forwards it as it came."""
    trusted_keys: tuple[TrustedKey, ...] | None = None
    """With keys, every request must be signed by one of them (spec §10.1)."""

    @property
    def caching(self) -> bool:
        """False where nothing is ever stored."""
        return not self.profile.policy_ttls or self.policy.caching


@dataclass(frozen=True, slots=True)
class Distribution:
    """One distribution: names, origins, behaviours in order (the default last) and what holds for all of it."""

    id: str
    domain: str
    origins: dict[str, Origin]
    behaviors: tuple[Behavior, ...]
    aliases: tuple[str, ...] = ()
    groups: dict[str, OriginGroup] = field(default_factory=dict)
    errors: dict[int, ErrorRule] = field(default_factory=dict)
    enabled: bool = True
    default_root_object: str = ""
    price_class: str = "PriceClass_All"
    security_policy: str = "TLSv1"
    certificate: str | None = None
    geo_block: frozenset[str] = frozenset()
    geo_allow: frozenset[str] | None = None
    account: str = "123456789012"
    """Whose it is: a TLS name of one account with a Host of another is domain fronting (spec §7.6)."""
    http3: bool = False
    regional_caches: bool = True
    staging: bool = False
    """A staging distribution answers under no name of its own (spec §9.4)."""
    continuous: Continuous | None = None
    logging: bool = True
    """Its requests are in the access log."""
    log_cookies: bool = False

    def error_min_ttl(self, status: int) -> int:
        """ErrorCachingMinTTL for a status, seconds; 10 unless set (spec §5.2)."""
        rule = self.errors.get(status)
        return 10 if rule is None else rule.min_ttl


@record(frozen=True, slots=True)
class Match:
    """The behaviour a path met first, and the patterns before it that did not match."""

    behavior: Behavior
    index: int
    passed_over: tuple[str, ...]


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A path pattern as a whole-path expression: ``*`` is any run of characters, ``/`` too; ``?`` exactly one."""
    text = pattern if pattern.startswith(("/", "*")) else "/" + pattern
    body = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in text)
    return re.compile(body, re.DOTALL)


def match_behavior(distribution: Distribution, path: str) -> Match:
    """The first behaviour whose pattern covers the normalised path; the last one is the default."""
    normal = normalise_path(path)
    for index, behavior in enumerate(distribution.behaviors):
        if behavior.pattern == "*" or compile_pattern(behavior.pattern).fullmatch(normal):
            return Match(behavior, index, tuple([b.pattern for b in distribution.behaviors[:index]]))
    raise LookupError("a distribution always ends with its default behaviour")


_UNRESERVED = re.compile(r"%(2[dDeE]|3[0-9]|[46][1-9a-fA-F]|5[0-9aAfF]|7[0-9aAeE])")


@lru_cache(maxsize=8192)
def normalise_path(path: str) -> str:
    """The path that patterns are matched against: ``//``, ``.`` and ``..`` collapsed, unreserved escapes decoded.

    Only for matching: the raw path goes to the origin and into the key (spec §7.10).
    """
    if "%" in path:
        path = _UNRESERVED.sub(lambda found: chr(int(found[1], 16)), path)
    if "//" not in path and "/." not in path:
        return path
    kept: list[str] = []
    parts = path.split("/")
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    tail = "/" if parts[-1] in ("", ".", "..") and kept else ""
    return "/" + "/".join(kept) + tail
