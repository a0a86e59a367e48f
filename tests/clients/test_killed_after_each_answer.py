"""What was acknowledged is there after a power cut, and is served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from client_worlds import SITE, Lasting

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

PATH = "/lab?cache-control=max-age=300"
OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"


@contextmanager
def api(lasting: Lasting) -> Iterator[Any]:
    """A client of the world as it runs now; afterwards the world is killed and started again."""
    client = boto3.client(
        "cloudfront",
        region_name="us-east-1",
        endpoint_url=lasting.world.control,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()
    lasting.again()


def test_nothing_acknowledged_is_lost(lasting: Lasting) -> None:
    def status(host: str) -> int:
        return lasting.world.get(PATH, headers={"Host": host}).status

    config = {
        "CallerReference": "one",
        "Comment": "first",
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [
                {
                    "Id": "site",
                    "DomainName": SITE,
                    "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
                }
            ],
        },
        "DefaultCacheBehavior": {
            "TargetOriginId": "site",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": OPTIMIZED,
        },
    }
    tagged = {"DistributionConfig": config, "Tags": {"Items": [{"Key": "team", "Value": "web"}]}}
    with api(lasting) as client:
        made = client.create_distribution_with_tags(DistributionConfigWithTags=tagged)
    id, host = made["Distribution"]["Id"], made["Distribution"]["DomainName"]
    assert status(host) == 200

    with api(lasting) as client:
        got = client.get_distribution(Id=id)
        assert got["ETag"] == made["ETag"]
        assert got["Distribution"] == {**made["Distribution"], "Status": "Deployed"}
        closed = {**got["Distribution"]["DistributionConfig"], "Enabled": False, "Comment": "second"}
        updated = client.update_distribution(Id=id, IfMatch=got["ETag"], DistributionConfig=closed)
    assert status(host) == 403

    with api(lasting) as client:
        got = client.get_distribution(Id=id)
        assert got["ETag"] == updated["ETag"]
        assert got["Distribution"] == {**updated["Distribution"], "Status": "Deployed"}
        opened = {**got["Distribution"]["DistributionConfig"], "Enabled": True}
        updated = client.update_distribution(Id=id, IfMatch=got["ETag"], DistributionConfig=opened)
    assert status(host) == 200

    batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": "all"}
    with api(lasting) as client:
        arn = made["Distribution"]["ARN"]
        assert client.list_tags_for_resource(Resource=arn)["Tags"]["Items"] == [{"Key": "team", "Value": "web"}]
        one = client.create_invalidation(DistributionId=id, InvalidationBatch=batch)["Invalidation"]
    with api(lasting) as client:
        there = client.get_invalidation(DistributionId=id, Id=one["Id"])["Invalidation"]
        assert there["InvalidationBatch"] == one["InvalidationBatch"]
        assert client.create_invalidation(DistributionId=id, InvalidationBatch=batch)["Invalidation"]["Id"] == one["Id"]
    with api(lasting) as client:
        assert client.get_distribution(Id=id)["ETag"] == updated["ETag"]
        config = client.get_distribution_config(Id=id)["DistributionConfig"]
        off = client.update_distribution(
            Id=id, IfMatch=updated["ETag"], DistributionConfig={**config, "Enabled": False}
        )
        client.delete_distribution(Id=id, IfMatch=off["ETag"])
    with api(lasting) as client:
        assert id not in [one["Id"] for one in client.list_distributions()["DistributionList"]["Items"]]
    assert status(host) == 403
