"""The CloudFront-* request headers (spec §1.5)."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from edgesim.core.messages import Request
from edgesim.core.places import Place, PlaceKind
from edgesim.core.viewer_headers import UNKNOWABLE, ViewerFacts, device, viewer_headers

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
IPAD = "Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
PIXEL = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36"
TABLET = "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"
TV = "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 TV Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"


@pytest.mark.parametrize(
    ("agent", "true"),
    [
        (IPHONE, {"ios", "mobile"}),
        (IPAD, {"ios", "tablet"}),
        (PIXEL, {"android", "mobile"}),
        (TABLET, {"android", "tablet"}),
        (TV, {"smarttv"}),
        (FIREFOX, {"desktop"}),
        ("", {"desktop"}),
    ],
)
def test_devices(agent: str, true: set[str]) -> None:
    assert {kind for kind, is_so in device(agent).items() if is_so} == true


def _facts(place: Place | None) -> ViewerFacts:
    headers = CIMultiDict([("Host", "a"), ("X-Two", "2"), ("User-Agent", FIREFOX)])
    tls = "TLSv1.3:TLS_AES_128_GCM_SHA256:fullHandshake"
    return ViewerFacts(Request("GET", "/", headers, scheme="https"), "198.51.100.10", 46532, place, "Brazil", tls)


def test_values() -> None:
    place = Place("São Paulo", "BR", -23.5475, -46.63611, PlaceKind.CITY, timezone="America/Sao_Paulo")
    names = (
        "CloudFront-Viewer-Address",
        "CloudFront-Viewer-City",
        "CloudFront-Viewer-Country",
        "CloudFront-Viewer-Country-Name",
        "CloudFront-Viewer-Latitude",
        "CloudFront-Viewer-Time-Zone",
        "CloudFront-Viewer-Header-Order",
        "CloudFront-Viewer-Header-Count",
        "CloudFront-Viewer-TLS",
        "CloudFront-Forwarded-Proto",
        "CloudFront-Viewer-Http-Version",
        "CloudFront-Is-Desktop-Viewer",
    )
    assert viewer_headers(_facts(place), names) == {
        "cloudfront-viewer-address": "198.51.100.10:46532",
        "cloudfront-viewer-city": "S%C3%A3o Paulo",
        "cloudfront-viewer-country": "BR",
        "cloudfront-viewer-country-name": "Brazil",
        "cloudfront-viewer-latitude": "-23.54750",
        "cloudfront-viewer-time-zone": "America/Sao_Paulo",
        "cloudfront-viewer-header-order": "Host:X-Two:User-Agent",
        "cloudfront-viewer-header-count": "3",
        "cloudfront-viewer-tls": "TLSv1.3:TLS_AES_128_GCM_SHA256:fullHandshake",
        "cloudfront-forwarded-proto": "https",
        "cloudfront-viewer-http-version": "1.1",
        "cloudfront-is-desktop-viewer": "true",
    }


def test_what_is_not_known_is_left_out() -> None:
    assert viewer_headers(_facts(None), ("CloudFront-Viewer-City", *UNKNOWABLE)) == {}
    country = Place("Brasília", "BR", -15.8, -47.9, PlaceKind.COUNTRY)
    assert viewer_headers(_facts(country), ("CloudFront-Viewer-City",)) == {}
