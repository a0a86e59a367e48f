"""The life of a distribution by boto3 alone, with the world killed and started again after each step."""

from __future__ import annotations

import pytest
from client_worlds import Lasting, example

pytestmark = pytest.mark.live


def test_a_distribution_lives_through_every_restart(lasting: Lasting) -> None:
    walk = example("walk_boto3").Walk(lasting.world.control, lasting.world.https, lasting.world.ca)

    def again() -> None:
        world = lasting.again()
        walk.control, walk.https, walk.ca = world.control, world.https, world.ca

    walk.request_certificate()
    again()
    walk.create()
    again()
    walk.wait()
    assert [walk.fetch(), walk.fetch()] == ["200 Miss from cloudfront", "200 Hit from cloudfront"]
    walk.lengthen()
    assert walk.fetch() == "200 Hit from cloudfront"  # changing a setting purges nothing
    again()
    walk.wait()
    assert [walk.fetch(), walk.fetch()] == ["200 Miss from cloudfront", "200 Hit from cloudfront"]  # caches are empty
    walk.invalidate()
    assert [walk.fetch(), walk.fetch()] == ["200 Miss from cloudfront", "200 Hit from cloudfront"]
    again()
    walk.take_down()
    again()
    assert walk.client("cloudfront").list_distributions()["DistributionList"]["Quantity"] == 1  # the file's own
    assert walk.certificate not in [
        one["CertificateArn"] for one in walk.client("acm").list_certificates()["CertificateSummaryList"]
    ]
