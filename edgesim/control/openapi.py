"""The OpenAPI document, made from the routes themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from edgesim.control.route import Param, Route

_VARIABLE = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/{model}"

INTRODUCTION = (
    "Look into a running edgesim world and change it. Times are on the simulated clock, durations in the unit their "
    "name ends with, money in micro-dollars. Errors are {error: {code, message}} with a status that fits. "
    "Beside it the port speaks AWS's own protocols, for SDKs, the AWS CLI and Terraform with their endpoint set to it: "
    "the CloudFront API under /2020-05-31/, the contents of its stores under /key-value-stores/, ACM and STS at POST /."
)


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The document (OpenAPI 3.1)."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Error": _ERROR}
    for route in routes:
        paths.setdefault(route.full, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "edgesim control API", "version": version, "description": INTRODUCTION},
        "paths": paths,
        "components": {"schemas": schemas},
    }


_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    content = {route.media: {"schema": {"type": "object" if route.media == "application/json" else "string"}}}
    responses = {str(status): {"description": route.gives, "content": content} for status in route.statuses}
    responses["default"] = {
        "description": "What is wrong, and what was expected.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": route.about,
        "parameters": [*_in_path(route), *map(_in_query, route.params)],
        "responses": responses,
    }
    if route.body is not None:
        schema = route.body.model_json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[route.body.__name__] = schema
        body: dict[str, Any] = {"schema": {"$ref": _REF.format(model=route.body.__name__)}}
        if route.example is not None:
            body["example"] = route.example
        operation["requestBody"] = {"required": True, "content": {"application/json": body}}
    return operation


def operation_id(route: Route) -> str:
    """``getEdgesPopEntries``."""
    words = re.findall(r"\w+", route.path) or ["page"]
    return route.method.lower() + "".join(word[:1].upper() + word[1:] for word in words)


def _in_path(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": route.names.get(name, ""),
            "schema": {"type": "string"},
        }
        for name in _VARIABLE.findall(route.path)
    ]


def _in_query(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": param.kind, "default": param.default}
    if param.least is not None:
        schema["minimum"] = param.least
    if param.most is not None:
        schema["maximum"] = param.most
    return {"name": param.name, "in": "query", "required": False, "description": param.about, "schema": schema}
