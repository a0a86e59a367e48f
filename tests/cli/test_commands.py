"""Every command as somebody types it: a process of its own against a running world."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgesim.cli.main import COMMANDS

pytestmark = pytest.mark.live

EDGESIM = [sys.executable, "-c", "import sys; from edgesim.cli import main; sys.exit(main())"]
WORLD = """\
name: small
latency: { mode: reported }
edges: [LHR61-C2, SYD62-C1, LAX50-P5]
site: { nodes: 1, https: false }
origins: { site: { toy_site: true, protocol: http-only } }
distributions:
  - name: harbour
    aliases: [localhost, 127.0.0.1]
    default_behavior: { origin: site, ttl: { default: 1 day }, key: { query: all } }
logs: { access: access.log }
propagation: { invalidations: 30 s }
"""


@dataclass
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def edgesim(*arguments: str, cwd: Path, **variables: str) -> Ran:
    environment = {name: value for name, value in os.environ.items() if name != "EDGESIM_CONTROL"}
    done = subprocess.run(
        [*EDGESIM, *arguments], cwd=cwd, env={**environment, **variables}, capture_output=True, text=True, timeout=30
    )
    return Ran(done.returncode, done.stdout, done.stderr)


class Up:
    """``edgesim up`` in a directory."""

    def __init__(self, directory: Path, *more: str) -> None:
        self.directory = directory
        (directory / "world.yaml").write_text(WORLD)
        ports = ["--http", "0", "--https", "0", "--control", "0"]
        self.process = subprocess.Popen(
            [*EDGESIM, "up", "world.yaml", *ports, *more], cwd=directory, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.fullmatch(r"edgesim ready http=(\S+) https=(\S+) control=(\S+) ca=(\S+)\n", line)
        assert found, line
        self.http, self.https, self.control, self.ca = found.groups()

    def view(self, path: str, place: str = "London") -> str:
        """Ask an edge; the request's id."""
        request = urllib.request.Request(self.http + path, headers={"X-Edgesim-Location": place})
        with urllib.request.urlopen(request) as response:
            response.read()
            return str(response.headers["X-Amz-Cf-Id"])

    def run(self, *arguments: str, **variables: str) -> Ran:
        return edgesim(*arguments, cwd=self.directory, **variables)

    def good(self, *arguments: str) -> Ran:
        ran = self.run(*arguments)
        assert ran.code == 0, ran.err
        assert not ran.err
        return ran

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("cli"))
    try:
        yield running
    finally:
        running.stop()
        if running.process.stdout is not None:
            running.process.stdout.close()


def test_explain(up: Up) -> None:
    id = up.view("/lab?cache-control=max-age=60&explain", "Sydney")
    text = up.good("explain", "--last").out
    assert id in text
    assert "SYD62-C1 (edge): Miss" in text
    assert up.good("explain", id).out == text
    assert up.good("explain", id, "--json").json["text"].strip() == text.strip()
    assert up.run("explain").code == 2
    gone = up.run("explain", "nobody")
    assert gone.code == 1
    assert "not remembered" in gone.err


