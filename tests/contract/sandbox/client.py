"""The caller's side in these tests: plain HTTP, no logic of the product."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.support.sandbox import TOKEN, Sandbox


class Api:
    def __init__(self, sandbox: Sandbox, token: str = TOKEN) -> None:
        self.control = sandbox.control
        headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        self.http = httpx2.Client(base_url=sandbox.url, headers=headers, timeout=30, trust_env=False)

    def get(self, path: str, version: str | None = None, **query: Any) -> httpx2.Response:
        return self.call("GET", path, version=version, query=query)

    def post(self, path: str, body: Any = None, version: str | None = None) -> httpx2.Response:
        return self.call("POST", path, body, version=version)

    def put(self, path: str, body: Any, version: str | None = None) -> httpx2.Response:
        return self.call("PUT", path, body, version=version)

    def delete(self, path: str) -> httpx2.Response:
        return self.call("DELETE", path)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str | None = None,
        query: dict[str, Any] | None = None,
    ) -> httpx2.Response:
        headers = {"intercom-version": version} if version else {}
        return self.http.request(method, path, json=body, params=query or None, headers=headers)

    def search(
        self, query: Any, *, sort: Any = None, version: str | None = None, **pagination: Any
    ) -> httpx2.Response:
        body: dict[str, Any] = {"query": query}
        if sort is not None:
            body["sort"] = sort
        if pagination:
            body["pagination"] = pagination
        return self.post("/contacts/search", body, version)

    def found(self, *filters: tuple[str, str, Any], version: str | None = None) -> list[str]:
        """Names of all contacts that meet the filters, in alphabetical order."""
        query = {"operator": "AND", "value": [where(*f) for f in filters]}
        answer = self.search(query, version=version, per_page=150)
        assert answer.status_code == 200, answer.text
        return sorted(c["name"] for c in answer.json()["data"])

    def user(self, **fields: Any) -> str:
        answer = self.post("/contacts", {"role": "user", **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def lead(self, **fields: Any) -> str:
        answer = self.post("/contacts", {"role": "lead", **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])


def where(field: str, operator: str, value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


def refusal(answer: httpx2.Response) -> tuple[int, str, str | None]:
    """Status, code and message of an `error.list`."""
    error = answer.json()["errors"][0]
    return answer.status_code, error["code"], error["message"]
