"""What does not end at once: the event stream, and the commands other processes follow."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from edgesim.control.route import Call, Param, Route, bad
from edgesim.errors import ControlError
from edgesim.observe.events import Hub
from edgesim.world.commands import to_json

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment says that the stream is alive."""

PATIENCE = 30.0
"""Seconds a client may leave its stream unread before it is dropped."""

LONGEST_WAIT = 60.0


async def events(call: Call) -> web.StreamResponse:
    hub, wanted = call.desk.hub, _names(call.query["only"])
    try:
        subscriber = hub.subscribe(wanted)
    except OverflowError:
        raise ControlError("TooManyListeners", "too many event streams are open; close some first", 503) from None
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    try:
        await response.prepare(call.request)
        await call.desk.running.settle()
        hello = {"generation": call.desk.world.generation, "requests": call.desk.running.records.total}
        await _write(response, _event("hello", hello))
        while not subscriber.closed:
            await subscriber.wait(KEEP_ALIVE)
            found = subscriber.take()
            text = "".join(_event(event.name, event.data) for event in found)
            await _write(response, text or ": still here\n\n")
    except (ConnectionError, TimeoutError):
        pass  # the client left, or did not read
    finally:
        hub.leave(subscriber)
    return response


def _names(text: str) -> frozenset[str]:
    names = frozenset(filter(None, (name.strip() for name in text.split(","))))
    if unknown := names - Hub.NAMES:
        raise bad(f"only: found {sorted(unknown)[0][:40]!r}; expected {' or '.join(sorted(Hub.NAMES))}")
    return names or Hub.NAMES


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(PATIENCE):
        await response.write(text.encode())


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


async def commands(call: Call) -> Any:
    """All commands after ``since``; when there are none, those of the next ``wait`` seconds."""
    desk, since, wait = call.desk, call.query["since"], call.query["wait"]
    keeper = desk.running.keeper
    if since > keeper.sequence:
        raise bad(f"since: found {since}; expected at most {keeper.sequence}, the last command there is")
    changed = desk.changed
    if since == keeper.sequence and wait and not desk.closing.is_set():
        try:
            async with asyncio.timeout(wait):
                await changed.wait()
        except TimeoutError:
            pass
    found = [[sequence, json.loads(to_json(command))] for sequence, command in keeper.commands(since)]
    return {"commands": found, "sequence": found[-1][0] if found else since}


ROUTES = (
    Route(
        "GET",
        "/events",
        events,
        "Requests and changes of the World as they happen, as server-sent events",
        "Events hello, verdict, world, and lost, which says how many a slow client did not get.",
        (Param("only", "string", "verdict or world; both unless given.", ""),),
        media="text/event-stream",
    ),
    Route(
        "GET",
        "/commands",
        commands,
        "The commands that made the World, for processes that follow it",
        "commands: pairs of sequence number and command; sequence: what to ask for next.",
        (
            Param("since", "integer", "The last sequence number that is known already.", 0, 0, 2**53),
            Param("wait", "number", "Seconds to wait for a command when there is none.", 0.0, 0, LONGEST_WAIT),
        ),
    ),
)
