"""One route of the control API as a value: what serves it is also what its documentation is made of."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import inf
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from edgesim.control.desk import Desk
from edgesim.errors import ControlError
from edgesim.world.fields import show

PREFIX = "/_edgesim"

LARGEST_BODY = 1024 * 1024

B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Param:
    """One query parameter; ``default`` is its value when it is not given."""

    name: str
    kind: Literal["integer", "number", "string"]
    about: str
    default: Any = None
    least: float | None = None
    most: float | None = None

    def read(self, text: str) -> Any:
        """The value of a text; raises ControlError saying what was expected."""
        if self.kind == "string":
            return text
        try:
            value = int(text) if self.kind == "integer" and len(text) <= 20 else float(text)
        except ValueError:
            value = float("nan")
        whole = self.kind != "integer" or isinstance(value, int)
        low = -inf if self.least is None else self.least
        high = inf if self.most is None else self.most
        if not (whole and low <= value <= high):  # false for NaN as well
            raise bad(f"{self.name}: found {show(text)}; expected {self.expected}")
        return value

    @property
    def expected(self) -> str:
        """What would do."""
        what = "a whole number" if self.kind == "integer" else "a number"
        if self.least is None or self.most is None:
            return what
        return f"{what} from {self.least:g} to {self.most:g}"


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the control port, read and checked."""

    desk: Desk
    request: web.Request
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: BaseModel | None

    def of(self, kind: type[B]) -> B:
        """The body, which the route says is of this kind."""
        assert isinstance(self.body, kind)
        return self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with a status of its own."""

    status: int
    data: Any


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path under ``PREFIX``, what it does, takes and gives. ``media`` is the answer's type."""

    method: str
    path: str
    handler: Handler
    about: str
    gives: str
    params: tuple[Param, ...] = ()
    body: type[BaseModel] | None = None
    example: Any = None
    media: str = "application/json"
    statuses: tuple[int, ...] = (200,)
    names: Mapping[str, str] = field(default_factory=dict)
    """What the variable parts of the path are."""

    @property
    def full(self) -> str:
        """The whole path."""
        return PREFIX + self.path if self.path != "/" else "/"


def bad(message: str) -> ControlError:
    """The error for an argument that cannot be."""
    return ControlError("InvalidArgument", message, 400)


async def read(route: Route, desk: Desk, request: web.Request) -> Call:
    """The call that a request is; raises ControlError."""
    body = await _body(route.body, request) if route.body is not None else None
    return Call(desk, request, request.match_info, _query(route, request), body)


def _query(route: Route, request: web.Request) -> dict[str, Any]:
    params = {param.name: param for param in route.params}
    found = {param.name: param.default for param in route.params}
    for name, text in request.query.items():
        if name not in params:
            near = get_close_matches(name, params, 1, 0.5)
            known = f"did you mean {near[0]}?" if near else f"known: {', '.join(params) or 'none'}"
            raise bad(f"there is no parameter {show(name)}; {known}")
        found[name] = params[name].read(text)
    return found


async def _body(kind: type[BaseModel], request: web.Request) -> BaseModel:
    raw = await request.read()
    try:
        data = json.loads(raw or b"{}")
    except RecursionError:
        raise bad("the body is nested too deeply to be a request") from None
    except ValueError as error:
        raise bad(f"the body is not JSON: {error}; expected a JSON object") from None
    if not isinstance(data, dict):
        raise bad(f"the body: found {show(data)}; expected a JSON object")
    try:
        json.dumps(data, ensure_ascii=False).encode()
        return kind.model_validate(data)
    except UnicodeEncodeError:
        raise bad("the body has half a surrogate pair in a text; expected Unicode text") from None
    except ValidationError as error:
        raise bad("; ".join(_mistake(kind, detail) for detail in error.errors(include_url=False)[:5])) from None


def _mistake(kind: type[BaseModel], detail: Any) -> str:
    """A pydantic error in words: where, what was found, what was expected."""
    where = ".".join(map(str, detail["loc"])) or "the body"
    type_, context = detail["type"], detail.get("ctx", {})
    if type_ == "extra_forbidden":
        near = get_close_matches(str(detail["loc"][-1]), kind.model_fields, 1, 0.5)
        known = f"did you mean {near[0]}?" if near else f"known: {', '.join(kind.model_fields)}"
        return f"{where[:80]}: unknown key; {known}"
    if type_ == "missing":
        return f"{where}: found nothing; expected a value"
    if type_ == "mistake":
        hint = f". {context['hint']}" if context["hint"] else ""
        return f"{where}: found {context['found']}; expected {context['expected']}{hint}"
    if type_ == "value_error":
        return f"{where}: {context['error']}"
    message = detail["msg"].removeprefix("Input should be ")
    return f"{where}: found {show(detail['input'])}; expected {message[:1].lower()}{message[1:]}"
