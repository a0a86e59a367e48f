"""Why things happened: every "no" has a name (ARCHITECTURE rule 2), a sentence in plain words, and a source.

``explain``, the log, the metrics and the tests all use these members; none of them makes up a reason as text.
"""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """Base of the reason enums: ``slug`` for logs and metrics, ``sentence`` for people, ``source`` of the rule."""

    def __init__(self, slug: str, sentence: str, source: str) -> None:
        self.slug = slug
        self.sentence = sentence
        self.source = source


class Outcome(Enum):
    """What became of a request at a cache; the words of CloudFront's result types (spec §12.1)."""

    HIT = "Hit"
    REFRESH_HIT = "RefreshHit"
    MISS = "Miss"
    ERROR = "Error"
    REDIRECT = "Redirect"
    LIMIT_EXCEEDED = "LimitExceeded"
    CAPACITY_EXCEEDED = "CapacityExceeded"


class Forwarded(Reason):
    """Why a request went up instead of being answered from the store. Slugs are RFC 9211's ``fwd`` values."""

    NO_ENTRY = ("uri-miss", "Nothing is stored under this cache key.", "RFC 9211 §2.2")
    NO_VARIANT = (
        "vary-miss",
        "Answers are stored for this URI, but for other values of the headers in Vary.",
        "RFC 9111 §4.1",
    )
    EXPIRED = ("stale", "The stored answer is older than its freshness lifetime.", "RFC 9111 §4.2; spec §2.2")
    MUST_VALIDATE = (
        "stale",
        "The stored answer may only be used after asking the origin (no-cache).",
        "RFC 9111 §5.2.2.4",
    )
    VARY_STAR = (
        "vary-miss",
        "The stored answer says Vary: *, so it never matches a later request.",
        "RFC 9111 §4.1; spec §1.7",
    )
    REQUEST_DIRECTIVE = ("request", "The viewer's own Cache-Control asks for a newer answer.", "RFC 9111 §5.2.1")
    METHOD = ("method", "Requests with this method are never answered from the store.", "RFC 9111 §4; spec §3.9")
    CACHING_DISABLED = (
        "bypass",
        "Caching is off for this behaviour: minimum, default and maximum TTL are all 0.",
        "spec §2.1",
    )
    ALL_HEADERS_FORWARDED = (
        "bypass",
        "The behaviour forwards all headers, so nothing of it is ever cached.",
        "spec §3.3",
    )
    PARTIAL = ("partial", "Only another part of the object is stored.", "RFC 9111 §3.3; spec §4.2")
    CONDITIONAL = (
        "request",
        "Nothing is stored, so the viewer's own condition or range was passed on.",
        "RFC 9111 §4.3",
    )
    ONLY_REFRESH = (
        "stale",
        "A background refresh of a stale answer that was served at once.",
        "RFC 5861 §3; spec §2.3",
    )


