"""The contents of a key value store over a real socket, the way SDKs reach them.

SDKs put the account before the host name of an endpoint, which no resolver knows; with the control port as their HTTP
proxy they send the whole URL there, and the name is never looked up.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from live_worlds import World

pytestmark = pytest.mark.live

KEYS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


def test_keys_by_way_of_a_proxy(quick: World) -> None:
    cloudfront = boto3.client("cloudfront", endpoint_url=quick.control, **KEYS)
    arn = cloudfront.create_key_value_store(Name="redirects")["KeyValueStore"]["ARN"]
    # Without a signature version botocore asks for SigV4A, which needs compiled code; edgesim checks neither.
    config = Config(signature_version="v4", proxies={"http": quick.control})
    endpoint = f"http://localhost:{urlsplit(quick.control).port}"
    stores = boto3.client("cloudfront-keyvaluestore", endpoint_url=endpoint, config=config, **KEYS)
    first = stores.describe_key_value_store(KvsARN=arn)["ETag"]
    second = stores.put_key(KvsARN=arn, Key="old/page 1", Value="/new", IfMatch=first)["ETag"]
    assert stores.get_key(KvsARN=arn, Key="old/page 1")["Value"] == "/new"
    assert stores.list_keys(KvsARN=arn)["Items"] == [{"Key": "old/page 1", "Value": "/new"}]
    with pytest.raises(ClientError, match="ConflictException"):
        stores.put_key(KvsARN=arn, Key="b", Value="", IfMatch=first)
    stores.update_keys(KvsARN=arn, Deletes=[{"Key": "old/page 1"}], IfMatch=second)
    assert stores.describe_key_value_store(KvsARN=arn)["ItemCount"] == 0
