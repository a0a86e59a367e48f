"""What all regular kinds of documents have in common, with boto3."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from boto_account import START, BotoAccount, refused
from regular_documents import (
    cache_policy,
    origin_access_control,
    origin_access_identity,
    origin_request_policy,
    public_key,
    response_headers_policy,
)

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True)
class Sort:
    """A kind as its clients see it."""

    method: str
    member: str
    plural: str
    id: str
    make: Callable[..., dict[str, Any]]
    missing: str
    exists: str
    change: str = "Comment"
    noun: str = ""

    def call(self, at: BotoAccount, verb: str, **params: Any) -> Any:
        return getattr(at.cloudfront, f"{verb}_{self.noun or self.method}")(**params)

    def create(self, at: BotoAccount, name: str = "mine", **changes: Any) -> Any:
        return self.call(at, "create", **{self.config: self.make(at, name, **changes)})

    @property
    def config(self) -> str:
        return f"{self.member}Config"


def plain(make: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return lambda at, name="mine", **changes: make(name, **changes)


def keys(at: BotoAccount) -> str:
    """The id of the account's public key, made at the first call."""
    listed = at.cloudfront.list_public_keys()["PublicKeyList"].get("Items")
    if not listed:
        at.cloudfront.create_public_key(PublicKeyConfig=public_key("others"))
        return keys(at)
    return str(listed[0]["Id"])


def profile(at: BotoAccount, name: str = "mine", **changes: Any) -> dict[str, Any]:
    patterns = {"Quantity": 1, "Items": ["Card*"]}
    entity = {"PublicKeyId": keys(at), "ProviderId": "bank", "FieldPatterns": patterns}
    entities = {"Quantity": 1, "Items": [entity]}
    return {"Name": name, "CallerReference": name, "EncryptionEntities": entities, **changes}


SORTS = (
    Sort("cache_policy", "CachePolicy", "cache_policies", UUID, plain(cache_policy), "NoSuchCachePolicy",
         "CachePolicyAlreadyExists"),
    Sort("origin_request_policy", "OriginRequestPolicy", "origin_request_policies", UUID, plain(origin_request_policy),
         "NoSuchOriginRequestPolicy", "OriginRequestPolicyAlreadyExists"),
    Sort("response_headers_policy", "ResponseHeadersPolicy", "response_headers_policies", UUID,
         plain(response_headers_policy), "NoSuchResponseHeadersPolicy", "ResponseHeadersPolicyAlreadyExists"),
    Sort("origin_access_control", "OriginAccessControl", "origin_access_controls", "E[A-Z0-9]{13}",
         plain(origin_access_control), "NoSuchOriginAccessControl", "OriginAccessControlAlreadyExists", "Description"),
    Sort("cloud_front_origin_access_identity", "CloudFrontOriginAccessIdentity", "cloud_front_origin_access_identities",
         "E[A-Z0-9]{13}", plain(origin_access_identity), "NoSuchCloudFrontOriginAccessIdentity",
         "CloudFrontOriginAccessIdentityAlreadyExists"),
    Sort("public_key", "PublicKey", "public_keys", "K[A-Z0-9]{13}", plain(public_key), "NoSuchPublicKey",
         "PublicKeyAlreadyExists"),
    Sort("key_group", "KeyGroup", "key_groups", UUID,
         lambda at, name="mine", **changes: {"Name": name, "Items": [keys(at)], **changes}, "NoSuchResource",
         "KeyGroupAlreadyExists"),
    Sort("field_level_encryption", "FieldLevelEncryption", "field_level_encryption_configs", "C[A-Z0-9]{13}",
         lambda at, name="mine", **changes: {"CallerReference": name, **changes},
         "NoSuchFieldLevelEncryptionConfig", "FieldLevelEncryptionConfigAlreadyExists",
         noun="field_level_encryption_config"),
    Sort("field_level_encryption_profile", "FieldLevelEncryptionProfile", "field_level_encryption_profiles",
         "P[A-Z0-9]{13}", profile, "NoSuchFieldLevelEncryptionProfile", "FieldLevelEncryptionProfileAlreadyExists"),
)  # fmt: skip


@pytest.fixture(params=SORTS, ids=lambda sort: sort.method)
def sort(request: pytest.FixtureRequest) -> Sort:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def at() -> BotoAccount:
    return BotoAccount()


def listed(at: BotoAccount, sort: Sort, **params: Any) -> Any:
    answer = getattr(at.cloudfront, f"list_{sort.plural}")(**params)
    return answer[f"{sort.member}List"]


def ids(at: BotoAccount, sort: Sort, **params: Any) -> list[str]:
    return [item.get("Id") or item[sort.member]["Id"] for item in listed(at, sort, **params).get("Items", ())]


