"""The JSON Schema of world files, for editors: ``python -m edgesim.world.schema > configs/schema.json``."""

from __future__ import annotations

import json
import sys
from typing import Any

from edgesim.world.models import WorldFile


def world_schema() -> dict[str, Any]:
    """The schema of a world file (JSON Schema 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "edgesim world",
        **{key: value for key, value in WorldFile.model_json_schema().items() if key != "title"},
    }


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(world_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
