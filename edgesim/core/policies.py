"""Cache, origin request and response headers policies, and the managed ones with their ids (spec §3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Take(Enum):
    """How a policy picks among a viewer's headers, cookies or query parameters."""

    NONE = "none"
    LISTED = "whitelist"
    ALL = "all"
    ALL_EXCEPT = "allExcept"
    ALL_VIEWER = "allViewer"
    ALL_VIEWER_AND_CLOUDFRONT = "allViewerAndWhitelistCloudFront"


@dataclass(frozen=True, slots=True)
class Pick:
    """A choice of names: which way to take, and the names it is about. Header names compare without case."""

    take: Take = Take.NONE
    names: tuple[str, ...] = ()
    wildcards: bool = False
    """``*`` and ``?`` in names are wildcards (legacy cookie lists only, spec §3.3)."""


NOTHING = Pick()
EVERYTHING = Pick(Take.ALL)


@dataclass(frozen=True, slots=True)
class Ttls:
    """Minimum, default and maximum TTL in seconds (spec §2.1)."""

    minimum: int = 0
    default: int = 86_400
    maximum: int = 31_536_000

    @property
    def disabled(self) -> bool:
        """All three zero: caching is off for the behaviour, and with it collapsing and error caching."""
        return self.minimum == self.default == self.maximum == 0


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """What is in the cache key, how long answers live, and which encodings are normalised (spec §3.1, §3.4)."""

    id: str
    name: str
    ttls: Ttls = Ttls()
    headers: Pick = NOTHING
    cookies: Pick = NOTHING
    query: Pick = NOTHING
    gzip: bool = False
    brotli: bool = False
    legacy: bool = False
    """Made from ForwardedValues: most viewer headers are forwarded (spec §1.4) and only gzip is normalised."""
    legacy_query_keys: tuple[str, ...] = ()
    """With legacy "forward all, cache on some": the parameters in the key; all are forwarded (spec §3.3)."""

    @property
    def caching(self) -> bool:
        """False where nothing can ever be stored: all TTLs 0, or legacy "forward all headers" (spec §3.3)."""
        return not self.ttls.disabled and not (self.legacy and self.headers.take is Take.ALL)


@dataclass(frozen=True, slots=True)
class OriginRequestPolicy:
    """What is sent to the origin beyond the cache key (spec §3.2)."""

    id: str
    name: str
    headers: Pick = NOTHING
    cookies: Pick = NOTHING
    query: Pick = NOTHING


@dataclass(frozen=True, slots=True)
class Cors:
    """The CORS part of a response headers policy (spec §3.8)."""

    origins: tuple[str, ...] = ("*",)
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int | None = None
    override: bool = False


@dataclass(frozen=True, slots=True)
class ResponseHeadersPolicy:
    """Headers changed on the way to the viewer, at send time: removals first, then additions (spec §3.8)."""

    id: str
    name: str
    cors: Cors | None = None
    security: tuple[tuple[str, str, bool], ...] = ()
    """(name, value, override) of each security header."""
    custom: tuple[tuple[str, str, bool], ...] = ()
    remove: tuple[str, ...] = ()
    server_timing: float | None = None
    """Sampling rate in percent; ``None`` when the setting is off (spec §1.9)."""


def _listed(*names: str) -> Pick:
    return Pick(Take.LISTED, names)


_YEAR, _DAY = 31_536_000, 86_400

