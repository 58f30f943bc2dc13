"""Addresses of the API. Every call answers JSON, also where there is nothing."""

from django.urls import URLPattern, URLResolver, path, re_path

from passalong.api.assembly import api
from passalong.api.errors import refusing_other_methods, unknown_call
from passalong.api.pages import docs, openapi


def _calls() -> list[URLPattern | URLResolver]:
    patterns, _, _ = api.urls
    calls = [one for one in patterns if isinstance(one, URLPattern) and one.name != "api-root"]
    for one in calls:
        one.callback = refusing_other_methods(one.callback)
    return [*calls]


urlpatterns: list[URLPattern | URLResolver] = [
    path("openapi.json", openapi, name="api-openapi"),
    path("docs", docs, name="api-docs"),
    *_calls(),
    re_path("", unknown_call),
]
