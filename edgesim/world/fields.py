"""The kinds of values a world file is made of: how each is written, read, and described to an editor."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from edgesim.core.behaviors import ALL_METHODS, GET_HEAD, GET_HEAD_OPTIONS, METHOD_SETS
from edgesim.core.policies import EVERYTHING, NOTHING, Pick, Take
from edgesim.world.units import UnitError, parse_duration, parse_size

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110 section 5.6.2
T = TypeVar("T")


class Model(BaseModel):
    """A part of the file: unknown keys are errors, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def mistake(found: str, expected: str, hint: str = "") -> PydanticCustomError:
    """A validation error that already speaks the language of ``ConfigError``."""
    return PydanticCustomError("mistake", "{expected}", {"found": found, "expected": expected, "hint": hint})


def conflict(info: ValidationInfo, found: str, expected: str, hint: str = "") -> None:
    """Raise a mistake about parts that do not go together, unless the reader looks for other mistakes now."""
    if not (info.context or {}).get("lenient"):
        raise PydanticCustomError("conflict", "{expected}", {"found": found, "expected": expected, "hint": hint})


def show(value: object) -> str:
    """A value as an error message quotes it: short, and never a wall of text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 80 else text[:77] + '..."'


def _quantity(parse: Callable[[object], T]) -> Callable[[object], T]:
    def read(value: object) -> T:
        try:
            return parse(value)
        except UnitError as error:
            raise mistake(show(value), error.expected, error.hint) from None

    return read


def _whole_seconds(value: object) -> int:
    seconds = parse_duration(value)
    if seconds != int(seconds):
        raise UnitError(value, "a whole number of seconds", "CloudFront counts TTLs in seconds")
    return int(seconds)


_DURATION_SCHEMA = {"type": ["number", "string"], "examples": [10, "10 s", "5 min", "1h30m", "1 day"]}
_SIZE_SCHEMA = {"type": ["integer", "string"], "examples": [1000, "64 MB", "1 GiB"]}

Seconds = Annotated[float, BeforeValidator(_quantity(parse_duration)), WithJsonSchema(_DURATION_SCHEMA)]
WholeSeconds = Annotated[int, BeforeValidator(_quantity(_whole_seconds)), WithJsonSchema(_DURATION_SCHEMA)]
Bytes = Annotated[int, BeforeValidator(_quantity(parse_size)), WithJsonSchema(_SIZE_SCHEMA)]


def _names_of(value: object, expected: str, valid: Callable[[str], bool]) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise mistake(show(value), expected)
    for name in value:
        if not isinstance(name, str) or not valid(name):
            raise mistake(show(name), f"a name in {expected}")
    if len({name.lower() for name in value}) < len(value) and valid is _is_token:
        raise mistake("a name twice", "each name once")
    return tuple(value)


def _is_token(name: str) -> bool:
    return bool(TOKEN.fullmatch(name))


def _is_text(name: str) -> bool:
    return bool(name) and name.isprintable()


def _pick(
    value: object, words: dict[str, Pick], mappings: dict[str, Take], valid: Callable[[str], bool] = _is_text
) -> Pick:
    """``none``, ``all``, a list of names, or a mapping of one way of taking to its names."""
    if isinstance(value, Pick):
        return value
    ways = [*words, "a list of names", *(f"{{{way}: [names]}}" for way in mappings)]
    expected = f"{', '.join(ways[:-1])} or {ways[-1]}"
    if isinstance(value, str) and value in words:
        return words[value]
    if isinstance(value, dict) and len(value) == 1:
        way, names = next(iter(value.items()))
        if way in mappings:
            return Pick(mappings[way], _names_of(names, "a list of names", valid))
    if isinstance(value, list | tuple):
        names = _names_of(value, "a list of names", valid)
        return Pick(Take.LISTED, names) if names else NOTHING
    raise mistake(show(value), expected)


def _pick_schema(words: list[str], mappings: tuple[str, ...] = ()) -> WithJsonSchema:
    names = {"type": "array", "items": {"type": "string"}}
    ways: list[dict[str, Any]] = [{"enum": words}, names]
    ways += [
        {"type": "object", "properties": {way: names}, "required": [way], "additionalProperties": False}
        for way in mappings
    ]
    return WithJsonSchema({"anyOf": ways})


def _pick_as_written(pick: Pick) -> Any:
    words = {Take.NONE: "none", Take.ALL: "all", Take.ALL_VIEWER: "all_viewer"}
    if pick.take in words:
        return words[pick.take]
    names = list(pick.names)
    way = {Take.ALL_EXCEPT: "all_except", Take.ALL_VIEWER_AND_CLOUDFRONT: "all_viewer_and"}.get(pick.take)
    return {way: names} if way else names


_AS_WRITTEN = PlainSerializer(_pick_as_written)
_WORDS = {"none": NOTHING, "all": EVERYTHING}
_ALL_EXCEPT = {"all_except": Take.ALL_EXCEPT}

KeyHeaders = Annotated[
    Pick,
    PlainValidator(lambda value: _pick(value, {"none": NOTHING}, {}, _is_token)),
    _AS_WRITTEN,
    _pick_schema(["none"]),
]
"""Headers of a cache policy: none or a list (spec §3.1)."""

Names = Annotated[
    Pick,
    PlainValidator(lambda value: _pick(value, _WORDS, _ALL_EXCEPT)),
    _AS_WRITTEN,
    _pick_schema(["none", "all"], ("all_except",)),
]
"""Cookies or query parameters: none, all, a list, or all but a list (spec §3.1)."""

ForwardedHeaders = Annotated[
    Pick,
    PlainValidator(
        lambda value: _pick(
            value,
            {"none": NOTHING, "all_viewer": Pick(Take.ALL_VIEWER)},
            {"all_except": Take.ALL_EXCEPT, "all_viewer_and": Take.ALL_VIEWER_AND_CLOUDFRONT},
            _is_token,
        )
    ),
    _AS_WRITTEN,
    _pick_schema(["none", "all_viewer"], ("all_except", "all_viewer_and")),
]
"""Headers of an origin request policy (spec §3.2)."""

LegacyNames = Annotated[
    Pick, PlainValidator(lambda value: _pick(value, _WORDS, {})), _AS_WRITTEN, _pick_schema(["none", "all"])
]
"""Headers or cookies of ForwardedValues: none, all or a list (spec §3.3)."""

_METHOD_WORDS = {"GET_HEAD": GET_HEAD, "GET_HEAD_OPTIONS": GET_HEAD_OPTIONS, "ALL": ALL_METHODS}


def _methods(value: object) -> frozenset[str]:
    if isinstance(value, frozenset):
        value = sorted(value)
    if isinstance(value, str) and value in _METHOD_WORDS:
        return _METHOD_WORDS[value]
    if isinstance(value, list | tuple) and all(isinstance(method, str) for method in value):
        chosen = frozenset(value)
        if chosen in METHOD_SETS and len(chosen) == len(value):
            return chosen
        raise mistake(
            ", ".join(value) or "an empty list",
            "GET and HEAD, GET, HEAD and OPTIONS, or all seven methods",
            "CloudFront knows only these three sets; write GET_HEAD, GET_HEAD_OPTIONS or ALL",
        )
    raise mistake(show(value), "GET_HEAD, GET_HEAD_OPTIONS, ALL or a list of methods")


Methods = Annotated[
    frozenset[str],
    PlainValidator(_methods),
    PlainSerializer(lambda methods: next(word for word, known in _METHOD_WORDS.items() if known == methods)),
    WithJsonSchema({"anyOf": [{"enum": list(_METHOD_WORDS)}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One of the three sets of methods a behaviour may allow (spec §3.9)."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int


def _listen_address(value: object) -> ListenAddress:
    expected = 'a port such as 8080, or "host:port"'
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"\d{1,5}", port, re.ASCII) or int(port) > 65_535:
        raise mistake(show(value), expected, "Ports go from 0 (any free one) to 65535")
    return ListenAddress(host.strip("[]") or "127.0.0.1", int(port))


Listen = Annotated[
    ListenAddress,
    PlainValidator(_listen_address),
    PlainSerializer(lambda address: f"{address.host}:{address.port}"),
    WithJsonSchema({"type": ["integer", "string"], "examples": [8080]}),
]


def _pathname_or_off(value: object) -> str | None:
    if value is False:
        return None
    if isinstance(value, str) and value:
        return value
    raise mistake(show(value), "a file name, or false")


FileOrOff = Annotated[
    str | None,
    PlainValidator(_pathname_or_off),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"const": False}]}),
]


def _text_or_off(value: object) -> object:
    return None if value is False else value


NameOrOff = Annotated[
    str | None,
    BeforeValidator(_text_or_off),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"const": False}]}),
]
"""A name, or false for none."""


def _percent_or_off(value: object) -> object:
    return None if value is False else value


PercentOrOff = Annotated[
    float | None,
    BeforeValidator(_percent_or_off),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 100}, {"const": False}]}),
]
