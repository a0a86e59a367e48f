"""Memory of cached objects beyond their bytes: a core filled as a live edge fills it, and a live edge.

``python -m bench.memory N`` fills one cache with N objects of 1 kB and prints the bytes each takes beyond that.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys

from bench.processes import resident
from bench.results import Result, Target
from bench.rounds import skipped
from bench.servers import Park
from bench.wrk import Load, drive
from edgesim.core.behaviors import Behavior, Distribution, Origin
from edgesim.core.cache import Cache, Tier
from edgesim.core.exchange import Exchange
from edgesim.core.keys import cache_key
from edgesim.core.messages import Request, Response
from edgesim.core.policies import MANAGED_CACHE_POLICIES
from edgesim.core.steps import Answered, Ask, Ended, Fetch, Relay
from edgesim.core.store import Store
from edgesim.wire.grammar import parse_request, parse_response

OBJECT = 1_000
_REQUEST = b"GET /o/%d HTTP/1.1\r\nHost: www.bench.test\r\nAccept: */*\r\n\r\n"
_RESPONSE = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Thu, 01 Oct 2026 10:%02d:%02d GMT\r\n"
    b"Content-Type: application/octet-stream\r\nContent-Length: 1000\r\n"
    b"Last-Modified: Thu, 01 Oct 2026 09:00:00 GMT\r\nConnection: keep-alive\r\n"
    b'ETag: "%08x-3e8"\r\nCache-Control: public, max-age=86400\r\nAccept-Ranges: bytes\r\n\r\n'
)
START = 1_790_848_800.0
TARGET = Target(1.5)


def fill(count: int) -> float:
    """Bytes of memory per object beyond its own, with ``count`` of them in one cache."""
    cache = Cache("LHR50-C1", Tier.EDGE, Store(count * 4_000))
    distribution, behavior = _bench_distribution()
    _add(cache, distribution, behavior, 0)
    gc.collect()
    before = resident()
    for number in range(1, count + 1):
        _add(cache, distribution, behavior, number)
    gc.collect()
    held = resident() - before
    assert len(cache.store) == count + 1, "nothing was evicted"
    return held / count - OBJECT


def _bench_distribution() -> tuple[Distribution, Behavior]:
    policy = next(one for one in MANAGED_CACHE_POLICIES.values() if one.name == "Managed-CachingOptimized")
    behavior = Behavior("*", "small", policy)
    origins = {"small": Origin("small", "127.0.0.1")}
    return Distribution("EBENCH", "bench.cloudfront.test", origins, (behavior,)), behavior


def _add(cache: Cache, distribution: Distribution, behavior: Behavior, number: int) -> None:
    """What a viewer's miss leaves behind: heads as the wire parsed them, a body as it came, a decided entry."""
    asked = parse_request(_REQUEST % number, 8_192, 32_768)
    came = parse_response(_RESPONSE % (number // 60 % 60, number % 60, number))
    request = Request(asked.method, asked.target, asked.headers)
    key = cache_key(distribution, behavior, request)
    exchange = Exchange(cache, Ask(str(number), request, distribution, behavior, key))
    now = START + number / 1000
    assert isinstance(exchange.start(now), Fetch)
    step = exchange.tell(Answered(Response(came.status, came.headers, came.reason, OBJECT), now, now))
    assert isinstance(step, Relay)
    assert step.entry is not None
    step.entry.body.append(os.urandom(OBJECT))
    step.entry.body.finish()
    exchange.tell(Ended(now))


def run(park: Park, objects: int, live_objects: int) -> list[Result]:
    """Both ways of measuring it."""
    core = Result(
        "memory-core",
        f"memory per cached 1 kB object beyond its bytes, {objects:,} in one edge",
        "growth of resident memory while the core's exchange stores them, heads parsed by the wire",
        "kB",
        (TARGET,),
    )
    done = subprocess.run(
        [sys.executable, "-m", "bench.memory", str(objects)], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        core.failures.append(done.stderr.strip()[-300:])
    else:
        core.values["edgesim"] = [float(done.stdout) / 1000]
    return [core, _live(park, live_objects)]


def _live(park: Park, objects: int) -> Result:
    live = Result(
        "memory-live",
        f"the same through a live edge, {objects:,} objects",
        "growth of resident memory of edgesim up while wrk asks for them, by what its cache says it holds",
        "kB",
        (TARGET,),
    )
    live.skipped = skipped()
    if live.skipped:
        return live
    server = park.get("edgesim-memory")
    # From here on the ring of verdicts is full of what the full path answered, as it will be.
    drive(server.url(), Load(script="each.lua", arguments=("/miss/", str(10_000_000)), seconds=6))
    before = server.processes[0].rss()
    run = drive(server.url(), Load(script="each.lua", arguments=("/o/", str(10_000_000)), seconds=objects / 4_000))
    stored = max(1, run.requests)
    live.values["edgesim"] = [((server.processes[0].rss() - before) / stored - OBJECT) / 1000]
    live.notes.append(f"{stored:,} objects were stored")
    park.drop("edgesim-memory")
    return live


if __name__ == "__main__":
    sys.stdout.write(f"{fill(int(sys.argv[1]))}\n")
