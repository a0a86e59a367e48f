"""Reading a document: lists with their Quantity, and the errors for what it names and nobody has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgesim.errors import ControlError

Doc = Mapping[str, Any]
"""A structure of the service model: member names and JSON values; what was not sent is not there."""


def part(doc: Doc, name: str) -> Doc:
    """A structure in a document; empty when it is not there."""
    found: Doc = doc.get(name) or {}
    return found


def items(doc: Doc, name: str) -> list[Any]:
    """The Items of a list in a document; none when it is not there."""
    return list(part(doc, name).get("Items") or ())


def missing(code: str, what: str, id: str) -> ControlError:
    """The error for a document that names something that is not there."""
    return ControlError(code, f"there is no {what} {id}", 404)