class NotStored(Reason):
    """Why an answer was not kept."""

    CACHING_DISABLED = ("caching-disabled", "Caching is off for this behaviour.", "spec §2.1")
    ALL_HEADERS_FORWARDED = ("all-headers-forwarded", "The behaviour forwards all headers.", "spec §3.3")
    METHOD = ("method", "Answers to this method are not cached.", "RFC 9111 §3; spec §3.9")
    STATUS = ("status", "Answers with this status are not cached.", "RFC 9111 §3; spec §2.1")
    STATUS_NEEDS_CACHE_CONTROL = (
        "status-needs-cache-control",
        "307 and 308 are cached only with a Cache-Control header.",
        "spec §2.1",
    )
    ERROR_NEEDS_LIFETIME = (
        "error-needs-lifetime",
        "This error is cached only if the origin sends max-age or s-maxage.",
        "spec §5.1",
    )
    ERROR_NEVER = ("error-never", "Errors with this status are never cached.", "spec §5.1")
    ERROR_TTL_ZERO = (
        "error-ttl-zero",
        "The error caching minimum TTL is 0 and the origin gives no lifetime.",
        "spec §5.2",
    )
    NO_STORE = ("no-store", "The origin says Cache-Control: no-store.", "RFC 9111 §5.2.2.5; spec §2.1")
    NO_CACHE = ("no-cache", "The origin says Cache-Control: no-cache and the minimum TTL is 0.", "spec §2.1")
    PRIVATE = ("private", "The origin says Cache-Control: private.", "RFC 9111 §5.2.2.7; spec §2.1")
    REQUEST_NO_STORE = ("request-no-store", "The viewer's request says Cache-Control: no-store.", "RFC 9111 §5.2.1.5")
    AUTHORIZATION = (
        "authorization",
        "The request carries Authorization and the answer does not allow sharing.",
        "RFC 9111 §3.5",
    )
    NO_LIFETIME_NO_VALIDATOR = (
        "no-lifetime",
        "The answer has neither a lifetime nor a validator, so it could never be reused.",
        "RFC 9111 §3",
    )
    MUST_UNDERSTAND = (
        "must-understand",
        "must-understand is set and this status is not one the cache understands.",
        "RFC 9111 §5.2.2.3",
    )
    VARY_STAR = ("vary-star", "Vary: * never matches another request.", "RFC 9111 §4.1")
    TOO_LARGE = ("too-large", "The object is larger than this cache keeps.", "spec §4.3")
    TRUNCATED = ("truncated", "The origin broke off before the end of the body.", "spec §1.8; RFC 9111 §3.3")
    VIEWER_LEFT = ("viewer-left", "The viewer went away before the body was complete.", "spec §1.8")
    INVALIDATED = ("invalidated", "An invalidation came while the answer was on its way.", "spec §8")
    RANGE_UNUSABLE = (
        "range-unusable",
        "The partial answer does not say which part it is, or cannot be combined.",
        "RFC 9111 §3.3",
    )
    ORIGIN_FAILED = ("origin-failed", "The origin gave no answer.", "spec §5.1")
    CONDITIONAL = ("conditional", "The answer is to the viewer's own condition and not a whole object.", "RFC 9111 §3")
    ALREADY_WHOLE = ("already-whole", "The whole object is stored already.", "RFC 9111 §3.4")
    UPGRADED = ("upgraded", "The connection became another protocol.", "spec §4.5")


class NotJoined(Reason):
    """Why a request did not wait for another one that was already on its way for the same key."""

    NONE_IN_FLIGHT = ("none-in-flight", "No other request for this key was on its way.", "spec §4.1")
    CACHING_DISABLED = ("caching-disabled", "Caching is off, and request collapsing with it.", "spec §4.1")
    COOKIES_FORWARDED = (
        "cookies-forwarded",
        "The behaviour forwards cookies, which turns request collapsing off.",
        "spec §4.1",
    )
    HIT_FOR_MISS = (
        "hit-for-miss",
        "The last answer for this key could not be shared, so nobody waits for the next.",
        "spec §4.1 [sim]",
    )
    OUTCOME_NOT_SHARED = (
        "outcome-not-shared",
        "It waited, but the first answer turned out not to be shareable.",
        "spec §4.1",
    )
    CONDITIONAL = ("conditional", "The request carries its own condition or range.", "RFC 9111 §4.3")
    METHOD = ("method", "Only GET and HEAD requests are collapsed.", "spec §4.1")


class NotStale(Reason):
    """Why a stale answer was not served although the origin failed or a refresh was due."""

    NOTHING_STORED = ("nothing-stored", "Nothing is stored for this key.", "spec §2.5")
    FORBIDDEN = (
        "forbidden",
        "must-revalidate, proxy-revalidate, s-maxage or no-cache forbids it.",
        "RFC 9111 §4.2.4; spec §2.5",
    )
    STALE_IF_ERROR_ZERO = ("stale-if-error-zero", "The origin said stale-if-error=0.", "spec §2.5")
    WINDOW_OVER = ("window-over", "The stale-if-error window, or the maximum TTL, has passed.", "spec §2.4")
    NO_DIRECTIVE = ("no-directive", "No stale-if-error allows it.", "RFC 5861 §4")
    ERROR_ENTRY = ("error-entry", "What is stored is itself an error.", "spec §5")
    NOT_A_SERVER_ERROR = ("not-a-server-error", "A 4xx from the origin replaces the stored answer.", "spec §2.5")
    TTLS_ZERO = ("ttls-zero", "Minimum and maximum TTL are both 0.", "spec §2.5")


