"""The rows that wrk drives: what each asks of which servers, and what it may cost."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.results import Target
from bench.wrk import Load

OBJECTS, AGENTS = 10_000, 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. ``kind`` is what is compared: CPU per request, or the 99th percentile of latency.

    ``warm`` runs once per server before the first round.
    """

    name: str
    what: str
    targets: tuple[Target, ...]
    servers: tuple[str, ...]
    load: Load
    warm: tuple[Load, ...] = ()
    secure: bool = False
    kind: str = "cpu"
    subject: str = "edgesim"
    how: str = ""
    most_rounds: int = 99
    etag: bool = False
    least_ms: float = 0.0

    @property
    def unit(self) -> str:
        """Of its values."""
        return "µs" if self.kind == "cpu" else "ms"


def rows(seconds: float, crowd_seconds: float) -> list[Row]:
    """All of them; a round asks each server for so long."""
    plain = Load(seconds=seconds)
    brief = Load(seconds=1)
    both = ("nginx", "edgesim")
    everyone = ("nginx", "varnish", "nginx-tuned", "floor", "edgesim")

    def hit(name: str, connections: int = 32) -> Load:
        return replace(plain, path=f"/{name}", connections=connections)

    zipf = replace(plain, path="/", script="zipf.lua", arguments=(str(OBJECTS), "0.9", str(AGENTS), "7"))
    fill = replace(brief, script="each.lua", arguments=("/o/", str(OBJECTS)), seconds=max(3.0, 2 * seconds))
    meet = replace(brief, script="agents.lua", arguments=("/o/1", str(AGENTS)))
    again = replace(zipf, seconds=max(3.0, 2 * seconds))
    return [
        Row(
            "hit-1k",
            "hit, 1 kB, keep-alive",
            (Target(0.75, "nginx"), Target(0.4, "varnish")),
            everyone,
            hit("1k"),
            (replace(brief, path="/1k"),),
            how="wrk -c32; for information: nginx-tuned (buffered log, open_file_cache) and floor (constant bytes)",
        ),
        Row("hit-100k", "hit, 100 kB", (Target(0.9, "nginx"),), both, hit("100k"), (replace(brief, path="/100k"),)),
        Row("hit-10m", "hit, 10 MB", (Target(1.5, "nginx"),), both, hit("10m", 8), (replace(brief, path="/10m"),)),
        Row(
            "hit-tls",
            "hit, 1 kB, TLS 1.3, keep-alive",
            (Target(1.0, "nginx"),),
            both,
            hit("1k"),
            (replace(brief, path="/1k"),),
            secure=True,
        ),
        Row(
            "hit-zipf",
            "hit, 10,000 objects by Zipf 0.9, 1,000 User-Agents",
            (Target(1.5, "nginx"),),
            both,
            zipf,
            (fill, meet, again),
            how="wrk with zipf.lua, after every object was asked for once and every User-Agent was seen",
        ),
        Row(
            "miss",
            "miss, uncacheable 1 kB relayed, pooled origin connections",
            (Target(5, "nginx"),),
            both,
            hit("miss"),
            (replace(brief, path="/miss"),),
        ),
        Row(
            "full-304",
            "full path: conditional GET, 304",
            (Target(120),),
            both,
            hit("1k"),
            (replace(brief, path="/1k"),),
            etag=True,
            how="If-None-Match with the stored ETag; never on the fast path",
        ),
        Row(
            "full-206",
            "full path: range of 500 bytes, 206",
            (Target(120),),
            both,
            replace(hit("1k"), headers=("Range: bytes=100-599",)),
            (replace(brief, path="/1k"),),
            how="Range: bytes=100-599; never on the fast path",
        ),
        Row(
            "full-first",
            "full path: hit with a head never seen before",
            (Target(120),),
            both,
            replace(hit("1k"), script="heads.lua", arguments=("/1k",)),
            (replace(brief, path="/1k"),),
            how="every head differs, so each is parsed and decided, and none is worth learning",
        ),
        Row(
            "crowd",
            "2,000 concurrent keep-alive viewers, 1 kB hits, p99",
            (Target(3, "nginx"),),
            both,
            replace(hit("1k", 2_000), seconds=crowd_seconds),
            (replace(brief, path="/1k"),),
            kind="p99",
            most_rounds=1 if crowd_seconds > 5 else 99,
            how=f"wrk -c2000 for {crowd_seconds:g} s; an error of any kind fails the row",
        ),
        Row(
            "delayed",
            "5,000 delayed answers in flight (viewers in Sydney, edge in London)",
            (Target(2, "edgesim"),),
            ("edgesim", "edgesim-real"),
            hit("1k", 5_000),
            (replace(brief, path="/1k"),),
            subject="edgesim-real",
            how="wrk -c5000; latency: real against the same world with latency: reported",
            least_ms=100.0,
        ),
    ]
