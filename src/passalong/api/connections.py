"""Connections to CRMs over REST; an access token goes in and never comes out."""

# ruff: noqa: ARG001 - every operation is given the request

from typing import Any, Literal

import msgspec
from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel
from pydantic import Field as Shape

from passalong.api import lookup
from passalong.api.schemas import Body, Everything, Moment, Page, Paging, Scalar, choice, page
from passalong.core.ids import public_id
from passalong.core.pages import page_of
from passalong.sync import connections as services
from passalong.sync import hints
from passalong.sync.listening import listening
from passalong.sync.models import Connection

router = Router(tags=["Connections"])

FieldKind = Literal["string", "integer", "float", "boolean", "date"]


class AccountOut(BaseModel):
    """The CRM workspace behind a connection."""

    id: str
    name: str
    region: str
    timezone: str


class CheckOut(BaseModel):
    """One thing the connection must be able to do; `detail` says how to mend it."""

    name: str
    ok: bool
    detail: str


class ConnectionOut(BaseModel):
    """A link to a CRM account."""

    id: str
    provider: str
    status: Literal["connected", "needs_attention", "disconnected"]
    account: AccountOut
    checks: list[CheckOut]


class ConnectionIn(Body):
    """An account to connect."""

    provider: str = choice("intercom")
    access_token: str = Shape(examples=["dG9rOjEyMzQ1Njc4OTA="])
    region: str | None = choice("us", "eu", "au", default=None, examples=["eu"])


class CredentialsIn(Body):
    """A new token for the same account."""

    access_token: str = Shape(examples=["dG9rOjEyMzQ1Njc4OTA="])


class NotificationOut(BaseModel):
    """Something the CRM told of. `handled_at` is when its contacts were handed to the syncs."""

    topic: str
    contact_ids: list[str]
    received_at: Moment
    handled_at: Moment | None


class ListeningOut(BaseModel):
    """How the CRM tells of changes by itself. `address` and `topics` are to be entered there; `secret_set`
    says whether its signature can be checked; `recent` has the latest 20 notifications, newest first."""

    address: str
    topics: list[str]
    secret_set: bool
    last_received_at: Moment | None
    recent: list[NotificationOut]


class HookSecretIn(Body):
    """The client secret of the CRM's app; an empty text forgets it."""

    client_secret: str = Shape(examples=["4e1f9d0c-2b7a-4c0e-9d53-6f0b7a8c1e2d"])


class SegmentOut(BaseModel):
    """A group of contacts that the CRM keeps."""

    id: str
    name: str
    person_type: Literal["user", "lead"]
    count: int | None


class FieldOut(BaseModel):
    """One field of the CRM's contacts; custom ones have the key `custom_attributes.<name>`."""

    key: str
    label: str
    type: FieldKind
    readable: bool
    writable: bool
    custom: bool
    sample: Scalar


class FieldIn(Body):
    """A field to make in the CRM."""

    label: str = Shape(min_length=1, max_length=190, examples=["Referral Link"])
    type: FieldKind


def connection_out(connection: Connection) -> dict[str, Any]:
    """A connection as the contract shows it."""
    return {
        "id": public_id("connection", connection.pk),
        "provider": connection.provider,
        "status": connection.status,
        "account": {
            "id": connection.account_id,
            "name": connection.account_name,
            "region": connection.region,
            "timezone": connection.timezone,
        },
        "checks": [{key: check[key] for key in ("name", "ok", "detail")} for check in connection.checks],
    }


@router.post(
    "/connections",
    response={201: ConnectionOut},
    operation_id="create_connection",
    summary="Connect an account",
)
def create(request: HttpRequest, body: ConnectionIn) -> Status[dict[str, Any]]:
    """The token is tried first. Refused: 422 `connection_rejected`, and nothing is stored. Connecting an
    account again renews its token."""
    return Status(201, connection_out(services.connect(body.provider, body.access_token, body.region)))


