"""XML by the shapes of a service model: structures, lists and single values, in both directions.

An empty element of an optional member means that the member is not there: old SDKs send
``<CachePolicyId></CachePolicyId>`` for what nobody set. Only free text (``EMPTY_TEXT``) keeps an empty string: there a
user may have meant it, and who sent ``""`` wants to read ``""``. Required members keep it as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from edgesim.api import values
from edgesim.api.messages import Findings
from edgesim.api.validation import item_path, member_path, violation
from edgesim.api.xml_tree import Element, element, text

EMPTY_TEXT = frozenset({"Comment", "Description", "DefaultRootObject", "OriginPath", "Bucket", "Prefix", "Value"})
"""Optional members in which an empty string says something."""


def decode(shape: Any, node: Element, path: str, findings: Findings) -> Any:
    """The value of an element."""
    match shape.type_name:
        case "structure":
            return _structure(shape, node, path, findings)
        case "list":
            return _list(shape, node, path, findings)
    for child in node.children:
        findings.unknown.append(f"there is no element {child.name} in {node.name}")
    try:
        return values.read(shape, node.text)
    except ValueError as error:
        findings.violations.append(violation(shape, node.text, path, str(error)))
        return None


def _structure(shape: Any, node: Element, path: str, findings: Findings) -> dict[str, Any]:
    known, found = _members(shape), dict[str, Any]()
    _no_text(node, findings)
    for child in node.children:
        name = known.get(child.name) if child.namespace == node.namespace else None
        if name is None:
            findings.unknown.append(f"there is no element {child.name} in {node.name}")
        elif name in found:
            findings.unknown.append(f"the element {child.name} is in {node.name} more than once")
        elif not _is_absent(shape, name, child):
            found[name] = decode(shape.members[name], child, member_path(path, name), findings)
    return found


def _list(shape: Any, node: Element, path: str, findings: Findings) -> list[Any]:
    _no_text(node, findings)
    name, found = shape.member.serialization.get("name", "member"), []
    for number, child in enumerate(node.children, 1):
        if child.name == name and child.namespace == node.namespace:
            found.append(decode(shape.member, child, item_path(path, number), findings))
        else:
            findings.unknown.append(f"there is no element {child.name} in {node.name}")
    return found


def _no_text(node: Element, findings: Findings) -> None:
    if node.text.strip():
        findings.unknown.append(f"there is text in {node.name}, which takes elements only")


def _is_absent(shape: Any, name: str, child: Element) -> bool:
    if not child.is_empty or shape.members[name].type_name == "structure":
        return False
    if shape.members[name].type_name == "string":
        return name not in shape.required_members and name not in EMPTY_TEXT
    return name not in shape.required_members


@cache
def _members(shape: Any) -> Mapping[str, str]:
    """Member names by the element's name."""
    return {member.serialization.get("name", name): name for name, member in shape.members.items()}


def encode(shape: Any, value: Any, name: str, namespace: str = "") -> str:
    """An element of this name; members the shape has not, and those that are None, are left out."""
    match shape.type_name:
        case "structure":
            return element(name, members(shape, value, shape.members), namespace)
        case "list":
            inner = shape.member.serialization.get("name", "member")
            return element(name, "".join(encode(shape.member, item, inner) for item in value), namespace)
    return element(name, text(values.write(shape, value)), namespace)


def members(shape: Any, value: Mapping[str, Any], names: Any) -> str:
    """The elements of some members, in the model's order."""
    return "".join(
        encode(shape.members[name], value[name], shape.members[name].serialization.get("name", name))
        for name in names
        if value.get(name) is not None
    )
