"""Functions, key value stores, real-time log configurations and monitoring subscriptions, with boto3."""

from __future__ import annotations

from typing import Any

import pytest
from boto_account import START, BotoAccount, refused

CODE = b"function handler(event) { return event.request; }"
FIRST, SECOND = "ETVPDKIKX0DER", "E3UN6WX5RRO2AG"


@pytest.fixture
def at() -> BotoAccount:
    return BotoAccount()


def function(at: BotoAccount, name: str = "rewrite", code: bytes = CODE, **config: Any) -> Any:
    return at.cloudfront.create_function(
        Name=name,
        FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0", **config},
        FunctionCode=code,
    )


def store(at: BotoAccount, name: str = "redirects", **params: Any) -> Any:
    return at.cloudfront.create_key_value_store(Name=name, **params)


def test_a_function_lives_in_two_stages(at: BotoAccount) -> None:
    client = at.cloudfront
    made = function(at)
    arn = "arn:aws:cloudfront::123456789012:function/rewrite"
    summary = made["FunctionSummary"]
    assert made["ETag"] == FIRST
    assert made["Location"] == "https://cloudfront.amazonaws.com/2020-05-31/function/rewrite"
    assert (summary["Status"], summary["FunctionMetadata"]["Stage"]) == ("UNPUBLISHED", "DEVELOPMENT")
    assert summary["FunctionMetadata"]["FunctionARN"] == arn
    code = client.get_function(Name="rewrite")
    assert code["FunctionCode"].read() == CODE
    assert (code["ETag"], code["ContentType"]) == (FIRST, "application/octet-stream")
    for stage_of in (client.describe_function, client.get_function):
        with refused("NoSuchFunctionExists", 404):
            stage_of(Name="rewrite", Stage="LIVE")

    at.owner.now += 60
    live = client.publish_function(Name="rewrite", IfMatch=FIRST)["FunctionSummary"]
    assert (live["Status"], live["FunctionMetadata"]["Stage"]) == ("UNASSOCIATED", "LIVE")
    described = client.describe_function(Name="rewrite")
    assert described["ETag"] == FIRST, "publishing is no new version of the stage it is published from"
    assert described["FunctionSummary"]["Status"] == "UNASSOCIATED"
    assert described["FunctionSummary"]["FunctionMetadata"]["LastModifiedTime"].timestamp() == START

    at.owner.now += 60
    config = {"Comment": "newer", "Runtime": "cloudfront-js-2.0"}
    newer = client.update_function(Name="rewrite", IfMatch=FIRST, FunctionConfig=config, FunctionCode=b"// newer")
    assert newer["ResponseMetadata"]["HTTPHeaders"]["ettag"] == SECOND
    assert newer["FunctionSummary"]["Status"] == "UNPUBLISHED"
    assert newer["FunctionSummary"]["FunctionMetadata"]["LastModifiedTime"].timestamp() == START + 120
    assert client.get_function(Name="rewrite")["FunctionCode"].read() == b"// newer"
    assert client.get_function(Name="rewrite", Stage="LIVE")["FunctionCode"].read() == CODE
    with refused("PreconditionFailed", 412, says="didn't meet the preconditions in one or more request-header fields"):
        client.publish_function(Name="rewrite", IfMatch=FIRST)
    client.publish_function(Name="rewrite", IfMatch=SECOND)
    published = client.describe_function(Name="rewrite", Stage="LIVE")
    assert (published["ETag"], published["FunctionSummary"]["FunctionConfig"]["Comment"]) == (SECOND, "newer")
    assert published["FunctionSummary"]["FunctionMetadata"]["CreatedTime"].timestamp() == START + 60

    at.behavior(FunctionAssociations={"Quantity": 1, "Items": [{"FunctionARN": arn, "EventType": "viewer-request"}]})
    assert client.describe_function(Name="rewrite", Stage="LIVE")["FunctionSummary"]["Status"] == "DEPLOYED"
    with refused("FunctionInUse", 409):
        client.delete_function(Name="rewrite", IfMatch=SECOND)


