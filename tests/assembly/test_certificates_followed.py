"""Certificates of ACM in a world of several processes: who serves viewers has what the API made, and its renewal."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography import x509
from several import WORLD, Process, ask, several, until

from edgesim.tls.authority import DAY

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]


@contextlib.contextmanager
def workers() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="edgesim-certificates-") as name:
        world = Path(name) / "world.yaml"
        world.write_text(WORLD % {"mode": "proxy"})
        ports = ["--http", "0", "--https", "0", "--control", "0"]
        process = Process("-m", "edgesim", "up", str(world), "--ephemeral", "--workers", "2", *ports)
        try:
            said = process.ready()
            yield said["control"], said["https"]
        finally:
            process.end()


@contextlib.contextmanager
def processes() -> Iterator[tuple[str, str]]:
    with several("SYD62-C1") as world:
        yield world.said["control"]["control"], world.said["front"]["https"]


def client(service: str, control: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=control,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def shown(https: str, name: str) -> int:
    """The serial number of the certificate a viewer of ``name`` is shown."""
    host, _, port = https.removeprefix("https://").rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, int(port)), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname=name) as secured,
    ):
        found = secured.getpeercert(binary_form=True)
    assert found is not None
    return x509.load_der_x509_certificate(found).serial_number


@pytest.mark.parametrize("world", [workers, processes])
def test_whoever_serves_viewers_has_them(world: Callable[[], Any]) -> None:
    with world() as (control, https):
        acm, cloudfront = client("acm", control), client("cloudfront", control)

        def serial() -> int:
            one = acm.describe_certificate(CertificateArn=arn)["Certificate"]
            return int(one["Serial"].replace(":", ""), 16)

        def seen() -> set[int]:
            return {shown(https, "shop.test") for _ in range(4)}  # either worker may accept

        arn = acm.request_certificate(DomainName="shop.test", KeyAlgorithm="EC_prime256v1")["CertificateArn"]
        cloudfront.create_distribution(DistributionConfig=config(arn))
        first = serial()
        until(lambda: seen() == {first})
        move(control, 336 * DAY)
        second = serial()
        assert second != first
        until(lambda: seen() == {second})
        assert shown(https, "localhost") not in (first, second)


def config(arn: str) -> dict[str, Any]:
    origin = {
        "Id": "main",
        "DomainName": "origin.example.com",
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
    }
    return {
        "CallerReference": "one",
        "Comment": "",
        "Enabled": True,
        "Aliases": {"Quantity": 1, "Items": ["shop.test"]},
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "main",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        },
        "ViewerCertificate": {
            "ACMCertificateArn": arn,
            "SSLSupportMethod": "sni-only",
            "MinimumProtocolVersion": "TLSv1.2_2021",
        },
    }


def move(control: str, seconds: float) -> None:
    """Let the simulated clock jump."""
    body = json.dumps({"advance": seconds}).encode()
    answer = ask(f"{control}/_edgesim/clock", "POST", body, Content_Type="application/json")
    assert answer.status < 300, answer.body
