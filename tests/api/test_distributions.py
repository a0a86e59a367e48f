"""The life of a distribution, through boto3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from distribution_documents import MISSING, OPTIMIZED, Shop, config, listed, refused, shop


@pytest.fixture
def at(tmp_path: Path) -> Shop:
    return shop(tmp_path)


@pytest.fixture
def slow(tmp_path: Path) -> Shop:
    return shop(tmp_path, more="propagation: { distributions: 60 s, invalidations: 60 s }\n")


def test_a_life(at: Shop) -> None:
    made = at.create()
    id = made["Distribution"]["Id"]
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (len(id), id[0]) == (14, "E")
    assert made["Location"].endswith(f"/2020-05-31/distribution/{id}")
    assert made["Distribution"]["ARN"] == f"arn:aws:cloudfront::123456789012:distribution/{id}"
    assert (made["Distribution"]["Status"], made["ETag"]) == ("InProgress", "ETVPDKIKX0DER")
    got = at.api.get_distribution(Id=id)
    assert (got["Distribution"]["Status"], got["ETag"]) == ("Deployed", "ETVPDKIKX0DER")
    assert got["Distribution"]["DistributionConfig"]["PriceClass"] == "PriceClass_All"
    assert at.owner.world.distributions[id].enabled

    at.owner.now += 5
    changed = at.update(made, Comment="closed", Enabled=False)
    assert (changed["Distribution"]["Status"], changed["ETag"]) == ("InProgress", "E3UN6WX5RRO2AG")
    assert changed["Distribution"]["LastModifiedTime"] > made["Distribution"]["LastModifiedTime"]
    assert not at.owner.world.distributions[id].enabled
    with refused("PreconditionFailed", 412):
        at.api.delete_distribution(Id=id, IfMatch=made["ETag"])
    at.api.delete_distribution(Id=id, IfMatch=changed["ETag"])
    with refused("NoSuchDistribution", 404):
        at.api.get_distribution(Id=id)
    assert id not in at.owner.world.distributions


def test_the_versions_guard(at: Shop) -> None:
    made = at.create()
    id = made["Distribution"]["Id"]
    document = at.api.get_distribution_config(Id=id)["DistributionConfig"]
    with refused("InvalidIfMatchVersion", says="missing or not valid for the resource"):
        at.api.update_distribution(Id=id, DistributionConfig=document)
    with refused("PreconditionFailed", 412):
        at.api.update_distribution(Id=id, DistributionConfig=document, IfMatch="E3UN6WX5RRO2AG")
    with refused("InvalidIfMatchVersion"):
        at.api.delete_distribution(Id=id)
    with refused("DistributionNotDisabled", 409, says="you are trying to delete has not been disabled"):
        at.api.delete_distribution(Id=id, IfMatch=made["ETag"])
    for call in (at.api.get_distribution_config, at.api.delete_distribution):
        with refused("NoSuchDistribution", 404):
            call(Id="ENOTHERE")


def test_an_update_that_changes_nothing_is_no_new_version(at: Shop) -> None:
    made = at.create()
    assert at.update(made)["ETag"] == made["ETag"]


def test_a_change_takes_time_where_the_world_says_so(slow: Shop) -> None:
    made = slow.create()
    id = made["Distribution"]["Id"]

    def status() -> Any:
        return slow.api.get_distribution(Id=id)["Distribution"]["Status"]

    assert status() == "InProgress"
    slow.owner.now += 61
    assert status() == "Deployed"
    gone = slow.update(made, Enabled=False)
    with refused("DistributionNotDisabled", 409):
        slow.api.delete_distribution(Id=id, IfMatch=gone["ETag"])
    slow.owner.now += 61
    slow.api.delete_distribution(Id=id, IfMatch=gone["ETag"])


def test_a_caller_reference_makes_creating_safe_to_repeat(at: Shop) -> None:
    made = at.create()
    again = at.create()
    assert again["Distribution"]["Id"] == made["Distribution"]["Id"]
    assert again["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert again["Distribution"]["Status"] == "Deployed"
    id = made["Distribution"]["Id"]
    with refused("DistributionAlreadyExists", 409, says=f"associated with another distribution. Already exists: {id}"):
        at.create(Comment="another")
    with refused("IllegalUpdate", says="CallerReference"):
        at.update(made, CallerReference="other")


@pytest.mark.parametrize(
    "member", ["Aliases", "PriceClass", "ViewerCertificate", "DefaultCacheBehavior__AllowedMethods"]
)
def test_an_update_leaves_nothing_out(at: Shop, tmp_path: Path, member: str) -> None:
    with refused("IllegalUpdate", says=member.replace("__", ".")):
        at.update(at.create(), **{member: MISSING})
    kind = shop(tmp_path / "lenient", lenient=True) if (tmp_path / "lenient").mkdir() is None else at
    after = kind.update(kind.create(), **{member: MISSING})
    record = kind.owner.world.records["distribution"][after["Distribution"]["Id"]]
    assert member.replace("__", ".") in str(record.facts["repairs"])


def test_lenient_mends_and_says_so(tmp_path: Path) -> None:
    kind = shop(tmp_path, lenient=True)
    made = kind.create(DefaultCacheBehavior__CachePolicyId=MISSING, Aliases=listed("shop.test.example"))
    behavior = made["Distribution"]["DistributionConfig"]["DefaultCacheBehavior"]
    repairs = kind.owner.world.records["distribution"][made["Distribution"]["Id"]].facts["repairs"]
    assert behavior["CachePolicyId"] == OPTIMIZED
    assert "CachingOptimized" in str(repairs)
    assert "alternate domain name" in str(repairs)


def test_names_belong_to_one(at: Shop) -> None:
    made = at.create(**at.named("www.shop.test"))
    assert made["Distribution"]["AliasICPRecordals"] == [{"CNAME": "www.shop.test", "ICPRecordalStatus": "APPROVED"}]
    for name in ("www.shop.test", "WWW.shop.test", "www.filed.test"):
        with refused("CNAMEAlreadyExists", 409):
            at.create(reference="second", **at.named(name))
    other = at.create(reference="second", **at.named("*.shop.test"))
    with refused("CNAMEAlreadyExists", 409):
        at.update(other, **at.named("www.shop.test"))
    at.update(made, Comment="its own names are no clash")


def test_a_name_moves(at: Shop) -> None:
    one = at.create(**at.named("www.shop.test"))["Distribution"]["Id"]
    two = at.create(reference="second", **at.named("other.shop.test", covered=("other.shop.test", "*.shop.test")))
    bare = at.create(reference="third")["Distribution"]["Id"]
    id = two["Distribution"]["Id"]
    found = at.api.list_conflicting_aliases(DistributionId=id, Alias="*.shop.test")["ConflictingAliasesList"]["Items"]
    assert [each["Alias"] for each in found] == ["www.shop.test", "other.shop.test"]
    assert found[0]["DistributionId"].startswith("*")
    assert found[0]["DistributionId"].strip("*") == one[7:]
    with refused("InvalidArgument", says="attach a trusted certificate"):
        at.api.associate_alias(TargetDistributionId=bare, Alias="www.shop.test")
    at.api.associate_alias(TargetDistributionId=id, Alias="www.shop.test")
    at.api.associate_alias(TargetDistributionId=id, Alias="www.shop.test")
    assert at.owner.world.distributions[one].aliases == ()
    assert set(at.owner.world.distributions[id].aliases) == {"other.shop.test", "www.shop.test"}
    with refused("AccessDenied", 403, "world.yaml"):
        at.api.associate_alias(TargetDistributionId=id, Alias="www.filed.test")


def test_what_the_file_defines_is_read_only(at: Shop) -> None:
    id = next(iter(at.owner.world.distributions))
    got = at.api.get_distribution(Id=id)
    assert got["Distribution"]["DistributionConfig"]["Aliases"]["Items"] == ["www.filed.test"]
    assert id in [one["Id"] for one in at.api.list_distributions()["DistributionList"]["Items"]]
    with refused("AccessDenied", 403, "world.yaml"):
        at.update(got, Comment="mine now")
    with refused("AccessDenied", 403, "world.yaml"):
        at.api.delete_distribution(Id=id, IfMatch=got["ETag"])


def test_signers_are_shown(at: Shop) -> None:
    key = at.api.create_public_key(PublicKeyConfig={"CallerReference": "k", "Name": "k", "EncodedKey": public_key()})[
        "PublicKey"
    ]["Id"]
    group = at.api.create_key_group(KeyGroupConfig={"Name": "g", "Items": [key]})["KeyGroup"]["Id"]
    made = at.create(DefaultCacheBehavior__TrustedKeyGroups={"Enabled": True, **listed(group)})["Distribution"]
    assert made["ActiveTrustedSigners"] == {"Enabled": False, "Quantity": 0}
    assert made["ActiveTrustedKeyGroups"] == {
        "Enabled": True,
        "Quantity": 1,
        "Items": [{"KeyGroupId": group, "KeyPairIds": {"Quantity": 1, "Items": [key]}}],
    }
    ids = at.api.list_distributions_by_key_group(KeyGroupId=group)["DistributionIdList"]
    assert ids["Items"] == [made["Id"]]
    with refused("NoSuchResource", 404):
        at.api.list_distributions_by_key_group(KeyGroupId="none")


def public_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, kind).decode()


def test_lists(at: Shop) -> None:
    ids = [at.create(reference=f"r{number}")["Distribution"]["Id"] for number in range(3)]
    pages = at.api.get_paginator("list_distributions").paginate(PaginationConfig={"PageSize": 2})
    seen = [one["Id"] for page in pages for one in page["DistributionList"]["Items"]]
    assert [id for id in seen if id in ids] == ids
    used = at.api.list_distributions_by_cache_policy_id(CachePolicyId=OPTIMIZED)["DistributionIdList"]["Items"]
    assert set(ids) <= set(used)
    with refused("NoSuchCachePolicy", 404):
        at.api.list_distributions_by_cache_policy_id(CachePolicyId="none")
    with refused("NoSuchOriginRequestPolicy", 404):
        at.api.list_distributions_by_origin_request_policy_id(OriginRequestPolicyId="none")
    with refused("NoSuchResponseHeadersPolicy", 404):
        at.api.list_distributions_by_response_headers_policy_id(ResponseHeadersPolicyId="none")
    arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/mine/473e64fd-f30b-4765-81a0-62ad96dd167a"
    walled = at.create(reference="walled", WebACLId=arn)["Distribution"]["Id"]
    by_wall = at.api.list_distributions_by_web_acl_id
    assert [one["Id"] for one in by_wall(WebACLId=arn)["DistributionList"]["Items"]] == [walled]
    assert walled not in [one["Id"] for one in by_wall(WebACLId="null")["DistributionList"]["Items"]]
    none = at.api.list_distributions_by_realtime_log_config(RealtimeLogConfigName="none")["DistributionList"]
    assert (none["Quantity"], "Items" in none) == (0, False)
    direct = at.api.list_distributions_by_connection_mode(ConnectionMode="direct")["DistributionList"]
    assert walled in [one["Id"] for one in direct["Items"]]
    assert (
        at.api.list_distributions_by_connection_mode(ConnectionMode="tenant-only")["DistributionList"]["Quantity"] == 0
    )
    for call, name in (
        (at.api.list_distributions_by_anycast_ip_list_id, "AnycastIpListId"),
        (at.api.list_distributions_by_vpc_origin_id, "VpcOriginId"),
        (at.api.list_distributions_by_trust_store, "TrustStoreIdentifier"),
    ):
        with refused("EntityNotFound", 404):
            call(**{name: "none"})


def test_a_document_is_enough_for_two(at: Shop) -> None:
    with_policy = config(reference="other")
    assert at.create(with_policy)["Distribution"]["Id"] != at.create()["Distribution"]["Id"]
