"""Which operation of a REST service a method, a raw path and a query ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl, unquote

from botocore.model import OperationModel

from edgesim.api.faults import fault
from edgesim.api.messages import Request
from edgesim.api.model import service

_LABEL = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path with labels, and what the query must hold literally (``WithTags``, ``Operation=Tag``)."""

    method: str
    path: re.Pattern[str]
    labels: tuple[str, ...]
    literal: frozenset[tuple[str, str]]
    operation: str

    def matches(self, path: str, query: Iterable[tuple[str, str]]) -> re.Match[str] | None:
        """The path's labels, when it is this route's."""
        return self.path.fullmatch(path) if self.literal.issubset(query) else None


@cache
def routes(name: str) -> tuple[Route, ...]:
    """The routes of a service, the most specific first."""
    model = service(name)
    made = [_route(model.operation_model(operation)) for operation in model.operation_names]
    return tuple(sorted(made, key=lambda route: (len(route.labels), -len(route.literal))))


def _route(operation: OperationModel) -> Route:
    path, _, query = operation.http["requestUri"].partition("?")
    pieces = _LABEL.split(path)
    pattern = "".join("([^/]+)" if at % 2 else re.escape(piece) for at, piece in enumerate(pieces))
    literal = frozenset(parse_qsl(query, keep_blank_values=True))
    return Route(operation.http["method"], re.compile(pattern), tuple(pieces[1::2]), literal, operation.name)


def find(name: str, request: Request, query: list[tuple[str, str]]) -> tuple[str, dict[str, str]]:
    """The operation's name and its labels, each decoded by itself. Raises ControlError."""
    path, allowed = request.path, set[str]()
    for route in routes(name):
        if (match := route.matches(path, query)) is None:
            continue
        if route.method == request.method:
            return route.operation, {
                label: _decoded(text) for label, text in zip(route.labels, match.groups(), strict=True)
            }
        allowed.add(route.method)
    if allowed:
        words = f"{request.method} is not allowed for this resource; {', '.join(sorted(allowed))} would be."
        raise fault("MethodNotAllowed", words)
    raise fault("UnknownOperationException", f"There is no operation for the path {path[:200]}.")


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise fault("InvalidArgument", "The path is not UTF-8.") from None
