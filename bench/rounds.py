"""Measuring a row: the servers in turn, A B A B, and what each used."""

from __future__ import annotations

import http.client
import time
from dataclasses import replace

from bench.processes import pinned
from bench.results import Result
from bench.rows import Row
from bench.servers import Park, Server
from bench.tools import PACKAGES, missing
from bench.wrk import Run, drive

SETTLE = 1.3
"""Seconds after the load in which logs are still written, and counted."""


def skipped() -> str:
    """Why rows cannot run here, or nothing."""
    lacking = missing(("nginx", "wrk"))
    return f"{', '.join(lacking)} missing (Debian: {', '.join(PACKAGES[name] for name in lacking)})" if lacking else ""


def run_row(row: Row, park: Park, rounds: int) -> Result:
    """All rounds of one row."""
    alone = "pinned to CPU 0, load and origin on CPU 1" if pinned([""], "0") != [""] else "not pinned"
    measure = "CPU (user + system) of the server's processes per request" if row.kind == "cpu" else "p99 of latency"
    result = Result(
        row.name, row.what, "; ".join(filter(None, (measure, row.how, alone))), row.unit, row.targets, row.subject
    )
    result.skipped = skipped()
    if result.skipped:
        return result
    servers = []
    for name in row.servers:
        if name == "varnish" and missing(("varnishd",)):
            result.notes.append("varnish is missing, its part is skipped (Debian: varnish)")
            continue
        try:
            server = park.get(name)
            for load in row.warm:
                drive(server.url(row.secure), load)
        except (RuntimeError, OSError, ValueError) as error:
            result.notes.append(f"{name} skipped: {error}")
            continue
        servers.append(server)
    for number in range(min(rounds, row.most_rounds)):
        turn = servers if number % 2 == 0 else servers[::-1]
        for server in turn:
            _measure(row, server, result)
    return result


def _measure(row: Row, server: Server, result: Result) -> None:
    load = row.load
    if row.etag:
        load = replace(load, headers=(f"If-None-Match: {etag_of(server, load.path)}",))
    name = server.name
    before, beside = server.cpu(), server.beside()
    try:
        run = drive(server.url(row.secure), load)
    except ValueError as error:
        result.failures.append(f"{name}: {error}")
        return
    time.sleep(SETTLE)
    used, used_beside = server.cpu() - before, server.beside() - beside
    _check(row, name, run, result)
    if run.requests:
        value = used / run.requests * 1e6 if row.kind == "cpu" else run.percentiles.get(99, 0.0)
        result.values.setdefault(name, []).append(value)
        if used_beside > 0:
            result.values.setdefault(f"{name}'s log writer", []).append(used_beside / run.requests * 1e6)


def _check(row: Row, name: str, run: Run, result: Result) -> None:
    if run.failed:
        result.failures.append(f"{name}: {run.errors} in {run.requests} requests")
    if row.kind == "p99" and 99 not in run.percentiles:
        result.failures.append(f"{name}: wrk gave no 99th percentile")
    if row.least_ms and name == row.subject and run.percentiles.get(50, 0.0) < row.least_ms:
        result.failures.append(f"{name}: the median took {run.percentiles.get(50, 0.0):.0f} ms, so was not delayed")


def etag_of(server: Server, path: str) -> str:
    """The entity tag a server gives for a path."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.getheader("ETag") or '"none"'
    finally:
        connection.close()
