"""The section ``cloudfront`` of a world file: documents that are there from the start."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgesim.world.changes import apply
from edgesim.world.commands import DropRecord, PutRecord, Reset
from edgesim.world.linting.documents import of_file
from edgesim.world.loading import Checked, check_text
from edgesim.world.state import World

NOW = 1_790_000_000.0
POLICY = {"Name": "pages", "MinTTL": 0, "DefaultTTL": 60, "MaxTTL": 600}


def config(**changes: Any) -> dict[str, Any]:
    origin = {
        "Id": "o",
        "DomainName": "app.example.com",
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
    }
    behavior = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "CachePolicyId": "p1"}
    return {
        "CallerReference": "r",
        "Comment": "",
        "Enabled": True,
        "Aliases": {"Quantity": 1, "Items": ["shop.test"]},
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behavior,
        **changes,
    }


def checked(**section: Any) -> Checked:
    given = {
        "cache_policies": [{"id": "p1", "config": POLICY}],
        "origin_addresses": [{"id": "app.example.com", "config": {"url": "http://127.0.0.1:3000"}}],
        "distributions": [{"id": "E1", "config": config(), "tags": {"Name": "shop"}}],
        **section,
    }
    return check_text(json.dumps({"edges": ["London"], "cloudfront": given}), file="world.yaml")


def world(**section: Any) -> World:
    return apply(World(), checked(**section).configure(NOW))


def test_they_are_there_and_act() -> None:
    made = world()
    one = made.distributions["E1"]
    assert one.domain == "e1.cloudfront.net"
    assert one.behaviors[-1].policy.ttls.default == 60
    assert (one.origins["o"].address, one.origins["o"].http_port) == ("127.0.0.1", 3000)
    record = made.records["distribution"]["E1"]
    assert (record.version, dict(record.tags)) == (1, {"Name": "shop"})
    assert made.distribution_for("shop.test") is one
    assert record.config["PriceClass"] == "PriceClass_All"


def test_what_the_api_changed_stays() -> None:
    made = world()
    policy = PutRecord(family="cache-policy", id="p1", config={**POLICY, "DefaultTTL": 90}, at=NOW, expect=1)
    changed = apply(made, policy)
    assert changed.distributions["E1"].behaviors[-1].policy.ttls.default == 90
    again = apply(changed, checked(functions=[{"id": "f", "config": {"Name": "f"}}]).configure(NOW + 1))
    assert again.distributions["E1"].behaviors[-1].policy.ttls.default == 90
    assert list(again.records["function"]) == ["f"]


def test_reset_brings_them_back() -> None:
    begun = world()
    facts = dict(begun.records["distribution"]["E1"].facts)
    off = PutRecord(family="distribution", id="E1", config=config(Enabled=False), facts=facts, at=NOW, expect=1)
    made = apply(begun, off)
    gone = apply(made, DropRecord(family="distribution", id="E1", at=NOW, expect=2))
    assert "E1" not in gone.distributions
    assert apply(gone, Reset(real=NOW)).distributions["E1"].enabled


@pytest.mark.parametrize(
    ("section", "path", "words"),
    [
        ({"cache_policies": []}, "cloudfront.distributions[0]", "p1"),
        ({"cache_policies": [{"id": "p1", "config": {}}]}, "cloudfront", "Name"),
        ({"cache_policies": [{"id": "p1", "config": POLICY}] * 2}, "cloudfront.cache_policies[1].id", "second time"),
        ({"distributions": [{"id": "E1", "config": {}}]}, "cloudfront.distributions[0]", ""),
        ({"distributions": [{"id": "E1", "confg": {}}]}, "cloudfront.distributions[0].confg", "unknown key"),
    ],
)
def test_mistakes(section: Any, path: str, words: str) -> None:
    errors = checked(**section).errors
    assert path in [error.path for error in errors]
    assert any(words in str(error) for error in errors)


def test_lint_sees_them() -> None:
    (subject,) = of_file(checked().world)
    assert subject.prefix == "cloudfront.distributions[0].config"
