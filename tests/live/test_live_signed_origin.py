"""A private bucket: the edge gets in, whatever its clock says; nobody else does."""

from __future__ import annotations

import re
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from live_worlds import ROOT, Starter, World

pytestmark = pytest.mark.live

CONFIG = "configs/signed-origin.yaml"
PICTURE = "/wp-content/uploads/harbour.jpg"


def around(world: World, id: str) -> tuple[int, str]:
    """Status and body of the same request, sent to the origin past edgesim."""
    address = re.search(r"Origin +bucket at ([\d.]+:\d+)", world.ask(f"explain/{id}")["text"])
    assert address
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(f"https://{address[1]}{PICTURE}", timeout=20, context=context) as response:
            return response.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_only_the_edge_gets_in(start: Starter) -> None:
    world = start(CONFIG, "--ephemeral")
    first, second = world.get(PICTURE), world.get(PICTURE)
    assert [first.status, second.status] == [200, 200]
    assert [first.outcome, second.outcome] == ["Miss from cloudfront", "Hit from cloudfront"]
    status, body = around(world, first.id)
    assert status == 403
    assert "<Code>AccessDenied</Code>" in body
    world.ask("clock", {"advance": 400 * 86_400})
    later = world.get(PICTURE)
    assert (later.status, later.outcome) == (200, "RefreshHit from cloudfront")


def test_without_access_control_the_edge_does_not_get_in(start: Starter, tmp_path: Path) -> None:
    text = (ROOT / CONFIG).read_text()
    path = tmp_path / "unsigned.yaml"
    path.write_text(text.replace("access: { signing: always, ", "access: { signing: never, "))
    assert start(path, "--ephemeral").get(PICTURE).status == 403
