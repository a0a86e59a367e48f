"""Certificates of ACM on the wire of a running world: what a viewer's handshake shows, as time goes by."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from acm_accounts import NOW, client
from cryptography import x509

from edgesim.assembly.running import Options, RunningWorld
from edgesim.tls.authority import DAY, self_signed
from edgesim.tls.store import CertificateStore
from edgesim.world.commands import Command, SetClock
from edgesim.world.loading import check_text
from edgesim.world.state import World

pytestmark = pytest.mark.live

FILE = """\
clock: { start: "2026-05-28T20:26:40Z", paused: true }
edges: [London]
origins: { main: { url: "http://127.0.0.1:9" } }
distributions:
  - name: filed
    aliases: [www.filed.test]
    default_behavior: { origin: main, cache_policy: CachingOptimized }
"""


class Owner:
    """A running world, as the API sees it."""

    def __init__(self, running: RunningWorld) -> None:
        self.running = running

    @property
    def world(self) -> World:
        return self.running.world

    @property
    def now(self) -> float:
        return self.running.clock.now()

    @property
    def certificates(self) -> CertificateStore:
        return self.running.certificates.store

    def apply(self, command: Command) -> World:
        return self.running.keeper.apply(command)

    def wait(self, seconds: float) -> None:
        """Let the simulated clock go on."""
        self.apply(SetClock(real=self.running.clock.real(), simulated=self.now + seconds, speed=0))

    async def shown(self, name: str, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> x509.Certificate:
        """The certificate a viewer of ``name`` is shown. Its dates are not judged: the machine's clock is another."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = newest
        assert self.running.https is not None
        _, writer = await asyncio.open_connection(
            "127.0.0.1", self.running.https.port, ssl=context, server_hostname=name
        )
        found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        await writer.wait_closed()
        return x509.load_der_x509_certificate(found)


@asynccontextmanager
async def started(state: Path | None = None) -> AsyncIterator[Owner]:
    checked = check_text(FILE, file="world.yaml")
    running = await RunningWorld.start(Options(checked.configure(NOW), state=state))
    try:
        yield Owner(running)
    finally:
        await running.close()


def serve(owner: Owner, arn: str, *aliases: str, policy: str = "TLSv1.2_2021") -> dict[str, Any]:
    """A distribution that shows a certificate."""
    origin = {
        "Id": "main",
        "DomainName": "origin.example.com",
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
    }
    config = {
        "CallerReference": aliases[0],
        "Comment": "",
        "Enabled": True,
        "Aliases": {"Quantity": len(aliases), "Items": list(aliases)},
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "main",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
        },
        "ViewerCertificate": {
            "ACMCertificateArn": arn,
            "SSLSupportMethod": "sni-only",
            "MinimumProtocolVersion": policy,
        },
    }
    return dict(client(owner, "cloudfront").create_distribution(DistributionConfig=config))


def describe(owner: Owner, arn: str) -> dict[str, Any]:
    return dict(client(owner).describe_certificate(CertificateArn=arn)["Certificate"])


def number(serial: str) -> int:
    return int(serial.replace(":", ""), 16)


async def test_a_distribution_shows_its_certificate_under_its_policy() -> None:
    async with started() as owner:
        acm = client(owner)
        arn = acm.request_certificate(
            DomainName="shop.test", SubjectAlternativeNames=["*.shop.test"], KeyAlgorithm="EC_prime256v1"
        )["CertificateArn"]
        made = serve(owner, arn, "shop.test", "www.shop.test", policy="TLSv1.3_2025")["Distribution"]
        serial = number(describe(owner, arn)["Serial"])
        for name in ("shop.test", "www.shop.test", made["DomainName"]):
            assert (await owner.shown(name)).serial_number == serial
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await owner.shown("shop.test", ssl.TLSVersion.TLSv1_2)
        assert await owner.shown("www.filed.test", ssl.TLSVersion.TLSv1_2)
        filed, unknown = await owner.shown("www.filed.test"), await owner.shown("unknown.test")
        assert serial not in (filed.serial_number, unknown.serial_number)
        assert unknown.subject.rfc4514_string() == "CN=*.cloudfront.net"
        assert describe(owner, arn)["InUseBy"] == [made["ARN"]]
        with pytest.raises(acm.exceptions.ResourceInUseException):
            acm.delete_certificate(CertificateArn=arn)
        everything = acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"]
        assert {(one["DomainName"], one["InUse"]) for one in everything} == {
            ("shop.test", True),
            ("www.filed.test", True),
        }


async def test_sixty_days_before_its_end_it_is_renewed_on_the_wire() -> None:
    async with started() as owner:
        arn = client(owner).request_certificate(DomainName="shop.test")["CertificateArn"]
        serve(owner, arn, "shop.test")
        first = await owner.shown("shop.test")
        owner.wait(334 * DAY)
        assert (await owner.shown("shop.test")) == first
        owner.wait(2 * DAY)
        second = await owner.shown("shop.test")
        one = describe(owner, arn)
        assert second.serial_number == number(one["Serial"]) != first.serial_number
        assert second.not_valid_after_utc.timestamp() == owner.now + 395 * DAY
        assert one["RenewalSummary"]["RenewalStatus"] == "SUCCESS"
        assert one["KeyAlgorithm"] == "RSA_2048"


async def test_an_imported_one_expires_for_all_to_see_until_it_is_imported_again() -> None:
    async with started() as owner:
        acm = client(owner)

        def made() -> dict[str, bytes]:
            issued = self_signed(["shop.test"], now=owner.now, days=90, key_type="rsa")
            return {"Certificate": issued.chain_pem, "PrivateKey": issued.key_pem}

        arn = acm.import_certificate(**made())["CertificateArn"]
        serve(owner, arn, "shop.test")
        first = await owner.shown("shop.test")
        owner.wait(91 * DAY)
        assert describe(owner, arn)["Status"] == "EXPIRED"
        assert (await owner.shown("shop.test")) == first
        acm.import_certificate(**made(), CertificateArn=arn)
        again = await owner.shown("shop.test")
        assert again.serial_number == number(describe(owner, arn)["Serial"]) != first.serial_number
        assert describe(owner, arn)["Status"] == "ISSUED"


async def test_a_restart_finds_everything_and_makes_anew_what_was_lost(tmp_path: Path) -> None:
    state, away = tmp_path / "state", tmp_path / "away"
    async with started(state) as owner:
        arn = client(owner).request_certificate(DomainName="shop.test")["CertificateArn"]
        serve(owner, arn, "shop.test")
        first = await owner.shown("shop.test")
        file = owner.certificates.get(arn)
        assert file is not None
    async with started(state) as owner:
        assert (await owner.shown("shop.test")) == first
    shutil.move(file.path, away)
    async with started(state) as owner:
        anew = await owner.shown("shop.test")
        assert anew.serial_number == number(describe(owner, arn)["Serial"]) != first.serial_number
    with_it = tmp_path / "second"
    (with_it / "certificates").mkdir(parents=True)
    for name in ("ca.pem", "ca-key.pem"):
        shutil.copy(state / name, with_it / name)
    shutil.move(away, with_it / "certificates" / file.path.name)
    async with started(with_it) as owner:  # a file without its document: the process ended between the two
        assert (await owner.shown("shop.test")).subject.rfc4514_string() == "CN=*.cloudfront.net"
        listed = client(owner).list_certificates()["CertificateSummaryList"]
        assert arn not in [one["CertificateArn"] for one in listed]
