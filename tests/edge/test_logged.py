"""Which distributions are in the access log, and with which cookies: the fast path's rows as the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from fast_worlds import document, fast_world, origin, request

from edgesim.observe.access_log import FIELDS

pytestmark = pytest.mark.live
COOKIE = FIELDS.split(" ").index("cs(Cookie)")
HOST = FIELDS.split(" ").index("x-host-header")


async def test_rows_of_hits_that_were_learned_and_of_all_others(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    async with origin() as (port, _):
        distributions = document(port)["distributions"][:2]
        distributions[1]["logging"] = False
        three = {**distributions[1], "name": "three", "aliases": ["three.test"], "logging": True}
        sections = {"distributions": [*distributions, three], "logs": {"access": str(path)}}
        async with fast_world(port=port, **sections) as world:
            answered = 0
            for host in ("one.test", "two.test", "three.test"):
                viewer = await world.viewer()
                for cookie in ("a=1; b=2", "a=3"):
                    sent = request("/one.plain", f"Cookie: {cookie}", host=host)
                    await world.learnt(sent, viewer)
                    answered += 1
                    assert (await viewer.ask(sent)).status == 200
            assert world.hits >= 2 * answered
            world.running.access_log.flush()
    rows = [line.split("\t") for line in path.read_text().splitlines()[2:]]
    seen = {(row[HOST], row[COOKIE]) for row in rows}
    assert seen == {("one.test", "a=1;%20b=2"), ("one.test", "a=3"), ("three.test", "-")}
    assert all(len(row) == 33 for row in rows)
