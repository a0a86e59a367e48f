"""What CloudFront demands of cache, origin request and response headers policies (spec §2.1, §3, §4.7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from edgesim.api.account import Account
from edgesim.api.families.checks import Document, Row, at_most, between, check_rows, items
from edgesim.api.faults import fault
from edgesim.world.fields import TOKEN
from edgesim.world.policies import FRAMING, SECURITY_HEADERS, UNREMOVABLE
from edgesim.world.state import Record

DAY, YEAR = 86_400, 31_536_000
MOST_NAMES = 10
"""Headers, cookies and query strings of a policy, of each."""
MOST_NAME_CHARACTERS = 1_024
"""All names of one kind in a policy together."""
MOST_VALUE_CHARACTERS = 1_783
MOST_HEADER_CHARACTERS = 10_240
"""All custom headers of a response headers policy, names and values."""

_NEVER_FORWARDED = """
    connection content-length cookie keep-alive proxy-* te trailer transfer-encoding upgrade x-amz-cf-* x-edge-*
    x-forwarded-proto x-real-ip
"""
NEVER_FORWARDED = tuple(_NEVER_FORWARDED.split())
"""Headers no policy can name: they end at CloudFront or have settings of their own (spec §1.4)."""
_NEVER_IN_KEY = """
    cache-control max-forwards pragma request-range cloudfront-viewer-address cloudfront-viewer-asn
    cloudfront-viewer-ja3-fingerprint cloudfront-viewer-ja4-fingerprint cloudfront-viewer-tls
