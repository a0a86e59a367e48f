"""The AWS SDK for JavaScript, where Node and the package are there (.ci/run installs it; see tests/clients/node)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from client_worlds import SITE, Lasting

NODE = Path(__file__).parent / "node"

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        shutil.which("node") is None or not (NODE / "node_modules" / "@aws-sdk").is_dir(),
        reason="needs Node, and `npm ci` in tests/clients/node",
    ),
]


def test_the_life_of_a_distribution(lasting: Lasting) -> None:
    done = subprocess.run(
        ["node", "walk.mjs", lasting.world.control, SITE],
        cwd=NODE,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout)
    assert seen["status"] == "InProgress"
    assert seen["domain"].endswith(".cloudfront.net")
    assert (seen["waited"], seen["invalidated"], seen["listed"]) == ("SUCCESS", "SUCCESS", True)
    assert "Managed-CachingOptimized" in seen["managed"]
    assert seen["refused"] == ["DistributionNotDisabled", 409]
    assert seen["gone"] == ["NoSuchDistribution", 404]
