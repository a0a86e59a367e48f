"""Origin access control and logging as a world file writes them."""

from __future__ import annotations

from typing import Any

import pytest
from small_worlds import START

from edgesim.core.behaviors import Distribution, OriginAccess
from edgesim.world.changes import apply
from edgesim.world.loading import check_data
from edgesim.world.state import World


def document(origin: dict[str, Any], **distribution: Any) -> dict[str, Any]:
    behavior = {"origin": "bucket", "cache_policy": "CachingOptimized"}
    return {
        "edges": ["London"],
        "origins": {"bucket": origin},
        "distributions": [{"name": "d", "aliases": ["d.test"], "default_behavior": behavior, **distribution}],
    }


def compiled(origin: dict[str, Any], **distribution: Any) -> Distribution:
    (found,) = apply(World(), check_data(document(origin, **distribution)).configure(START)).distributions.values()
    return found


def test_access_and_logging_reach_the_core() -> None:
    url = "https://bucket.example.test"
    found = compiled({"url": url, "access": {"region": "eu-west-1"}}, logging=False, log_cookies=True)
    assert found.origins["bucket"].access == OriginAccess("always", "s3", "eu-west-1")
    assert (found.logging, found.log_cookies) == (False, True)
    usual = compiled({"url": url})
    assert usual.origins["bucket"].access is None
    assert (usual.logging, usual.log_cookies) == (True, False)


@pytest.mark.parametrize(
    "origin",
    [
        {"url": "http://127.0.0.1:3000", "access": {}},
        {"url": "https://bucket.example.test", "protocol": "match-viewer", "access": {}},
    ],
)
def test_what_is_always_signed_goes_over_https(origin: dict[str, Any]) -> None:
    (error,) = check_data(document(origin)).errors
    assert "https-only" in str(error)
    assert not check_data(document({**origin, "access": {"signing": "no-override"}})).errors


@pytest.mark.parametrize("access", [{"signing": "sometimes"}, {"service": "ec2"}, {"region": "Ireland!"}])
def test_access_that_does_not_exist_is_a_mistake(access: dict[str, str]) -> None:
    assert check_data(document({"url": "https://bucket.example.test", "access": access})).errors


def test_the_sites_prefix_is_a_path() -> None:
    given = document({"toy_site": True})
    assert check_data({**given, "site": {"signed_only": "private"}}).errors
    assert not check_data({**given, "site": {"signed_only": "/private"}}).errors
