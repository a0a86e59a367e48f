"""What reaches the origin, against set algebra and the tables of the specification."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.behaviors import ALL_METHODS, Behavior, Origin
from edgesim.core.forwarding import Upstream, origin_request, upgrading, via, wanted_cloudfront
from edgesim.core.messages import Request
from edgesim.core.policies import (
    MANAGED_ORIGIN_REQUEST_POLICIES,
    CachePolicy,
    OriginRequestPolicy,
    Pick,
    Take,
    Ttls,
)
from edgesim.core.profiles import RFC9111
from edgesim.core.steps import Fetch
from support.playbook import behavior

NAMES = ("a", "b", "c")
ORIGIN = Origin("main", "main.test")
NODE = "0" * 32
lists = st.lists(st.sampled_from(NAMES), unique=True, min_size=1).map(tuple)
picks = st.one_of(
    st.just(Pick()),
    st.just(Pick(Take.ALL)),
    st.builds(Pick, st.sampled_from([Take.LISTED, Take.ALL_EXCEPT]), lists),
)


def send(
    served: Behavior, request: Request, fetch: Fetch | None = None, origin: Origin = ORIGIN, **facts: str
) -> Upstream:
    return origin_request(
        request, served, origin, fetch or Fetch(()), request_id="id", node=NODE, path=request.path, cloudfront=facts
    )


def fields(upstream: Upstream) -> CIMultiDict[str]:
    return CIMultiDict(upstream.headers)


def taken(pick: Pick) -> set[str]:
    return {
        Take.NONE: set[str](),
        Take.ALL: set(NAMES),
        Take.LISTED: set(pick.names),
        Take.ALL_EXCEPT: set(NAMES) - set(pick.names),
    }[pick.take]


@given(picks, st.one_of(st.none(), picks), st.permutations(NAMES))
def test_key_and_request_policy_are_a_union(key: Pick, extra: Pick | None, order: list[str]) -> None:
    """Everything in the key is forwarded, and what the other policy adds; two block lists block both (spec §3.2)."""
    more = None if extra is None else OriginRequestPolicy("o", "o", cookies=extra, query=extra)
    served = behavior(policy=CachePolicy("p", "p", cookies=key, query=key), origin_request=more)
    expected = taken(key) | (taken(extra) if extra is not None else set())
    if extra is not None and key.take is extra.take is Take.ALL_EXCEPT:
        expected = taken(key) & taken(extra)  # the table's last cell: all but what either blocks
    query = "&".join(f"{name}=1" for name in order)
    request = Request("GET", f"/p?{query}", CIMultiDict(Cookie="; ".join(f"{name}=1" for name in order)))
    upstream = send(served, request)
    kept = [name for name in order if name in expected]
    assert upstream.target == ("/p?" + "&".join(f"{name}=1" for name in kept) if kept else "/p")
    cookies = fields(upstream).get("Cookie", "")
    assert cookies == "; ".join(f"{name}=1" for name in sorted(expected))


@pytest.mark.parametrize(
    ("pick", "sent"),
    [
        (Pick(), set()),
        (Pick(Take.LISTED, ("x-a",)), {"X-A"}),
        (Pick(Take.ALL_VIEWER), {"X-A", "X-B", "Accept"}),
        (
            Pick(Take.ALL_VIEWER_AND_CLOUDFRONT, ("CloudFront-Viewer-Country",)),
            {"X-A", "X-B", "Accept", "CloudFront-Viewer-Country"},
        ),
        (Pick(Take.ALL_EXCEPT, ("X-A",)), {"X-B", "Accept"}),
    ],
)
def test_headers_of_a_request_policy(pick: Pick, sent: set[str]) -> None:
    served = behavior(origin_request=OriginRequestPolicy("o", "o", pick))
    request = Request("GET", "/", CIMultiDict([("X-A", "1"), ("X-B", "2"), ("Accept", "*/*"), ("Host", "viewer.test")]))
    upstream = send(served, request, **{"cloudfront-viewer-country": "GB"})
    always = {"Host", "User-Agent", "Via", "X-Forwarded-For", "X-Amz-Cf-Id", "Connection"}
    assert set(fields(upstream)) - always == sent
    assert fields(upstream)["Host"] == ("main.test" if pick.take in (Take.NONE, Take.LISTED) else "viewer.test")


def test_the_viewers_own_cloudfront_headers_are_replaced() -> None:
    served = behavior(policy=CachePolicy("p", "p", headers=Pick(Take.LISTED, ("CloudFront-Viewer-Country",))))
    request = Request("GET", "/", CIMultiDict({"CloudFront-Viewer-Country": "XX"}))
    assert fields(send(served, request, **{"cloudfront-viewer-country": "GB"})).getall("CloudFront-Viewer-Country") == [
        "GB"
    ]
    assert "CloudFront-Viewer-Country" not in fields(send(served, request))


def test_which_cloudfront_headers_are_wanted() -> None:
    managed = {policy.name: policy for policy in MANAGED_ORIGIN_REQUEST_POLICIES.values()}
    assert wanted_cloudfront(behavior(origin_request=managed["Managed-AllViewer"])) == ()
    assert (
        len(wanted_cloudfront(behavior(origin_request=managed["Managed-AllViewerAndCloudFrontHeaders-2022-06"]))) == 21
    )
    assert len(wanted_cloudfront(behavior(origin_request=managed["Managed-AllViewerExceptHostHeader"]))) == 21
    assert wanted_cloudfront(behavior()) == ()


def test_conditions_and_ranges_are_the_fetchs_own() -> None:
    served = behavior()
    request = Request("GET", "/", CIMultiDict({"If-None-Match": '"v"', "If-Range": '"v"', "Range": "bytes=0-1"}))
    own = fields(send(served, request, Fetch((("If-None-Match", '"s"'),), None)))
    assert own.getall("If-None-Match") == ['"s"']
    assert "Range" not in own
    part = fields(send(served, request, Fetch((("If-Range", '"v"'),), "bytes=0-99")))
    assert (part["Range"], part.getall("If-Range")) == ("bytes=0-99", ['"v"'])
    assert "If-None-Match" not in part


def test_where_nothing_is_stored_the_viewers_conditions_pass() -> None:
    request = Request("GET", "/", CIMultiDict({"If-None-Match": '"v"', "If-Range": '"r"', "Range": "bytes=0-1"}))
    through = fields(send(behavior(ttls=Ttls(0, 0, 0)), request, Fetch(None, "bytes=0-1")))
    assert (through["If-None-Match"], through["Range"], through["If-Range"]) == ('"v"', "bytes=0-1", '"r"')
    post = fields(send(behavior(allowed_methods=ALL_METHODS), replace(request, method="POST"), Fetch(None)))
    assert "If-None-Match" not in post


def test_bodies_bring_their_description() -> None:
    request = Request("POST", "/", CIMultiDict({"Content-Type": "text/plain", "Content-Length": "2"}), has_body=True)
    assert fields(send(behavior(), request))["Content-Type"] == "text/plain"
    assert "Content-Type" not in fields(send(behavior(), replace(request, has_body=False)))


def test_origin_path_and_headers() -> None:
    origin = Origin("main", "main.test", path="/production", headers=(("X-Own", "ours"),))
    request = Request("GET", "/a", CIMultiDict({"X-Own": "theirs", "X-Lost": "1"}))
    upstream = send(
        behavior(origin_request=OriginRequestPolicy("o", "o", Pick(Take.LISTED, ("X-Own",)))), request, None, origin
    )
    assert upstream.target == "/production/a"
    assert fields(upstream).getall("X-Own") == ["ours"]
    assert upstream.dropped == ("X-Lost",)


def test_names_on_the_way() -> None:
    request = Request("GET", "/", CIMultiDict({"Via": "1.0 p", "X-Forwarded-For": "192.0.2.1"}), client="192.0.2.9")
    sent = fields(send(behavior(), request))
    assert sent["Via"] == f"1.0 p, 1.1 {NODE}.cloudfront.net (CloudFront)"
    assert sent["X-Forwarded-For"] == "192.0.2.1,192.0.2.9"
    assert via((2, 0), NODE).startswith("2.0 ")
    assert via((1, 0), NODE).startswith("1.0 ")


def test_a_standard_cache_passes_everything_but_the_hop() -> None:
    served = behavior(profile=RFC9111)
    request = Request(
        "GET",
        "/a?x=1",
        CIMultiDict(
            [
                ("Host", "viewer.test"),
                ("X-A", "1"),
                ("Connection", "X-Hop"),
                ("X-Hop", "1"),
                ("Range", "bytes=0-1"),
                ("If-None-Match", '"v"'),
                ("X-Edgesim-Edge", "LHR62-C1"),
            ]
        ),
    )
    through = send(served, request, Fetch(None, "bytes=0-1"))
    assert through.target == "/a?x=1"
    sent = fields(through)
    assert (sent["Host"], sent["X-A"], sent["Range"], sent["If-None-Match"]) == ("viewer.test", "1", "bytes=0-1", '"v"')
    assert not {"X-Hop", "X-Edgesim-Edge"} & set(sent)
    own = fields(send(served, request, Fetch((("If-None-Match", '"s"'),))))
    assert own.getall("If-None-Match") == ['"s"']
    assert "Range" not in own
    assert fields(send(served, Request("GET", "/")))["Host"] == "main.test"


LEGACY = CachePolicy("l", "l", legacy=True)


@pytest.mark.parametrize(
    ("method", "cached_options", "sent"),
    [
        ("GET", False, False),
        ("HEAD", False, False),
        ("POST", False, True),
        ("DELETE", True, True),
        ("OPTIONS", False, True),
        ("OPTIONS", True, False),
    ],
)
def test_legacy_authorization(method: str, cached_options: bool, sent: bool) -> None:
    cached = frozenset({"GET", "HEAD", "OPTIONS"} if cached_options else {"GET", "HEAD"})
    served = behavior(policy=LEGACY, allowed_methods=ALL_METHODS, cached_methods=cached)
    upstream = send(served, Request(method, "/", CIMultiDict(Authorization="x")), Fetch(None))
    assert ("Authorization" in fields(upstream)) is sent


def test_upgrading_keeps_all_but_the_connection() -> None:
    request = Request("GET", "/", CIMultiDict({"Upgrade": "websocket", "Connection": "Upgrade"}))
    made = fields(upgrading(send(behavior(), request), request))
    assert (made["Connection"], made["Upgrade"]) == ("Upgrade", "websocket")
    assert made["Host"] == "main.test"
