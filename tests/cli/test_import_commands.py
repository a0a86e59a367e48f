"""``edgesim lint`` and ``edgesim import`` as somebody types them, where no world has to run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgesim.cli.main import main

FIXTURES = Path(__file__).parent.parent / "api" / "importing"
PLAN = str(FIXTURES / "plan.json")
TEMPLATE = str(FIXTURES / "template.yaml")


def test_lint_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", PLAN]) == 0
    told = capsys.readouterr().out
    assert "warning: aws_cloudfront_distribution.site.OriginGroups" in told
    assert "[failover-codes]" in told
    assert main(["lint", TEMPLATE, "--parameter", "Api=api.test", "--strict", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    rules = {one["rule"]: one["path"] for one in findings}
    assert rules["no-root-object"] == "Resources.Cdn.Properties.DistributionConfig.DefaultRootObject"
    assert set(findings[0]) == {"rule", "severity", "path", "message", "advice"}


def test_lint_world_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "configs/demo.yaml", "--strict"]) == 1
    assert "distributions[0].behaviors[3].viewer_protocol: passwords for /wp-login.php" in capsys.readouterr().out


def test_lint_without_anything_to_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "w.yaml"
    file.write_text("edges: [London]\n")
    assert main(["lint", str(file), "--strict"]) == 0
    assert capsys.readouterr().out == "nothing to say\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["lint"], 1, "name files or distributions"),
        (["lint", "nowhere.yaml"], 1, "there is no file nowhere.yaml"),
        (["lint", TEMPLATE], 2, "no default: Api"),
        (["lint", PLAN, "--parameter", "x"], 1, "expected K=V"),
        (["lint", PLAN, "--parameter", "x=y"], 2, "parameters belong to CloudFormation"),
        (["import"], 1, "name a file to import"),
        (["import", "nowhere.json"], 1, "cannot read nowhere.json"),
        (["import", PLAN, "--state", "nowhere"], 3, "no world runs here"),
    ],
)
def test_refused(arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == code
    assert words in capsys.readouterr().err