def test_a_document_lives(at: BotoAccount, sort: Sort) -> None:
    made = sort.create(at)
    whole, first = made[sort.member], made["ETag"]
    id = whole["Id"]
    assert re.fullmatch(sort.id, id)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["Location"].startswith("https://cloudfront.amazonaws.com/2020-05-31/")
    assert made["Location"].endswith(f"/{id}")
    assert first == "ETVPDKIKX0DER"

    read = getattr(at.cloudfront, f"get_{sort.method}")(Id=id)
    assert (read[sort.member], read["ETag"]) == (whole, first)
    config = getattr(at.cloudfront, f"get_{sort.method.removesuffix('_config')}_config")(Id=id)
    assert (config[sort.config], config["ETag"]) == (whole[sort.config], first)
    assert id in ids(at, sort)

    at.owner.now += 60
    changed = {**whole[sort.config], sort.change: "another"}
    update = sort.call(at, "update", Id=id, IfMatch=first, **{sort.config: changed})
    assert update["ETag"] == "E3UN6WX5RRO2AG"
    assert update[sort.member][sort.config] == changed
    if "LastModifiedTime" in whole:
        assert whole["LastModifiedTime"].timestamp() == START
        assert update[sort.member]["LastModifiedTime"].timestamp() == START + 60

    with refused("PreconditionFailed", 412):
        sort.call(at, "update", Id=id, IfMatch=first, **{sort.config: changed})
    with refused("PreconditionFailed", 412):
        sort.call(at, "delete", Id=id, IfMatch=first)
    with refused("InvalidIfMatchVersion"):
        sort.call(at, "delete", Id=id)
    with refused("InvalidIfMatchVersion"):
        sort.call(at, "update", Id=id, **{sort.config: changed})
    gone = sort.call(at, "delete", Id=id, IfMatch=update["ETag"])
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused(sort.missing, 404):
        getattr(at.cloudfront, f"get_{sort.method}")(Id=id)
    assert id not in ids(at, sort)


def test_what_does_not_exist(at: BotoAccount, sort: Sort) -> None:
    config = {sort.config: sort.make(at)}
    with refused(sort.missing, 404):
        getattr(at.cloudfront, f"get_{sort.method}")(Id="nothing")
    with refused(sort.missing, 404):
        sort.call(at, "update", Id="nothing", IfMatch="ETVPDKIKX0DER", **config)
    with refused(sort.missing, 404):
        sort.call(at, "delete", Id="nothing", IfMatch="ETVPDKIKX0DER")


def test_what_was_left_out_stays_out(at: BotoAccount, sort: Sort) -> None:
    sent = sort.make(at)
    config = sort.create(at)[sort.member][sort.config]
    filled = {"DefaultTTL": 86_400, "MaxTTL": 31_536_000} if sort.method == "cache_policy" else {}
    assert config == {**sent, **filled}


def test_a_second_one_with_the_same_name(at: BotoAccount, sort: Sort) -> None:
    sort.create(at)
    with refused(sort.exists, 409):
        sort.create(at, **{sort.change: "not the same"})


def test_pages(at: BotoAccount, sort: Sort) -> None:
    keys(at)
    before = ids(at, sort)
    made = [sort.create(at, name)[sort.member]["Id"] for name in ("one", "two", "three")]
    assert ids(at, sort) == before + made
    first = listed(at, sort, MaxItems=str(len(before) + 2))
    assert first["Quantity"] == first["MaxItems"] == len(before) + 2
    assert first["NextMarker"] == made[1]
    assert ids(at, sort, Marker=made[1]) == made[2:]
    assert "NextMarker" not in listed(at, sort, Marker=made[1])


NOT_EMPTY = ("public_key", "cache_policy")
"""The file has a cache policy, and making the others' keys would make one here."""


@pytest.mark.parametrize("sort", [one for one in SORTS if one.method not in NOT_EMPTY], ids=lambda one: one.method)
def test_an_empty_list_has_no_items(sort: Sort) -> None:
    at = BotoAccount()
    params = {"Type": "custom"} if sort.method.endswith("_policy") else {}
    answer = listed(at, sort, **params)
    assert answer["Quantity"] == 0
    assert "Items" not in answer


WITH_REFERENCE = (
    "public_key",
    "cloud_front_origin_access_identity",
    "field_level_encryption",
    "field_level_encryption_profile",
)
REPEATABLE = [sort for sort in SORTS if sort.method in WITH_REFERENCE]


@pytest.mark.parametrize("sort", REPEATABLE, ids=lambda one: one.method)
def test_the_same_request_again_makes_nothing_new(at: BotoAccount, sort: Sort) -> None:
    first = sort.create(at)
    again = sort.create(at)
    assert again[sort.member] == first[sort.member]
    assert len(ids(at, sort)) == 1