def test_a_function_goes(at: BotoAccount) -> None:
    client = at.cloudfront
    function(at)
    with refused("PreconditionFailed", 412):
        client.delete_function(Name="rewrite", IfMatch=SECOND)
    client.delete_function(Name="rewrite", IfMatch=FIRST)
    for missing in (client.describe_function, client.get_function):
        with refused("NoSuchFunctionExists", 404):
            missing(Name="rewrite")
    with refused("NoSuchFunctionExists", 404):
        client.publish_function(Name="rewrite", IfMatch=FIRST)


def test_the_same_code_again_is_no_new_version(at: BotoAccount) -> None:
    function(at)
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    answer = at.cloudfront.update_function(Name="rewrite", IfMatch=FIRST, FunctionConfig=config, FunctionCode=CODE)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["ettag"] == FIRST


def test_functions_refused(at: BotoAccount) -> None:
    function(at, code=b"x" * 10_240)
    with refused("FunctionAlreadyExists", 409):
        function(at)
    with refused("FunctionSizeLimitExceeded", 413):
        function(at, "large", b"x" * 10_241)
    associated = {"Quantity": 1, "Items": [{"KeyValueStoreARN": store(at)["KeyValueStore"]["ARN"]}]}
    with refused("InvalidArgument"):
        function(at, "old", Runtime="cloudfront-js-1.0", KeyValueStoreAssociations=associated)
    unknown = "arn:aws:cloudfront::123456789012:key-value-store/00000000-0000-0000-0000-000000000000"
    with refused("InvalidArgument"):
        items = {"Quantity": 1, "Items": [{"KeyValueStoreARN": unknown}]}
        function(at, "lost", KeyValueStoreAssociations=items)
    function(at, "new", KeyValueStoreAssociations=associated)


def test_one_hundred_functions(at: BotoAccount) -> None:
    for number in range(100):
        function(at, f"function-{number}")
    with refused("TooManyFunctions"):
        function(at)


def test_functions_are_listed_by_stage(at: BotoAccount) -> None:
    for name in ("one", "two", "three"):
        function(at, name)
    at.cloudfront.publish_function(Name="two", IfMatch=FIRST)

    def names(**params: Any) -> list[str]:
        items = at.cloudfront.list_functions(**params)["FunctionList"].get("Items", ())
        return [f"{item['Name']} {item['FunctionMetadata']['Stage']}" for item in items]

    assert names(Stage="DEVELOPMENT") == ["one DEVELOPMENT", "two DEVELOPMENT", "three DEVELOPMENT"]
    assert names(Stage="LIVE") == ["two LIVE"]
    assert names() == ["one DEVELOPMENT", "two DEVELOPMENT", "two LIVE", "three DEVELOPMENT"]
    first = at.cloudfront.list_functions(MaxItems="2")["FunctionList"]
    assert names(Marker=first["NextMarker"]) == ["two LIVE", "three DEVELOPMENT"]


def test_running_a_function_is_refused_in_words(at: BotoAccount) -> None:
    function(at)
    asked = {"Name": "rewrite", "EventObject": b"{}"}
    with refused("UnsupportedOperation", says="does not run functions"):
        at.cloudfront.test_function(IfMatch=FIRST, **asked)
    with refused("PreconditionFailed", 412):
        at.cloudfront.test_function(IfMatch=SECOND, **asked)
    with refused("NoSuchFunctionExists", 404):
        at.cloudfront.test_function(IfMatch=FIRST, Stage="LIVE", **asked)


def test_tags_of_functions_and_stores(at: BotoAccount) -> None:
    tags = {"Items": [{"Key": "team", "Value": "web"}]}
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    at.cloudfront.create_function(Name="rewrite", FunctionConfig=config, FunctionCode=CODE, Tags=tags)
    store(at, Tags=tags)
    for family, name in (("function", "rewrite"), ("key-value-store", "redirects")):
        record = at.account.find(family, name)
        assert record is not None
        assert record.tags == {"team": "web"}


