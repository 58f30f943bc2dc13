"""Completes the generated OpenAPI document with what holds for every operation."""

from typing import Any

from django.conf import settings

from passalong.api.schemas import Problem
from passalong.core.answers import MEDIA_TYPE

_REF = "#/components/schemas/{model}"
_ALWAYS = {
    "401": "No token, or one that is not known.",
    "default": "Any other refusal.",
}
_WRITING = {
    "400": "The body is not JSON.",
    "403": "The token may only read.",
    "409": "It cannot be done in the present state.",
    "413": "The body is too large.",
    "415": "The body is not sent as JSON.",
    "422": "Something in the request is not valid; `errors` names the fields.",
    "503": "The CRM or the database did not answer.",
}
_KEY_PARAMETER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "Same key and same request within 24 hours: same answer, done once. Another request: 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with security, refusals and idempotency on every operation."""
    components = document["components"]
    schema = Problem.model_json_schema(ref_template=_REF)
    components["schemas"].update(schema.pop("$defs"))
    components["schemas"]["Problem"] = schema
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    document["servers"] = [{"url": settings.BASE_URL}]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete(operation, path, method)
    return document


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    refusals = {**_ALWAYS, **({} if method == "get" else _WRITING)}
    if "{" in path:
        refusals["404"] = "There is nothing with this id in the token's workspace."
    if any(parameter["in"] == "query" for parameter in operation["parameters"]):
        refusals["422"] = _WRITING["422"]
    if method == "post":
        operation["parameters"].append(_KEY_PARAMETER)
    answers = {str(status): answer for status, answer in operation["responses"].items()}
    answers.update({status: _refusal(words) for status, words in refusals.items()})
    operation["responses"] = dict(sorted(answers.items()))


def _refusal(description: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model="Problem")}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}
