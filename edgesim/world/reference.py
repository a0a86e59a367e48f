"""The reference of world files, made from the models: ``python -m edgesim.world.reference > docs/configuration.md``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from edgesim.core.policies import (
    MANAGED_CACHE_POLICIES,
    MANAGED_ORIGIN_REQUEST_POLICIES,
    MANAGED_RESPONSE_HEADERS_POLICIES,
)
from edgesim.world.schema import world_schema
from edgesim.world.units import format_duration, format_size

Schema = dict[str, Any]

_INTRODUCTION = """\
# The world file

A world is one YAML file: its edges, its origins, its distributions. `edgesim check FILE` reads it and names every
mistake at once, each with its line, its path in the file and what to do. This page is made from the code that reads the
file, so it is complete.

```yaml
# yaml-language-server: $schema=schema.json
edges: [London, Sydney]
site: {}                       # the toy site, started by edgesim
origins:
  site: { toy_site: true }
distributions:
  - name: harbour
    aliases: [localhost, 127.0.0.1]
    default_behavior:
      origin: site
      cache_policy: CachingOptimized
```

- **Durations** are seconds, or text with units: `10 s`, `5 min`, `1h30m`, `1 day`. **Sizes** are bytes, or text:
  `64 MB` is 64,000,000 bytes, `1 GiB` is 1,073,741,824.
- **Places** are a city (`Sydney`; `London, CA` where there are two), an edge's IATA code (`SYD`), a POP code
  (`SYD62-C1`), a country code (`AU`), an AWS region (`ap-southeast-2`) or `latitude,longitude`.
- **`${NAME}`** in a value is taken from the environment; `${NAME:-default}` has a default, and without one a name that
  is not set is a mistake. `$${` is a plain `${`.
- A key edgesim does not know is an error that names the nearest one. A setting that CloudFront accepts and edgesim does
  not act on is a warning.
- Names of files are relative to the world file.
- Plain words follow YAML 1.2: `NO` is Norway and not false, and a date stays text.
- An editor that speaks the YAML language server completes and checks the file with the schema `configs/schema.json`.

Restarted with another file, edgesim goes on from where it was: the clock runs on unless `clock` has changed, and
stopped edges, faults and invalidations stay as far as what they are about still exists.
"""

_NOTES = {
    "BehaviorEntry": "Exactly one of `cache_policy`, `ttl` and/or `key`, and `legacy` sets the cache policy. In "
    "`profile: rfc9111` none is needed: there the whole URL is the key.",
}


def reference_text() -> str:
    """The whole page."""
    schema = world_schema()
    lines = [_INTRODUCTION, *_table("The top level", schema, schema["$defs"], 2)]
    seen = {"WorldFile"}
    for name, heading in _sections(schema, schema["$defs"], "", seen):
        definition = schema["$defs"][name]
        lines += _table(f"`{heading}`", _object(definition), schema["$defs"], 2)
        if name in _NOTES:
            lines += [_NOTES[name], ""]
    return "\n".join([*lines, *_managed()])


def _sections(schema: Schema, definitions: Schema, path: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Every model once, under the path where it is met first."""
    for key, field in schema["properties"].items():
        for name, suffix in _references(field):
            if name not in seen:
                seen.add(name)
                here = f"{path}{key}{suffix}"
                yield name, here
                yield from _sections(_object(definitions[name]), definitions, f"{here}.", seen)


def _references(field: Any, suffix: str = "") -> Iterator[tuple[str, str]]:
    """The models a field is made of, and how its path goes on to them."""
    if "$ref" in field:
        yield field["$ref"].rpartition("/")[2], suffix
    if "items" in field:
        yield from _references(field["items"], "[]")
    if isinstance(field.get("additionalProperties"), dict):
        yield from _references(field["additionalProperties"], ".NAME")
    for way in (*field.get("anyOf", ()), *field.get("allOf", ())):
        yield from _references(way, suffix)


def _object(definition: Schema) -> Schema:
    """The mapping form of a model that also has a short form."""
    return next((way for way in definition.get("anyOf", ()) if "properties" in way), definition)


def _table(heading: str, schema: Schema, definitions: Schema, level: int) -> list[str]:
    rows = [f"{'#' * level} {heading}", "", schema.get("description", ""), ""]
    rows += ["| key | value | unless set | what it is |", "|---|---|---|---|"]
    for key, field in schema["properties"].items():
        usual = "**needed**" if key in schema.get("required", ()) else _usual(field)
        about = field.get("description") or _target(field, definitions).get("description", "")
        words = " ".join(about.split()).replace("|", "\\|")
        rows.append(f"| `{key}` | {_kind(field, definitions)} | {usual} | {words} |")
    return [*rows, ""]


def _usual(field: Schema) -> str:
    value = field.get("default")
    if value is None or value in ("", [], {}) or isinstance(value, dict):
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool) and "examples" in field:
        text = format_size(int(value)) if "64 MB" in field["examples"] else format_duration(value)
        return f"`{text}`"
    return f"`{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}`"


def _target(field: Schema, definitions: Schema) -> Schema:
    """The model a field is, if it is one."""
    found: Schema = definitions.get(next((name for name, _ in _references(field)), ""), {})
    return found


def _kind(field: Schema, definitions: Schema) -> str:
    if "enum" in field:
        return " or ".join(f"`{word}`" for word in field["enum"])
    if "const" in field:
        return f"`{json.dumps(field['const'])}`".replace('"', "")
    if "examples" in field:
        examples = field["examples"]
        return "size" if "64 MB" in examples else "duration" if "10 s" in examples else "port, or host:port"
    if ways := [_kind(way, definitions) for way in field.get("anyOf", ()) if way.get("type") != "null"]:
        return ", ".join(dict.fromkeys(ways))
    if "$ref" in field or "allOf" in field:
        return "text or mapping" if "anyOf" in _target(field, definitions) else "mapping"
    if field.get("type") == "array":
        inner = _kind(field.get("items", {}), definitions)
        return f"list of {inner}" if inner else "list"
    if field.get("type") == "object":
        return "mapping by name" if "additionalProperties" in field and not field.get("required") else "mapping"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    low, high = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum")
    bounds = f", {low:g} to {high:g}" if low is not None and high is not None else ""
    return words.get(field.get("type", ""), "") + bounds


def _managed() -> Iterator[str]:
    yield "## Managed policies\n"
    yield "These are always there, by name or by CloudFront's own id.\n"
    yield "| for the key | name | id |\n|---|---|---|"
    for key, policies in (
        ("cache_policy", MANAGED_CACHE_POLICIES),
        ("origin_request_policy", MANAGED_ORIGIN_REQUEST_POLICIES),
        ("response_headers_policy", MANAGED_RESPONSE_HEADERS_POLICIES),
    ):
        for policy in policies.values():
            yield f"| `{key}` | {policy.name.removeprefix('Managed-')} | `{policy.id}` |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(reference_text())
