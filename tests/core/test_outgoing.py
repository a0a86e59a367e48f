"""What the viewer receives: Vary cut down, the selected part's head, the edge's own headers; variants; Cache-Status."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.cache_status import joined_members, rejected_member
from edgesim.core.delivery import NotModified, Slice, Slices, Unsatisfiable, Whole
from edgesim.core.outgoing import filtered_vary, own_headers, relayed_headers, selected_head
from edgesim.core.policies import EVERYTHING, CachePolicy, OriginRequestPolicy, Pick, Take
from edgesim.core.profiles import RFC9111
from edgesim.core.reasons import Outcome, Rejection
from edgesim.core.vary import selecting, selecting_names
from support.playbook import VirtualEdge, behavior, distribution

VARY = "Accept-Encoding, x-key, X-Sent, Cookie, User-Agent, *"


@pytest.mark.parametrize(
    ("named", "sent", "kept"),
    [
        (Pick(), Pick(), "Accept-Encoding, Cookie"),
        (Pick(Take.LISTED, ("X-Key",)), Pick(), "Accept-Encoding, x-key, Cookie"),
        (Pick(), Pick(Take.LISTED, ("x-sent",)), "Accept-Encoding, X-Sent, Cookie"),
        (Pick(), Pick(Take.LISTED, ("CloudFront-Is-Mobile-Viewer",)), "Accept-Encoding, Cookie, User-Agent"),
        (Pick(), Pick(Take.LISTED, ("CloudFront-Is-IOS-Viewer",)), "Accept-Encoding, Cookie"),
        (Pick(), Pick(Take.ALL_VIEWER), "Accept-Encoding, x-key, X-Sent, Cookie, User-Agent"),
        (Pick(), Pick(Take.ALL_EXCEPT, ("X-Key",)), "Accept-Encoding, X-Sent, Cookie, User-Agent"),
    ],
)
def test_vary(named: Pick, sent: Pick, kept: str) -> None:
    served = behavior(policy=CachePolicy("p", "p", headers=named), origin_request=OriginRequestPolicy("o", "o", sent))
    assert filtered_vary(served, [("A", "1"), ("Vary", VARY)]) == [("A", "1"), ("Vary", kept)]


def test_vary_gone_or_left_alone() -> None:
    assert filtered_vary(behavior(), [("Vary", "X-A, *"), ("vary", "Origin")]) == []
    assert filtered_vary(behavior(profile=RFC9111), [("Vary", "X-A")]) == [("Vary", "X-A")]


def test_relayed() -> None:
    headers = CIMultiDict([("Set-Cookie", "a=1"), ("Connection", "X-Hop"), ("X-Hop", "1"), ("X-End", "1")])
    assert relayed_headers(behavior(), headers) == [("X-End", "1")]
    forwards = behavior(policy=CachePolicy("p", "p", cookies=EVERYTHING))
    assert relayed_headers(forwards, headers) == [("Set-Cookie", "a=1"), ("X-End", "1")]
    assert relayed_headers(behavior(profile=RFC9111), headers) == [("Set-Cookie", "a=1"), ("X-End", "1")]


def test_heads_of_parts() -> None:
    head = [("Content-Type", "x"), ("Content-Length", "9"), ("ETag", '"1"')]
    assert selected_head(200, head, Whole()) == (200, head)
    assert selected_head(200, head, NotModified()) == (304, [("ETag", '"1"')])
    assert selected_head(200, head, Slice((2, 4), 9))[1][-2:] == [
        ("Content-Length", "3"),
        ("Content-Range", "bytes 2-4/9"),
    ]
    assert selected_head(200, head, Slices(((0, 1),), 9)) == (206, head)
    assert selected_head(200, head, Unsatisfiable(9))[1][-2:] == [
        ("Content-Length", "0"),
        ("Content-Range", "bytes */9"),
    ]


def test_own_headers_in_cloudfronts_order() -> None:
    found = own_headers(
        Outcome.HIT, node="0" * 32, pop="LHR62-C1", request_id="id", age=5, before="1.0 p", http3=True, cache_status="x"
    )
    assert [name for name, _ in found] == [
        "X-Cache",
        "Via",
        "X-Amz-Cf-Pop",
        "Alt-Svc",
        "X-Amz-Cf-Id",
        "Age",
        "Cache-Status",
    ]
    assert found[1][1] == f"1.0 p, 1.1 {'0' * 32}.cloudfront.net (CloudFront)"
    short = own_headers(
        Outcome.MISS, node="0" * 32, pop="X", request_id="id", age=None, before=None, http3=False, cache_status="x"
    )
    assert "Age" not in dict(short)


# Vary as a secondary key


@given(st.lists(st.sampled_from(["gzip", "br;q=0.5", "deflate"]), unique=True), st.permutations(range(3)))
def test_selecting_values_in_one_form(codings: list[str], order: list[int]) -> None:
    shuffled = [codings[index] for index in order if index < len(codings)]
    one = CIMultiDict({"Accept-Encoding": ", ".join(codings)})
    other = CIMultiDict({"accept-encoding": " ,".join(coding.upper().replace(";", " ; ") for coding in shuffled)})
    assert selecting(("accept-encoding",), one) == selecting(("accept-encoding",), other)


def test_selecting() -> None:
    assert selecting_names(CIMultiDict([("Vary", "X-B, x-a"), ("Vary", "X-B")])) == ("x-a", "x-b")
    absent, empty = CIMultiDict(), CIMultiDict({"X-A": ""})
    assert selecting(("x-a",), absent) != selecting(("x-a",), empty)
    assert selecting(("x-a",), CIMultiDict({"X-A": "b, a"})) != selecting(("x-a",), CIMultiDict({"X-A": "a, b"}))


# Cache-Status (RFC 9211): a list of items with parameters

PARAMETER = (
    r"; (?:hit|stored|collapsed(?:=\?0)?|fwd=[a-z-]+|fwd-status=\d{3}|ttl=-?\d+|detail=(?:[A-Za-z][\w.-]*|\"[^\"]*\"))"
)
MEMBER = re.compile(rf"[A-Za-z][\w.-]*(?:{PARAMETER})*")


def members(seen: object) -> list[str]:
    found = str(seen.headers["Cache-Status"]).split(", ")  # type: ignore[attr-defined]
    assert all(MEMBER.fullmatch(member) for member in found), found
    return found


def test_cache_status_of_a_life() -> None:
    edge = VirtualEdge(distribution(regional_caches=True))
    edge.says(headers={"Cache-Control": "max-age=60", "ETag": '"1"'})
    assert members(edge.get("/a", at=0)) == [
        "eu-west-2; fwd=uri-miss; fwd-status=200; stored",
        "LHR62-C1; fwd=uri-miss; fwd-status=200; stored",
    ]
    assert members(edge.get("/a", at=5)) == ["LHR62-C1; hit; ttl=55"]
    assert members(edge.get("/a", at=60)) == [
        "eu-west-2; fwd=stale; fwd-status=304; stored; ttl=60",
        "LHR62-C1; fwd=stale; fwd-status=304; stored; ttl=60",
    ]
    edge.says(status=500)
    assert (
        members(edge.get("/a", at=130))[0] == "eu-west-2; fwd=stale; fwd-status=500; ttl=-10; detail=stale-by-default"
    )


def test_cache_status_of_odd_requests() -> None:
    edge = VirtualEdge(distribution(behavior(profile=RFC9111)))
    refused = edge.get("/a", headers={"Cache-Control": "only-if-cached"})
    assert members(refused) == ["LHR62-C1"]
    edge.says(headers={"Cache-Control": "no-store"})
    assert members(edge.get("/a")) == ["LHR62-C1; fwd=uri-miss; fwd-status=200; detail=no-store"]
    edge.origin.delay = 1.0
    edge.says(headers={"Cache-Control": "max-age=60"})
    together = [edge.send("/b") for _ in range(2)]
    edge.settle()
    assert members(together[1]) == ["LHR62-C1; fwd=uri-miss; collapsed; ttl=59"]


def test_members_put_together() -> None:
    assert joined_members("origin; hit", ["regional", "edge"]) == "origin; hit, regional, edge"
    assert joined_members(None, iter(["edge"])) == "edge"
    assert rejected_member("LHR62-C1", Rejection.DISABLED) == "LHR62-C1; detail=InvalidRequest"
