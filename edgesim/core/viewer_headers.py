"""The CloudFront-* request headers that tell an origin about the viewer (spec §1.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from edgesim.core.messages import Request
from edgesim.core.places import Place, PlaceKind


@dataclass(frozen=True, slots=True)
class ViewerFacts:
    """What is known of a viewer. ``tls`` is the value of CloudFront-Viewer-TLS, "" without TLS; ``asn`` "" unknown."""

    request: Request
    address: str
    port: int
    place: Place | None
    country_name: str = ""
    tls: str = ""


_MOBILE = ("mobile", "iphone", "ipod", "windows phone", "blackberry", "opera mini")
_TABLET = ("ipad", "tablet", "kindle", "silk/", "playbook")
_TV = ("smart-tv", "smarttv", "appletv", "googletv", "hbbtv", "netcast", "web0s", "tizen", "roku", "crkey", "bravia")


def device(user_agent: str) -> dict[str, bool]:
    """Which kinds of device a User-Agent names; several can be true. An absent one counts as desktop (spec §1.5)."""
    text = user_agent.lower()
    android = "android" in text
    ios = any(word in text for word in ("iphone", "ipad", "ipod"))
    television = any(word in text for word in _TV)
    tablet = not television and (any(word in text for word in _TABLET) or (android and "mobile" not in text))
    mobile = not television and not tablet and (any(word in text for word in _MOBILE) or android)
    return {
        "android": android,
        "desktop": not (mobile or tablet or television),
        "ios": ios,
        "mobile": mobile,
        "smarttv": television,
        "tablet": tablet,
    }


def viewer_headers(facts: ViewerFacts, names: tuple[str, ...]) -> dict[str, str]:
    """The named headers by lower-case name; those that cannot be known of this viewer are left out."""
    found: dict[str, str] = {}
    for name in names:
        make = _MAKERS.get(name.lower())
        value = make(facts) if make is not None else ""
        if value:
            found[name.lower()] = value if value.isascii() else quote(value, safe=" ,.:;/()'-")
    return found


def _kind(kind: str) -> Callable[[ViewerFacts], str]:
    def make(facts: ViewerFacts) -> str:
        return "true" if device(facts.request.headers.get("User-Agent", ""))[kind] else "false"

    return make


def _place(field: str) -> Callable[[ViewerFacts], str]:
    def make(facts: ViewerFacts) -> str:
        return str(getattr(facts.place, field)) if facts.place is not None else ""

    return make


def _coordinate(field: str) -> Callable[[ViewerFacts], str]:
    def make(facts: ViewerFacts) -> str:
        return f"{getattr(facts.place, field):.5f}" if facts.place is not None else ""

    return make


def _city(facts: ViewerFacts) -> str:
    place = facts.place
    if place is None or place.kind in (PlaceKind.COUNTRY, PlaceKind.POINT):
        return ""
    return place.name


def _header_order(facts: ViewerFacts) -> str:
    return ":".join(facts.request.headers)[:7_680]


_MAKERS: Mapping[str, Callable[[ViewerFacts], str]] = {
    "cloudfront-is-android-viewer": _kind("android"),
    "cloudfront-is-desktop-viewer": _kind("desktop"),
    "cloudfront-is-ios-viewer": _kind("ios"),
    "cloudfront-is-mobile-viewer": _kind("mobile"),
    "cloudfront-is-smarttv-viewer": _kind("smarttv"),
    "cloudfront-is-tablet-viewer": _kind("tablet"),
    "cloudfront-viewer-address": lambda facts: f"{facts.address}:{facts.port}",
    "cloudfront-viewer-country": _place("country"),
    "cloudfront-viewer-country-name": lambda facts: facts.country_name,
    "cloudfront-viewer-country-region-name": _place("region"),
    "cloudfront-viewer-city": _city,
    "cloudfront-viewer-latitude": _coordinate("latitude"),
    "cloudfront-viewer-longitude": _coordinate("longitude"),
    "cloudfront-viewer-time-zone": _place("timezone"),
    "cloudfront-viewer-header-order": _header_order,
    "cloudfront-viewer-header-count": lambda facts: str(len(facts.request.headers)),
    "cloudfront-forwarded-proto": lambda facts: facts.request.scheme,
    "cloudfront-viewer-http-version": lambda facts: f"{facts.request.version[0]}.{facts.request.version[1]}",
    "cloudfront-viewer-tls": lambda facts: facts.tls,
}

UNKNOWABLE = (
    "CloudFront-Viewer-ASN",
    "CloudFront-Viewer-Country-Region",
    "CloudFront-Viewer-Metro-Code",
    "CloudFront-Viewer-Postal-Code",
    "CloudFront-Viewer-JA3-Fingerprint",
    "CloudFront-Viewer-JA4-Fingerprint",
)
"""Headers for which this simulator has no data; they are never added, and a policy that names one is warned about."""
