"""The look-alike as one ASGI application: the vendor's paths, and `/_sandbox` for those who drive it."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route

from passalong.sandbox.intercom import errors
from passalong.sandbox.intercom.api import CONTACT_OPERATIONS, Answer, Call, Operation
from passalong.sandbox.intercom.api_more import MORE_OPERATIONS
from passalong.sandbox.intercom.auth import READ_ADMINS
from passalong.sandbox.intercom.control import control_routes
from passalong.sandbox.intercom.gate import Endpoint
from passalong.sandbox.intercom.state import Workspace

OPERATIONS = [*CONTACT_OPERATIONS, *MORE_OPERATIONS]


def _nowhere(_space: Workspace, _call: Call) -> Answer:
    raise errors.not_found("The requested resource was not found")


def _wrong_method(_space: Workspace, _call: Call) -> Answer:
    raise errors.ApiError(405, "method_not_allowed", "This method is not allowed for this resource")


def _routed(path: str) -> str:
    """An external id may hold an encoded slash, which has been decoded when it gets here."""
    return path.replace("{external_id}", "{external_id:path}")


def make_app(space: Workspace) -> Starlette:
    routes = [Route(_routed(o.path), Endpoint(space, o), methods=[o.method]) for o in OPERATIONS]
    known = {o.path for o in OPERATIONS}
    others = [
        Route(path, Endpoint(space, Operation("*", path, READ_ADMINS, _wrong_method)))
        for path in sorted(known, key=lambda path: path.count("{"))
    ]
    rest = Route("/{rest:path}", Endpoint(space, Operation("*", "/{rest}", READ_ADMINS, _nowhere)))
    # searches are most of the traffic: found first, not after a dozen patterns
    routes.sort(key=lambda route: route.path != "/contacts/search")
    routes.sort(key=lambda route: "{" in route.path)
    return Starlette(routes=[*routes, *control_routes(space), *others, rest])
