"""Checks answers against the vendor's description, read once."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml
from httpx2 import Response
from jsonschema import Draft202012Validator

from tests.contract.sandbox.deviations import PROPERTIES, STATUSES

_FILE = Path(__file__).parents[1] / "intercom_openapi" / "openapi-2.16.yaml"
_ERROR = {"$ref": "#/components/schemas/error"}


@functools.cache
def description() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(_FILE.read_text(), Loader=yaml.CSafeLoader)
    return loaded


@functools.cache
def _components() -> dict[str, Any]:
    schemas = {name: _plain(schema) for name, schema in description()["components"]["schemas"].items()}
    for schema, name, allowed, _ in PROPERTIES:
        schemas[schema]["properties"][name] = allowed
    return {"schemas": schemas}


def _plain(schema: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema says type null."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {k: _plain(v) for k, v in schema.items() if k not in ("nullable", "example", "examples")}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


def properties(schema: str) -> set[str]:
    return set(description()["components"]["schemas"][schema]["properties"])


def check(method: str, path: str, answer: Response) -> None:
    """Raises `jsonschema.ValidationError`, or `KeyError` for a status nobody announced."""
    responses = description()["paths"][path][method.lower()]["responses"]
    documented = responses.get(str(answer.status_code))
    if documented is None:
        STATUSES[method, path, answer.status_code]
        schema: Any = _ERROR
    elif "content" not in documented:
        assert answer.content == b""
        return
    else:
        schema = _plain(documented["content"]["application/json"]["schema"])
    Draft202012Validator({**schema, "components": _components()}).validate(answer.json())
