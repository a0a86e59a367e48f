"""An account without a running world, asked by boto3 as if over the wire: no sockets, a clock that is set by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from edgesim.api.account import Account
from edgesim.api.dispatch import Dispatcher
from edgesim.api.messages import Request
from edgesim.tls.authority import CertificateAuthority
from edgesim.tls.requested import issue_due
from edgesim.tls.store import CertificateStore
from edgesim.world.commands import Command
from edgesim.world.keeper import WorldKeeper
from edgesim.world.loading import check_text
from edgesim.world.state import World

NOW = 1_780_000_000.0
FILE = """\
edges: [London]
origins: { main: { url: "http://127.0.0.1:9" } }
distributions:
  - name: filed
    aliases: [www.filed.test]
    certificate: filed
    default_behavior: { origin: main, cache_policy: CachingOptimized }
certificates:
  filed: { names: [www.filed.test], key: rsa }
"""


class Owner:
    """A World with certificates, as the API sees it."""

    def __init__(self, directory: Path, more: str = "") -> None:
        self.now = NOW
        self.keeper = WorldKeeper.open(None, check_text(FILE + more, file="world.yaml").configure(NOW))
        self.authority = CertificateAuthority.load_or_create(directory, NOW)
        self.certificates = CertificateStore(directory / "certificates", self.authority)

    @property
    def world(self) -> World:
        return self.keeper.world

    def apply(self, command: Command) -> World:
        after = self.keeper.apply(command)
        issue_due(self.certificates, after, self.now)
        return after


class _Raw:
    """The body of a response, as urllib3 has it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Any:
        yield self._body


def client(owner: Owner, service: str = "acm", region: str = "us-east-1", *, lenient: bool = False) -> Any:
    """boto3's client; what it sends is answered here."""
    dispatcher = Dispatcher(Account(owner, lenient=lenient))

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        body = request.body or b""
        text = {name.lower(): str(_text(value)) for name, value in request.headers.items()}
        target = "/" + request.url.split("/", 3)[3]
        sent = body if isinstance(body, bytes) else body.encode()
        response = dispatcher.answer(Request(request.method, target, text, sent))
        return AWSResponse(request.url, response.status, dict(response.headers), _Raw(response.body))

    made = boto3.client(
        service,
        endpoint_url="http://127.0.0.1:1/",
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 1}),
    )
    made.meta.events.register("before-send", answer)
    return made


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
