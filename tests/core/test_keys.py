"""Keys: an equivalence that the policy alone decides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edgesim.core.behaviors import Behavior
from edgesim.core.encoding import accepted
from edgesim.core.keys import Key, cache_key, explain_key, related_key
from edgesim.core.messages import Request
from edgesim.core.policies import CachePolicy, Pick, Take
from edgesim.core.profiles import RFC9111
from support.playbook import behavior, distribution

names = st.sampled_from(["a", "b", "A"])
values = st.sampled_from(["1", "2", ""])
pairs = st.lists(st.tuples(names, values), max_size=4)
picks = st.one_of(
    st.just(Pick()),
    st.just(Pick(Take.ALL)),
    st.builds(
        Pick, st.sampled_from([Take.LISTED, Take.ALL_EXCEPT]), st.lists(names, unique=True, min_size=1).map(tuple)
    ),
)
header_picks = st.one_of(
    st.just(Pick()), st.builds(Pick, st.just(Take.LISTED), st.sampled_from([("X-A",), ("x-a", "X-B")]))
)
policies = st.builds(
    CachePolicy,
    st.just("p"),
    st.just("p"),
    headers=header_picks,
    cookies=picks,
    query=picks,
    gzip=st.booleans(),
    brotli=st.booleans(),
)
codings = st.sampled_from([None, "gzip", "br, gzip", "gzip;q=0, br", "identity", "GZIP"])


@st.composite
def requests(draw: st.DrawFn) -> Request:
    query = "&".join(f"{name}={value}" for name, value in draw(pairs))
    headers = CIMultiDict[str]([("Host", draw(st.sampled_from(["one.test", "two.test"])))])
    for name in draw(st.lists(st.sampled_from(["X-A", "x-a", "X-B", "X-C"]), max_size=3)):
        headers.add(name, draw(values))
    cookies = draw(pairs)
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies)
    coding = draw(codings)
    if coding is not None:
        headers["Accept-Encoding"] = coding
    path = draw(st.sampled_from(["/p", "/P"]))
    method = draw(st.sampled_from(["GET", "HEAD", "OPTIONS"]))
    return Request(
        method, f"{path}?{query}" if query else path, headers, scheme=draw(st.sampled_from(["http", "https"]))
    )


def named(pick: Pick, name: str) -> bool:
    match pick.take:
        case Take.NONE:
            return False
        case Take.ALL:
            return True
        case Take.LISTED:
            return name in pick.names
        case _:
            return name not in pick.names


def reference(policy: CachePolicy, request: Request) -> object:
    """Everything of a request that a policy makes part of the key, as spec §3.1 and §3.4 list it."""
    query = [piece for piece in (request.query or "").split("&") if piece and named(policy.query, piece.split("=")[0])]
    cookies = [tuple(one.strip().split("=")) for one in request.headers.get("Cookie", "").split(";") if one]
    headers = [(name.lower(), request.headers.getall(name, None)) for name in policy.headers.names]
    taken = accepted(request.headers.get("Accept-Encoding"))
    return (
        request.path,
        query,
        request.method == "OPTIONS",
        sorted((name, value) for name, value in headers if value is not None),
        sorted((one for one in cookies if named(policy.cookies, one[0])), key=lambda one: one[0]),
        [coding for coding, on in (("br", policy.brotli), ("gzip", policy.gzip)) if on and coding in taken],
    )


@given(policies, requests(), requests())
def test_two_requests_share_exactly_when_the_policy_says_so(policy: CachePolicy, one: Request, two: Request) -> None:
    served = behavior(policy=policy)
    where = distribution(served)
    equal = cache_key(where, served, one) == cache_key(where, served, two)
    assert equal is (reference(policy, one) == reference(policy, two))


@given(policies, requests(), st.integers(2, 5))
def test_what_the_policy_does_not_name_changes_nothing(policy: CachePolicy, request: Request, port: int) -> None:
    served = behavior(policy=policy)
    where = distribution(served)
    headers = CIMultiDict(request.headers)
    headers.add("X-Unnamed", str(port))
    headers["Host"] = f"other{port}.test"
    other = replace(request, headers=headers, scheme="https", client=f"192.0.2.{port}")
    assert cache_key(where, served, request) == cache_key(where, served, other)


def key_of(target: str, served: Behavior, path: str | None = None, **headers: str) -> Key:
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return cache_key(distribution(served), served, Request("GET", target, fields), path)


def test_the_uri_is_what_invalidations_match() -> None:
    all_query = behavior(policy=CachePolicy("p", "p", query=Pick(Take.ALL)))
    assert key_of("/x?a=1", all_query).uri == "/x?a=1"
    assert key_of("/x?a=1", behavior()).uri == "/x"
    assert key_of("/", behavior(), "/index.html").uri == "/index.html"
    legacy = behavior(policy=CachePolicy("p", "p", query=Pick(Take.ALL), legacy=True, legacy_query_keys=("b",)))
    assert key_of("/x?a=1&b=2", legacy).uri == "/x?b=2"


def test_a_listed_accept_encoding_has_no_effect_beside_the_normalised_one() -> None:
    policy = CachePolicy("p", "p", headers=Pick(Take.LISTED, ("Accept-Encoding",)), gzip=True)
    served = behavior(policy=policy)
    assert key_of("/", served, Accept_Encoding="gzip, deflate") == key_of("/", served, Accept_Encoding="gzip")
    plain = behavior(policy=replace(policy, gzip=False))
    assert key_of("/", plain, Accept_Encoding="gzip, deflate") != key_of("/", plain, Accept_Encoding="gzip")


def test_a_standard_cache_keys_by_the_whole_uri() -> None:
    served = behavior(profile=RFC9111)
    one = key_of("/a?x=1", served, Host="Here.test")
    assert one == key_of("/a?x=1", served, Host="here.test", Cookie="a=1")
    assert one != key_of("/a?x=2", served, Host="here.test")
    assert one != key_of("/a?x=1", served, Host="there.test")
    assert key_of("/a", served).text.endswith("http://d1.cloudfront.net/a")


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b", "/b"),
        ("b?x=1", "/dir/b?x=1"),
        ("http://here.test/c", "/c"),
        ("http://HERE.test", "/"),
        ("https://here.test/c", None),
        ("http://there.test/c", None),
        ("http://[bad", None),
    ],
)
def test_related_keys(location: str, target: str | None) -> None:
    served = behavior(profile=RFC9111)
    where = distribution(served)
    asked = Request("POST", "/dir/a", CIMultiDict(Host="here.test"))
    found = related_key(where, asked, location)
    assert (None if found is None else found.uri) == target
    if found is not None:
        assert found == cache_key(where, served, Request("GET", found.uri, CIMultiDict(Host="here.test")))


@given(policies, requests())
def test_the_explanation_names_every_ingredient(policy: CachePolicy, request: Request) -> None:
    served = behavior(policy=policy)
    parts = explain_key(served, request)
    included = {(part.kind, part.name) for part in parts if part.included}
    assert ("path", "path") in included
    for name in policy.headers.names:
        given = [part for part in parts if part.kind == "header" and part.name.lower() == name.lower()]
        assert all(part.included for part in given)
    key = cache_key(distribution(served), served, request)
    for part in parts:
        if part.kind == "query" and part.name:
            assert part.included is (f"{part.name}={part.value}" in (key.uri.partition("?")[2]).split("&"))


def test_the_explanation_of_a_standard_key() -> None:
    parts = explain_key(behavior(profile=RFC9111), Request("GET", "/a?x=1"))
    assert [(part.value, part.included) for part in parts] == [("/a?x=1", True)]
