"""An account in memory, driven by boto3: its requests go to the dispatcher and no socket is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from edgesim.api.account import Account
from edgesim.api.dispatch import Dispatcher
from edgesim.api.messages import Request
from edgesim.world.changes import apply
from edgesim.world.commands import Command, PutRecord
from edgesim.world.loading import check_text
from edgesim.world.state import World

START = 1_790_000_000.0

FILE = """\
name: small
edges: [LHR61-C2]
site: {}
origins:
  site: { toy_site: true, place: us-east-1 }
distributions:
  - name: harbour
    aliases: [www.harbour.test]
    default_behavior: { origin: site, cache_policy: pages }
cache_policies:
  pages: { ttl: { default: 1 min } }
"""


class MemoryOwner:
    """A World that only commands change; time stands still unless ``now`` is set."""

    def __init__(self) -> None:
        self.world = World()
        self.now = START
        self.apply(check_text(FILE, file="world.yaml").configure(START))

    def apply(self, command: Command) -> World:
        self.world = apply(self.world, command)
        return self.world

    @property
    def certificates(self) -> Any:
        raise AssertionError("no test here needs certificates")


class Raw(BytesIO):
    """A body as botocore reads it."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.read()


class BotoAccount:
    """Clients of one account, and the World behind it."""

    def __init__(self) -> None:
        self.owner = MemoryOwner()
        self.account = Account(self.owner)
        self._dispatcher = Dispatcher(self.account)
        self.cloudfront = self.client("cloudfront")

    def client(self, service: str, **settings: Any) -> Any:
        """A boto3 client of a service, with more settings of botocore's Config."""
        client = boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url="http://127.0.0.1:1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, **settings),
        )
        client.meta.events.register("before-send", self._send)
        return client

    def _send(self, request: Any, **_: object) -> AWSResponse:
        parts = urlsplit(request.url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else body.read()
        answer = self._dispatcher.answer(Request(request.method, target, headers, body))
        return AWSResponse(request.url, answer.status, answer.headers, Raw(answer.body))

    def behavior(self, **members: Any) -> None:
        """Put a distribution whose default behaviour has these members, past all rules."""
        self.distribution(distribution(**members))

    def distribution(self, config: dict[str, Any]) -> None:
        """Put a distribution, past all rules."""
        self.owner.apply(
            PutRecord(
                family="distribution",
                id="EUSER",
                config=config,
                facts={"domain": "duser.cloudfront.net", "arn": "arn:aws:cloudfront::123456789012:distribution/EUSER"},
                at=self.owner.now,
                expect=0,
            )
        )


def distribution(**members: Any) -> dict[str, Any]:
    """A configuration as the World keeps it; ``members`` are of its default behaviour."""
    origin = {
        "Id": "site",
        "DomainName": "localhost",
        "OriginPath": "",
        "CustomHeaders": {"Quantity": 0},
        "CustomOriginConfig": {"HTTPPort": 3000, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
    }
    policy = {} if "CachePolicyId" in members else {"CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}
    return {
        "CallerReference": "user",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "site", "ViewerProtocolPolicy": "allow-all", **policy, **members},
    }


@contextmanager
def refused(code: str, status: int = 400, says: str = "") -> Iterator[None]:
    """The error that must come: code, status, and words in its message."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status), error
    assert says in error["Error"]["Message"]