def test_explain_follow_shows_requests_as_they_come(up: Up) -> None:
    command = [*EDGESIM, "explain", "--follow"]
    with subprocess.Popen(command, cwd=up.directory, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        ids = set()
        line = ""
        for _ in range(200):  # until it has subscribed
            ids.add(up.view("/lab?follow"))
            if _ready(following.stdout):
                line = following.stdout.readline()
                break
        assert line.split()[-1] in ids
        assert "/lab?follow" in line
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 130


def _ready(stream: Any) -> bool:
    import select

    return bool(select.select([stream], [], [], 0.05)[0])


def test_clock(up: Up) -> None:
    before = up.good("clock", "--json").json["now"]
    assert "d 1 h ahead" in up.good("clock", "advance", "25h").out
    assert up.good("clock", "--json").json["now"] - before > 25 * 3600
    assert "paused" in up.good("clock", "pause").out
    assert "60 times as fast" in up.good("clock", "speed", "60").out
    assert up.good("clock", "speed", "1", "--json").json["speed"] == 1
    assert up.good("clock", "resume").code == 0
    assert up.good("clock", "advance", "2", "days").code == 0
    assert up.good("clock", "set", "2200-01-01T00:00:00Z").out.startswith("2200-01-01T00:00")
    for wrong in (["advance"], ["advance", "soon"], ["speed", "fast"], ["set", "2001-01-01T00:00:00Z"], ["pause", "1"]):
        ran = up.run("clock", *wrong)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("edgesim: ")


def test_edges(up: Up) -> None:
    up.view("/lab?cache-control=max-age=60&edges", "Sydney")
    assert "Sydney, AU" in up.good("edges").out
    assert "is stopped" in up.good("edges", "stop", "SYD").out
    up.view("/lab?elsewhere", "Sydney")
    assert "the edge is stopped" in up.good("explain", "--last").out
    assert "is up" in up.good("edges", "start", "syd").out
    assert "is partitioned" in up.good("edges", "partition", "SYD").out
    assert up.good("edges", "start", "SYD", "--json").json["state"] == "up"
    assert "/lab?cache-control=max-age=60&edges" in up.good("edges", "entries", "SYD", "--prefix", "/lab").out
    assert "ap-southeast-2" in up.good("edges", "regional").out
    assert "/lab" in up.good("edges", "entries", "ap-southeast-2").out
    several = up.run("edges", "stop", "L")
    assert several.code == 2
    assert "LHR61-C2, LAX50-P5" in several.err
    assert up.run("edges", "stop").code == 2
    assert up.run("edges", "stop", "XXX").code == 1


def test_invalidate(up: Up) -> None:
    assert "InProgress" in up.good("invalidate", "/lab*").out
    up.good("clock", "speed", "1000")
    done = up.good("invalidate", "/a", "/b*", "--wait", "--distribution", "harbour", "--json").json
    assert (done["status"], done["paths"]) == ("Completed", ["/a", "/b*"])
    watched = up.good("invalidate", "/watched", "--watch").out.splitlines()
    caches = [line.split()[2] for line in watched[:-1]]
    assert len(caches) == len(set(caches)) > 1
    assert watched[-2].endswith(f"{len(caches)} of {len(caches)}")
    assert "Completed" in watched[-1]
    up.good("clock", "pause")
    late = up.run("invalidate", "/c", "--wait", "--timeout", "0.2")
    assert late.code == 1
    assert "edgesim clock resume" in late.err
    up.good("clock", "speed", "1")
    assert up.run("invalidate", "/a~b").code == 2


def test_faults(up: Up) -> None:
    assert "Nothing is broken" in up.good("faults").out
    made = up.good("faults", "set", "link:LHR61-C2->eu-west-2", "slow", "2s", "--json").json
    assert made["value"] == 2000
    up.good("faults", "set", "origin:site", "error", "503", "--id", "mine")
    assert "origin:site" in up.good("faults").out
    assert up.good("faults", "clear", "mine").out == "mended: mine\n"
    assert made["id"] in up.good("faults", "clear", "--all").out
    for wrong in (["set"], ["set", "origin:site", "burn"], ["set", "origin:site", "slow", "long"], ["clear"]):
        assert up.run("faults", *wrong).code == 2


def test_latency_stats_and_bill(up: Up) -> None:
    assert up.good("latency", "reported", "--scale", "0.5").out.startswith("reported")
    assert up.good("latency", "--json").json["scale"] == 0.5
    up.view("/lab?money")
    assert "all " in up.good("stats").out
    assert up.good("stats", "--json").json["total"]["requests"] > 0
    assert "always free" in up.good("bill").out
    assert up.good("bill", "--json").json["total_micro_usd"] == 0
    assert up.run("bill", "--month", "May").code == 2


def test_certs_of_the_world(up: Up) -> None:
    out = up.good("certs").out
    assert "localhost" in out
    ca = Path(up.good("certs", "--ca").out.strip())
    assert ca.read_bytes().startswith(b"-----BEGIN CERTIFICATE")


def test_the_file_of_a_certificate_serves_a_load_balancer(up: Up) -> None:
    listed = edgesim("certs", "--json", "--control", up.control, cwd=up.directory).json["certificates"]
    one = next(one for one in listed if "localhost" in one["names"])
    assert one["in_use_by"]
    assert ", ".join(one["in_use_by"]) in up.good("certs").out
    file = Path(up.good("certs", "--file", "localhost").out.strip())
    assert up.good("certs", "--file", one["arn"]).out.strip() == str(file)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file, file)
    lost = edgesim("certs", "--file", "nobody.test", "--control", up.control, cwd=up.directory)
    assert (lost.code, lost.out) == (1, "")
    assert "localhost" in lost.err


