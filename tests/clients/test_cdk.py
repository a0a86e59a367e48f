"""A template synthesised by aws-cdk-lib, where Node and the package are there, is imported and serves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from client_worlds import Lasting

NODE = Path(__file__).parent / "node"

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        shutil.which("node") is None or not (NODE / "node_modules" / "aws-cdk-lib").is_dir(),
        reason="needs Node, and `npm ci` in tests/clients/node",
    ),
]


def edgesim(lasting: Lasting, *arguments: str) -> str:
    """What a command printed."""
    done = subprocess.run(
        [sys.executable, "-m", "edgesim", *arguments, "--control", lasting.world.control],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_the_cdk_wrote_serves(lasting: Lasting, tmp_path: Path) -> None:
    subprocess.run(["node", "cdk_app.mjs", str(tmp_path)], cwd=NODE, check=True, capture_output=True, timeout=50)
    edgesim(lasting, "import", str(tmp_path / "Site.template.json"))
    cloudfront = lasting.client("cloudfront")
    made = [
        one
        for one in cloudfront.list_distributions()["DistributionList"]["Items"]
        if one["Comment"] == "made by the CDK"
    ]
    assert [one["PriceClass"] for one in made] == ["PriceClass_100"]
    host = {"Host": made[0]["DomainName"]}
    picture = [lasting.world.get("/wp-content/uploads/harbour.jpg", headers=host).outcome for _ in range(2)]
    assert picture == ["Miss from cloudfront", "Hit from cloudfront"]
    page = lasting.world.get("/", headers=host)
    assert page.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    names = [
        one["CachePolicy"]["CachePolicyConfig"]["Name"]
        for one in cloudfront.list_cache_policies(Type="custom")["CachePolicyList"]["Items"]
    ]
    assert "cdk-pages" in names