"""
NEVER_IN_KEY = tuple(_NEVER_IN_KEY.split())
"""Headers that can be forwarded but not be part of the cache key (spec §1.4, §1.5)."""

CORS_HEADERS = frozenset(f"access-control-{name}" for name in (
    "allow-credentials", "allow-headers", "allow-methods", "allow-origin", "expose-headers", "max-age"
))  # fmt: skip
"""What CorsConfig sets, and custom headers therefore cannot."""

NAME = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)

NAMED = (
    Row("Name", lambda name: bool(NAME.fullmatch(name)), "InvalidArgument",
        "The parameter Name takes 1 to 128 letters, digits, dashes and underscores."),
    Row("Comment", at_most(128), "InvalidArgument", "The parameter Comment is too long: 128 characters at most."),
)  # fmt: skip
"""Rules of everything with a name and a comment."""

_PICKS = (("Header", "Headers"), ("Cookie", "Cookies"), ("QueryString", "QueryStrings"))
_LISTING = ("whitelist", "allExcept", "allViewerAndWhitelistCloudFront")


def cache_policy(account: Account, config: Document, old: Record | None) -> Mapping[str, Any]:
    """A cache policy with its TTLs filled in; refused with InvalidArgument or TooMany... where it breaks a rule."""
    check_rows(config, NAMED)
    least = config["MinTTL"]
    default = config.get("DefaultTTL", max(DAY, least))
    most = config.get("MaxTTL", max(YEAR, default))
    if least < 0:
        raise fault("InvalidArgument", "The parameter MinTTL cannot be negative.")
    if not least <= default <= most:
        raise fault(
            "InvalidArgument",
            f"The parameters MinTTL, DefaultTTL and MaxTTL must be in this order, but are {least}, {default}, {most}.",
        )
    parameters = config.get("ParametersInCacheKeyAndForwardedToOrigin", {})
    for name in _check_picks(parameters, "CachePolicy"):
        if _is_one_of(name, NEVER_IN_KEY):
            raise _not_allowed("Headers", name)
    if most == 0:
        _check_no_key(parameters)
    return {**config, "DefaultTTL": default, "MaxTTL": most}


def origin_request_policy(account: Account, config: Document, old: Record | None) -> Mapping[str, Any]:
    """An origin request policy; refused with InvalidArgument or TooMany... where it breaks a rule."""
    check_rows(config, NAMED)
    names = _check_picks(config, "OriginRequestPolicy")
    behavior = config["HeadersConfig"]["HeaderBehavior"]
    for name in names:
        if behavior != "allExcept" and name.lower() == "authorization":
            raise _not_allowed("Headers", name)
        if behavior == "allViewerAndWhitelistCloudFront" and not name.lower().startswith("cloudfront-"):
            raise _not_allowed("Headers", name)
    return config


def _check_picks(document: Document, policy: str) -> list[str]:
    """Check the three choices of names; gives the header names."""
    for kind, plural in _PICKS:
        part = document.get(f"{plural}Config")
        if part is None:
            continue
        names, behavior = items(part, plural), part[f"{kind}Behavior"]
        if bool(names) != (behavior in _LISTING):
            verb = "is required when" if behavior in _LISTING else "cannot be used when"
            raise fault("InvalidArgument", f"The parameter {plural} {verb} {kind}Behavior is {behavior}.")
        if len(names) > MOST_NAMES:
            raise fault(f"TooMany{plural}In{policy}")
        if sum(map(len, names)) > MOST_NAME_CHARACTERS:
            raise fault(
                "InvalidArgument", f"The names in {plural} are too long: {MOST_NAME_CHARACTERS} characters together."
            )
        _check_names(plural, names)
    return items(document.get("HeadersConfig", {}), "Headers")


def _check_names(plural: str, names: list[str]) -> None:
    headers = plural == "Headers"
    if len({name.lower() if headers else name for name in names}) < len(names):
        raise fault("InvalidArgument", f"The parameter {plural} contains duplicate values.")
    for name in names:
        if not (TOKEN.fullmatch(name) if headers else name and name.isascii() and name.isprintable()):
            raise fault("InvalidArgument", f"The parameter {plural} contains {name!r}, which is not a valid name.")
        if headers and _is_one_of(name, NEVER_FORWARDED):
            raise _not_allowed(plural, name)


def _check_no_key(parameters: Document) -> None:
    for kind, plural in _PICKS:
        behavior = parameters.get(f"{plural}Config", {}).get(f"{kind}Behavior", "none")
        if behavior != "none":
            raise fault(
                "InvalidArgument",
                f"The parameter {kind}Behavior cannot be {behavior} while caching is disabled (all TTLs are 0).",
            )
    for encoding in ("EnableAcceptEncodingGzip", "EnableAcceptEncodingBrotli"):
        if parameters.get(encoding):
            raise fault(
                "InvalidArgument",
                f"The parameter {encoding} cannot be true while caching is disabled (all TTLs are 0).",
            )


_CORS = "CorsConfig"
_SECURITY = "SecurityHeadersConfig"
_LONG = f"is too long: {MOST_VALUE_CHARACTERS} characters at most."


def _origin(value: str) -> bool:
    """A wildcard is the whole value, or the first label of the host, or in the port (spec §3.8)."""
    if value == "*":
        return True
    scheme, mark, rest = value.rpartition("://")
    host, _, port = rest.partition(":")
    plain = host.removeprefix("*.")
    return bool(
        (not mark or scheme in ("http", "https"))
        and re.fullmatch(r"[A-Za-z0-9_.-]+", plain, re.ASCII)
        and ("." in plain or not host.startswith("*"))
        and re.fullmatch(r"[0-9*]{0,5}", port, re.ASCII)
    )


def _header_pattern(value: str) -> bool:
    return bool(TOKEN.fullmatch(value))


def _printable(value: str) -> bool:
    return not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value)


RESPONSE_HEADERS = (
    *NAMED,
    Row(f"{_CORS}.AccessControlAllowOrigins.Items", bool, "InvalidArgument",
        "The parameter AccessControlAllowOrigins needs at least one value."),
    Row(f"{_CORS}.AccessControlAllowOrigins.Items[]", _origin, "InvalidArgument",
        "The parameter AccessControlAllowOrigins contains {value}, which is not an origin CloudFront understands."),
    Row(f"{_CORS}.AccessControlAllowHeaders.Items", bool, "InvalidArgument",
        "The parameter AccessControlAllowHeaders needs at least one value."),
    Row(f"{_CORS}.AccessControlAllowHeaders.Items[]", _header_pattern, "InvalidArgument",
        "The parameter AccessControlAllowHeaders contains {value}, which is not a header name."),
    Row(f"{_CORS}.AccessControlAllowMethods.Items", bool, "InvalidArgument",
        "The parameter AccessControlAllowMethods needs at least one value."),
    Row(f"{_CORS}.AccessControlExposeHeaders.Items[]", _header_pattern, "InvalidArgument",
        "The parameter AccessControlExposeHeaders contains {value}, which is not a header name."),
    Row(f"{_CORS}.AccessControlMaxAgeSec", between(0, 2**31 - 1), "InvalidArgument",
        "The parameter AccessControlMaxAgeSec cannot be {value}."),
    Row(f"{_SECURITY}.ContentSecurityPolicy.ContentSecurityPolicy", at_most(MOST_VALUE_CHARACTERS),
        "TooLongCSPInResponseHeadersPolicy"),
    Row(f"{_SECURITY}.ContentSecurityPolicy.ContentSecurityPolicy", lambda value: value and _printable(value),
        "InvalidArgument", "The parameter ContentSecurityPolicy is not a header value."),
    Row(f"{_SECURITY}.XSSProtection.ReportUri", lambda value: len(value) <= MOST_VALUE_CHARACTERS and _printable(value),
        "InvalidArgument", f"The parameter ReportUri is not a header value, or {_LONG}"),
    Row(f"{_SECURITY}.StrictTransportSecurity.AccessControlMaxAgeSec", between(0, 2**31 - 1), "InvalidArgument",
        "The parameter AccessControlMaxAgeSec cannot be {value}."),
    Row("ServerTimingHeadersConfig.SamplingRate", lambda rate: round(rate, 4) == rate, "InvalidArgument",
        "The parameter SamplingRate has at most four decimal places."),
    Row("CustomHeadersConfig.Items", at_most(MOST_NAMES), "TooManyCustomHeadersInResponseHeadersPolicy"),
    Row("CustomHeadersConfig.Items[].Value", at_most(MOST_VALUE_CHARACTERS), "InvalidArgument",
        f"The value of a custom header {_LONG}"),
    Row("CustomHeadersConfig.Items[].Value", _printable, "InvalidArgument",
        "The parameter Value is not a header value."),
    Row("RemoveHeadersConfig.Items", at_most(MOST_NAMES), "TooManyRemoveHeadersInResponseHeadersPolicy"),
)  # fmt: skip


def response_headers_policy(account: Account, config: Document, old: Record | None) -> Mapping[str, Any]:
    """A response headers policy; refused with InvalidArgument, TooMany... or TooLongCSP... where it breaks a rule."""
    check_rows(config, RESPONSE_HEADERS)
    for member, names in config.get(_CORS, {}).items():
        if isinstance(names, Mapping) and len(", ".join(names.get("Items", ()))) > MOST_VALUE_CHARACTERS:
            raise fault("InvalidArgument", f"The parameter {member} {_LONG}")
    _check_xss(config.get(_SECURITY, {}).get("XSSProtection", {}))
    custom = items(config, "CustomHeadersConfig")
    if sum(len(header["Header"]) + len(header["Value"]) for header in custom) > MOST_HEADER_CHARACTERS:
        raise fault(
            "InvalidArgument", f"The custom headers are too long: {MOST_HEADER_CHARACTERS} characters together at most."
        )
    security = {name.lower() for name in SECURITY_HEADERS}
    for name in _header_names("CustomHeadersConfig", custom):
        if name.lower() in security:
            raise fault(
                "InvalidArgument",
                f"The parameter CustomHeaders contains {name}, a security header, which cannot be a custom header.",
            )
        if name.lower() in FRAMING or name.lower() in CORS_HEADERS:
            raise _not_allowed("CustomHeaders", name)
    for name in _header_names("RemoveHeadersConfig", items(config, "RemoveHeadersConfig")):
        if _is_one_of(name, UNREMOVABLE):
            raise _not_allowed("RemoveHeaders", name)
    return config


def _check_xss(xss: Document) -> None:
    both = bool(xss.get("ModeBlock")) and bool(xss.get("ReportUri"))
    either = bool(xss.get("ModeBlock")) or bool(xss.get("ReportUri"))
    if both or (either and not xss["Protection"]):
        problem = "cannot be used together" if both else "cannot be used when Protection is false"
        raise fault("InvalidArgument", f"The parameters ModeBlock and ReportUri {problem}.")


def _header_names(member: str, headers: list[Any]) -> list[str]:
    names: list[str] = [header["Header"] for header in headers]
    if len({name.lower() for name in names}) < len(names):
        raise fault("InvalidArgument", f"The parameter {member} contains duplicate headers.")
    for name in names:
        if not TOKEN.fullmatch(name) or len(name) > 256:
            raise fault("InvalidArgument", f"The parameter {member} contains {name!r}, which is not a header name.")
    return names


def _is_one_of(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern) for pattern in patterns)


def _not_allowed(parameter: str, name: str) -> Exception:
    return fault("InvalidArgument", f"The parameter {parameter} contains {name} that is not allowed.")
