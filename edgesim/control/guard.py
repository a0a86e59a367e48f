"""Who may speak to the control port, and how mistakes are answered.

A page from elsewhere in the user's browser is not welcome: a Host that is no loopback name means its name was rebound
to this machine, an Origin that is not this port's own means it writes across origins. Both get 403.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection
from difflib import get_close_matches
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from edgesim.errors import ClientError, ControlError, EdgesimError

HOSTS_VARIABLE = "EDGESIM_CONTROL_HOSTS"
"""Environment: more host names the port may be asked by, separated by commas, for containers."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

log = logging.getLogger("edgesim.control")


def own_names() -> frozenset[str]:
    """The names of ``EDGESIM_CONTROL_HOSTS``."""
    return frozenset(name.strip().lower() for name in os.environ.get(HOSTS_VARIABLE, "").split(",") if name.strip())


def is_own(host: str, names: Collection[str]) -> bool:
    """Whether a Host header is this port's: a loopback name or address, or one of the configured names."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


Failure = Callable[[int, str, str], web.Response]
"""Makes a response of a status, a code and a message."""


def guard(
    names: Collection[str], paths: Callable[[], list[str]], refusals: Callable[[web.Request], Failure | None]
) -> Middleware:
    """The middleware around everything. ``paths`` are the known ones, for hints; ``refusals`` gives how a request wants
    its errors, None for JSON.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        failed = refusals(request) or failure
        try:
            _check_source(request, names)
            response = await handler(request)
        except ControlError as error:
            response = failed(error.status, error.code, error.message)
        except ClientError as error:
            response = failed(error.status, "InvalidArgument", error.message)
        except web.HTTPRequestEntityTooLarge:
            response = failed(413, "RequestTooLarge", "the body is larger than 1 MiB")
        except web.RequestPayloadError:
            response = failed(400, "InvalidRequest", "the body is not what its Content-Encoding says")
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            response = failed(405, "MethodNotAllowed", f"{request.method} is not allowed here; {allowed} are")
            response.headers["Allow"] = allowed
        except web.HTTPNotFound:
            response = failed(404, "NoSuchRoute", _no_route(request.path, paths()))
        except web.HTTPException as error:
            response = failed(error.status, "InvalidRequest", error.reason)
        except EdgesimError as error:
            response = failed(500, "InternalError", str(error))
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            response = failed(500, "InternalError", "edgesim failed; its own output says how")
        return _with_safety(response)

    return guarded


def _check_source(request: web.Request, names: Collection[str]) -> None:
    host = request.headers.get("Host", "")
    if not is_own(host, names):
        hint = f"ask by 127.0.0.1 or localhost, or name it in {HOSTS_VARIABLE}"
        raise ControlError("AccessDenied", f"the control port is not called {host[:80]!r}; {hint}", 403)
    origin = request.headers.get("Origin")
    if request.method not in SAFE and origin is not None and origin.partition("://")[2].lower() != host.lower():
        raise ControlError("AccessDenied", f"pages of {origin[:80]} may not change this world", 403)


def _no_route(path: str, known: list[str]) -> str:
    near = get_close_matches(path[:200], known, 1, 0.3)
    hint = f"; the nearest is {near[0]}" if near else ""
    return f"there is no {path[:200]}{hint}; GET /_edgesim/docs lists everything"


def failure(status: int, code: str, message: str) -> web.Response:
    """An error as JSON."""
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


def _with_safety(response: web.StreamResponse) -> web.StreamResponse:
    if not response.prepared:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Content-Security-Policy", "default-src 'self' 'unsafe-inline' data:")
        response.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
    return response
