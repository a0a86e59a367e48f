"""The command line of the witness."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from origin.lab import PARAMETERS
from origin.running import CannotStart, Running, Settings, running

PARENT_CHECK_SECONDS = 0.25
FILE_CHECK_SECONDS = 1.0

DESCRIPTION = """\
An origin to put behind a CDN: a toy WordPress-shaped site on two or more app nodes, behind a load balancer of its
own. It remembers every request that reached it, header for header, so that a test can ask what a CDN really sent.

When everything answers it prints one line:
  origin ready http=http://127.0.0.1:9080 https=https://127.0.0.1:9443
"""

ADDRESSES = """\
addresses
  /  /2026/…/slug/  /about/  /contact/  /tide-table/  /feed/  /?s=TERM         pages, shared for 5 minutes
  /wp-content/themes/harbour/style.css  app.js  /wp-content/uploads/harbour.jpg …   files, with ranges
  /wp-login.php  /wp-admin/  /wp-comments-post.php       any user name, password admin
  GET    /_origin/requests?since=NUMBER&path=PREFIX      what reached the site (the last 10,000 requests)
  DELETE /_origin/requests                               forget them
  GET    /_origin/nodes, /_origin/health                 the nodes, and whether one is up
  POST   /_origin/nodes/site-a  {"state": "stopped"}     take a node out; {"state": "running"} brings it back
  /lab, /lab/anything                                    any answer to order, by query:
"""

EXAMPLES = """
examples
  python -m origin --http 9080 --https 9443
  curl -i 'http://127.0.0.1:9080/lab?size=1000&cache-control=max-age=60&etag=a&break=500'
  python -m origin --role node --node-name site-a --bind 0.0.0.0 --http 9000 --data /var/lib/harbour
  python -m origin --role balancer --node http://site-a:9000 --node http://site-b:9000 --http 9080

signals
  SIGTERM, SIGINT   finish what is in flight (3 seconds at most) and exit 0
  SIGHUP            read --cert and --key again (so does a change of the file, within a second)

Nodes that are processes of their own share comments through --data, a directory that all of them can write to.
"""


def parser() -> argparse.ArgumentParser:
    lab = "\n".join(f"    {name:<15}{text}" for name, text in PARAMETERS.items())
    shape = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(
        "origin", None, DESCRIPTION, ADDRESSES + lab + "\n" + EXAMPLES, formatter_class=shape
    )
    made.add_argument("--role", choices=("site", "node", "balancer"), default="site", help="default: site, all in one")
    made.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (127.0.0.1)")
    made.add_argument(
        "--http", type=_port, default=0, metavar="PORT", help="HTTP port; 0, the default, picks a free one"
    )
    made.add_argument("--https", type=_port, metavar="PORT", help="HTTPS port of the balancer; without it no HTTPS")
    made.add_argument("--cert", type=Path, metavar="FILE", help="certificate chain, PEM (self-signed without)")
    made.add_argument("--key", type=Path, metavar="FILE", help="its private key, PEM")
    made.add_argument("--nodes", type=_count, default=2, metavar="N", help="app nodes of the role site, 1 to 26 (2)")
    made.add_argument(
        "--node", action="append", default=[], type=_url, metavar="URL", help="a node of the role balancer"
    )
    made.add_argument("--node-name", default="site-a", metavar="NAME", help="name of the role node (site-a)")
    made.add_argument("--sticky", action="store_true", help="keep a client on one node by the cookie HARBOURLB")
    made.add_argument("--host-name", default="harbour.example", metavar="NAME", help="host in the feed and certificate")
    made.add_argument("--health-interval", type=_seconds, default=1.0, metavar="S", help="seconds between checks (1)")
    made.add_argument("--data", type=Path, metavar="DIR", help="keep comments there (in memory without)")
    made.add_argument(
        "--signed-only",
        nargs="?",
        const="/",
        type=_path,
        metavar="PREFIX",
        help="paths that begin so (all without PREFIX) answer 403 unless signed with edgesim's key, as a bucket",
    )
    made.add_argument("--exit-with-parent", action="store_true", help="exit when the process that started it has gone")
    return made


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings, or a SystemExit with a friendly word when flags do not go together."""
    refuse = parser().error
    if (arguments.cert is None) != (arguments.key is None):
        refuse("--cert and --key go together: give both or neither")
    if arguments.role == "balancer" and not arguments.node:
        refuse("--role balancer needs nodes: add --node http://HOST:PORT for each")
    if arguments.role != "balancer" and arguments.node:
        refuse("--node is for --role balancer; with --role site say --nodes N")
    if arguments.role == "node" and arguments.https is not None:
        refuse("a node speaks HTTP only: give --https to the balancer")
    if arguments.role == "balancer" and arguments.signed_only is not None:
        refuse("--signed-only is for the nodes: the balancer passes everything on")
    given = vars(arguments)
    names = [name for name in Settings.__dataclass_fields__ if name != "node_urls"]
    return Settings(**{name: given[name] for name in names}, node_urls=tuple(arguments.node))


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = parser().parse_args(arguments)
    settings = settings_of(parsed)
    try:
        return asyncio.run(_serve(settings, os.getppid() if parsed.exit_with_parent else None))
    except CannotStart as error:
        print(f"origin: {error}", file=sys.stderr)
        return 1


async def _serve(settings: Settings, parent: int | None) -> int:
    """Run until a signal or, given its process id, until the parent has gone."""
    ended, starting = asyncio.Event(), asyncio.current_task()
    loop = asyncio.get_running_loop()

    def end() -> None:
        ended.set()
        if starting is not None:
            starting.cancel()  # told to end before everything answered

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    with contextlib.suppress(asyncio.CancelledError):
        async with running(settings) as site, asyncio.TaskGroup() as group:
            starting = None
            watches = [group.create_task(_watch_files(site, settings.cert))] if settings.cert is not None else []
            if parent is not None:
                watches.append(group.create_task(_watch(parent, ended)))
            loop.add_signal_handler(signal.SIGHUP, _reload, site)
            print(site.ready_line, flush=True)
            await ended.wait()
            for watch in watches:
                watch.cancel()
    return 0


async def _watch(parent: int, ended: asyncio.Event) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells a process that it was orphaned
        await asyncio.sleep(PARENT_CHECK_SECONDS)
    ended.set()


async def _watch_files(site: Running, path: Path) -> None:
    """Whoever renews a certificate may be in another container, from where no signal comes."""
    known = _changed_at(path)
    while True:
        await asyncio.sleep(FILE_CHECK_SECONDS)
        now = _changed_at(path)
        if now != known:
            known = now
            _reload(site)


def _changed_at(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino


def _reload(site: Running) -> None:
    if site.certificate is None or not site.certificate.has_files:
        return
    try:
        site.certificate.reload()
    except OSError as error:
        print(f"origin: the certificate stays as it was: {error}", file=sys.stderr, flush=True)


def _path(text: str) -> str:
    if not text.startswith("/"):
        raise argparse.ArgumentTypeError(f"a path begins with /, unlike {text!r}")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 26:
        raise argparse.ArgumentTypeError(f"from 1 to 26 nodes, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"seconds from 0.01 to 3600, not {text!r}")
    return value


def _url(text: str) -> str:
    if not text.startswith("http://") or not text.removeprefix("http://").strip("/"):
        raise argparse.ArgumentTypeError(f"a node's address is like http://site-a:9000, not {text!r}")
    return text
