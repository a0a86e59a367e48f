"""Turning what other tools write into the API's shapes, by walking beside botocore's model.

CloudFormation leaves out Quantity and Items; Terraform writes snake case and single blocks as lists of one. Names are
compared without case and underscores; where that is not enough, ``RENAMED`` says which member is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from edgesim.api.importing.plan import Note
from edgesim.api.model import service

RENAMED: Mapping[str, Mapping[str, str]] = {
    "DistributionConfig": {
        "ipv6enabled": "IsIPV6Enabled",
        "cnames": "Aliases",
        "loggingconfig": "Logging",
        "origin": "Origins",
        "origingroup": "OriginGroups",
        "orderedcachebehavior": "CacheBehaviors",
        "customerrorresponse": "CustomErrorResponses",
    },
    "Origin": {"originid": "Id", "origincustomheaders": "CustomHeaders", "customheader": "CustomHeaders"},
    "OriginCustomHeader": {"name": "HeaderName", "value": "HeaderValue"},
    "OriginGroup": {"originid": "Id", "member": "Members"},
    "GeoRestriction": {"locations": "Items"},
    "CacheBehavior": {
        "functionassociation": "FunctionAssociations",
        "lambdafunctionassociation": "LambdaFunctionAssociations",
    },
    "DefaultCacheBehavior": {
        "functionassociation": "FunctionAssociations",
        "lambdafunctionassociation": "LambdaFunctionAssociations",
    },
    "LambdaFunctionAssociation": {"lambdaarn": "LambdaFunctionARN"},
}
"""Members by shape and by what others call them, in lower case without underscores."""

DIRECT = frozenset({"retainondelete", "waitfordeployment", "tags", "tagsall", "etag", "arn", "id"})
"""What is about the tool or was computed, not about the thing."""


def shape(name: str) -> StructureShape:
    """A structure of CloudFront's model."""
    found = service("cloudfront").shape_for(name)
    assert isinstance(found, StructureShape)
    return found


def plain(name: str) -> str:
    """A name without case and underscores."""
    return name.replace("_", "").lower()


@cache
def _members(name: str) -> dict[str, str]:
    known = {plain(member): member for member in shape(name).members}
    return known | dict(RENAMED.get(name, {}))


class Converter:
    """Converts values, and notes what it could not take along."""

    def __init__(self, notes: list[Note]) -> None:
        self.notes = notes

    def convert(self, value: Any, name: str, path: str) -> dict[str, Any]:
        """A foreign mapping as a structure of the model."""
        found = self._structure(value, shape(name), path)
        return {} if found is None else found

    def _any(self, value: Any, of: Shape, path: str) -> Any:
        if isinstance(of, StructureShape):
            return self._structure(value, of, path)
        if isinstance(of, ListShape):
            items = value if isinstance(value, list) else [value]
            found = [self._any(one, of.member, f"{path}[{index}]") for index, one in enumerate(items)]
            return [one for one in found if one is not None]
        return self._scalar(value, of, path)

    def _structure(self, value: Any, of: StructureShape, path: str) -> dict[str, Any] | None:
        members = _members(of.name)
        bare = False
        if isinstance(value, list):
            if "Items" in of.members and not _block(value, members):
                value, bare = {"Items": value}, True
            elif len(value) == 1:
                value, path = value[0], f"{path}[0]"
            elif not value:
                return None
        if not isinstance(value, Mapping):
            self.notes.append(Note(path, f"a mapping was expected, not {str(value)[:60]!r}; left out"))
            return None
        found: dict[str, Any] = {}
        cached: list[Any] | None = None
        for key, one in value.items():
            where = path if bare else f"{path}.{key}".lstrip(".")
            member = members.get(plain(str(key)))
            if plain(str(key)) == "cachedmethods" and "AllowedMethods" in of.members:
                cached = one if isinstance(one, list) else None
            elif member is None:
                if plain(str(key)) not in DIRECT:
                    self.notes.append(Note(where, "CloudFront's API has no such member; left out"))
            elif one is not None and (one != [] or member in of.required_members):
                got = self._any(one, of.members[member], where)
                if got is not None and (got != "" or member in of.required_members):
                    found[member] = got
        return _completed(found, of, cached)

    def _scalar(self, value: Any, of: Shape, path: str) -> Any:
        try:
            if isinstance(value, Mapping | list):
                raise ValueError
            if of.type_name == "boolean":
                return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]
            if of.type_name in ("integer", "long"):
                return int(value)
            if of.type_name in ("float", "double"):
                return float(value)
        except (ValueError, KeyError, TypeError):
            self.notes.append(Note(path, f"{of.type_name} was expected, not {str(value)[:60]!r}; left out"))
            return None
        return str(value).lower() if isinstance(value, bool) else str(value)


