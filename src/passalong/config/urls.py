"""Which address leads where."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from passalong.accounts import views as accounts
from passalong.api.pages import openapi
from passalong.config import health
from passalong.sync.hooks import told


def _existing(prefix: str, module: str) -> list[URLPattern | URLResolver]:
    return [path(prefix, include(module))] if find_spec(module) else []


urlpatterns: list[URLPattern | URLResolver] = [
    path("readyz", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
    path("accounts/enter/<str:signed>/", accounts.enter, name="enter"),
    path("accounts/", include("allauth.urls")),
    path("openapi.json", openapi),
    path("api/v1/", include("passalong.api.urls")),
    path("hooks/<slug:provider>", told, name="crm-hook"),
    *_existing("", "passalong.tracking.urls"),
    *_existing("", "passalong.web.urls"),
]

handler403 = "passalong.web.views.errors.forbidden"
handler404 = "passalong.web.views.errors.not_found"
handler500 = "passalong.web.views.errors.broken"
