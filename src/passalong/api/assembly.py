"""The NinjaAPI: every noun's router behind one door, and the OpenAPI document about it."""

from functools import lru_cache
from importlib.metadata import version
from typing import Any

from ninja import NinjaAPI

from passalong.api import (
    analytics,
    campaigns,
    connections,
    crm,
    imports,
    leads,
    me,
    previews,
    referrers,
    runs,
    syncs,
    webhooks,
    workspace,
)
from passalong.api.door import door
from passalong.api.errors import handle_errors
from passalong.api.openapi import completed
from passalong.api.parsing import StrictJson

PREFIX = "api/v1/"
ROUTERS = (
    me,
    workspace,
    campaigns,
    analytics,
    referrers,
    imports,
    leads,
    connections,
    crm,
    syncs,
    previews,
    runs,
    webhooks,
)


def _assembled() -> NinjaAPI:
    api = NinjaAPI(
        title="Passalong",
        version=version("passalong"),
        description="Referral programmes, and the syncs that keep them in step with a CRM.",
        urls_namespace="api",
        parser=StrictJson(),
        docs_url=None,
        openapi_url="",
    )
    api.add_decorator(door(api), mode="view")
    handle_errors(api)
    for noun in ROUTERS:
        api.add_router("", noun.router)
    return api


api = _assembled()


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return completed(api.get_openapi_schema(path_prefix=PREFIX))
