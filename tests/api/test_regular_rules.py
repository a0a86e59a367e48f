"""What CloudFront refuses in policies, keys, access to origins and field-level encryption, with boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from boto_account import BotoAccount, distribution, refused
from regular_documents import (
    cache_policy,
    ec_pem,
    origin_access_control,
    origin_access_identity,
    origin_request_policy,
    public_key,
    response_headers_policy,
    rsa_pem,
)

OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"


@pytest.fixture
def at() -> BotoAccount:
    return BotoAccount()


def listed(*names: str) -> dict[str, Any]:
    return {"Quantity": len(names), "Items": list(names)}


def keyed(**changes: Any) -> dict[str, Any]:
    """The part of a cache policy that is about the key; nothing is in it but ``changes``."""
    return {
        "EnableAcceptEncodingGzip": False,
        "HeadersConfig": {"HeaderBehavior": "none"},
        "CookiesConfig": {"CookieBehavior": "none"},
        "QueryStringsConfig": {"QueryStringBehavior": "none"},
        **changes,
    }


def headers(behavior: str, *names: str) -> dict[str, Any]:
    return {"HeadersConfig": {"HeaderBehavior": behavior, **({"Headers": listed(*names)} if names else {})}}


KEY = "ParametersInCacheKeyAndForwardedToOrigin"
MANY = [f"name-{number}" for number in range(11)]

CACHE = (
    ("the default under the minimum", {"MinTTL": 10, "DefaultTTL": 5}, "InvalidArgument"),
    ("the maximum under the default", {"MinTTL": 0, "DefaultTTL": 5, "MaxTTL": 4}, "InvalidArgument"),
    ("a negative minimum", {"MinTTL": -1}, "InvalidArgument"),
    ("a name with a space", {"Name": "my policy"}, "InvalidArgument"),
    ("a long name", {"Name": "n" * 129}, "InvalidArgument"),
    ("a long comment", {"Comment": "c" * 129}, "InvalidArgument"),
    ("a list of nothing", {KEY: keyed(**headers("whitelist"))}, "InvalidArgument"),
    ("names without a list", {KEY: keyed(**headers("none", "Referer"))}, "InvalidArgument"),
    ("the same header twice", {KEY: keyed(**headers("whitelist", "Referer", "referer"))}, "InvalidArgument"),
    ("no header name", {KEY: keyed(**headers("whitelist", "Ref erer"))}, "InvalidArgument"),
    ("cookies as a header", {KEY: keyed(**headers("whitelist", "Cookie"))}, "InvalidArgument"),
    ("a header of the edge", {KEY: keyed(**headers("whitelist", "X-Amz-Cf-Id"))}, "InvalidArgument"),
    ("a header with no place in keys", {KEY: keyed(**headers("whitelist", "CloudFront-Viewer-Address"))},
     "InvalidArgument"),
    ("eleven headers", {KEY: keyed(**headers("whitelist", *MANY))}, "TooManyHeadersInCachePolicy"),
    ("eleven cookies",
     {KEY: keyed(CookiesConfig={"CookieBehavior": "allExcept", "Cookies": listed(*MANY)})},
     "TooManyCookiesInCachePolicy"),
    ("eleven parameters",
     {KEY: keyed(QueryStringsConfig={"QueryStringBehavior": "whitelist", "QueryStrings": listed(*MANY)})},
     "TooManyQueryStringsInCachePolicy"),
    ("names of more than 1,024 characters",
     {KEY: keyed(CookiesConfig={"CookieBehavior": "whitelist", "Cookies": listed("a" * 513, "b" * 513)})},
     "InvalidArgument"),
    ("a key without caching", {"MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 0, KEY: keyed(**headers("whitelist", "Origin"))},
     "InvalidArgument"),
    ("gzip without caching",
     {"MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 0, KEY: keyed(EnableAcceptEncodingGzip=True)}, "InvalidArgument"),
    ("a quantity that is not so",
     {KEY: keyed(CookiesConfig={"CookieBehavior": "whitelist", "Cookies": {"Quantity": 2, "Items": ["a"]}})},
     "InconsistentQuantities"),
)  # fmt: skip


@pytest.mark.parametrize(("changes", "code"), [row[1:] for row in CACHE], ids=[row[0] for row in CACHE])
def test_cache_policies_refused(at: BotoAccount, changes: dict[str, Any], code: str) -> None:
    with refused(code):
        at.cloudfront.create_cache_policy(CachePolicyConfig=cache_policy(**changes))


@pytest.mark.parametrize(
    ("given", "ttls"),
    [
        ({"MinTTL": 0}, (0, 86_400, 31_536_000)),
        ({"MinTTL": 100_000}, (100_000, 100_000, 31_536_000)),
        ({"MinTTL": 40_000_000}, (40_000_000, 40_000_000, 40_000_000)),
        ({"MinTTL": 0, "DefaultTTL": 32_000_000}, (0, 32_000_000, 32_000_000)),
        ({"MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 5}, (0, 0, 5)),
    ],
)
def test_ttls_are_filled_in(at: BotoAccount, given: dict[str, Any], ttls: tuple[int, int, int]) -> None:
    made = at.cloudfront.create_cache_policy(CachePolicyConfig=cache_policy(**given))
    config = made["CachePolicy"]["CachePolicyConfig"]
    assert (config["MinTTL"], config["DefaultTTL"], config["MaxTTL"]) == ttls


def test_a_policy_that_disables_caching(at: BotoAccount) -> None:
    off = {"MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 0, KEY: keyed()}
    made = at.cloudfront.create_cache_policy(CachePolicyConfig=cache_policy(**off))
    assert made["CachePolicy"]["CachePolicyConfig"][KEY] == keyed()


FORWARDED = (
    ("Authorization by name", headers("whitelist", "authorization"), "InvalidArgument"),
    ("Authorization beside all", headers("allViewerAndWhitelistCloudFront", "Authorization"), "InvalidArgument"),
    ("another header beside all", headers("allViewerAndWhitelistCloudFront", "Referer"), "InvalidArgument"),
    ("names with all", headers("allViewer", "Referer"), "InvalidArgument"),
    ("a connection's header", headers("whitelist", "Transfer-Encoding"), "InvalidArgument"),
    ("eleven headers", headers("whitelist", *MANY), "TooManyHeadersInOriginRequestPolicy"),
    ("eleven cookies", {"CookiesConfig": {"CookieBehavior": "whitelist", "Cookies": listed(*MANY)}},
     "TooManyCookiesInOriginRequestPolicy"),
    ("eleven parameters",
     {"QueryStringsConfig": {"QueryStringBehavior": "allExcept", "QueryStrings": listed(*MANY)}},
     "TooManyQueryStringsInOriginRequestPolicy"),
)  # fmt: skip


@pytest.mark.parametrize(("changes", "code"), [row[1:] for row in FORWARDED], ids=[row[0] for row in FORWARDED])
def test_origin_request_policies_refused(at: BotoAccount, changes: dict[str, Any], code: str) -> None:
    with refused(code):
        at.cloudfront.create_origin_request_policy(OriginRequestPolicyConfig=origin_request_policy(**changes))


def test_origin_request_policies_taken(at: BotoAccount) -> None:
    for number, taken in enumerate(
        (
            headers("allViewer"),
            headers("allExcept", "Host"),
            headers("allViewerAndWhitelistCloudFront", "CloudFront-Viewer-Address"),
            headers("whitelist", "CloudFront-Viewer-TLS", "Accept"),
        )
    ):
        config = origin_request_policy(f"policy-{number}", **taken)
        at.cloudfront.create_origin_request_policy(OriginRequestPolicyConfig=config)


def cors(**changes: Any) -> dict[str, Any]:
    return {"CorsConfig": {**response_headers_policy()["CorsConfig"], **changes}}


def custom(*headers: tuple[str, str]) -> dict[str, Any]:
    items = [{"Header": name, "Value": value, "Override": True} for name, value in headers]
    return {"CustomHeadersConfig": {"Quantity": len(items), "Items": items}}


def removed(*names: str) -> dict[str, Any]:
    return {"RemoveHeadersConfig": {"Quantity": len(names), "Items": [{"Header": name} for name in names]}}


def security(**members: Any) -> dict[str, Any]:
    return {"SecurityHeadersConfig": members}


def csp(length: int) -> dict[str, Any]:
    return security(ContentSecurityPolicy={"Override": True, "ContentSecurityPolicy": "p" * length})


RESPONSES = (
    ("eleven custom headers", custom(*((name, "x") for name in MANY)), "TooManyCustomHeadersInResponseHeadersPolicy"),
    ("eleven removed headers", removed(*MANY), "TooManyRemoveHeadersInResponseHeadersPolicy"),
    ("a long security policy", csp(1_784), "TooLongCSPInResponseHeadersPolicy"),
    ("a long value", custom(("X-A", "v" * 1_784)), "InvalidArgument"),
    ("long values", custom(*((f"X-{number}", "v" * 1_783) for number in range(6))), "InvalidArgument"),
    ("a line break", custom(("X-A", "a\r\nX-B: b")), "InvalidArgument"),
    ("a header twice", custom(("X-A", "1"), ("x-a", "2")), "InvalidArgument"),
    ("no header name", custom(("X A", "1")), "InvalidArgument"),
    ("a security header as custom", custom(("X-Frame-Options", "DENY")), "InvalidArgument"),
    ("a CORS header as custom", custom(("Access-Control-Allow-Origin", "*")), "InvalidArgument"),
    ("another CORS header as custom", custom(("Access-Control-Max-Age", "1")), "InvalidArgument"),
    ("a framing header", custom(("Content-Length", "1")), "InvalidArgument"),
    ("removing Via", removed("via"), "InvalidArgument"),
    ("removing X-Edge-Location", removed("X-Edge-Location"), "InvalidArgument"),
    ("removing a header twice", removed("X-A", "x-a"), "InvalidArgument"),
    ("an origin with a wildcard at its end", cors(AccessControlAllowOrigins=listed("example.*")), "InvalidArgument"),
    ("a wildcard amid", cors(AccessControlAllowOrigins=listed("test.*.example.org")), "InvalidArgument"),
    ("half a label", cors(AccessControlAllowOrigins=listed("*test.example.org")), "InvalidArgument"),
    ("no origin", cors(AccessControlAllowOrigins={"Quantity": 0, "Items": []}), "InvalidArgument"),
    ("a path in an origin", cors(AccessControlAllowOrigins=listed("https://example.org/a")), "InvalidArgument"),
    ("no header name to allow", cors(AccessControlAllowHeaders=listed("a b")), "InvalidArgument"),
    ("long exposed headers", cors(AccessControlExposeHeaders=listed("a" * 900, "b" * 900)), "InvalidArgument"),
    ("a negative age", cors(AccessControlMaxAgeSec=-1), "InvalidArgument"),
    ("block and report",
     security(XSSProtection={"Override": True, "Protection": True, "ModeBlock": True, "ReportUri": "https://a.test"}),
     "InvalidArgument"),
    ("block without protection",
     security(XSSProtection={"Override": True, "Protection": False, "ModeBlock": True}), "InvalidArgument"),
    ("a negative HSTS age",
     security(StrictTransportSecurity={"Override": True, "AccessControlMaxAgeSec": -1}), "InvalidArgument"),
    ("five decimal places", {"ServerTimingHeadersConfig": {"Enabled": True, "SamplingRate": 1.00001}},
     "InvalidArgument"),
)  # fmt: skip


@pytest.mark.parametrize(("changes", "code"), [row[1:] for row in RESPONSES], ids=[row[0] for row in RESPONSES])
def test_response_headers_policies_refused(at: BotoAccount, changes: dict[str, Any], code: str) -> None:
    with refused(code):
        at.cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig=response_headers_policy(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        csp(1_783),
        custom(("X-A", "v" * 1_783)),
        custom(("Access-Control-Allow-Private-Network", "true")),
        cors(AccessControlAllowOrigins=listed("*.example.org", "http://example.org:*", "https://a.test:1*3", "null.x")),
        removed("Server", "Date", "X-Powered-By"),
        security(XSSProtection={"Override": True, "Protection": True, "ReportUri": "https://a.test/report"}),
        {"ServerTimingHeadersConfig": {"Enabled": True, "SamplingRate": 0.0001}},
    ],
    ids=str,
)
def test_response_headers_policies_taken(at: BotoAccount, changes: dict[str, Any]) -> None:
    sent = response_headers_policy(**changes)
    made = at.cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig=sent)
    assert made["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"] == sent


@pytest.mark.parametrize(
    ("make", "good"),
    [
        (rsa_pem, True),
        (ec_pem, True),
        (lambda: rsa_pem(3_072), False),
        (lambda: ec_pem("secp384r1"), False),
        (lambda: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", False),
        (lambda: "ssh-rsa AAAA", False),
        (lambda: "", False),
    ],
    ids=["RSA 2048", "P-256", "RSA 3072", "P-384", "broken", "not PEM", "nothing"],
)
def test_which_keys_are_taken(at: BotoAccount, make: Callable[[], str], good: bool) -> None:
    pem = make()
    config = public_key(EncodedKey=pem)
    if good:
        made = at.cloudfront.create_public_key(PublicKeyConfig=config)
        assert made["PublicKey"]["PublicKeyConfig"]["EncodedKey"] == pem
    else:
        with refused("InvalidArgument"):
            at.cloudfront.create_public_key(PublicKeyConfig=config)


@pytest.mark.parametrize("member", ["EncodedKey", "Name", "CallerReference"])
def test_of_a_public_key_only_the_comment_changes(at: BotoAccount, member: str) -> None:
    change = {member: ec_pem() if member == "EncodedKey" else "other"}
    made = at.cloudfront.create_public_key(PublicKeyConfig=public_key())
    params = {"Id": made["PublicKey"]["Id"], "IfMatch": made["ETag"]}
    with refused("CannotChangeImmutablePublicKeyFields"):
        at.cloudfront.update_public_key(PublicKeyConfig=public_key(**change), **params)
    at.cloudfront.update_public_key(PublicKeyConfig=public_key(Comment="other"), **params)


def a_key(at: BotoAccount, name: str = "key") -> str:
    return str(at.cloudfront.create_public_key(PublicKeyConfig=public_key(name))["PublicKey"]["Id"])


def test_key_groups(at: BotoAccount) -> None:
    ids = [a_key(at, f"key-{number}") for number in range(6)]
    for wrong, code in (
        ([], "InvalidArgument"),
        (["K00000000000000"], "InvalidArgument"),
        ([ids[0], ids[0]], "InvalidArgument"),
        (ids, "TooManyPublicKeysInKeyGroup"),
    ):
        with refused(code):
            at.cloudfront.create_key_group(KeyGroupConfig={"Name": "group", "Items": wrong})
    at.cloudfront.create_key_group(KeyGroupConfig={"Name": "group", "Items": ids[:5]})


@pytest.mark.parametrize("change", [{"Name": "n" * 65}, {"Name": " "}, {"Description": "d" * 257}], ids=str)
def test_access_controls_refused(at: BotoAccount, change: dict[str, Any]) -> None:
    with refused("InvalidArgument"):
        at.cloudfront.create_origin_access_control(OriginAccessControlConfig=origin_access_control(**change))


def test_access_identities(at: BotoAccount) -> None:
    sent = {"CloudFrontOriginAccessIdentityConfig": origin_access_identity()}
    made = at.cloudfront.create_cloud_front_origin_access_identity(**sent)
    identity = made["CloudFrontOriginAccessIdentity"]
    assert len(bytes.fromhex(identity["S3CanonicalUserId"])) == 48
    listed = at.cloudfront.list_cloud_front_origin_access_identities()["CloudFrontOriginAccessIdentityList"]["Items"]
    assert listed == [{"Id": identity["Id"], "S3CanonicalUserId": identity["S3CanonicalUserId"], "Comment": ""}]
    with refused("IllegalUpdate"):
        at.cloudfront.update_cloud_front_origin_access_identity(
            CloudFrontOriginAccessIdentityConfig=origin_access_identity("other"),
            Id=identity["Id"],
            IfMatch=made["ETag"],
        )
    assert made["Location"].endswith(f"/origin-access-identity/cloudfront/{identity['Id']}")


def test_field_level_encryption(at: BotoAccount) -> None:
    def profile(key: str, *patterns: str) -> dict[str, Any]:
        entity = {"PublicKeyId": key, "ProviderId": "bank", "FieldPatterns": listed(*patterns)}
        entities = {"Quantity": 1, "Items": [entity]}
        return {"Name": "cards", "CallerReference": "cards", "EncryptionEntities": entities}

    def config(*profiles: tuple[str, str]) -> dict[str, Any]:
        items = [{"QueryArg": arg, "ProfileId": id} for arg, id in profiles]
        queries = {"Quantity": len(items), "Items": items}
        return {
            "CallerReference": "config",
            "QueryArgProfileConfig": {"ForwardWhenQueryArgProfileIsUnknown": True, "QueryArgProfiles": queries},
        }

    create_profile = at.cloudfront.create_field_level_encryption_profile
    create_config = at.cloudfront.create_field_level_encryption_config
    with refused("NoSuchPublicKey", 404):
        create_profile(FieldLevelEncryptionProfileConfig=profile("K00000000000000", "Card"))
    key = a_key(at)
    with refused("TooManyFieldLevelEncryptionFieldPatterns"):
        create_profile(FieldLevelEncryptionProfileConfig=profile(key, *MANY))
    made = create_profile(FieldLevelEncryptionProfileConfig=profile(key, "Card*"))
    id = made["FieldLevelEncryptionProfile"]["Id"]
    with refused("PublicKeyInUse", 409):
        at.cloudfront.delete_public_key(Id=key, IfMatch="ETVPDKIKX0DER")
    with refused("NoSuchFieldLevelEncryptionProfile", 404):
        create_config(FieldLevelEncryptionConfig=config(("card", "P00000000000000")))
    with refused("QueryArgProfileEmpty"):
        create_config(FieldLevelEncryptionConfig=config(("card", "")))
    with refused("TooManyFieldLevelEncryptionQueryArgProfiles"):
        create_config(FieldLevelEncryptionConfig=config(*((f"card{number}", id) for number in range(6))))
    create_config(FieldLevelEncryptionConfig=config(("card", id)))
    with refused("FieldLevelEncryptionProfileInUse", 409):
        at.cloudfront.delete_field_level_encryption_profile(Id=id, IfMatch=made["ETag"])


def test_what_distributions_use_cannot_be_deleted(at: BotoAccount) -> None:
    client = at.cloudfront
    cache = client.create_cache_policy(CachePolicyConfig=cache_policy())["CachePolicy"]["Id"]
    forward = client.create_origin_request_policy(OriginRequestPolicyConfig=origin_request_policy())
    answer = client.create_response_headers_policy(ResponseHeadersPolicyConfig=response_headers_policy())
    key = a_key(at)
    group = client.create_key_group(KeyGroupConfig={"Name": "group", "Items": [key]})["KeyGroup"]["Id"]
    first = {"IfMatch": "ETVPDKIKX0DER"}
    with refused("PublicKeyInUse", 409):
        client.delete_public_key(Id=key, **first)
    at.behavior(
        CachePolicyId=cache,
        OriginRequestPolicyId=forward["OriginRequestPolicy"]["Id"],
        ResponseHeadersPolicyId=answer["ResponseHeadersPolicy"]["Id"],
        TrustedKeyGroups={"Enabled": True, "Quantity": 1, "Items": [group]},
    )
    with refused("CachePolicyInUse", 409):
        client.delete_cache_policy(Id=cache, **first)
    with refused("OriginRequestPolicyInUse", 409):
        client.delete_origin_request_policy(Id=forward["OriginRequestPolicy"]["Id"], **first)
    with refused("ResponseHeadersPolicyInUse", 409):
        client.delete_response_headers_policy(Id=answer["ResponseHeadersPolicy"]["Id"], **first)
    with refused("ResourceInUse", 409):
        client.delete_key_group(Id=group, **first)


def test_what_origins_use_cannot_be_deleted(at: BotoAccount) -> None:
    client, first = at.cloudfront, {"IfMatch": "ETVPDKIKX0DER"}
    control = client.create_origin_access_control(OriginAccessControlConfig=origin_access_control())
    made = client.create_cloud_front_origin_access_identity(
        CloudFrontOriginAccessIdentityConfig=origin_access_identity()
    )
    access, identity = control["OriginAccessControl"]["Id"], made["CloudFrontOriginAccessIdentity"]["Id"]
    config = distribution()
    bucket = {"Id": "bucket", "DomainName": "b.s3.us-east-1.amazonaws.com", "OriginPath": ""}
    named = {"S3OriginConfig": {"OriginAccessIdentity": f"origin-access-identity/cloudfront/{identity}"}}
    signed = {"S3OriginConfig": {"OriginAccessIdentity": ""}, "OriginAccessControlId": access}
    config["Origins"]["Items"] += [{**bucket, **named}, {**bucket, "Id": "other", **signed}]
    config["Origins"]["Quantity"] = 3
    at.distribution(config)
    with refused("OriginAccessControlInUse", 409):
        client.delete_origin_access_control(Id=access, **first)
    with refused("CloudFrontOriginAccessIdentityInUse", 409):
        client.delete_cloud_front_origin_access_identity(Id=identity, **first)


def test_an_encryption_config_in_use_cannot_be_deleted(at: BotoAccount) -> None:
    made = at.cloudfront.create_field_level_encryption_config(FieldLevelEncryptionConfig={"CallerReference": "one"})
    id = made["FieldLevelEncryption"]["Id"]
    at.behavior(FieldLevelEncryptionId=id)
    with refused("FieldLevelEncryptionConfigInUse", 409):
        at.cloudfront.delete_field_level_encryption_config(Id=id, IfMatch=made["ETag"])


def test_only_forms_are_encrypted(at: BotoAccount) -> None:
    def config(reference: str, *types: str) -> dict[str, Any]:
        items = [{"Format": "URLEncoded", "ContentType": one} for one in types]
        profiles = {"Quantity": len(items), "Items": items}
        content = {"ForwardWhenContentTypeIsUnknown": True, "ContentTypeProfiles": profiles}
        return {"CallerReference": reference, "ContentTypeProfileConfig": content}

    form = "application/x-www-form-urlencoded"
    create = at.cloudfront.create_field_level_encryption_config
    with refused("InvalidArgument", says=form):
        create(FieldLevelEncryptionConfig=config("one", "text/plain"))
    with refused("TooManyFieldLevelEncryptionContentTypeProfiles"):
        create(FieldLevelEncryptionConfig=config("one", form, form))
    create(FieldLevelEncryptionConfig=config("one", form))


def test_a_caller_reference_is_not_empty(at: BotoAccount) -> None:
    with refused("InvalidArgument", says="CallerReference"):
        at.cloudfront.create_public_key(PublicKeyConfig=public_key(CallerReference=""))
    with refused("InvalidArgument", says="CallerReference"):
        at.cloudfront.create_cloud_front_origin_access_identity(
            CloudFrontOriginAccessIdentityConfig=origin_access_identity(CallerReference="")
        )
