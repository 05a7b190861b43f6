"""The JSON Schema of bridge.yaml, for editors. ``python -m bridge.config.schema`` prints it."""

from __future__ import annotations

import json

from bridge.config.models import Config


def schema_text() -> str:
    """The contents of config/bridge.schema.json."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "bridge.yaml",
        **Config.model_json_schema(by_alias=True),
    }
    return json.dumps(schema | {"title": "bridge.yaml"}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