MANAGED_CACHE_POLICIES: dict[str, CachePolicy] = {
    policy.id: policy
    for policy in (
        CachePolicy(
            "2e54312d-136d-493c-8eb9-b001f22f67d2",
            "Managed-Amplify",
            Ttls(2, 2, 600),
            _listed("Authorization", "CloudFront-Viewer-Country", "Host"),
            EVERYTHING,
            EVERYTHING,
            gzip=True,
            brotli=True,
        ),
        CachePolicy("4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "Managed-CachingDisabled", Ttls(0, 0, 0)),
        CachePolicy(
            "658327ea-f89d-4fab-a63d-7e88639e58f6",
            "Managed-CachingOptimized",
            Ttls(1, _DAY, _YEAR),
            gzip=True,
            brotli=True,
        ),
        CachePolicy(
            "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
            "Managed-CachingOptimizedForUncompressedObjects",
            Ttls(1, _DAY, _YEAR),
        ),
        CachePolicy(
            "08627262-05a9-4f76-9ded-b50ca2e3a84f",
            "Managed-Elemental-MediaPackage",
            Ttls(0, _DAY, _YEAR),
            _listed("Origin"),
            NOTHING,
            _listed("aws.manifestfilter", "start", "end", "m"),
            gzip=True,
        ),
        CachePolicy(
            "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
            "Managed-UseOriginCacheControlHeaders",
            Ttls(0, 0, _YEAR),
            _listed("Host", "Origin", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"),
            EVERYTHING,
            NOTHING,
            gzip=True,
            brotli=True,
        ),
        CachePolicy(
            "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
            "Managed-UseOriginCacheControlHeaders-QueryStrings",
            Ttls(0, 0, _YEAR),
            _listed("Host", "Origin", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"),
            EVERYTHING,
            EVERYTHING,
            gzip=True,
            brotli=True,
        ),
    )
}
"""Spec §3.5. UseOriginCacheControlHeaders keeps DefaultTTL 0 below its maximum, as the guide lists it."""

_KINDS = ("Android", "Desktop", "IOS", "Mobile", "SmartTV", "Tablet")
_DEVICES = tuple(f"CloudFront-Is-{kind}-Viewer" for kind in _KINDS)
_LOCATION = tuple(
    f"CloudFront-Viewer-{part}"
    for part in (
        "Address",
        "ASN",
        "City",
        "Country",
        "Country-Name",
        "Country-Region",
        "Country-Region-Name",
        "Latitude",
        "Longitude",
        "Metro-Code",
        "Postal-Code",
        "Time-Zone",
    )
)
_CONNECTION = ("CloudFront-Forwarded-Proto", "CloudFront-Viewer-Http-Version", "CloudFront-Viewer-TLS")

MANAGED_ORIGIN_REQUEST_POLICIES: dict[str, OriginRequestPolicy] = {
    policy.id: policy
    for policy in (
        OriginRequestPolicy(
            "216adef6-5c7f-47e4-b989-5492eafa07d3",
            "Managed-AllViewer",
            Pick(Take.ALL_VIEWER),
            EVERYTHING,
            EVERYTHING,
        ),
        OriginRequestPolicy(
            "33f36d7e-f396-46d9-90e0-52428a34d9dc",
            "Managed-AllViewerAndCloudFrontHeaders-2022-06",
            Pick(Take.ALL_VIEWER_AND_CLOUDFRONT, (*_DEVICES, *_LOCATION, *_CONNECTION)),
            EVERYTHING,
            EVERYTHING,
        ),
        OriginRequestPolicy(
            "b689b0a8-53d0-40ab-baf2-68738e2966ac",
            "Managed-AllViewerExceptHostHeader",
            Pick(Take.ALL_EXCEPT, ("Host",)),
            EVERYTHING,
            EVERYTHING,
        ),
        OriginRequestPolicy("59781a5b-3903-41f3-afcb-af62929ccde1", "Managed-CORS-CustomOrigin", _listed("Origin")),
        OriginRequestPolicy(
            "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
            "Managed-CORS-S3Origin",
            _listed("Origin", "Access-Control-Request-Headers", "Access-Control-Request-Method"),
        ),
        OriginRequestPolicy(
            "775133bc-15f2-49f9-abea-afb2e0bf67d2",
            "Managed-Elemental-MediaTailor-PersonalizedManifests",
            _listed(
                "Origin",
                "Access-Control-Request-Headers",
                "Access-Control-Request-Method",
                "User-Agent",
                "X-Forwarded-For",
            ),
            NOTHING,
            EVERYTHING,
        ),
        OriginRequestPolicy("bf0718e1-ba1e-49d1-88b1-f726733018ae", "Managed-HostHeaderOnly", _listed("Host")),
        OriginRequestPolicy(
            "acba4595-bd28-49b8-b9fe-13317c0390fa",
            "Managed-UserAgentRefererHeaders",
            _listed("User-Agent", "Referer"),
        ),
    )
}
"""Spec §3.7."""

ALL_EXCEPT_ADDS = (*_CONNECTION, *_DEVICES, *_LOCATION)
"""What AllViewerExceptHostHeader adds of CloudFront's own headers (spec §3.7)."""

_ALL_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_SECURITY = (
    ("Referrer-Policy", "strict-origin-when-cross-origin", False),
    ("Strict-Transport-Security", "max-age=31536000", False),
    ("X-Content-Type-Options", "nosniff", True),
    ("X-Frame-Options", "SAMEORIGIN", False),
    ("X-XSS-Protection", "1; mode=block", False),
)
_PREFLIGHT = Cors(methods=_ALL_METHODS, expose=("*",))

MANAGED_RESPONSE_HEADERS_POLICIES: dict[str, ResponseHeadersPolicy] = {
    policy.id: policy
    for policy in (
        ResponseHeadersPolicy("60669652-455b-4ae9-85a4-c4c02393f86c", "Managed-SimpleCORS", Cors()),
        ResponseHeadersPolicy("5cc3b908-e619-4b99-88e5-2cf7f45965bd", "Managed-CORS-With-Preflight", _PREFLIGHT),
        ResponseHeadersPolicy(
            "67f7725c-6f97-4210-82d7-5512b31e9d03", "Managed-SecurityHeadersPolicy", security=_SECURITY
        ),
        ResponseHeadersPolicy(
            "e61eb60c-9c35-4d20-a928-2b84e02af89c", "Managed-CORS-and-SecurityHeadersPolicy", Cors(), _SECURITY
        ),
        ResponseHeadersPolicy(
            "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
            "Managed-CORS-with-preflight-and-SecurityHeadersPolicy",
            _PREFLIGHT,
            _SECURITY,
        ),
    )
}
"""Spec §3.8."""


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """Every policy of a world, by id; the managed ones are always there."""

    cache: dict[str, CachePolicy] = field(default_factory=lambda: dict(MANAGED_CACHE_POLICIES))
    origin_request: dict[str, OriginRequestPolicy] = field(
        default_factory=lambda: dict(MANAGED_ORIGIN_REQUEST_POLICIES)
    )
    response_headers: dict[str, ResponseHeadersPolicy] = field(
        default_factory=lambda: dict(MANAGED_RESPONSE_HEADERS_POLICIES)
    )
