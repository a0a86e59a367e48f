"""Cache-Control as values (RFC 9111 §5.2), and targeted fields read as structured fields (RFC 9213, RFC 9651)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

LONGEST = 2**31
"""Any larger number of seconds is read as this one (RFC 9111 §1.2.2): 68 years is for ever here."""

_DIRECTIVE = re.compile(
    r"""[\s,]*
        (?P<name>[!#$%&'*+\-.^_`|~0-9A-Za-z]+)
        (?: \s*=\s* (?: "(?P<quoted>(?:[^"\\]|\\.)*)" | (?P<token>[^\s,"]*) ) )?
        (?P<junk>[^,]*)
        (?:,|$)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Directives:
    """The directives of one message. Names are lower case; a value is ``None`` when the directive has no argument.

    Lifetimes are whole seconds. A lifetime whose argument is not a number counts as 0, that is *stale*, where
    ``strict``; it is left out where not (RFC 9111 §4.2.1 encourages the first, CloudFront is taken to do the second).
    """

    values: Mapping[str, str | None]
    strict: bool = True
    broken: bool = False

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __bool__(self) -> bool:
        return bool(self.values)

    def bare(self, name: str) -> bool:
        """True when ``name`` stands without an argument; ``no-cache="Set-Cookie"`` is not the bare ``no-cache``."""
        return name in self.values and not self.values[name]

    def names(self, name: str) -> frozenset[str]:
        """The lower-case field names in the argument of ``no-cache="…"`` or ``private="…"``."""
        value = self.values.get(name)
        return frozenset(part.strip().lower() for part in value.split(",") if part.strip()) if value else frozenset()

    def seconds(self, name: str) -> int | None:
        """The argument of ``name`` in seconds, ``None`` when the directive is absent (or unreadable and not strict)."""
        if name not in self.values:
            return None
        value = self.values[name]
        if value is not None and _DIGITS.fullmatch(value):
            return min(int(value), LONGEST) if len(value) < 16 else LONGEST
        return 0 if self.strict else None


NONE = Directives(MappingProxyType({}))


@lru_cache(maxsize=4096)
def parse_cache_control(value: str | None, strict: bool = True) -> Directives:
    """Read a Cache-Control value, all its lines joined by commas.

    Case of names does not matter, arguments may be quoted or not, unknown directives are kept, and the first of two
    equal directives wins (where ``strict``, the one that means less reuse: RFC 9111 §4.2.1).
    """
    if not value:
        return NONE
    found: dict[str, str | None] = {}
    position = 0
    while position < len(value) and (match := _DIRECTIVE.match(value, position)):
        position = max(match.end(), position + 1)
        _keep(found, match["name"].lower(), _argument(match), strict)
    return Directives(MappingProxyType(found), strict)


def _argument(match: re.Match[str]) -> str | None:
    if match["quoted"] is not None:
        return _ESCAPED.sub(r"\1", match["quoted"])
    if match["token"] is None:
        return match["junk"].strip() or None
    return match["token"] + match["junk"].rstrip()


def _keep(found: dict[str, str | None], name: str, argument: str | None, strict: bool) -> None:
    if name not in found:
        found[name] = argument
        return
    if name in ("no-cache", "private"):
        old = found[name]
        found[name] = f"{old},{argument}" if old and argument else None
    elif strict and name in ("max-age", "s-maxage"):
        both = (found[name], argument)
        numbers = [int(text) for text in both if text is not None and _DIGITS.fullmatch(text)]
        found[name] = str(min(numbers)) if len(numbers) == 2 else "invalid"


_SF_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_SF_ITEM = re.compile(
    r"""(?P<number>-?[0-9]{1,12}\.[0-9]{1,3}|-?[0-9]{1,15})
      | "(?P<string>(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"
      | :(?P<bytes>[A-Za-z0-9+/=]*):
      | \?(?P<boolean>[01])
      | (?P<token>[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*)
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=1024)
def parse_targeted(value: str | None) -> Directives | None:
    """Read a targeted field such as CDN-Cache-Control, a structured-field Dictionary; ``None`` when it is not one.

    An invalid or empty field is ignored whole, so that Cache-Control decides (RFC 9213 §2.2).
    """
    if value is None:
        return None
    text = value.strip(" ")
    found: dict[str, str | None] = {}
    position = 0
    while position < len(text):
        match = _SF_KEY.match(text, position)
        if match is None:
            return None
        key, member = match[0], _member(text, match.end())
        if member is None:
            return None
        argument, position = member
        found.pop(key, None)
        found[key] = argument
        position = _next_member(text, position)
        if position < 0:
            return None
    if not found:
        return None
    return Directives(MappingProxyType({key: text for key, text in found.items() if text != _FALSE}))


_FALSE = "\0false"


_LIFETIMES = ("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error")


def _member(text: str, position: int) -> tuple[str | None, int] | None:
    argument: str | None = None
    start = position
    if text.startswith("=", position):
        item = _SF_ITEM.match(text, position + 1)
        if item is None:
            return None
        argument, position = _item_value(item), item.end()
        if item["number"] is None and text[:start].endswith(_LIFETIMES):
            argument = _FALSE  # a lifetime of the wrong type is no lifetime
    after = _parameters(text, position)
    return None if after is None else (argument, after)


def _item_value(item: re.Match[str]) -> str | None:
    if item["boolean"] is not None:
        return None if item["boolean"] == "1" else _FALSE
    if item["string"] is not None:
        return _ESCAPED.sub(r"\1", item["string"]) or " "
    return item[item.lastgroup or "number"]


def _parameters(text: str, position: int) -> int | None:
    while text.startswith(";", position):
        position += 1
        while text.startswith(" ", position):
            position += 1
        key = _SF_KEY.match(text, position)
        if key is None:
            return None
        position = key.end()
        if text.startswith("=", position):
            item = _SF_ITEM.match(text, position + 1)
            if item is None:
                return None
            position = item.end()
    return position


def _next_member(text: str, position: int) -> int:
    """Where the next member begins; -1 when what follows is not a comma and another member."""
    rest = text[position:].lstrip(" \t")
    if not rest:
        return len(text)
    after = rest[1:].lstrip(" \t")
    return len(text) - len(after) if rest[0] == "," and after else -1