def test_one_too_many(at: BotoAccount) -> None:
    for number in range(20):
        at.cloudfront.create_cache_policy(CachePolicyConfig=cache_policy(f"policy-{number}"))
    with refused("TooManyCachePolicies"):
        at.cloudfront.create_cache_policy(CachePolicyConfig=cache_policy("one-more"))


def test_names_stay_unique_in_updates(at: BotoAccount) -> None:
    at.cloudfront.create_cache_policy(CachePolicyConfig=cache_policy("first"))
    second = at.cloudfront.create_cache_policy(CachePolicyConfig=cache_policy("second"))
    params = {"Id": second["CachePolicy"]["Id"], "IfMatch": second["ETag"]}
    with refused("CachePolicyAlreadyExists", 409):
        at.cloudfront.update_cache_policy(CachePolicyConfig=cache_policy("first"), **params)
    at.cloudfront.update_cache_policy(CachePolicyConfig=cache_policy("third"), **params)


def types(at: BotoAccount, **params: Any) -> dict[str, str]:
    items = at.cloudfront.list_cache_policies(**params)["CachePolicyList"]["Items"]
    return {item["CachePolicy"]["CachePolicyConfig"]["Name"]: item["Type"] for item in items}


def test_managed_and_custom_policies(at: BotoAccount) -> None:
    at.cloudfront.create_cache_policy(CachePolicyConfig=cache_policy())
    custom, managed = types(at, Type="custom"), types(at, Type="managed")
    assert custom == {"pages": "custom", "mine": "custom"}
    assert managed["Managed-CachingOptimized"] == "managed"
    assert types(at) == managed | custom
    listed = at.cloudfront.list_origin_request_policies(Type="managed")["OriginRequestPolicyList"]["Items"]
    assert "216adef6-5c7f-47e4-b989-5492eafa07d3" in [item["OriginRequestPolicy"]["Id"] for item in listed]
    listed = at.cloudfront.list_response_headers_policies(Type="managed")["ResponseHeadersPolicyList"]["Items"]
    assert "67f7725c-6f97-4210-82d7-5512b31e9d03" in [item["ResponseHeadersPolicy"]["Id"] for item in listed]


def test_managed_policies_stay_as_they_are(at: BotoAccount) -> None:
    id = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    read = at.cloudfront.get_cache_policy(Id=id)
    config = read["CachePolicy"]["CachePolicyConfig"]
    assert (config["MinTTL"], config["DefaultTTL"], config["MaxTTL"]) == (1, 86_400, 31_536_000)
    with refused("IllegalUpdate"):
        at.cloudfront.update_cache_policy(Id=id, IfMatch=read["ETag"], CachePolicyConfig=config)
    with refused("IllegalDelete"):
        at.cloudfront.delete_cache_policy(Id=id, IfMatch=read["ETag"])


def test_policies_of_the_world_file_stay_as_they_are(at: BotoAccount) -> None:
    items = at.cloudfront.list_cache_policies(Type="custom")["CachePolicyList"]["Items"]
    id = items[0]["CachePolicy"]["Id"]
    read = at.cloudfront.get_cache_policy(Id=id)
    assert read["CachePolicy"]["CachePolicyConfig"]["DefaultTTL"] == 60
    with refused("AccessDenied", 403, says="world.yaml"):
        at.cloudfront.update_cache_policy(
            Id=id, IfMatch=read["ETag"], CachePolicyConfig=read["CachePolicy"]["CachePolicyConfig"]
        )
    with refused("AccessDenied", 403, says="world.yaml"):
        at.cloudfront.delete_cache_policy(Id=id, IfMatch=read["ETag"])
    with refused("CachePolicyAlreadyExists", 409):
        at.cloudfront.create_cache_policy(CachePolicyConfig=cache_policy("pages"))


def test_the_quota_counts_what_the_account_made(at: BotoAccount) -> None:
    made = at.cloudfront.create_origin_request_policy(OriginRequestPolicyConfig=origin_request_policy())
    for number in range(19):
        config = origin_request_policy(f"policy-{number}")
        at.cloudfront.create_origin_request_policy(OriginRequestPolicyConfig=config)
    with refused("TooManyOriginRequestPolicies"):
        at.cloudfront.create_origin_request_policy(OriginRequestPolicyConfig=origin_request_policy("one-more"))
    at.cloudfront.delete_origin_request_policy(Id=made["OriginRequestPolicy"]["Id"], IfMatch=made["ETag"])
    at.cloudfront.create_origin_request_policy(OriginRequestPolicyConfig=origin_request_policy("one-more"))
