"""What a document asks for: resources in the API's shapes, and the references between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edgesim.errors import ControlError

_OPEN, _CLOSE = "\ue000", "\ue001"  # private use: no document has them
_REFERENCE = re.compile(f"{_OPEN}([^{_CLOSE}|]*)\\|([^{_CLOSE}]*){_CLOSE}")

FAMILIES = (
    "public-key",
    "key-group",
    "origin-access-control",
    "origin-access-identity",
    "cache-policy",
    "origin-request-policy",
    "response-headers-policy",
    "key-value-store",
    "function",
    "certificate",
    "distribution",
    "continuous-deployment-policy",
)
"""What can be imported, in the order of making where references say nothing."""


class Unreadable(ControlError):
    """A document that is none of the known kinds, or that contradicts itself."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__("InvalidArgument", message, 400)


@dataclass(frozen=True, slots=True)
class Note:
    """Something a document says that is not so here: where, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing to make.

    ``config`` is the parameter of the operation that creates it; a function's is Name, FunctionConfig and FunctionCode
    (text), a store's Name and Comment, a certificate's DomainName and SubjectAlternativeNames. ``was`` are the ids and
    ARNs it had before.
    """

    name: str
    family: str
    config: Mapping[str, Any]
    path: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    was: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What one document, or several, ask for."""

    kind: str
    resources: tuple[Resource, ...]
    notes: tuple[Note, ...]

    def of(self, family: str) -> list[Resource]:
        """The resources of a family."""
        return [one for one in self.resources if one.family == family]


def reference(name: str, attribute: str) -> str:
    """Text that stands for an attribute of a resource until that is made."""
    return f"{_OPEN}{name}|{attribute}{_CLOSE}"


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Every (resource, attribute) a value refers to."""
    if isinstance(value, str):
        for found in _REFERENCE.finditer(value):
            yield found[1], found[2]
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from references(one)


def fill(value: Any, lookup: Callable[[str, str], str]) -> Any:
    """A value with its references replaced."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: lookup(found[1], found[2]), value) if _OPEN in value else value
    if isinstance(value, Mapping):
        return {key: fill(one, lookup) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [fill(one, lookup) for one in value]
    return value


def linked(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """The resources with ids and ARNs of one another turned into references."""
    known = list(resources)
    names = {old: (one.name, "arn" if old.startswith("arn:") else "id") for one in known for old in one.was}

    def link(value: Any) -> Any:
        if isinstance(value, str):
            prefix, slash, id = value.rpartition("/")
            if value in names:
                return reference(*names[value])
            if slash and prefix == "origin-access-identity/cloudfront" and id in names:
                return f"{prefix}/{reference(*names[id])}"
            return value
        if isinstance(value, Mapping):
            return {key: link(one) for key, one in value.items()}
        return [link(one) for one in value] if isinstance(value, list | tuple) else value

    return tuple(replace(one, config=link(one.config)) if names else one for one in known)


def ordered(resources: Iterable[Resource]) -> list[Resource]:
    """The resources so that each comes after those it refers to; raises Unreadable for a circle."""
    waiting = sorted(resources, key=lambda one: FAMILIES.index(one.family))
    names = {one.name for one in waiting}
    done: dict[str, Resource] = {}
    while waiting:
        ready = next((one for one in waiting if _needs(one, names) <= done.keys()), None)
        if ready is None:
            raise Unreadable(f"these refer to one another in a circle: {', '.join(one.name for one in waiting)}")
        done[ready.name] = ready
        waiting.remove(ready)
    return list(done.values())


def _needs(resource: Resource, names: set[str]) -> set[str]:
    return {name for name, _ in references(resource.config) if name in names and name != resource.name}
