"""Two cache profiles side by side on one exchange (explain --compare)."""

from __future__ import annotations

import subprocess
import sys
import urllib.error

import pytest
from live_worlds import ROOT, World

pytestmark = pytest.mark.live


def test_what_a_standard_cache_would_have_done(quick: World) -> None:
    got = quick.get("/lab?size=10&cache-control=private")
    told = quick.ask(f"explain/{got.id}?compare=rfc9111")
    rows = {row["question"]: row for row in told["rows"]}
    kept = rows["Is the answer kept?"]
    assert (kept["here"], kept["there"]) == ("not kept", "not kept")
    assert kept["why_there"]["slug"] == "private"
    silent = quick.get("/lab?size=10&silent")
    rows = {row["question"]: row for row in quick.ask(f"explain/{silent.id}?compare=rfc9111")["rows"]}
    assert rows["Is the answer kept?"]["differs"]
    assert rows["How long is it fresh?"]["here"] == "86400 s"
    assert rows["Can a viewer's own Cache-Control make the cache ask the origin?"]["there"] == "yes"


def test_the_command(quick: World) -> None:
    got = quick.get("/lab?size=10&command")
    command = [sys.executable, "-m", "edgesim", "explain", got.id, "--compare", "rfc9111", "--control", quick.control]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "* Is the answer kept?" in done.stdout
    assert "rfc9111" in done.stdout


def test_an_unknown_profile_is_named(quick: World) -> None:
    got = quick.get("/lab?size=10&unknown")
    with pytest.raises(urllib.error.HTTPError) as caught:
        quick.ask(f"explain/{got.id}?compare=rfc911")
    with caught.value as error:
        assert error.code == 400
        assert b"rfc9111" in error.read()
