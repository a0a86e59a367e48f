"""``edgesim up --role``: a world in several processes, of which this is one."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from edgesim.assembly.control_process import ControlOptions, ControlProcess, SiteAt
from edgesim.assembly.edge_process import EdgeOptions, EdgeProcess
from edgesim.assembly.front_process import FrontOptions, FrontProcess
from edgesim.assembly.running import Address
from edgesim.assembly.secret import shared_token
from edgesim.cli.listening import DEFAULT_STATE, address, origins
from edgesim.control.app import Control
from edgesim.errors import EdgesimError
from edgesim.observe.clock import system_time
from edgesim.world.loading import check_world

ROLES = ("all", "control", "front", "edge")

T = TypeVar("T")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of a world in several processes."""
    group = parser.add_argument_group(
        "a world in several processes",
        "They share a token: EDGESIM_TOKEN, or a file EDGESIM_TOKEN_FILE, which the control plane makes if need be. "
        "See docs/compose.md.",
    )
    group.add_argument("--role", choices=ROLES, default="all", help="what this process does (default: all of it)")
    group.add_argument("--join", metavar="URL", help="front, edge: the control plane's internal port")
    group.add_argument(
        "--internal",
        metavar="[HOST:]PORT",
        help="control, edge: the port for the other processes (default 8082); never publish it",
    )
    group.add_argument("--name", default="", help="front, edge: its name in the list of members")
    group.add_argument("--edges", metavar="POP,...", default="", help="edge: the edges it runs, such as SYD62-C1")
    group.add_argument(
        "--advertise", metavar="HOST[:PORT]", help="edge: where the front door finds it (default: where it comes from)"
    )
    group.add_argument(
        "--publish",
        metavar="HTTP[,HTTPS]",
        help="edge, in redirect mode: the ports by which its --http and --https are reached from outside",
    )
    group.add_argument("--site-address", metavar="HOST", help="control: the toy site runs elsewhere, here")
    group.add_argument("--site-http", metavar="PORT", type=int, default=9080, help="its HTTP port (default 9080)")
    group.add_argument("--site-https", metavar="PORT", type=int, default=9443, help="its HTTPS port (default 9443)")
    group.add_argument("--site-certificate", metavar="DIR", type=Path, help="where to put its certificate, site.pem")


async def serve(options: argparse.Namespace, config: Path) -> int:
    """Run one part of a world until it is told to stop."""
    logging.basicConfig(format="edgesim: %(message)s", level=logging.WARNING)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    roles = {"control": _control, "edge": _edge, "front": _front}
    async with contextlib.AsyncExitStack() as stack:
        ready = await _unless(stop, roles[options.role](options, config, stack))
        if ready is not None:
            print(f"edgesim ready role={options.role} {ready}", flush=True)
            await stop.wait()
    return 0


async def _unless(stop: asyncio.Event, starting: Coroutine[Any, Any, T]) -> T | None:
    """What ``starting`` gives; None when we are told to stop before: it may have to wait long for the others."""
    async with asyncio.TaskGroup() as group:
        work = group.create_task(_outcome(starting))
        told = group.create_task(stop.wait())
        await asyncio.wait((work, told), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not work.done():
            work.cancel()
            return None
        value, error = work.result()
    if error is not None:
        raise error
    return value


async def _outcome(starting: Coroutine[Any, Any, T]) -> tuple[T | None, EdgesimError | None]:
    # as a value: a task group would wrap the exception
    try:
        return await starting, None
    except EdgesimError as error:
        return None, error


async def _control(options: argparse.Namespace, config: Path, stack: contextlib.AsyncExitStack) -> str:
    checked = check_world(config, overrides={"origins": origins(options.origin)})
    for warning in checked.warnings:
        print(f"edgesim: warning: {warning}", file=sys.stderr)
    site = None
    if options.site_address:
        site = SiteAt(options.site_address, options.site_http, options.site_https, options.site_certificate)
    running = await ControlProcess.start(
        ControlOptions(
            checked.configure(system_time()),
            state=None if options.ephemeral else options.state or DEFAULT_STATE,
            token=shared_token(make=True),
            internal=address(options.internal, None, 8082),
            site=site,
        )
    )
    stack.push_async_callback(running.close)
    control = Control(running, lenient=options.lenient)
    stack.push_async_callback(control.close)
    url = await control.start(address(options.control, checked.world.listen.control, 8081))
    running.write_running_file(url)
    return f"control={url} internal={running.internal.url('http')} ca={running.certificates.path.absolute()}"


async def _edge(options: argparse.Namespace, _: Path, stack: contextlib.AsyncExitStack) -> str:
    running = await EdgeProcess.start(
        EdgeOptions(
            join=_join(options),
            token=shared_token(),
            name=options.name,
            status=address(options.control, None, 8081),
            edges=tuple(part.strip() for part in options.edges.split(",") if part.strip()),
            internal=address(options.internal, None, 8082),
            advertise=_advertised(options.advertise),
            own_http=address(options.http, None, 0) if options.http else None,
            own_https=address(options.https, None, 0) if options.https else None,
            published=_published(options.publish),
        )
    )
    stack.push_async_callback(running.close)
    edges = ",".join(running.options.edges)
    own = f"http={_url(running.http, 'http')} https={_url(running.https, 'https')}"
    return f"edges={edges} internal={running.internal.url('http')} health={running.status.url('http')} {own}"


async def _front(options: argparse.Namespace, _: Path, stack: contextlib.AsyncExitStack) -> str:
    running = await FrontProcess.start(
        FrontOptions(
            http=address(options.http, None, 8080),
            https=address(options.https, None, 8443),
            join=_join(options),
            token=shared_token(),
            name=options.name,
            status=address(options.control, None, 8081),
        )
    )
    stack.push_async_callback(running.close)
    own = f"http={_url(running.http, 'http')} https={_url(running.https, 'https')}"
    return f"{own} health={running.status.url('http')} ca={running.certificates.path.absolute()}"


def _url(at: Address | None, scheme: str) -> str:
    return "off" if at is None else at.url(scheme)


def _join(options: argparse.Namespace) -> str:
    url = str(options.join or "")
    if not url.startswith(("http://", "https://")):
        hint = "--join http://HOST:8082, the control plane's internal port"
        raise SystemExit(f"edgesim: --role {options.role} needs {hint}")
    return url


def _advertised(text: str | None) -> Address | None:
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        return Address(text.strip("[]"), 0)
    if not port.isdecimal():
        raise SystemExit(f"edgesim: --advertise {text!r}: write HOST or HOST:PORT")
    return Address(host.strip("[]"), int(port))


def _published(text: str | None) -> tuple[int, int]:
    plain, _, secure = (text or "0").partition(",")
    if not plain.isdecimal() or not (secure or "0").isdecimal():
        raise SystemExit(f"edgesim: --publish {text!r}: write HTTP or HTTP,HTTPS, such as 9001,9002")
    return int(plain), int(secure or "0")
