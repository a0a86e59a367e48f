"""Every member of a DistributionConfig is acted on, bookkeeping, or warned about: there is no third way."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, Shape, StructureShape
from small_worlds import OPTIMISED, START, TWO_EDGES, configure, harbour, small_config, world

from edgesim.api.model import service
from edgesim.world.changes import apply
from edgesim.world.cloudfront.unacted import ACTED, BOOKKEEPING, UNACTED, Unacted, unacted
from edgesim.world.commands import PutRecord
from edgesim.world.warnings import warnings

TRIGGERS: dict[str, Any] = {
    "Origins.CustomOriginConfig.OriginSslProtocols": ["SSLv3"],
    "Origins.CustomOriginConfig.IpAddressType": "dualstack",
    "OriginGroups.SelectionCriteria": "media-quality-based",
    "CacheBehavior.TrustedSigners": ["999999999999"],
    "ViewerCertificate.SSLSupportMethod": "vip",
    "HttpVersion": "http2and3",
    "IsIPV6Enabled": False,
    "ConnectionMode": "tenant-only",
}


def leaves(shape: Shape, path: str = "") -> Iterator[str]:
    if isinstance(shape, ListShape):
        member = shape.member
        if isinstance(member, StructureShape):
            yield from leaves(member, path)
        else:
            yield path
        return
    if not isinstance(shape, StructureShape):
        yield path
        return
    for name, member in shape.members.items():
        if name == "Quantity":
            continue
        inner = path if name == "Items" else f"{path}.{name}".lstrip(".")
        if inner in ("DefaultCacheBehavior", "CacheBehaviors"):
            inner = "CacheBehavior"
        yield from leaves(member, inner)


def all_leaves() -> set[str]:
    return set(leaves(service("cloudfront").shape_for("DistributionConfig")))


def test_each_member_is_of_exactly_one_kind() -> None:
    silent = {rule.path for rule in UNACTED}
    assert all_leaves() == ACTED | BOOKKEEPING | silent
    assert len(ACTED) + len(BOOKKEEPING) + len(UNACTED) == len(ACTED | BOOKKEEPING | silent)


@pytest.mark.parametrize("rule", UNACTED, ids=lambda rule: rule.path)
def test_a_member_without_effect_is_warned_about(rule: Unacted) -> None:
    value = TRIGGERS.get(rule.path, "x")
    config = _holding(rule.path.split("."), value)
    found = dict(unacted(config))
    assert list(found.values()) == [rule.message]
    assert next(iter(found)).rpartition(".")[2] == rule.path.rpartition(".")[2]


def _holding(steps: list[str], value: Any) -> dict[str, Any]:
    """A document of this one member, in the shapes of the model."""
    if steps[0] == "CacheBehavior":
        return {"DefaultCacheBehavior": _inside(steps[1:], value)}
    found = _inside(steps, value)
    if steps[0] == "ViewerCertificate" and steps[1] != "IAMCertificateId":
        found["ViewerCertificate"]["ACMCertificateArn"] = "arn:aws:acm:us-east-1:1:certificate/1"
    return found


LISTS = {
    "Origins",
    "OriginGroups",
    "LambdaFunctionAssociations",
    "FunctionAssociations",
    "TrustedSigners",
    "OriginSslProtocols",
}


def _inside(steps: list[str], value: Any) -> dict[str, Any]:
    name, *rest = steps
    inner = _inside(rest, value) if rest else value
    if name == "ParameterDefinitions":
        return {name: [inner]}
    if name in LISTS:
        listed = inner if isinstance(inner, list) else [inner]
        return {name: {"Quantity": len(listed), "Items": listed}}
    return {name: inner}


def test_a_plain_document_warns_of_nothing() -> None:
    assert list(unacted(small_config("origin.harbour.test"))) == []


def put(config: dict[str, Any], **facts: Any) -> PutRecord:
    facts = {"domain": "dput.cloudfront.net", **facts}
    return PutRecord(family="distribution", id="EPUT", config=config, facts=facts, at=START, expect=0)


def test_warnings_say_where_and_what() -> None:
    behavior = {
        "PathPattern": "/api/*",
        "TargetOriginId": "o",
        "ViewerProtocolPolicy": "allow-all",
        "CachePolicyId": OPTIMISED,
        "SmoothStreaming": True,
    }
    config = small_config("shop.example.com", CacheBehaviors={"Quantity": 1, "Items": [behavior]}, WebACLId="acl")
    state = apply(world(), put(config, repairs=["Quantity was 3."]))
    assert [str(one) for one in warnings(state)] == [
        "distribution EPUT: CacheBehaviors[/api/*].SmoothStreaming: Smooth Streaming manifests are not understood",
        "distribution EPUT: WebACLId: no web ACL is asked: every request goes on",
        "distribution EPUT: Origins[o].DomainName: shop.example.com has no address on this machine; give it one: "
        "PUT /_edgesim/origins/shop.example.com with a url, or origin_addresses in the world file",
        "distribution EPUT: Quantity was 3.",
    ]


def test_a_distribution_that_cannot_be_served_is_warned_about() -> None:
    state = apply(world(), put(small_config("origin.harbour.test", Aliases={"Quantity": 1, "Items": ["a.test"]})))
    after = apply(state, configure(TWO_EDGES.replace('"*.harbour.test"', "a.test")))
    (warning,) = warnings(after)
    assert (warning.source, warning.field) == ("distribution EPUT", "")
    assert warning.message == f"it is not served: a.test belongs to distribution {harbour(after)} already"


ACCESS = {"Name": "a", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3", "SigningProtocol": "sigv4"}


@pytest.mark.parametrize(
    ("family", "config", "words"),
    [
        ("monitoring-subscription", {}, "/_edgesim/metrics"),
        ("origin-access-control", {**ACCESS, "SigningProtocol": "sigv4a"}, "signed with sigv4"),
        ("origin-access-control", {**ACCESS, "SigningBehavior": "always-amz-auth"}, "as with always"),
    ],
)
def test_other_documents_without_their_effect(family: str, config: dict[str, Any], words: str) -> None:
    (warning,) = warnings(apply(world(), PutRecord(family=family, id="x", config=config, at=START, expect=0)))
    assert warning.source == f"{family} x"
    assert words in warning.message


def test_a_world_without_documents_warns_of_nothing() -> None:
    assert warnings(world()) == ()