def test_a_store_lives(at: BotoAccount) -> None:
    client = at.cloudfront
    made = store(at, Comment="old addresses")
    whole = made["KeyValueStore"]
    assert (whole["Status"], made["ETag"]) == ("PROVISIONING", FIRST)
    assert whole["ARN"] == f"arn:aws:cloudfront::123456789012:key-value-store/{whole['Id']}"
    assert made["Location"] == "https://cloudfront.amazonaws.com/2020-05-31/key-value-store/redirects"
    read = client.describe_key_value_store(Name="redirects")
    assert (read["KeyValueStore"], read["ETag"]) == ({**whole, "Status": "READY"}, FIRST)
    at.owner.now += 60
    update = client.update_key_value_store(Name="redirects", Comment="", IfMatch=FIRST)
    assert (update["KeyValueStore"]["Comment"], update["ETag"]) == ("", SECOND)
    assert update["KeyValueStore"]["LastModifiedTime"].timestamp() == START + 60
    with refused("PreconditionFailed", 412):
        client.delete_key_value_store(Name="redirects", IfMatch=FIRST)
    with refused("EntityAlreadyExists", 409):
        store(at)
    client.delete_key_value_store(Name="redirects", IfMatch=SECOND)
    with refused("EntityNotFound", 404):
        client.describe_key_value_store(Name="redirects")
    assert client.list_key_value_stores()["KeyValueStoreList"]["Quantity"] == 0


def test_stores_are_listed(at: BotoAccount) -> None:
    for name in ("one", "two"):
        store(at, name)
    listed = at.cloudfront.list_key_value_stores(MaxItems="1")["KeyValueStoreList"]
    assert ([item["Name"] for item in listed["Items"]], listed["NextMarker"]) == (["one"], "one")
    listed = at.cloudfront.list_key_value_stores(Status="PROVISIONING")["KeyValueStoreList"]
    assert listed["Quantity"] == 0


def test_a_store_of_a_function_stays_until_no_stage_uses_it(at: BotoAccount) -> None:
    client = at.cloudfront
    items = [{"KeyValueStoreARN": store(at)["KeyValueStore"]["ARN"]}]
    function(at, KeyValueStoreAssociations={"Quantity": 1, "Items": items})
    client.publish_function(Name="rewrite", IfMatch=FIRST)
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    client.update_function(Name="rewrite", IfMatch=FIRST, FunctionConfig=config, FunctionCode=CODE)
    with refused("CannotDeleteEntityWhileInUse", 409):
        client.delete_key_value_store(Name="redirects", IfMatch=FIRST)
    client.publish_function(Name="rewrite", IfMatch=SECOND)
    client.delete_key_value_store(Name="redirects", IfMatch=FIRST)


def test_an_import_source_is_a_warning(at: BotoAccount) -> None:
    store(at, ImportSource={"SourceType": "S3", "SourceARN": "arn:aws:s3:::bucket/keys.json"})
    record = at.account.find("key-value-store", "redirects")
    assert record is not None
    assert any("ImportSource" in sentence for sentence in record.facts["repairs"])  # type: ignore[union-attr]


def log_config(name: str = "live", **changes: Any) -> dict[str, Any]:
    stream = {
        "RoleARN": "arn:aws:iam::123456789012:role/logs",
        "StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/logs",
    }
    return {
        "Name": name,
        "SamplingRate": 100,
        "EndPoints": [{"StreamType": "Kinesis", "KinesisStreamConfig": stream}],
        "Fields": ["timestamp", "c-ip", "sc-status"],
        **changes,
    }


def test_a_log_configuration_lives(at: BotoAccount) -> None:
    client = at.cloudfront
    made = client.create_realtime_log_config(**log_config())["RealtimeLogConfig"]
    arn = "arn:aws:cloudfront::123456789012:realtime-log-config/live"
    assert made == {"ARN": arn, **log_config()}
    assert client.get_realtime_log_config(Name="live")["RealtimeLogConfig"] == made
    assert client.get_realtime_log_config(ARN=arn)["RealtimeLogConfig"] == made
    with refused("RealtimeLogConfigAlreadyExists", 409):
        client.create_realtime_log_config(**log_config())
    changed = {**log_config(SamplingRate=5), "ARN": arn}
    del changed["Name"]
    assert client.update_realtime_log_config(**changed)["RealtimeLogConfig"]["SamplingRate"] == 5
    listed = client.list_realtime_log_configs()["RealtimeLogConfigs"]
    assert (len(listed["Items"]), listed["IsTruncated"], listed["Marker"]) == (1, False, "")
    at.behavior(RealtimeLogConfigArn=arn)
    with refused("RealtimeLogConfigInUse"):
        client.delete_realtime_log_config(Name="live")


