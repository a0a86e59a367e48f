"""Documents of other tools as plans: the shapes, the functions, the references, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from edgesim.api.importing.plan import Plan, Resource, Unreadable, fill, ordered, references
from edgesim.api.importing.reading import joined, kind_of, parse, read

MODULES = Path(__file__).parents[2] / "clients" / "node" / "node_modules"
HERE = Path(__file__).parent
TEMPLATE = (HERE / "template.yaml").read_text()
MODEL = ServiceModel(Loader().load_service_model("cloudfront", "service-2"))
SHAPES = {
    "cache-policy": "CachePolicyConfig",
    "distribution": "DistributionConfig",
    "origin-access-control": "OriginAccessControlConfig",
    "response-headers-policy": "ResponseHeadersPolicyConfig",
}


def one(plan: Plan, family: str) -> Resource:
    (found,) = plan.of(family)
    return found


def check_shapes(plan: Plan) -> None:
    """botocore would send all of it."""
    for resource in plan.resources:
        if resource.family in SHAPES:
            report = ParamValidator().validate(resource.config, MODEL.shape_for(SHAPES[resource.family]))
            assert not report.has_errors(), report.generate_report()


def test_template() -> None:
    plan = read(TEMPLATE, {"Api": "api.harbour.test/v1"}, "shop")
    check_shapes(plan)
    assert [resource.name for resource in ordered(plan.resources)] == ["Access", "Pages", "Cdn"]
    assert one(plan, "origin-access-control").config["Name"] == "shop-test"
    policy = one(plan, "cache-policy").config
    assert policy["Name"] == "pages-test"
    assert policy["DefaultTTL"] == 60
    assert policy["ParametersInCacheKeyAndForwardedToOrigin"]["HeadersConfig"]["Headers"] == {
        "Quantity": 1,
        "Items": ["Accept-Language"],
    }
    cdn = one(plan, "distribution")
    assert cdn.tags == {"Name": "harbour"}
    config = cdn.config
    assert config["Enabled"] is True
    assert config["IsIPV6Enabled"] is False
    assert config["Aliases"] == {"Quantity": 2, "Items": ["www.harbour.test", "harbour.test"]}
    assert config["PriceClass"] == "PriceClass_100"
    files, api = config["Origins"]["Items"]
    assert files["DomainName"] == "bucket.s3.us-east-1.amazonaws.com"
    assert files["S3OriginConfig"] == {"OriginAccessIdentity": ""}
    assert list(references(files["OriginAccessControlId"])) == [("Access", "id")]
    assert api["DomainName"] == "api.harbour.test"
    assert api["CustomHeaders"] == {"Quantity": 1, "Items": [{"HeaderName": "X-From", "HeaderValue": "edge"}]}
    assert api["CustomOriginConfig"] == {
        "OriginProtocolPolicy": "https-only",
        "OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]},
        "HTTPPort": 80,
        "HTTPSPort": 8443,
    }
    default = config["DefaultCacheBehavior"]
    assert default["AllowedMethods"] == {
        "Quantity": 3,
        "Items": ["GET", "HEAD", "OPTIONS"],
        "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]},
    }
    assert "Compress" not in default
    assert fill(default["CachePolicyId"], lambda name, attribute: f"{name}/{attribute}") == "Pages/id"
    (rest,) = config["CacheBehaviors"]["Items"]
    assert rest["ForwardedValues"] == {
        "QueryString": True,
        "Headers": {"Quantity": 1, "Items": ["Host"]},
        "Cookies": {"Forward": "none"},
    }
    assert config["CustomErrorResponses"]["Items"][0]["ResponseCode"] == "200"
    assert config["Restrictions"]["GeoRestriction"] == {
        "RestrictionType": "whitelist",
        "Quantity": 2,
        "Items": ["NZ", "DE"],
    }
    assert config["Logging"] == {"Enabled": True, "Bucket": "logs.s3.amazonaws.com"}
    assert [note.path for note in plan.notes if "Colour" in note.path] == [
        "Resources.Cdn.Properties.DistributionConfig.CacheBehaviors[0].Colour"
    ]


def test_parameters_and_conditions() -> None:
    plan = read(TEMPLATE, {"Api": "a.test", "Stage": "live"})
    assert [resource.config["Name"] for resource in plan.of("cache-policy")] == ["extra", "pages-live"]
    assert one(plan, "distribution").config["DefaultCacheBehavior"]["Compress"] is True
    with pytest.raises(Unreadable, match=r"no default: Api; give them: --parameter Api=VALUE"):
        read(TEMPLATE)
    with pytest.raises(Unreadable, match="no parameter 'Apy'; it has Stage, Names, Api"):
        read(TEMPLATE, {"Apy": "x"})
    with pytest.raises(Unreadable, match="not one of test, live"):
        read(TEMPLATE, {"Api": "x", "Stage": "prod"})


def properties(**given: Any) -> dict[str, Any]:
    entry = {"Type": "AWS::CloudFront::Function", "Properties": {"Name": "f", "FunctionConfig": {}, **given}}
    return {"Resources": {"F": entry}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::Join": ["", ["a", {"Ref": "AWS::Region"}]]}, "aus-east-1"),
        ({"Fn::Sub": ["${A}-${!B}-${AWS::AccountId}", {"A": "x"}]}, "x-${B}-123456789012"),
        ({"Fn::Select": ["1", ["a", "b"]]}, "b"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::Base64": "code"}, "Y29kZQ=="),
        ({"Fn::ToJsonString": {"a": [1]}}, '{"a": [1]}'),
    ],
)
def test_functions(value: Any, expected: str) -> None:
    assert one(read(json.dumps(properties(FunctionCode=value))), "function").config["FunctionCode"] == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue needs AWS itself"),
        ({"Ref": "Nobody"}, "there is no parameter or resource 'Nobody'"),
        ({"Fn::If": ["C", 1, 2]}, "there is no condition 'C'"),
        ({"Fn::Join": 5}, "Fn::Join: cannot be used with '5'"),
        ({"Fn::Select": [7, ["a"]]}, "there is no item 7 of 1"),
        ({"Fn::FindInMap": ["a", "b", "c"]}, "a has nothing at b, c"),
        ({"Fn::GetAtt": ["F", "Weight"]}, "no attribute 'Weight'"),
    ],
)
def test_functions_that_fail(value: Any, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read(json.dumps(properties(FunctionCode=value)))


def test_conditions_in_a_circle() -> None:
    document = properties(FunctionCode={"Fn::If": ["A", "x", "y"]})
    document["Conditions"] = {"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {"Fn::Not": [{"Condition": "A"}]}}
    with pytest.raises(Unreadable, match="depends on itself"):
        read(json.dumps(document))


def test_aliases_within_aliases_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    lines.append("Resources: {F: {Type: AWS::CloudFront::Function, Properties: {FunctionCode: *a8}}}")
    with pytest.raises(Unreadable, match="too many values"):
        read("\n".join(lines))


def test_terraform_plan() -> None:
    plan = read((HERE / "plan.json").read_text())
    check_shapes(plan)
    config = one(plan, "distribution").config
    assert list(references(config["DefaultCacheBehavior"]["CachePolicyId"])) == [
        ("aws_cloudfront_cache_policy.pages", "id")
    ]
    assert list(references(config["ViewerCertificate"])) == [("aws_acm_certificate.www", "arn")]
    origins = {origin["Id"]: origin for origin in config["Origins"]["Items"]}
    assert origins["files"]["DomainName"] == "files.s3.us-east-1.amazonaws.com"
    assert list(references(origins["files"])) == [("aws_cloudfront_origin_access_control.files", "id")]
    assert origins["app"]["CustomHeaders"]["Items"] == [{"HeaderName": "X-From", "HeaderValue": "edge"}]
    (group,) = config["OriginGroups"]["Items"]
    assert group["FailoverCriteria"]["StatusCodes"] == {"Quantity": 2, "Items": [500, 503]}
    assert [member["OriginId"] for member in group["Members"]["Items"]] == ["files", "app"]
    (old,) = config["CacheBehaviors"]["Items"]
    assert (old["MinTTL"], old["DefaultTTL"], old["MaxTTL"]) == (0, 300, 600)
    assert old["ForwardedValues"]["Cookies"]["WhitelistedNames"] == {"Quantity": 1, "Items": ["session"]}
    assert "MinTTL" not in config["DefaultCacheBehavior"]
    assert [note.path for note in plan.notes] == ["aws_cloudfront_distribution.site.origin[1].domain_name"]


def test_terraform_state() -> None:
    identity = {
        "id": "E1OLD",
        "comment": "c",
        "cloudfront_access_identity_path": "origin-access-identity/cloudfront/E1OLD",
    }
    origin = {
        "origin_id": "o",
        "domain_name": "b.s3.amazonaws.com",
        "s3_origin_config": [{"origin_access_identity": "origin-access-identity/cloudfront/E1OLD"}],
        "custom_origin_config": [],
    }
    behavior = {"target_origin_id": "o", "viewer_protocol_policy": "allow-all", "cache_policy_id": "p", "min_ttl": 0}
    site = {
        "id": "E2OLD",
        "enabled": True,
        "origin": [origin],
        "default_cache_behavior": [behavior],
        "status": "Deployed",
    }
    entries = [
        {"address": f"{kind}.x", "mode": "managed", "type": kind, "values": values}
        for kind, values in (
            ("aws_cloudfront_origin_access_identity", identity),
            ("aws_cloudfront_distribution", site),
            ("aws_iam_role", {"id": "r"}),
        )
    ]
    child = {"child_modules": [{"resources": entries}]}
    plan = read(json.dumps({"format_version": "1.0", "values": {"root_module": child}}))
    assert not plan.notes
    config = one(plan, "distribution").config
    (found,) = config["Origins"]["Items"]
    assert list(references(found)) == [("aws_cloudfront_origin_access_identity.x", "id")]
    assert "MinTTL" not in config["DefaultCacheBehavior"]


CONFIG = {
    "CallerReference": "r",
    "Comment": "",
    "Enabled": True,
    "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": "example.com"}]},
    "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "CachePolicyId": "old-policy"},
}


def test_printed_by_the_cli() -> None:
    for document in (
        CONFIG,
        {"ETag": "E", "DistributionConfig": CONFIG},
        {"ETag": "E", "Distribution": {"Id": "E1", "ARN": "arn:x", "DistributionConfig": CONFIG}},
    ):
        assert one(read(json.dumps(document)), "distribution").config == CONFIG
    wrong = json.loads(json.dumps(CONFIG))
    wrong["Origins"]["Items"][0]["Domain"] = "x"
    wrong["Enabled"] = "yes"
    with pytest.raises(Unreadable) as error:
        read(json.dumps({"DistributionConfig": wrong}))
    assert "DistributionConfig.Origins.Items[0].Domain: there is no such member" in str(error.value)
    assert "DistributionConfig.Enabled: expected boolean, found 'yes'" in str(error.value)
    with pytest.raises(Unreadable, match="Origins missing"):
        read(json.dumps({"DistributionConfig": {k: v for k, v in CONFIG.items() if k != "Origins"}}))


def test_documents_that_belong_together() -> None:
    policy = {"CachePolicy": {"Id": "old-policy", "CachePolicyConfig": {"Name": "n", "MinTTL": 0}}}
    plan = joined([read(json.dumps(CONFIG)), read(json.dumps(policy))])
    assert [resource.family for resource in ordered(plan.resources)] == ["cache-policy", "distribution"]
    assert list(references(one(plan, "distribution").config)) == [("old-policy", "id")]
    with pytest.raises(Unreadable, match="more than one"):
        joined([read(json.dumps(policy))] * 2)


def test_circle() -> None:
    resources = [Resource(n, "function", {"FunctionCode": f"\ue000{m}|id\ue001"}) for n, m in (("a", "b"), ("b", "a"))]
    with pytest.raises(Unreadable, match="circle: a, b"):
        ordered(resources)


@pytest.mark.parametrize(
    "text", ["", "just text", "{", "[1]", "a: !!python/object:os.system x", "&a [*a]", "\ud800", "{}"]
)
def test_not_a_document(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)
    assert kind_of({"edges": []}) == "world"


def test_dates_stay_text() -> None:
    assert parse("AWSTemplateFormatVersion: 2010-09-09") == {"AWSTemplateFormatVersion": "2010-09-09"}


def test_cdk() -> None:
    node = shutil.which("node")
    environment = {"NODE_PATH": str(MODULES), **os.environ}
    looks = [node, "-e", "require.resolve('aws-cdk-lib')"] if node else []
    if not looks or subprocess.run(looks, cwd=HERE, capture_output=True, env=environment).returncode:
        pytest.skip("needs Node, and `npm ci` in tests/clients/node (or aws-cdk-lib in NODE_PATH)")
    done = subprocess.run(
        [str(node), "site.js"], cwd=HERE, capture_output=True, text=True, check=True, timeout=50, env=environment
    )
    plan = read(done.stdout)
    check_shapes(plan)
    assert len(plan.resources) == 6
    assert [note.why.partition(" is not")[0] for note in plan.notes] == ["AWS::S3::Bucket"]
    (api,) = one(plan, "distribution").config["CacheBehaviors"]["Items"]
    assert list(references(api)) == [("Pages127DFD1A", "id")]