def test_the_world_is_found_by_flag_and_variable(up: Up, tmp_path: Path) -> None:
    lost = edgesim("clock", cwd=tmp_path)
    assert lost.code == 3
    assert "edgesim up" in lost.err
    assert edgesim("clock", "--control", up.control, cwd=tmp_path).code == 0
    assert edgesim("clock", "--control", up.control.removeprefix("http://"), cwd=tmp_path).code == 0
    assert edgesim("clock", cwd=tmp_path, EDGESIM_CONTROL=up.control).code == 0
    assert edgesim("clock", "--state", str(up.directory / ".edgesim"), cwd=tmp_path).code == 0
    assert edgesim("clock", "--state", "nowhere", cwd=tmp_path, EDGESIM_CONTROL=up.control).code == 3
    assert edgesim("clock", "--control", "ftp://x", cwd=tmp_path).code == 3
    viewer = edgesim("clock", "--control", up.http, cwd=tmp_path)  # somebody else's port
    assert viewer.code == 3
    assert "no edgesim" in viewer.err


def test_a_reader_who_leaves_ends_it_quietly(up: Up) -> None:
    for command in ("schema", "stats --json", "edges"):
        shell = f"{' '.join(_quoted(EDGESIM))} {command} | true; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", shell], cwd=up.directory, capture_output=True, text=True, timeout=30)
        assert done.stderr == ""
        assert done.stdout.strip() in ("0", "141")


def _quoted(words: list[str]) -> list[str]:
    import shlex

    return [shlex.quote(word) for word in words]


def test_the_access_log_has_every_request(up: Up) -> None:
    id = up.view("/lab?logged")
    log = up.directory / "access.log"
    for _ in range(100):
        if log.exists() and id in log.read_text():
            break
        time.sleep(0.02)  # rows are written once a real second
    rows = [line.split("\t") for line in log.read_text().splitlines() if not line.startswith("#")]
    assert [row[11] for row in rows if row[14] == id] == ["logged"]


def test_check(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(WORLD)
    (tmp_path / "bad.yaml").write_text("edges: [Londn]\nfoo: 1\n")
    good = edgesim("check", "good.yaml", cwd=tmp_path)
    assert (good.code, good.out) == (0, "good.yaml: good: 3 edges, 1 distribution\n")
    bad = edgesim("check", "bad.yaml", "good.yaml", cwd=tmp_path)
    assert bad.code == 2
    assert "bad.yaml:1: edges[0]" in bad.err
    assert "bad.yaml:2: foo" in bad.err
    found = edgesim("check", "bad.yaml", "--json", cwd=tmp_path)
    assert (found.code, found.json["ok"]) == (2, False)
    assert [one["line"] for one in found.json["files"][0]["errors"]] == [1, 2]
    assert edgesim("check", "none.yaml", cwd=tmp_path).code == 2


def test_schema(tmp_path: Path) -> None:
    assert edgesim("schema", cwd=tmp_path).json["title"] == "edgesim world"


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help(tmp_path: Path, command: str) -> None:
    ran = edgesim(command, "--help", cwd=tmp_path)
    assert ran.code == 0
    assert f"usage: edgesim {command}" in ran.out


def test_the_tour(tmp_path: Path) -> None:
    ran = edgesim("--help", cwd=tmp_path)
    assert all(f"    {command}" in ran.out for command in COMMANDS)
    assert edgesim("--version", cwd=tmp_path).out.startswith("edgesim ")
    assert edgesim(cwd=tmp_path).code == 2
    assert edgesim("clok", cwd=tmp_path).code == 2


def test_a_small_command_imports_no_server() -> None:
    code = (
        "import sys; from edgesim.cli import main; main(['clock', '--state', 'none']);"
        "print(sorted({'aiohttp', 'pydantic', 'asyncio', 'ssl', 'cryptography', 'uvloop'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "['ssl']\n" or done.stdout == "[]\n"


def test_stopping_cleans_up_and_what_is_left_can_be_read(tmp_path: Path) -> None:
    running = Up(tmp_path)
    id = running.view("/lab?last-words")
    assert running.stop() == 0
    assert running.process.stdout is not None
    running.process.stdout.close()
    assert id in (tmp_path / "access.log").read_text()
    assert not (tmp_path / ".edgesim" / "running.json").exists()
    assert edgesim("clock", cwd=tmp_path).code == 3
    kept = edgesim("certs", "--json", cwd=tmp_path)
    assert kept.code == 0
    assert any("localhost" in one["names"] for one in kept.json["certificates"])


def test_a_world_that_died_is_said_to_be_gone(tmp_path: Path) -> None:
    running = Up(tmp_path)
    running.process.kill()
    running.process.wait(10)
    assert running.process.stdout is not None
    running.process.stdout.close()
    ran = edgesim("clock", cwd=tmp_path)
    assert ran.code == 3
    assert "running.json" in ran.err
