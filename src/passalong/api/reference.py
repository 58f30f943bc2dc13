"""Turns the OpenAPI document into what the reference page shows: plain lists, ready for a template."""

import json
import shlex
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of a table of fields or parameters; `depth` is how far it is nested."""

    name: str
    type: str
    required: bool
    description: str
    depth: int = 0


@dataclass(frozen=True)
class Answer:
    """One status an operation may answer with."""

    status: str
    description: str
    fields: list[Row]


@dataclass(frozen=True)
class Call:
    """One operation."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Row]
    body: list[Row]
    answers: list[Answer]
    curl: str


@dataclass(frozen=True)
class Group:
    """The operations of one noun."""

    name: str
    calls: list[Call]

    @property
    def anchor(self) -> str:
        """Its place on the page."""
        return self.name.lower()


class Reference:
    """Reads one OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.schemas: dict[str, Schema] = document["components"]["schemas"]
        self.server: str = document["servers"][0]["url"]

    def groups(self) -> list[Group]:
        """Every operation, by noun, in the document's order."""
        groups: dict[str, list[Call]] = {}
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                groups.setdefault(operation["tags"][0], []).append(self._call(path, method, operation))
        return [Group(name, calls) for name, calls in groups.items()]

    def _call(self, path: str, method: str, operation: dict[str, Any]) -> Call:
        content = operation.get("requestBody", {}).get("content", {})
        form = content.get("multipart/form-data", {}).get("schema")
        body = form or content.get("application/json", {}).get("schema")
        return Call(
            id=operation["operationId"],
            method=method.upper(),
            path=path,
            summary=operation["summary"],
            description=operation.get("description", ""),
            parameters=[self._parameter(parameter) for parameter in operation["parameters"]],
            body=self.rows(body) if body else [],
            answers=[self._answer(status, answer) for status, answer in operation["responses"].items()],
            curl=self._curl(path, method, body, is_form=form is not None),
        )

    def _parameter(self, parameter: dict[str, Any]) -> Row:
        name = f"{parameter['name']} ({parameter['in']})"
        return Row(
            name, self.type_name(parameter["schema"]), parameter["required"], parameter.get("description", "")
        )

    def _answer(self, status: str, answer: dict[str, Any]) -> Answer:
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        return Answer(status, answer["description"], self.rows(schema) if schema else [])

    def rows(self, schema: Schema, depth: int = 0) -> list[Row]:
        """The fields of an object, nested ones below their parent."""
        schema = self._resolved(schema)
        required = schema.get("required", [])
        found = []
        for name, inner in schema.get("properties", {}).items():
            words = inner.get("description") or ""
            found.append(Row(name, self.type_name(inner), name in required, words, depth))
            found += self.rows(self._inside(inner), depth + 1)
        return found

    def type_name(self, schema: Schema) -> str:
        """A type in words: `text`, `list of object`, `keep | remove`."""
        schema = self._resolved(schema)
        if "anyOf" in schema:
            return " or ".join(self.type_name(option) for option in schema["anyOf"])
        if "enum" in schema or "const" in schema:
            return " | ".join(str(value) for value in schema.get("enum", [schema.get("const")]) if value)
        if schema.get("type") == "array":
            return f"list of {self.type_name(schema['items'])}"
        kinds = schema.get("type", "object")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        return " or ".join("time" if schema.get("format") == "date-time" else kind for kind in kinds)

    def _inside(self, schema: Schema) -> Schema:
        schema = self._resolved(schema)
        if schema.get("type") == "array":
            return self._resolved(schema["items"])
        objects = [self._resolved(option) for option in schema.get("anyOf", []) if "$ref" in option]
        return objects[0] if objects else schema

    def _resolved(self, schema: Schema) -> Schema:
        reference = schema.get("$ref")
        return self.schemas[reference.rsplit("/", 1)[-1]] if reference else schema

    def _curl(self, path: str, method: str, body: Schema | None, *, is_form: bool) -> str:
        lines = ["curl"] if method == "get" else [f"curl -X {method.upper()}"]
        lines.append('  -H "Authorization: Bearer $TOKEN"')
        if body and is_form:
            lines += [f"  -F {shlex.quote(name + '=' + self._part(inner))}" for name, inner in _parts(body)]
        elif body and self.example(body):
            example = json.dumps(self.example(body), indent=2, ensure_ascii=False)
            lines += ["  -H 'Content-Type: application/json'", f"  -d {shlex.quote(example)}"]
        return " \\\n".join([*lines, f"  {shlex.quote(self.server + path)}"])

    def _part(self, schema: Schema) -> str:
        example = self.example(schema)
        return "@people.csv" if schema.get("format") == "binary" else str(example).strip()

    def example(self, schema: Schema) -> Any:
        """A value of this shape, made from the examples beside its fields."""
        schema = self._resolved(schema)
        if schema.get("examples"):
            return schema["examples"][0]
        for option in schema.get("anyOf", []):
            return self.example(option)
        if "properties" in schema:
            return {name: self.example(inner) for name, inner in schema["properties"].items()}
        if schema.get("type") == "array":
            return [self.example(schema["items"])]
        return schema.get("default", schema.get("enum", [schema.get("const", "")])[0])


def _parts(form: Schema) -> list[tuple[str, Schema]]:
    """The parts of a form that cannot be left out."""
    return [(name, inner) for name, inner in form["properties"].items() if name in form["required"]]