def test_a_log_configuration_goes(at: BotoAccount) -> None:
    client = at.cloudfront
    client.create_realtime_log_config(**log_config())
    client.delete_realtime_log_config(Name="live")
    for by in ({"Name": "live"}, {"ARN": "arn:aws:cloudfront::123456789012:realtime-log-config/live"}):
        with refused("NoSuchRealtimeLogConfig", 404):
            client.get_realtime_log_config(**by)
    with refused("InvalidArgument"):
        client.get_realtime_log_config()


@pytest.mark.parametrize(
    "change",
    [
        {"SamplingRate": 0},
        {"SamplingRate": 101},
        {"Fields": []},
        {"Fields": ["user-agent"]},
        {"Fields": ["c-ip", "c-ip"]},
        {"EndPoints": []},
        {"EndPoints": [{"StreamType": "Kinesis"}]},
        {"EndPoints": log_config()["EndPoints"] * 2},
        {"EndPoints": [{**log_config()["EndPoints"][0], "StreamType": "Kafka"}]},
        {"Name": "no name"},
    ],
    ids=str,
)
def test_log_configurations_refused(at: BotoAccount, change: dict[str, Any]) -> None:
    with refused("InvalidArgument"):
        at.cloudfront.create_realtime_log_config(**log_config(**change))


def test_a_monitoring_subscription_lives(at: BotoAccount) -> None:
    client = at.cloudfront
    asked = {"RealtimeMetricsSubscriptionConfig": {"RealtimeMetricsSubscriptionStatus": "Enabled"}}
    with refused("NoSuchDistribution", 404):
        client.create_monitoring_subscription(DistributionId="EUSER", MonitoringSubscription=asked)
    at.behavior()
    with refused("NoSuchMonitoringSubscription", 404):
        client.get_monitoring_subscription(DistributionId="EUSER")
    made = client.create_monitoring_subscription(DistributionId="EUSER", MonitoringSubscription=asked)
    read = client.get_monitoring_subscription(DistributionId="EUSER")
    assert made["MonitoringSubscription"] == read["MonitoringSubscription"] == asked
    with refused("MonitoringSubscriptionAlreadyExists", 409):
        client.create_monitoring_subscription(DistributionId="EUSER", MonitoringSubscription=asked)
    client.delete_monitoring_subscription(DistributionId="EUSER")
    with refused("NoSuchMonitoringSubscription", 404):
        client.delete_monitoring_subscription(DistributionId="EUSER")


def test_a_subscription_goes_with_its_distribution(at: BotoAccount) -> None:
    client = at.cloudfront
    at.behavior()
    asked = {"RealtimeMetricsSubscriptionConfig": {"RealtimeMetricsSubscriptionStatus": "Enabled"}}
    client.create_monitoring_subscription(DistributionId="EUSER", MonitoringSubscription=asked)
    record = at.account.find("distribution", "EUSER")
    assert record is not None
    at.account.put("distribution", "EUSER", {**record.config, "Enabled": False}, expect=1)
    client.delete_distribution(Id="EUSER", IfMatch=SECOND)
    assert at.account.all("monitoring-subscription") == []


def test_quotas_of_stores_and_log_configurations(at: BotoAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgesim.api.families.stores.MOST_STORES", 1)
    monkeypatch.setattr("edgesim.api.families.realtime_logs.MOST_CONFIGS", 1)
    store(at)
    with refused("EntityLimitExceeded"):
        store(at, "one-more")
    at.cloudfront.create_realtime_log_config(**log_config())
    with refused("TooManyRealtimeLogConfigs"):
        at.cloudfront.create_realtime_log_config(**log_config("one-more"))


def test_a_required_version_that_is_missing_is_no_malformed_request() -> None:
    at = BotoAccount()
    function(at)
    store(at)
    client = at.client("cloudfront", parameter_validation=False)
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    for change, params in (
        (client.update_function, {"Name": "rewrite", "FunctionConfig": config, "FunctionCode": CODE}),
        (client.publish_function, {"Name": "rewrite"}),
        (client.delete_function, {"Name": "rewrite"}),
        (client.update_key_value_store, {"Name": "redirects", "Comment": ""}),
        (client.delete_key_value_store, {"Name": "redirects"}),
    ):
        with refused("InvalidIfMatchVersion", says="The If-Match version is missing or not valid"):
            change(**params)
