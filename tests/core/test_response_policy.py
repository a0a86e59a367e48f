"""Response headers policies (spec §3.8): patterns, preflights, removals and overrides."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from edgesim.core.messages import Request
from edgesim.core.policies import MANAGED_RESPONSE_HEADERS_POLICIES, Cors, ResponseHeadersPolicy
from edgesim.core.response_policy import allowed_origin, apply_policy, header_matches

MANAGED = {policy.name: policy for policy in MANAGED_RESPONSE_HEADERS_POLICIES.values()}


@pytest.mark.parametrize(
    ("pattern", "origin", "allowed"),
    [
        ("*", "http://x.test", "*"),
        ("http://*.example.org", "http://a.example.org", "http://a.example.org"),
        ("http://*.example.org", "http://a.b.example.org", "http://a.b.example.org"),
        ("http://*.example.org", "https://a.example.org", None),
        ("http://*.example.org", "http://example.org", None),
        ("*.example.org", "https://a.example.org:8443", "https://a.example.org:8443"),
        ("*.example.org", "https://example.org", None),
        ("*.example.org", "https://badexample.org", None),
        ("http://example.org", "http://example.org", "http://example.org"),
        ("http://example.org", "http://example.org:80", None),
        ("http://example.org:*", "http://example.org:8080", "http://example.org:8080"),
        ("http://example.org:*", "http://example.org", None),
        ("http://example.org:1*3", "http://example.org:1883", "http://example.org:1883"),
        ("http://example.org:1*3", "http://example.org:188", None),
        ("http://example.org", "http://exampleXorg", None),
    ],
)
def test_origins(pattern: str, origin: str, allowed: str | None) -> None:
    assert allowed_origin([pattern], origin) == allowed
    assert allowed_origin(["http://none.test", pattern], origin) == allowed


@pytest.mark.parametrize(
    ("pattern", "name", "matched"),
    [
        ("*", "X-Any", True),
        ("*", "Authorization", False),
        ("Authorization", "authorization", True),
        ("x-amz-*", "X-Amz-Test", True),
        ("x-amz-*", "x-amz-", False),
        ("x-amz-*", "x-amz", False),
        ("x-*-amz", "x-y-amz", True),
        ("x-*-amz", "x--amz", False),
    ],
)
def test_header_patterns(pattern: str, name: str, matched: bool) -> None:
    assert header_matches(pattern, name) is matched


def applied(
    policy: ResponseHeadersPolicy, method: str = "GET", sent: list[tuple[str, str]] | None = None, **asked: str
) -> CIMultiDict[str]:
    fields = CIMultiDict({name.replace("_", "-"): value for name, value in asked.items()})
    return CIMultiDict(apply_policy(policy, Request(method, "/", fields), sent or []))


PREFLIGHT = {"Origin": "http://x.test", "Access_Control_Request_Method": "PUT"}


def test_simple_requests_and_preflights() -> None:
    cors = Cors(("http://x.test",), ("GET", "PUT"), ("X-A", "x-amz-*"), ("X-Seen",), credentials=True, max_age=600)
    policy = ResponseHeadersPolicy("r", "r", cors)
    assert applied(policy) == CIMultiDict()
    assert applied(policy, Origin="http://other.test") == CIMultiDict()
    simple = applied(policy, Origin="http://x.test")
    assert simple == CIMultiDict(
        {
            "Access-Control-Allow-Origin": "http://x.test",
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": "X-Seen",
        }
    )
    preflight = applied(policy, "OPTIONS", **PREFLIGHT, Access_Control_Request_Headers="x-a, x-amz-b, x-c")
    assert preflight["Access-Control-Allow-Methods"] == "GET, PUT"
    assert preflight["Access-Control-Allow-Headers"] == "x-a, x-amz-b"
    assert preflight["Access-Control-Max-Age"] == "600"
    assert "Access-Control-Expose-Headers" not in preflight
    assert applied(policy, "OPTIONS", **PREFLIGHT)["Access-Control-Allow-Headers"] == "X-A, x-amz-*"
    assert "Access-Control-Allow-Methods" not in applied(MANAGED["Managed-SimpleCORS"], "OPTIONS", **PREFLIGHT)


def test_override_of_cors() -> None:
    sent = [("Access-Control-Allow-Origin", "http://origin.test"), ("Access-Control-Max-Age", "5")]
    kept = applied(MANAGED["Managed-SimpleCORS"], "GET", sent, Origin="http://x.test")
    assert kept["Access-Control-Allow-Origin"] == "http://origin.test"
    replaced = applied(ResponseHeadersPolicy("r", "r", Cors(override=True)), "GET", sent, Origin="http://x.test")
    assert replaced == CIMultiDict({"Access-Control-Max-Age": "5", "Access-Control-Allow-Origin": "*"})


def test_removed_and_added_ends_up_added() -> None:
    policy = ResponseHeadersPolicy("r", "r", custom=(("X-A", "ours", False), ("X-B", "", True)), remove=("x-a", "X-C"))
    found = applied(policy, "GET", [("X-A", "theirs"), ("X-B", "theirs"), ("X-C", "1"), ("X-D", "1")])
    assert found == CIMultiDict({"X-D": "1", "X-A": "ours", "X-B": ""})


def test_security_headers() -> None:
    found = applied(MANAGED["Managed-SecurityHeadersPolicy"], "GET", [("X-Frame-Options", "DENY")])
    assert found["X-Frame-Options"] == "DENY"
    assert found["Strict-Transport-Security"] == "max-age=31536000"
