"""The life of a distribution with boto3 alone, against a running edgesim.

    edgesim up configs/demo.yaml
    python docs/examples/walk_boto3.py --https 8443 --control http://127.0.0.1:8081 --ca .edgesim/ca.pem

(the ready line of ``edgesim up`` has all three). It requests a certificate, creates a distribution in front of the toy
site, waits until it is deployed, fetches through it over TLS by its alias (Miss, then Hit), lengthens a TTL,
invalidates, sees the Miss, and takes everything down again. Credentials may be anything: edgesim does not check them.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

ALIAS = "shop.example.com"
SITE = "origin.harbour.test"
"""The toy site's name in configs/demo.yaml."""

PATH = "/wp-content/uploads/harbour.jpg"
OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"


@dataclass
class Walk:
    """One distribution's life, a method for each step; what a step learned the next one uses."""

    control: str
    https: int
    ca: str
    alias: str = ALIAS
    seen: list[str] = field(default_factory=list)
    certificate: str = ""
    distribution: str = ""

    def client(self, service: str) -> Any:
        """A client that talks to edgesim."""
        return boto3.client(
            service,
            endpoint_url=self.control,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def request_certificate(self) -> None:
        """A certificate for the alias; its validation by DNS is simulated."""
        acm = self.client("acm")
        self.certificate = acm.request_certificate(DomainName=self.alias, ValidationMethod="DNS")["CertificateArn"]
        acm.get_waiter("certificate_validated").wait(CertificateArn=self.certificate, WaiterConfig={"Delay": 1})

    def create(self) -> None:
        """A distribution with that certificate in front of the toy site."""
        config = {
            "CallerReference": f"walk-{self.alias}",
            "Comment": "made by boto3",
            "Enabled": True,
            "Aliases": {"Quantity": 1, "Items": [self.alias]},
            "Origins": {
                "Quantity": 1,
                "Items": [
                    {
                        "Id": "site",
                        "DomainName": SITE,
                        "CustomOriginConfig": {
                            "HTTPPort": 80,
                            "HTTPSPort": 443,
                            "OriginProtocolPolicy": "http-only",
                        },
                    }
                ],
            },
            "DefaultCacheBehavior": {
                "TargetOriginId": "site",
                "ViewerProtocolPolicy": "redirect-to-https",
                "CachePolicyId": OPTIMIZED,
            },
            "ViewerCertificate": {
                "ACMCertificateArn": self.certificate,
                "SSLSupportMethod": "sni-only",
                "MinimumProtocolVersion": "TLSv1.2_2021",
            },
        }
        made = self.client("cloudfront").create_distribution(DistributionConfig=config)
        self.distribution = made["Distribution"]["Id"]

    def wait(self) -> None:
        """Until every edge has it."""
        waiter = self.client("cloudfront").get_waiter("distribution_deployed")
        waiter.wait(Id=self.distribution, WaiterConfig={"Delay": 1})

    def fetch(self) -> str:
        """Ask over TLS by the alias; what X-Cache says."""
        context = ssl.create_default_context(cafile=self.ca)
        raw = socket.create_connection(("127.0.0.1", self.https), timeout=30)
        with context.wrap_socket(raw, server_hostname=self.alias) as wrapped:
            connection = http.client.HTTPConnection(self.alias)
            connection.sock = wrapped
            connection.request("GET", PATH, headers={"Host": self.alias})
            response = connection.getresponse()
            response.read()
        found = f"{response.status} {response.getheader('X-Cache')}"
        self.seen.append(found)
        return found

    def lengthen(self) -> None:
        """Another cache policy, with a TTL of an hour at least."""
        cloudfront = self.client("cloudfront")
        policy = cloudfront.create_cache_policy(
            CachePolicyConfig={
                "Name": f"an-hour-{self.distribution}",
                "MinTTL": 3600,
                "DefaultTTL": 86400,
                "MaxTTL": 31536000,
                "ParametersInCacheKeyAndForwardedToOrigin": {
                    "EnableAcceptEncodingGzip": True,
                    "EnableAcceptEncodingBrotli": True,
                    "HeadersConfig": {"HeaderBehavior": "none"},
                    "CookiesConfig": {"CookieBehavior": "none"},
                    "QueryStringsConfig": {"QueryStringBehavior": "none"},
                },
            }
        )["CachePolicy"]["Id"]
        got = cloudfront.get_distribution_config(Id=self.distribution)
        config = got["DistributionConfig"]
        config["DefaultCacheBehavior"]["CachePolicyId"] = policy
        cloudfront.update_distribution(Id=self.distribution, IfMatch=got["ETag"], DistributionConfig=config)

    def invalidate(self) -> None:
        """Take everything out of the caches."""
        cloudfront = self.client("cloudfront")
        batch = {"CallerReference": "walk", "Paths": {"Quantity": 1, "Items": ["/*"]}}
        made = cloudfront.create_invalidation(DistributionId=self.distribution, InvalidationBatch=batch)
        waiter = cloudfront.get_waiter("invalidation_completed")
        waiter.wait(DistributionId=self.distribution, Id=made["Invalidation"]["Id"], WaiterConfig={"Delay": 1})

    def take_down(self) -> None:
        """Disable and delete it, with its policy and certificate."""
        cloudfront = self.client("cloudfront")
        got = cloudfront.get_distribution_config(Id=self.distribution)
        config = got["DistributionConfig"]
        config["Enabled"] = False
        cloudfront.update_distribution(Id=self.distribution, IfMatch=got["ETag"], DistributionConfig=config)
        self.wait()
        etag = cloudfront.get_distribution(Id=self.distribution)["ETag"]
        cloudfront.delete_distribution(Id=self.distribution, IfMatch=etag)
        policy = config["DefaultCacheBehavior"]["CachePolicyId"]
        cloudfront.delete_cache_policy(Id=policy, IfMatch=cloudfront.get_cache_policy(Id=policy)["ETag"])
        self.client("acm").delete_certificate(CertificateArn=self.certificate)


def main() -> None:
    """Walk, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--control", default="http://127.0.0.1:8081")
    parser.add_argument("--https", type=int, default=8443)
    parser.add_argument("--ca", required=True, help="the ca= of edgesim's ready line")
    walk = Walk(**vars(parser.parse_args()))
    walk.request_certificate()
    print("certificate ", walk.certificate)
    walk.create()
    walk.wait()
    print("distribution", walk.distribution)
    print("fetched     ", walk.fetch(), "|", walk.fetch())
    walk.lengthen()
    walk.wait()
    print("new TTL     ", walk.fetch())
    walk.invalidate()
    print("invalidated ", walk.fetch(), "|", walk.fetch())
    walk.take_down()
    print("taken down")


if __name__ == "__main__":
    main()