def _block(value: list[Any], members: Mapping[str, str]) -> bool:
    """A list of one that is a block of the structure itself, not the only one of its items."""
    return len(value) == 1 and isinstance(value[0], Mapping) and any(plain(str(key)) in members for key in value[0])


def _completed(found: dict[str, Any], of: StructureShape, cached: list[Any] | None) -> dict[str, Any]:
    """What the API says in words of its own: Quantity, Enabled, the cached methods inside the allowed ones."""
    if "Quantity" in of.members:
        found["Quantity"] = len(found.get("Items", ()))
        if "Items" in found and not found["Items"] and "Items" not in of.required_members:
            del found["Items"]
        if "Enabled" in of.members:
            found.setdefault("Enabled", bool(found["Quantity"]))
    elif of.name == "LoggingConfig":
        found.setdefault("Enabled", bool(found.get("Bucket")))
    if cached:
        allowed = found.setdefault("AllowedMethods", {"Quantity": 2, "Items": ["GET", "HEAD"]})
        allowed["CachedMethods"] = {"Quantity": len(cached), "Items": [str(one) for one in cached]}
    return found


def distribution(found: dict[str, Any], reference: str) -> dict[str, Any]:
    """A distribution's configuration with what its tool would have filled in."""
    found.setdefault("CallerReference", reference)
    found.setdefault("Comment", "")
    found.setdefault("Enabled", True)
    for origin in found.get("Origins", {}).get("Items", ()):
        if custom := origin.get("CustomOriginConfig"):
            for member, port in (("HTTPPort", 80), ("HTTPSPort", 443)):
                custom.setdefault(member, port)
        elif not any(kind in origin for kind in ("S3OriginConfig", "VpcOriginConfig")):
            origin["S3OriginConfig"] = {"OriginAccessIdentity": ""}
        elif "S3OriginConfig" in origin:
            origin["S3OriginConfig"].setdefault("OriginAccessIdentity", "")
    rest = found.get("CacheBehaviors", {}).get("Items", ())
    for behavior in (found.get("DefaultCacheBehavior", {}), *rest):
        if behavior.get("CachePolicyId"):
            for member in ("MinTTL", "DefaultTTL", "MaxTTL", "ForwardedValues"):
                behavior.pop(member, None)
        elif (values := behavior.get("ForwardedValues")) is not None:
            behavior.setdefault("MinTTL", 0)
            values.setdefault("Cookies", {"Forward": "none"})
    for page in found.get("CustomErrorResponses", {}).get("Items", ()):
        if page.get("ResponseCode") == "0":
            del page["ResponseCode"]
    return found


def mistakes(value: Any, of: Shape, path: str = "") -> list[str]:
    """Where a document that should have the API's exact shape has not."""
    if isinstance(of, StructureShape):
        if not isinstance(value, Mapping):
            return [f"{path or 'the document'}: expected a mapping"]
        wrong = [f"{path}.{key}".lstrip(".") + ": there is no such member" for key in value if key not in of.members]
        for key, one in value.items():
            if key in of.members:
                wrong += mistakes(one, of.members[key], f"{path}.{key}".lstrip("."))
        return wrong
    if isinstance(of, ListShape):
        if not isinstance(value, list):
            return [f"{path}: expected a list"]
        return [each for index, one in enumerate(value) for each in mistakes(one, of.member, f"{path}[{index}]")]
    kinds: dict[str, tuple[type, ...]] = {"boolean": (bool,), "string": (str,), "float": (int, float)}
    kind = {"long": "integer", "double": "float", "timestamp": "any", "blob": "any"}.get(of.type_name, of.type_name)
    right = kinds.get(kind, (int,))
    if kind != "any" and (not isinstance(value, right) or (bool not in right and isinstance(value, bool))):
        return [f"{path}: expected {kind}, found {str(value)[:60]!r}"]
    return []
