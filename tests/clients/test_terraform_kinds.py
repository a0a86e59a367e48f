"""Terraform makes, reads back, changes and destroys every kind of document beside distributions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import test_terraform
from client_worlds import Lasting
from test_terraform import MIRROR, Terraform

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("terraform") is None, reason="needs Terraform"),
    pytest.mark.skipif(MIRROR is None, reason="needs a plugin mirror with the aws provider"),
]


def test_every_kind(lasting: Lasting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_terraform, "EXAMPLE", Path(__file__).parent / "kinds")
    terraform = Terraform(tmp_path / "terraform", lasting.world.control)
    other = ("-var", "v=two")
    for command in (
        ("init",),
        ("apply", "-auto-approve"),
        ("plan", "-detailed-exitcode"),  # 2 would be changes
        ("apply", "-auto-approve", *other),
        ("plan", "-detailed-exitcode", *other),
        ("destroy", "-auto-approve", *other),
    ):
        done = terraform(*command)
        assert done.returncode == 0, done.stdout + done.stderr
