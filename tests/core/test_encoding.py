"""Accept-Encoding as spec §3.4's table has it, and what is compressed."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from edgesim.core.encoding import COMPRESSED_TYPES, accepted, compressed_head, compression, normalised
from edgesim.core.messages import Request, Response
from edgesim.core.policies import CachePolicy, Ttls
from edgesim.core.reasons import NotCompressed
from support.playbook import behavior

VIEWERS = {
    "both": "gzip, deflate, br",
    "gzip": "gzip, deflate",
    "br": "br",
    "neither": "deflate",
    "absent": None,
}
TABLE = {
    ("gzip+br", "both"): ("br,gzip", "br,gzip"),
    ("gzip+br", "gzip"): ("gzip", "gzip"),
    ("gzip+br", "br"): ("br", "br"),
    ("gzip+br", "neither"): ("", "identity"),
    ("gzip+br", "absent"): ("", None),
    ("gzip", "both"): ("gzip", "gzip"),
    ("gzip", "gzip"): ("gzip", "gzip"),
    ("gzip", "br"): ("", "identity"),
    ("gzip", "neither"): ("", "identity"),
    ("gzip", "absent"): ("", None),
    ("br", "both"): ("br", "br"),
    ("br", "gzip"): ("", "identity"),
    ("br", "br"): ("br", "br"),
    ("br", "neither"): ("", "identity"),
    ("br", "absent"): ("", None),
    ("", "both"): None,
    ("", "absent"): None,
    ("legacy", "both"): ("gzip", "gzip"),
    ("legacy", "br"): ("", "identity"),
}


def policy(on: str) -> CachePolicy:
    return CachePolicy("p", "p", gzip="gzip" in on, brotli="br" in on, legacy=on == "legacy")


def request(value: str | None, version: tuple[int, int] = (1, 1)) -> Request:
    return Request("GET", "/", CIMultiDict({"Accept-Encoding": value} if value is not None else {}), version)


@pytest.mark.parametrize(("on", "viewer"), TABLE)
def test_the_table(on: str, viewer: str) -> None:
    assert normalised(behavior(policy=policy(on)), request(VIEWERS[viewer])) == TABLE[on, viewer]


def test_http_1_0_has_none() -> None:
    assert normalised(behavior(policy=policy("gzip")), request("gzip", (1, 0))) == ("", None)


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (None, set()),
        ("", set()),
        ("gzip", {"gzip"}),
        ("GZIP, Br", {"gzip", "br"}),
        ("gzip;q=0", set()),
        ("gzip;q=0.0, br;q=0.000", set()),
        ("gzip; q=0.5 , br ; q=1", {"gzip", "br"}),
        ("gzip;Q=0.001", {"gzip"}),
    ],
)
def test_accepted(value: str | None, taken: set[str]) -> None:
    assert accepted(value) - {""} == taken


def response(size: int | None = 1000, status: int = 200, **headers: str) -> Response:
    fields = CIMultiDict({"Content-Type": "text/css", **{name.replace("_", "-"): one for name, one in headers.items()}})
    if size is not None:
        fields["Content-Length"] = str(size)
    return Response(status, fields, "", size)


ON = behavior(policy=policy("gzip+br"), compress=True)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (response(), "br"),
        (response(999), NotCompressed.TOO_SMALL),
        (response(10_000_000), "br"),
        (response(10_000_001), NotCompressed.TOO_BIG),
        (response(None), NotCompressed.NO_LENGTH),
        (response(status=403), "br"),
        (response(status=404), "br"),
        (response(status=500), NotCompressed.STATUS),
        (response(status=206), NotCompressed.PARTIAL),
        (response(Content_Encoding="identity"), NotCompressed.ENCODED),
        (response(Content_Type="Text/CSS; charset=utf-8"), "br"),
        (response(Content_Type="font/woff2"), NotCompressed.TYPE),
        (response(Cache_Control="no-transform"), NotCompressed.NO_TRANSFORM),
    ],
)
def test_what_is_compressed(answer: Response, outcome: str | NotCompressed) -> None:
    assert (
        compression(ON, request("br, gzip"), answer) is outcome
        or compression(ON, request("br, gzip"), answer) == outcome
    )


def test_who_gets_it_compressed() -> None:
    assert compression(ON, request("gzip"), response()) == "gzip"
    assert compression(ON, request("deflate"), response()) is NotCompressed.NOT_ACCEPTED
    assert compression(ON, request("gzip", (1, 0)), response()) is NotCompressed.HTTP_1_0
    assert compression(behavior(policy=policy("gzip")), request("gzip"), response()) is NotCompressed.OFF
    assert compression(behavior(policy=policy(""), compress=True), request("gzip"), response()) is NotCompressed.OFF
    off = behavior(policy=CachePolicy("p", "p", Ttls(0, 0, 0), gzip=True), compress=True)
    assert compression(off, request("gzip"), response()) is NotCompressed.CACHING_DISABLED


@pytest.mark.parametrize(("tag", "becomes"), [('"x"', 'W/"x"'), ('W/"x"', 'W/"x"'), ("bare", None), (None, None)])
def test_the_head_of_a_compressed_answer(tag: str | None, becomes: str | None) -> None:
    plain = response(Accept_Ranges="bytes", Vary="Cookie", **({"ETag": tag} if tag else {}))
    made = compressed_head(plain, "gzip")
    assert made.headers.get("ETag") == becomes
    assert made.headers["Content-Encoding"] == "gzip"
    assert "Content-Length" not in made.headers
    assert "Accept-Ranges" not in made.headers
    assert made.headers.getall("Vary") == ["Cookie", "Accept-Encoding"]
    assert compressed_head(response(Vary="accept-encoding"), "br").headers.getall("Vary") == ["accept-encoding"]
    assert made.length is None


def test_the_list_of_types() -> None:
    assert {"text/html", "application/json", "image/svg+xml", "application/wasm"} <= COMPRESSED_TYPES
    assert not {"font/woff2", "image/x-icon", "application/manifest+json", "application/ld+json"} & COMPRESSED_TYPES
