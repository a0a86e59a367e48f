"""Invalidations, through boto3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from distribution_documents import Shop, listed, refused, shop


@pytest.fixture
def at(tmp_path: Path) -> Shop:
    return shop(tmp_path)


@pytest.fixture
def slow(tmp_path: Path) -> Shop:
    return shop(tmp_path, more="propagation: { distributions: 0 s, invalidations: 60 s }\n")


def invalidate(at: Shop, id: str, *paths: str, reference: str = "one") -> Any:
    batch = {"Paths": listed(*paths), "CallerReference": reference}
    return at.api.create_invalidation(DistributionId=id, InvalidationBatch=batch)


def test_a_life(at: Shop) -> None:
    id = at.create()["Distribution"]["Id"]
    made = invalidate(at, id, "/a", "/b*")
    one = made["Invalidation"]
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["Location"].endswith(f"/2020-05-31/distribution/{id}/invalidation/{one['Id']}")
    assert (len(one["Id"]), one["Id"][0], one["Status"]) == (14, "I", "InProgress")
    got = at.api.get_invalidation(DistributionId=id, Id=one["Id"])["Invalidation"]
    assert got == {**one, "Status": "Completed"}
    assert got["InvalidationBatch"] == {"Paths": listed("/a", "/b*"), "CallerReference": "one"}
    assert at.owner.world.invalidations[-1].paths == ("/a", "/b*")


def test_completed_once_the_last_cache_has_it(slow: Shop) -> None:
    id = slow.create()["Distribution"]["Id"]
    one = invalidate(slow, id, "/*")["Invalidation"]
    assert slow.api.get_distribution(Id=id)["Distribution"]["InProgressInvalidationBatches"] == 1
    assert slow.api.get_invalidation(DistributionId=id, Id=one["Id"])["Invalidation"]["Status"] == "InProgress"
    slow.owner.now += 61
    assert slow.api.get_invalidation(DistributionId=id, Id=one["Id"])["Invalidation"]["Status"] == "Completed"
    assert slow.api.get_distribution(Id=id)["Distribution"]["InProgressInvalidationBatches"] == 0


def test_a_caller_reference_makes_it_safe_to_repeat(at: Shop) -> None:
    id = at.create()["Distribution"]["Id"]
    first = invalidate(at, id, "/a", "/b")["Invalidation"]["Id"]
    assert invalidate(at, id, "/b", "/a")["Invalidation"]["Id"] == first
    with refused("InvalidArgument", says="caller reference that was used"):
        invalidate(at, id, "/c")
    assert invalidate(at, id, "/c", reference="two")["Invalidation"]["Id"] != first


def test_what_is_no_batch(at: Shop) -> None:
    id = at.create()["Distribution"]["Id"]
    for paths in (["a"], ["/~a"], ["/" + "x" * 4_000], ["/a", "/a"], [], [""]):
        with refused("InvalidArgument"):
            invalidate(at, id, *paths)
    with refused(
        "InvalidArgument", says="Your request contains one or more invalid invalidation paths. 'a' is not a path"
    ):
        invalidate(at, id, "/b", "a")
    with refused("InvalidArgument"):
        invalidate(at, id, "/a", reference="")
    with refused("TooManyInvalidationsInProgress"):
        invalidate(at, id, *(f"/{number}*" for number in range(16)))
    with refused("TooManyInvalidationsInProgress"):
        invalidate(at, id, *(f"/{number}" for number in range(3_001)))
    with refused("BatchTooLarge", 413):
        invalidate(at, id, *(f"/{number}" for number in range(3_016)))
    with refused("NoSuchDistribution", 404):
        invalidate(at, "ENONE", "/a")
    with refused("NoSuchInvalidation", 404):
        at.api.get_invalidation(DistributionId=id, Id="INONE")
    with refused("NoSuchDistribution", 404):
        at.api.list_invalidations(DistributionId="ENONE")


def test_the_latest_comes_first_and_each_distribution_has_its_own(at: Shop) -> None:
    id, other = (at.create(reference=name)["Distribution"]["Id"] for name in "ab")
    ids = [invalidate(at, id, "/a", reference=f"r{number}")["Invalidation"]["Id"] for number in range(3)]
    invalidate(at, other, "/a")
    pages = at.api.get_paginator("list_invalidations").paginate(DistributionId=id, PaginationConfig={"PageSize": 2})
    assert [one["Id"] for page in pages for one in page["InvalidationList"]["Items"]] == ids[::-1]


def test_a_distribution_of_the_world_file(at: Shop) -> None:
    id = next(iter(at.owner.world.distributions))
    one = invalidate(at, id, "/*")["Invalidation"]["Id"]
    assert at.api.list_invalidations(DistributionId=id)["InvalidationList"]["Items"][0]["Id"] == one
