"""``edgesim up``: start a world and serve viewers until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from edgesim.assembly import garbage
from edgesim.assembly.running import Address, Options, RunningWorld
from edgesim.assembly.workers import WorkersOptions, WorkersWorld, shield_warning
from edgesim.cli import roles
from edgesim.cli.listening import DEFAULT_STATE, address, origins
from edgesim.control.app import Control
from edgesim.observe.clock import system_time
from edgesim.world.commands import Configure
from edgesim.world.loading import check_world

DEFAULT_CONFIG = "configs/demo.yaml"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        name,
        help=summary,
        description="Start a world and serve viewers until Ctrl-C or SIGTERM, which finish what is in flight.",
        epilog="When everything answers, one line on standard output says where: edgesim ready http=... control=...",
    )
    parser.add_argument("config", nargs="?", help=f"the world file (default {DEFAULT_CONFIG}, or the built-in demo)")
    parser.add_argument("--http", metavar="[HOST:]PORT", help="HTTP for viewers (default 8080; 0 picks a free port)")
    parser.add_argument("--https", metavar="[HOST:]PORT", help="HTTPS for viewers (default 8443)")
    parser.add_argument("--control", metavar="[HOST:]PORT", help="dashboard and control API (default 8081)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--state", metavar="DIR", type=Path, help=f"where state is kept (default {DEFAULT_STATE})")
    where.add_argument("--ephemeral", action="store_true", help="keep nothing")
    parser.add_argument(
        "--origin",
        metavar="NAME=URL",
        action="append",
        default=[],
        help="put the named origin of the world file at this URL instead (can be repeated)",
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=int,
        default=1,
        help="spread the edges over N processes, so that more cores serve (default 1)",
    )
    roles.add_flags(parser)
    parser.add_argument(
        "--lenient",
        action="store_true",
        help="repair requests of the CloudFront API that AWS would refuse, with a warning each",
    )
    parser.add_argument("--guide", action="store_true", help="once ready, print what to try")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the world until it is told to stop."""
    if options.workers < 1 or (options.workers > 1 and options.role != "all"):
        raise SystemExit("edgesim: --workers N: write a number from 1 up, and no --role with it")
    if options.lenient and options.role in ("edge", "front"):
        raise SystemExit(f"edgesim: --lenient: a process of --role {options.role} has no CloudFront API")
    try:
        import uvloop
    except ImportError:
        runner = asyncio.Runner()
    else:
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with runner:
        if options.role == "all":
            return runner.run(_serve(options))
        return runner.run(roles.serve(options, config_path(options.config)))


async def _serve(options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = config_path(options.config)
    checked = check_world(config, overrides={"origins": origins(options.origin)})
    for warning in checked.warnings:
        print(f"edgesim: warning: {warning}", file=sys.stderr)
    listen = checked.world.listen
    how = (
        checked.configure(system_time()),
        address(options.http, listen.http, 8080),
        address(options.https, listen.https, 8443),
        None if options.ephemeral else options.state or DEFAULT_STATE,
    )
    running = await _start(how, options.workers)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(running.close)
        control = Control(running, lenient=options.lenient)
        stack.push_async_callback(control.close)
        url = await control.start(address(options.control, listen.control, 8081))
        running.write_running_file(url)
        garbage.settle()
        print(_ready(running, url), flush=True)
        if options.guide:
            print(guide(running, url), flush=True)
        await stop.wait()
    return 0


async def _start(
    how: tuple[Configure | None, Address, Address, Path | None], workers: int
) -> RunningWorld | WorkersWorld:
    if workers <= 1:
        return await RunningWorld.start(Options(*how))
    running = await WorkersWorld.start(WorkersOptions(*how, workers=workers))
    if warning := shield_warning(running.world):
        print(f"edgesim: warning: {warning}", file=sys.stderr)
    return running


def config_path(given: str | None) -> Path:
    """The world file asked for; without one the demo, from here or from the package."""
    if given is not None:
        return Path(given)
    here = Path(DEFAULT_CONFIG)
    return here if here.exists() else Path(__file__).parent.parent / DEFAULT_CONFIG


def _ready(running: RunningWorld, control: str) -> str:
    http = running.http.url("http") if running.http is not None else "off"
    https = running.https.url("https") if running.https is not None else "off"
    return f"edgesim ready http={http} https={https} control={control} ca={running.certificates.path.absolute()}"


def guide(running: RunningWorld, control: str) -> str:
    """What to try first, for ``make demo``."""
    http = running.http.url("http") if running.http is not None else ""
    https = running.https.url("https") if running.https is not None else ""
    picture = f"{http}/wp-content/uploads/harbour.jpg"
    pops = ", ".join(list(running.world.edges)[:6])
    return f"""
  A world of {len(running.world.edges)} edges ({pops}, ...) in front of a small weblog.

  Be a viewer in Sydney, twice: first a Miss that takes its time, then a Hit
    curl -si -o /dev/null -D - -H 'X-Edgesim-Location: Sydney' {picture}
  The same from London, over TLS
    curl -si -o /dev/null -D - --cacert {running.certificates.path} -H 'X-Edgesim-Location: London' \\
         {https.replace("127.0.0.1", "localhost")}/wp-content/uploads/harbour.jpg
  Ask why (with the X-Amz-Cf-Id of any response)
    .venv/bin/edgesim explain --last
  A day passes: the next request is a RefreshHit
    .venv/bin/edgesim clock advance 25h
  Stop an edge, invalidate, look into the caches
    .venv/bin/edgesim edges stop SYD62-C1
    .venv/bin/edgesim invalidate '/wp-content/*'
    .venv/bin/edgesim edges

  Look:  {control}/      Stop: Ctrl-C
"""
