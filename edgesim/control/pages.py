"""The pages for people: the status page and the documentation of the API. They load nothing from elsewhere."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from aiohttp import web

from edgesim.control.openapi import document
from edgesim.control.route import Call, Route


@cache
def _page(name: str) -> str:
    return files("edgesim").joinpath("control", "pages", name).read_text(encoding="utf-8")


async def status_page(call: Call) -> web.Response:
    """The world at a glance."""
    return web.Response(text=_page("status.html"), content_type="text/html")


def rendered(api: dict[str, Any]) -> str:
    """The OpenAPI document as a page."""
    operations = [
        _operation(method.upper(), path, operation, api)
        for path, methods in api["paths"].items()
        for method, operation in methods.items()
    ]
    info = api["info"]
    return (
        _page("docs.html")
        .replace("{{version}}", escape(info["version"]))
        .replace("{{introduction}}", escape(info["description"]))
        .replace("{{operations}}", "\n".join(operations))
    )


def _operation(method: str, path: str, operation: dict[str, Any], api: dict[str, Any]) -> str:
    responses = {status: one for status, one in operation["responses"].items() if status != "default"}
    gives = next(iter(responses.values()))["description"]
    anchor = operation["operationId"]
    return (
        f'<section id="{escape(anchor)}"><h2><a href="#{escape(anchor)}"><b class="{method.lower()}">{method}</b> '
        f"<code>{escape(path)}</code></a></h2><p>{escape(operation['summary'])}.</p>"
        f"{_parameters(operation, api)}<p><i>{' or '.join(responses)}</i> {escape(gives)}</p>"
        f"<pre>{escape(_curl(method, path, operation))}</pre></section>"
    )


def _parameters(operation: dict[str, Any], api: dict[str, Any]) -> str:
    rows = [(one["name"], one["in"], _kind(one["schema"]), one["description"]) for one in operation["parameters"]]
    body = _body(operation)
    if body is not None:
        schema = api["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
        rows += [(name, "body", _kind(one), one.get("description", "")) for name, one in schema["properties"].items()]
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{where}</td><td>{escape(kind)}</td><td>{escape(about)}</td></tr>"
        for name, where, kind, about in rows
    )
    return f"<table>{cells}</table>"


def _body(operation: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return found


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(kind for one in schema["anyOf"] if (kind := _kind(one)) != "null")
    kind = str(schema.get("type", "any"))
    if "minimum" in schema and "maximum" in schema:
        kind += f", {schema['minimum']:g} to {schema['maximum']:g}"
    return kind


def _curl(method: str, path: str, operation: dict[str, Any]) -> str:
    body = _body(operation)
    line = "curl" if method == "GET" else f"curl -X {method}"
    line += f" http://127.0.0.1:8081{path}"
    if body is not None and "example" in body:
        import json

        line += f" -d '{json.dumps(body['example'])}'"
    return line


async def docs_page(call: Call) -> web.Response:
    """The documentation, made from the routes."""
    return web.Response(text=rendered(_api()), content_type="text/html")


async def openapi(call: Call) -> Any:
    """The OpenAPI document."""
    return _api()


@cache
def _api() -> dict[str, Any]:
    from edgesim.control.app import ROUTES
    from edgesim.control.looking import version

    return document(ROUTES, version())


PAGES = (
    Route("GET", "/", status_page, "The status page", "A page for people.", media="text/html"),
    Route("GET", "/docs", docs_page, "This documentation", "A page for people.", media="text/html"),
    Route("GET", "/openapi.json", openapi, "This API as an OpenAPI document", "OpenAPI 3.1."),
)
