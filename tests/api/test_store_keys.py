"""The contents of key value stores, with boto3."""

from __future__ import annotations

from typing import Any

import pytest
from boto_account import START, BotoAccount, refused
from botocore import UNSIGNED

FIRST, SECOND, THIRD = "ETVPDKIKX0DER", "E3UN6WX5RRO2AG", "E1F83G8C2ARO7P"


class Store:
    """A new store and a client of its contents. Real signatures would be SigV4A, which needs compiled code."""

    def __init__(self) -> None:
        self.at = BotoAccount()
        self.arn = self.at.cloudfront.create_key_value_store(Name="redirects")["KeyValueStore"]["ARN"]
        self._client = self.at.client("cloudfront-keyvaluestore", signature_version=UNSIGNED)

    def __getattr__(self, operation: str) -> Any:
        def call(**params: Any) -> Any:
            answer = getattr(self._client, operation)(KvsARN=self.arn, **params)
            del answer["ResponseMetadata"]
            return answer

        return call


@pytest.fixture
def store() -> Store:
    return Store()


def test_a_key_lives(store: Store) -> None:
    assert store.describe_key_value_store()["ETag"] == FIRST
    store.at.owner.now += 60
    put = store.put_key(Key="/old path?a=ü", Value="/new", IfMatch=FIRST)
    size = len("/old path?a=ü/new".encode())
    assert put == {"ItemCount": 1, "TotalSizeInBytes": size, "ETag": SECOND}
    assert store.get_key(Key="/old path?a=ü") == {
        "Key": "/old path?a=ü",
        "Value": "/new",
        "ItemCount": 1,
        "TotalSizeInBytes": size,
    }
    described = store.describe_key_value_store()
    assert (described["ItemCount"], described["Status"], described["KvsARN"]) == (1, "READY", store.arn)
    assert described["Created"].timestamp() == START
    assert described["LastModified"].timestamp() == START + 60
    with refused("ConflictException", 409):
        store.delete_key(Key="/old path?a=ü", IfMatch=FIRST)
    assert store.delete_key(Key="/old path?a=ü", IfMatch=SECOND) == {
        "ItemCount": 0,
        "TotalSizeInBytes": 0,
        "ETag": THIRD,
    }
    for absent in (store.get_key, lambda **params: store.delete_key(**params, IfMatch=THIRD)):
        with refused("ResourceNotFoundException", 404):
            absent(Key="/old path?a=ü")


def test_the_contents_have_versions_of_their_own(store: Store) -> None:
    store.put_key(Key="a", Value="", IfMatch=FIRST)
    store.at.cloudfront.update_key_value_store(Name="redirects", Comment="other", IfMatch=FIRST)
    assert store.describe_key_value_store()["ETag"] == SECOND
    assert store.at.cloudfront.describe_key_value_store(Name="redirects")["ETag"] == SECOND
    assert store.put_key(Key="a", Value="", IfMatch=SECOND)["ETag"] == SECOND, "nothing changed"


def test_updates_are_all_or_nothing(store: Store) -> None:
    puts = [{"Key": name, "Value": name.upper()} for name in ("a", "b", "c")]
    store.update_keys(Puts=puts, IfMatch=FIRST)
    with refused("ResourceNotFoundException", 404):
        store.update_keys(Puts=[{"Key": "d", "Value": "D"}], Deletes=[{"Key": "e"}], IfMatch=SECOND)
    assert store.list_keys()["Items"] == puts
    store.update_keys(Puts=[{"Key": "a", "Value": "other"}], Deletes=[{"Key": "b"}], IfMatch=SECOND)
    assert store.list_keys()["Items"] == [{"Key": "a", "Value": "other"}, {"Key": "c", "Value": "C"}]


def test_pages(store: Store) -> None:
    store.update_keys(Puts=[{"Key": f"{number:02}", "Value": "x"} for number in range(25)], IfMatch=FIRST)
    first = store.list_keys()
    assert [item["Key"] for item in first["Items"]] == [f"{number:02}" for number in range(10)]
    rest = store.list_keys(NextToken=first["NextToken"], MaxResults=50)
    assert [item["Key"] for item in rest["Items"]] == [f"{number:02}" for number in range(10, 25)]
    assert "NextToken" not in rest
    with refused("ValidationException"):
        store.list_keys(NextToken="not one")
    with refused("ValidationException"):
        store.list_keys(MaxResults=51)


def test_limits(store: Store) -> None:
    store.put_key(Key="k" * 512, Value="v" * 1_024, IfMatch=FIRST)
    for key, value in (("k" * 513, "v"), ("k", "v" * 1_025), ("ü" * 257, "v")):
        with refused("ValidationException"):
            store.put_key(Key=key, Value=value, IfMatch=SECOND)
    many = [{"Key": f"{number}", "Value": "x"} for number in range(51)]
    for wrong in ({"Puts": many}, {}, {"Puts": many[:1], "Deletes": [{"Key": "0"}]}, {"Puts": many[:1] * 2}):
        with refused("ValidationException"):
            store.update_keys(IfMatch=SECOND, **wrong)


def test_a_full_store(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgesim.api.families.store_keys.MOST_BYTES", 10)
    store.put_key(Key="key", Value="1234567", IfMatch=FIRST)
    with refused("ServiceQuotaExceededException", 402):
        store.put_key(Key="k", Value="", IfMatch=SECOND)
    store.put_key(Key="key", Value="1234568", IfMatch=SECOND)


def test_a_store_that_is_none(store: Store) -> None:
    store.at.cloudfront.delete_key_value_store(Name="redirects", IfMatch=FIRST)
    with refused("ResourceNotFoundException", 404):
        store.describe_key_value_store()
