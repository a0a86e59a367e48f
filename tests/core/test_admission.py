"""The stages before any cache is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from multidict import CIMultiDict

from edgesim.core.admission import LONGEST_URL, Admitted, Rejected, admit
from edgesim.core.behaviors import ALL_METHODS, Distribution, ViewerProtocol
from edgesim.core.messages import Request
from edgesim.core.profiles import RFC9111
from edgesim.core.reasons import Rejection
from support.playbook import behavior, distribution

OPEN = distribution(behavior(allowed_methods=ALL_METHODS))


def request(method: str = "GET", target: str = "/a", *, host: str = "here.test", **more: object) -> Request:
    return replace(Request(method, target, CIMultiDict(Host=host)), **more)  # type: ignore[arg-type]


def refused(asked: Request, served: Distribution = OPEN, country: str = "GB") -> tuple[Rejection, int] | None:
    found = admit(asked, served, country, 0.0)
    return (found.rejection, found.status) if isinstance(found, Rejected) else None


def test_admitted_with_its_behaviour() -> None:
    found = admit(request(), OPEN, "", 0.0)
    assert isinstance(found, Admitted)
    assert (found.path, found.match.behavior) == ("/a", OPEN.behaviors[0])


def test_refusals_of_the_distribution() -> None:
    assert refused(request(), replace(OPEN, enabled=False)) == (Rejection.DISABLED, 403)
    assert refused(request(target="/" + "a" * LONGEST_URL)) == (Rejection.URL_TOO_LONG, 414)
    assert refused(request(target="/" + "a" * (LONGEST_URL - 1))) is None
    broken = replace(OPEN, default_root_object="not allowed")
    assert refused(request(target="/"), broken) == (Rejection.BAD_ROOT_OBJECT, 400)


@pytest.mark.parametrize(
    ("allow", "block", "country", "served"),
    [
        (None, frozenset(), "GB", True),
        (None, frozenset({"GB"}), "GB", False),
        (None, frozenset({"GB"}), "FR", True),
        (None, frozenset({"GB"}), "", True),
        (frozenset({"GB"}), frozenset(), "GB", True),
        (frozenset({"GB"}), frozenset(), "FR", False),
        (frozenset({"GB"}), frozenset(), "", True),
    ],
)
def test_countries(allow: frozenset[str] | None, block: frozenset[str], country: str, served: bool) -> None:
    found = refused(request(), replace(OPEN, geo_allow=allow, geo_block=block), country)
    assert found == (None if served else (Rejection.GEO_BLOCKED, 403))


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("version", [(1, 0), (1, 1), (2, 0)])
@pytest.mark.parametrize("method", sorted(ALL_METHODS))
@pytest.mark.parametrize("policy", list(ViewerProtocol))
def test_protocols(policy: ViewerProtocol, method: str, version: tuple[int, int], scheme: str) -> None:
    served = distribution(behavior(viewer_protocol=policy, allowed_methods=ALL_METHODS))
    found = refused(request(method, scheme=scheme, version=version), served)
    if scheme == "https" or policy is ViewerProtocol.ALLOW_ALL:
        assert found is None
    elif policy is ViewerProtocol.HTTPS_ONLY:
        assert found == (Rejection.HTTPS_ONLY, 403)
    elif method in ("GET", "HEAD"):
        assert found == (Rejection.REDIRECT_TO_HTTPS, 301)
    elif version < (1, 1):
        assert found == (Rejection.REDIRECT_IMPOSSIBLE, 403)
    else:
        assert found == (Rejection.REDIRECT_TO_HTTPS, 307)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("here.test", "here.test"),
        ("here.test:8080", "here.test"),
        ("[::1]:8080", "[::1]"),
        ("[::1]", "[::1]"),
        ("", ""),
    ],
)
def test_where_a_redirect_leads(host: str, name: str) -> None:
    asked = request(target="/a?x=1", host=host)
    found = admit(asked, distribution(behavior(viewer_protocol=ViewerProtocol.REDIRECT)), "", 0.0)
    assert isinstance(found, Rejected)
    assert found.location == f"https://{name}/a?x=1"


def test_methods() -> None:
    only_get = distribution(behavior())
    assert refused(request("POST"), only_get) == (Rejection.METHOD_NOT_ALLOWED, 403)
    assert refused(request("TRACE")) == (Rejection.METHOD_NOT_ALLOWED, 403)
    assert refused(request(has_body=True)) == (Rejection.BODY_ON_GET, 403)
    assert refused(request("POST", has_body=True)) is None
    standard = distribution(behavior(profile=RFC9111))
    assert refused(request("BREW", has_body=True), standard) is None


@pytest.mark.parametrize(
    ("target", "path"), [("/", "/index.html"), ("/?x=1", "/index.html"), ("//", "//"), ("/a/", "/a/")]
)
def test_the_root_object(target: str, path: str) -> None:
    found = admit(request(target=target), replace(OPEN, default_root_object="index.html"), "", 0.0)
    assert isinstance(found, Admitted)
    assert found.path == path