class Stale(Reason):
    """Why a stale answer was served."""

    WHILE_REVALIDATE = (
        "stale-while-revalidate",
        "Inside the stale-while-revalidate window; a refresh runs behind it.",
        "RFC 5861 §3; spec §2.3",
    )
    IF_ERROR = ("stale-if-error", "The origin failed inside the stale-if-error window.", "RFC 5861 §4; spec §2.4")
    BY_DEFAULT = ("stale-by-default", "The origin failed and a copy was still stored.", "spec §2.5")
    ERROR_WINDOW = (
        "error-window",
        "The origin failed a moment ago; it is not asked again until the error caching time is over.",
        "spec §2.5",
    )
    DISCONNECTED = (
        "disconnected",
        "The origin cannot be reached and nothing forbids a stale answer.",
        "RFC 9111 §4.2.4",
    )
    REQUEST_ALLOWS = ("max-stale", "The viewer's own max-stale allows it.", "RFC 9111 §5.2.1.2")


class LifetimeRule(Reason):
    """Which rule gave the freshness lifetime."""

    S_MAXAGE = ("s-maxage", "Cache-Control: s-maxage.", "RFC 9111 §5.2.2.10; spec §2.1")
    MAX_AGE = ("max-age", "Cache-Control: max-age.", "RFC 9111 §5.2.2.1; spec §2.1")
    EXPIRES = ("expires", "Expires.", "RFC 9111 §5.3; spec §2.1")
    DEFAULT_TTL = ("default-ttl", "No lifetime from the origin: the default TTL.", "spec §2.1")
    MIN_TTL = ("min-ttl", "The minimum TTL, which overrides the origin.", "spec §2.1")
    MAX_TTL = ("max-ttl", "The maximum TTL, which caps the origin's lifetime.", "spec §2.1")
    HEURISTIC = ("heuristic", "A tenth of the time since Last-Modified.", "RFC 9111 §4.2.2")
    NONE = ("none", "No lifetime: usable only after asking the origin.", "RFC 9111 §4.2")
    TARGETED = ("targeted", "CDN-Cache-Control, which replaces Cache-Control.", "RFC 9213 §2.2")
    ERROR_MIN_TTL = ("error-caching-min-ttl", "The error caching minimum TTL.", "spec §5.2")
    VARY_STAR = ("vary-star", "Vary: * with minimum TTL 0: stored, but fetched again each time.", "spec §1.7")


class NotCompressed(Reason):
    """Why an answer was not compressed at the edge (spec §7.11)."""

    OFF = ("off", "Compression is off for this behaviour.", "spec §7.11")
    NOT_ACCEPTED = ("not-accepted", "The viewer accepts none of the encodings the policy turns on.", "spec §7.11")
    HTTP_1_0 = ("http-1.0", "The viewer speaks HTTP/1.0.", "spec §7.11")
    NO_LENGTH = ("no-length", "The origin sent no Content-Length.", "spec §7.11")
    TOO_SMALL = ("too-small", "The object is smaller than 1,000 bytes.", "spec §7.11")
    TOO_BIG = ("too-big", "The object is larger than 10,000,000 bytes.", "spec §7.11")
    STATUS = ("status", "Only 200, 403 and 404 are compressed.", "spec §7.11")
    ENCODED = ("encoded", "The origin already sent a Content-Encoding.", "spec §7.11")
    TYPE = ("type", "The content type is not on CloudFront's list.", "spec §7.11")
    CACHING_DISABLED = ("caching-disabled", "Caching is off for this behaviour.", "spec §7.11")
    NO_TRANSFORM = ("no-transform", "The origin says no-transform.", "RFC 9110 §7.7")
    PARTIAL = ("partial", "Part of an object is never compressed.", "spec §7.11")


