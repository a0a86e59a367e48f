"""TLS at either hop, both or neither, with outside clients; origins really verified; certificates follow the clock."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_worlds import ROOT, Starter, World

pytestmark = pytest.mark.live

PICTURE = "/wp-content/uploads/harbour.jpg"


@pytest.mark.parametrize(
    ("config", "viewer", "origin"),
    [
        ("plain-http", False, "http"),
        ("tls-viewer", True, "http"),
        ("tls-origin", False, "https"),
        ("tls-both", True, "https"),
    ],
)
def test_each_hop_as_its_world_says(start: Starter, config: str, viewer: bool, origin: str) -> None:
    world = start(f"configs/{config}.yaml", "--ephemeral")
    assert bool(world.https) is viewer
    got = world.get("/about/", tls=viewer)
    assert got.status in (200, 301)
    seen = world.ask(f"explain/{got.id}")
    assert seen["answer"]["status"] == got.status
    assert (seen["request"]["tls"] is not None) is viewer
    address = re.search(r"Origin +site at ([\d.]+):(\d+)", seen["text"])
    assert address, seen["text"]
    assert _speaks(address[1], int(address[2])) == origin


def _speaks(host: str, port: int) -> str:
    """Whether a TLS handshake comes about there."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), 1) as raw, context.wrap_socket(raw):
            return "https"
    except (ssl.SSLError, TimeoutError):
        return "http"


def test_curl_and_openssl_verify_a_viewer_certificate(quick: World) -> None:
    command = ["curl", "-sS", "--cacert", quick.ca, "-o", "/dev/null", "-w", "%{http_code} %{ssl_verify_result}"]
    where = ["--resolve", f"www.harbour.test:{quick.https}:127.0.0.1", f"https://www.harbour.test:{quick.https}/"]
    done = subprocess.run([*command, *where], capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout == "200 0", done.stderr
    shown = subprocess.run(
        [
            *("openssl", "s_client", "-connect", f"127.0.0.1:{quick.https}", "-servername", "www.harbour.test"),
            *("-CAfile", quick.ca, "-verify_return_error", "-verify_hostname", "www.harbour.test"),
        ],
        input="",
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert "Verify return code: 0 (ok)" in shown.stdout, shown.stdout[-500:] + shown.stderr[-500:]


def test_certificates_are_renewed_as_the_clock_moves(start: Starter) -> None:
    text = (ROOT / "configs" / "demo.yaml").read_text().replace("mode: real", "mode: reported")
    world = start(_written(text), "--ephemeral")
    assert world.get(PICTURE, tls=True).status == 200
    for _ in range(3):
        world.ask("clock", {"advance": 380 * 86_400})
        got = world.get(PICTURE, tls=True)
        assert got.status == 200
        assert got.outcome == "RefreshHit from cloudfront"


def _written(text: str) -> Path:
    import tempfile

    path = Path(tempfile.mkdtemp()) / "world.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def stranger() -> Iterator[int]:
    """The toy site with a certificate of its own making, which no world trusts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "origin", "--http", "0", "--https", "0", "--nodes", "1"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    yield int(re.search(r"https=https://[^:]+:(\d+)", line)[1])  # type: ignore[index]
    process.terminate()
    process.wait(10)
    process.stdout.close()


def test_a_bad_origin_certificate_is_a_502_that_explain_explains(start: Starter, stranger: int, tmp_path: Path) -> None:
    config = tmp_path / "world.yaml"
    config.write_text(
        f"""
latency: {{ mode: reported }}
edges: [London]
origins: {{ site: {{ url: "https://127.0.0.1:{stranger}", domain: harbour.example }} }}
distributions:
  - name: site
    aliases: [localhost, 127.0.0.1]
    default_behavior: {{ origin: site, cache_policy: CachingDisabled }}
"""
    )
    world = start(config, "--ephemeral")
    got = world.get("/")
    assert (got.status, got.outcome) == (502, "Error from cloudfront")
    told = world.ask(f"explain/{got.id}")["text"]
    assert "certificate" in told
    assert "self" in told or "authority" in told
