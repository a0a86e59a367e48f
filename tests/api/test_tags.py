"""Tags, through boto3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from distribution_documents import Shop, config, refused, shop


@pytest.fixture
def at(tmp_path: Path) -> Shop:
    return shop(tmp_path)


def tags(**found: str) -> dict[str, Any]:
    return {"Items": [{"Key": key, "Value": value} for key, value in found.items()]}


def of(at: Shop, arn: str) -> dict[str, str]:
    items = at.api.list_tags_for_resource(Resource=arn)["Tags"].get("Items", [])
    return {one["Key"]: one["Value"] for one in items}


def test_tags_come_and_go_and_change_no_version(at: Shop) -> None:
    given = {"DistributionConfig": config(), "Tags": tags(team="web")}
    made = at.api.create_distribution_with_tags(DistributionConfigWithTags=given)
    arn, id = made["Distribution"]["ARN"], made["Distribution"]["Id"]
    assert of(at, arn) == {"team": "web"}
    at.owner.now += 60
    at.api.tag_resource(Resource=arn, Tags=tags(team="shop", stage="live"))
    assert of(at, arn) == {"team": "shop", "stage": "live"}
    at.api.untag_resource(Resource=arn, TagKeys={"Items": ["stage", "never"]})
    assert of(at, arn) == {"team": "shop"}
    after = at.api.get_distribution(Id=id)
    assert after["ETag"] == made["ETag"]
    assert after["Distribution"]["LastModifiedTime"] == made["Distribution"]["LastModifiedTime"]
    at.update(made, Comment="new")
    assert of(at, arn) == {"team": "shop"}


def test_what_is_no_tag(at: Shop) -> None:
    arn = at.create()["Distribution"]["ARN"]
    for found in (
        {"aws:team": "x"},
        {f"k{number}": "x" for number in range(51)},
    ):
        with refused("InvalidTagging"):
            at.api.tag_resource(Resource=arn, Tags=tags(**found))
    with refused("InvalidTagging", says="twice"):
        at.api.tag_resource(Resource=arn, Tags={"Items": [{"Key": "a"}, {"Key": "a"}]})
    at.api.tag_resource(Resource=arn, Tags=tags(**{f"k{number}": "x" for number in range(50)}))
    with refused("InvalidTagging", says="50"):
        at.api.tag_resource(Resource=arn, Tags=tags(more="x"))
    assert len(of(at, arn)) == 50


def test_what_has_no_tags(at: Shop) -> None:
    with refused("NoSuchResource", 404):
        at.api.list_tags_for_resource(Resource="arn:aws:cloudfront::123456789012:distribution/ENONE")
    with refused("InvalidArgument", says="ARN"):
        at.api.list_tags_for_resource(Resource="arn:aws:cloudfront::1:nothing")