class Rejection(Reason):
    """Why a request was answered at the edge without looking at cache or origin (spec §1.2)."""

    MALFORMED = ("InvalidRequest", "The request is not valid HTTP.", "spec §5.5; RFC 9112")
    URL_TOO_LONG = ("InvalidRequest", "The URL is longer than 8,192 bytes.", "spec §4.6")
    HEAD_TOO_BIG = ("InvalidRequest", "Request line and headers are larger than 32,768 bytes.", "spec §4.6")
    UNKNOWN_HOST = ("InvalidRequest", "No distribution has this host name.", "spec §1.2")
    DISABLED = ("InvalidRequest", "The distribution is disabled.", "spec §1.2")
    STAGING = ("InvalidRequest", "A staging distribution answers under no name of its own.", "spec §9.4")
    WRONG_CERTIFICATE = (
        "InvalidRequestCertificate",
        "The TLS name and the Host header belong to different owners.",
        "spec §7.6",
    )
    GEO_BLOCKED = ("ClientGeoBlocked", "The distribution does not serve the viewer's country.", "spec §9.1")
    HTTPS_ONLY = ("InvalidRequest", "The behaviour takes HTTPS only.", "spec §7.1")
    REDIRECT_TO_HTTPS = ("Redirect", "The behaviour redirects HTTP to HTTPS.", "spec §7.1")
    REDIRECT_IMPOSSIBLE = ("InvalidRequest", "An HTTP/1.0 request with this method cannot be redirected.", "spec §7.1")
    METHOD_NOT_ALLOWED = ("InvalidRequestMethod", "The behaviour does not allow this method.", "spec §3.9")
    BODY_ON_GET = ("InvalidRequest", "A GET request must not carry a body.", "spec §3.9")
    BAD_ROOT_OBJECT = ("InvalidRequest", "The default root object's name is not valid.", "spec §7.9")
    UNKNOWN_PLACE = ("InvalidRequest", "X-Edgesim-Location names no known place.", "edgesim")
    UNKNOWN_EDGE = ("InvalidRequest", "X-Edgesim-Edge names no edge of this world.", "edgesim")
    NO_EDGE = ("CapacityExceeded", "No edge inside the price class is up.", "spec §5.5")
    FORWARDED_TO_EDGE = ("Redirect", "The front door sends the viewer to the edge's own address.", "edgesim")
    BODY_TOO_LARGE = ("InvalidRequest", "The request body is larger than this world takes.", "spec §4.3")
    MISSING_KEY = ("MissingKey", "The request must be signed, and names no Key-Pair-Id.", "spec §10.5")
    INVALID_KEY = ("InvalidKey", "The key it names is not one the behaviour trusts.", "spec §10.5")
    MALFORMED_SIGNATURE = ("MalformedSignature", "The signature cannot be decoded.", "spec §10.5")
    MALFORMED_POLICY = ("MalformedPolicy", "The policy is not one CloudFront reads.", "spec §10.3, §10.5")
    WRONG_SIGNATURE = (
        "AccessDenied",
        "The signature does not fit: the URL, the policy or the key differs from what was signed.",
        "spec §10.2, §10.5",
    )
    OTHER_RESOURCE = ("AccessDenied", "The signed policy is for other URLs.", "spec §10.3")
    NOT_YET = ("AccessDenied", "What was signed does not hold yet.", "spec §10.3")
    NO_LONGER = ("AccessDenied", "What was signed has expired.", "spec §10.3")
    OTHER_ADDRESS = ("AccessDenied", "The signed policy is for other addresses than the viewer's.", "spec §10.3")


UNSIGNED = frozenset(
    {
        Rejection.MISSING_KEY,
        Rejection.INVALID_KEY,
        Rejection.MALFORMED_SIGNATURE,
        Rejection.MALFORMED_POLICY,
        Rejection.WRONG_SIGNATURE,
        Rejection.OTHER_RESOURCE,
        Rejection.NOT_YET,
        Rejection.NO_LONGER,
        Rejection.OTHER_ADDRESS,
    }
)
"""What is wrong with signed URLs and cookies; their slugs are the codes viewers see."""
