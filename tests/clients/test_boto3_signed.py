"""A key group made by boto3 closes a distribution; botocore's signer opens it, until the key leaves the group."""

from __future__ import annotations

import http.client
from typing import Any

import boto3
import pytest
from botocore.config import Config
from client_worlds import SITE, Lasting

from support.signing import policy, public_pem, rsa_key, signed

pytestmark = pytest.mark.live

OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
PATH = "/wp-content/uploads/harbour.jpg"
LATER = 4_000_000_000


def keyed(cloudfront: Any, name: str, number: int) -> str:
    """A public key on record; its id."""
    config = {"CallerReference": name, "Name": name, "EncodedKey": public_pem(rsa_key(number))}
    return str(cloudfront.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"])


def test_a_key_group_opens_and_closes(lasting: Lasting) -> None:
    world = lasting.world
    cloudfront = boto3.client(
        "cloudfront",
        endpoint_url=world.control,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )
    one, two = keyed(cloudfront, "one", 0), keyed(cloudfront, "two", 1)
    group = cloudfront.create_key_group(KeyGroupConfig={"Name": "viewers", "Items": [one]})
    custom = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}
    config = {
        "CallerReference": "signed",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [{"Id": "site", "DomainName": SITE, "CustomOriginConfig": custom}]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "site",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": OPTIMIZED,
            "TrustedKeyGroups": {"Enabled": True, "Quantity": 1, "Items": [group["KeyGroup"]["Id"]]},
        },
    }
    made = cloudfront.create_distribution(DistributionConfig=config)["Distribution"]
    waiter = cloudfront.get_waiter("distribution_deployed")
    waiter.wait(Id=made["Id"], WaiterConfig={"Delay": 1})
    host = made["DomainName"]

    def fetch(url: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", world.http, timeout=30)
        connection.request("GET", url.removeprefix(f"http://{host}"), headers={"Host": host})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body[:200].decode() if response.status == 403 else ""

    url = f"http://{host}{PATH}"
    by_one = signed(url, text=policy(f"http://{host}/*", LATER), id=one)
    by_two = signed(url, LATER, id=two, key=rsa_key(1))
    assert "<Code>MissingKey</Code>" in fetch(url)[1]
    assert fetch(by_one) == (200, "")
    assert "<Code>InvalidKey</Code>" in fetch(by_two)[1]

    changed = {"Name": "viewers", "Items": [two]}
    cloudfront.update_key_group(Id=group["KeyGroup"]["Id"], IfMatch=group["ETag"], KeyGroupConfig=changed)
    waiter.wait(Id=made["Id"], WaiterConfig={"Delay": 1})
    assert fetch(by_two) == (200, "")
    assert "<Code>InvalidKey</Code>" in fetch(by_one)[1], "outstanding signatures of a key that is gone open nothing"
