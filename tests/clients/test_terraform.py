"""Terraform with the aws provider, where both are there: the example of docs/terraform, applied, changed, destroyed.

The provider is looked for in a plugin mirror on this machine (TF_PLUGIN_MIRROR, or where Terraform itself looks, or
in /opt), as no test fetches anything. Without one only the example's form is checked.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from client_worlds import Lasting
from live_worlds import ROOT

EXAMPLE = ROOT / "docs" / "terraform"
PLACES = [
    Path(os.environ.get("TF_PLUGIN_MIRROR", "/nowhere")),
    Path.home() / ".terraform.d" / "plugins",
    *(Path(parent) / "share" / "terraform" / "plugins" for parent in ("/usr", "/usr/local")),
    *Path("/opt").glob("*"),
]
MIRROR = next((one for one in PLACES if list(one.glob("*/hashicorp/aws/*"))), None)

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("terraform") is None, reason="needs Terraform"),
]


class Terraform:
    """The example in a directory of its own."""

    def __init__(self, where: Path, control: str) -> None:
        self._where = where / "example"
        shutil.copytree(EXAMPLE, self._where)
        configuration = where / "terraformrc"
        configuration.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{MIRROR}"\n  }}\n}}\n')
        self.control = control
        self._environment = {
            **os.environ,
            "TF_CLI_CONFIG_FILE": str(configuration),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        environment = {**self._environment, "TF_VAR_control": self.control}
        return subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=self._where,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def output(self) -> dict[str, str]:
        """What the example puts out."""
        return {name: one["value"] for name, one in json.loads(self("output", "-json").stdout).items()}


def test_the_example_is_well_formed() -> None:
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", str(EXAMPLE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.live
@pytest.mark.skipif(MIRROR is None, reason="needs a plugin mirror with the aws provider")
def test_apply_plan_change_import_destroy(lasting: Lasting, tmp_path: Path) -> None:
    terraform = Terraform(tmp_path / "terraform", lasting.world.control)
    for command in (("init",), ("apply", "-auto-approve")):
        done = terraform(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    again = terraform("plan", "-detailed-exitcode")
    assert again.returncode == 0, again.stdout  # 2 would be changes
    found = terraform.output()
    got = [
        lasting.world.get("/wp-content/uploads/harbour.jpg", headers={"Host": found["domain_name"]}) for _ in range(2)
    ]
    assert [one.status for one in got] == [301, 301]
    terraform.control = lasting.again().control
    assert terraform("plan", "-detailed-exitcode").returncode == 0
    changed = terraform("apply", "-auto-approve", "-var", "alias=shop.example.com")
    assert changed.returncode == 0, changed.stdout + changed.stderr
    address = "module.wordpress.aws_cloudfront_distribution.site"
    assert terraform("state", "rm", address).returncode == 0
    imported = terraform("import", "-var", "alias=shop.example.com", address, found["distribution_id"])
    assert imported.returncode == 0, imported.stdout + imported.stderr
    destroyed = terraform("destroy", "-auto-approve", "-var", "alias=shop.example.com")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