@router.get(
    "/connections",
    response=Page[ConnectionOut],
    operation_id="list_connections",
    summary="List connections",
)
def index(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """Newest first."""
    found = page_of(Connection.objects.all(), limit=paging.limit, cursor=paging.cursor)
    return page(found, [connection_out(connection) for connection in found.items])


@router.get(
    "/connections/{connection_id}",
    response=ConnectionOut,
    operation_id="get_connection",
    summary="Show a connection",
)
def show(request: HttpRequest, connection_id: str) -> dict[str, Any]:
    """One connection."""
    return connection_out(lookup.connection(connection_id))


@router.delete(
    "/connections/{connection_id}",
    response={204: None},
    operation_id="disconnect",
    summary="Disconnect an account",
)
def delete(request: HttpRequest, connection_id: str) -> Status[None]:
    """Forgets the token and stops what runs; syncs and their settings stay."""
    services.disconnect(lookup.connection(connection_id))
    return Status(204, None)


@router.put(
    "/connections/{connection_id}/credentials",
    response=ConnectionOut,
    operation_id="replace_credentials",
    summary="Give a connection a new token",
)
def replace(request: HttpRequest, connection_id: str, body: CredentialsIn) -> dict[str, Any]:
    """The token must belong to the same account; a working one connects it again."""
    return connection_out(services.replace_token(lookup.connection(connection_id), body.access_token))


@router.post(
    "/connections/{connection_id}/check",
    response=ConnectionOut,
    operation_id="check_connection",
    summary="Check a connection again",
)
def check(request: HttpRequest, connection_id: str) -> dict[str, Any]:
    """Asks the CRM what the connection may do. One that works is connected again, and what waited for a
    permission is tried at once."""
    return connection_out(services.recheck(lookup.connection(connection_id)))


def listening_out(connection: Connection) -> dict[str, Any]:
    """How the CRM tells of changes, without the secret."""
    found = listening(connection)
    keys = ("topic", "contact_ids", "received_at", "handled_at")
    return {
        "address": found.address,
        "topics": list(found.topics),
        "secret_set": found.secret_set,
        "last_received_at": found.last_received_at,
        "recent": [{key: getattr(one, key) for key in keys} for one in found.recent],
    }


@router.get(
    "/connections/{connection_id}/webhooks",
    response=ListeningOut,
    operation_id="get_connection_webhooks",
    summary="Show how the CRM tells of changes",
)
def show_webhooks(request: HttpRequest, connection_id: str) -> dict[str, Any]:
    """What to enter in the CRM's developer pages, and what has come so far."""
    return listening_out(lookup.connection(connection_id))


@router.put(
    "/connections/{connection_id}/webhooks",
    response=ListeningOut,
    operation_id="set_connection_webhooks",
    summary="Give the secret the CRM signs with",
)
def set_webhooks(request: HttpRequest, connection_id: str, body: HookSecretIn) -> dict[str, Any]:
    """It is kept encrypted and never comes out."""
    return listening_out(hints.set_secret(lookup.connection(connection_id), body.client_secret))


@router.get(
    "/connections/{connection_id}/segments",
    response=Everything[SegmentOut],
    operation_id="list_segments",
    summary="List the CRM's segments",
)
def segments(request: HttpRequest, connection_id: str) -> dict[str, Any]:
    """With their counts at this moment."""
    return {"data": msgspec.to_builtins(services.segments(lookup.connection(connection_id)))}


@router.get(
    "/connections/{connection_id}/fields",
    response=Everything[FieldOut],
    operation_id="list_fields",
    summary="List the CRM's contact fields",
)
def fields(request: HttpRequest, connection_id: str) -> dict[str, Any]:
    """Each with a sample value of a real contact."""
    return {"data": msgspec.to_builtins(services.fields(lookup.connection(connection_id)))}


@router.post(
    "/connections/{connection_id}/fields",
    response={200: FieldOut, 201: FieldOut},
    operation_id="create_field",
    summary="Make a field in the CRM",
)
def create_field(request: HttpRequest, connection_id: str, body: FieldIn) -> Status[dict[str, Any]]:
    """201 when made, 200 when it is there with this type, 409 when it is there with another."""
    field, is_new = services.create_field(lookup.connection(connection_id), body.label, body.type)
    return Status(201 if is_new else 200, msgspec.to_builtins(field))
