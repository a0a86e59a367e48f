"""The AWS CLI, where it is there, with the world killed and started again in the middle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest
from client_worlds import SITE, Lasting

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("aws") is None, reason="needs the AWS CLI"),
]

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_PAGER": "",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_MAX_ATTEMPTS": "1",
}


def aws(world: Any, *arguments: str) -> Any:
    """What a command printed; its error when it failed."""
    done = subprocess.run(
        ["aws", "--endpoint-url", world.control, "--output", "json", *arguments],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        env={**os.environ, **ENVIRONMENT},
    )
    if done.returncode:
        return done.stderr.strip()
    return json.loads(done.stdout) if done.stdout.strip() else None


def test_the_life_of_a_distribution(lasting: Lasting) -> None:
    world = lasting.world
    made = aws(world, "cloudfront", "create-distribution", "--origin-domain-name", SITE)
    id, domain = made["Distribution"]["Id"], made["Distribution"]["DomainName"]
    assert made["Distribution"]["Status"] == "InProgress"
    world = lasting.again()
    assert aws(world, "cloudfront", "wait", "distribution-deployed", "--id", id) is None
    first, second = [world.get("/wp-content/uploads/harbour.jpg", headers={"Host": domain}) for _ in range(2)]
    assert (first.status, first.outcome, second.outcome) == (200, "Miss from cloudfront", "Hit from cloudfront")
    batch = aws(world, "cloudfront", "create-invalidation", "--distribution-id", id, "--paths", "/*")
    wait = (
        "cloudfront",
        "wait",
        "invalidation-completed",
        "--distribution-id",
        id,
        "--id",
        batch["Invalidation"]["Id"],
    )
    assert aws(world, *wait) is None
    assert world.get("/wp-content/uploads/harbour.jpg", headers={"Host": domain}).outcome == "Miss from cloudfront"
    got = aws(world, "cloudfront", "get-distribution-config", "--id", id)
    refused = aws(world, "cloudfront", "delete-distribution", "--id", id, "--if-match", got["ETag"])
    assert "DistributionNotDisabled" in refused
    world = lasting.again()
    config = json.dumps({**got["DistributionConfig"], "Enabled": False})
    update = ("cloudfront", "update-distribution", "--id", id, "--if-match", got["ETag"])
    changed = aws(world, *update, "--distribution-config", config)
    assert aws(world, "cloudfront", "get-distribution", "--id", id)["Distribution"]["Status"] == "Deployed"
    assert aws(world, "cloudfront", "delete-distribution", "--id", id, "--if-match", changed["ETag"]) is None
    assert "NoSuchDistribution" in aws(world, "cloudfront", "get-distribution", "--id", id)
    assert aws(world, "sts", "get-caller-identity")["Account"] == "123456789012"
