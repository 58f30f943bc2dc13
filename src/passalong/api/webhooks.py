"""Outgoing webhooks over REST."""

# ruff: noqa: ARG001 - every operation is given the request

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from passalong.accounts.models import TokenScope
from passalong.api import lookup
from passalong.api.auth import token_of
from passalong.api.schemas import Body, Moment, Page, Paging, page
from passalong.core.ids import public_id
from passalong.core.pages import page_of
from passalong.webhooks import services
from passalong.webhooks.models import EVENTS, Delivery, Webhook

router = Router(tags=["Webhooks"])
_LISTED = ", ".join(f"`{event}`" for event in EVENTS)


class WebhookOut(BaseModel):
    """An address that is told what happens."""

    id: str
    url: str
    events: list[str]
    is_active: bool
    secret: str = Field(
        description="`whsec_…`, to verify signatures with (Standard Webhooks). Empty for read-only tokens."
    )
    created_at: Moment


class WebhookIn(Body):
    """An address to tell."""

    url: str = Field(examples=["https://example.com/hooks/passalong"])
    events: list[str] = Field(description=f"Which of {_LISTED}.", examples=[["lead.created"]])


class WebhookChanges(Body):
    """What to change; what is not given stays."""

    url: str = Field(default_factory=str, examples=["https://example.com/hooks/passalong"])
    events: list[str] = Field(default_factory=list, examples=[["lead.qualified"]])
    is_active: bool = Field(default_factory=bool, description="False tells it nothing.")


class DeliveryOut(BaseModel):
    """One event for one webhook; its id is the header `webhook-id`."""

    id: str
    webhook_id: str
    event: str
    status: Literal["pending", "delivered", "failed"]
    attempts: int
    next_at: Moment | None = Field(description="When it is tried (again).")
    response_status: int | None
    error: str = Field(description="Why there was no answer.")
    payload: dict[str, Any]
    created_at: Moment
    finished_at: Moment | None


class Filters(Paging):
    """Which deliveries."""

    status: Literal["", "pending", "delivered", "failed"] = ""


def _webhook_out(request: HttpRequest, webhook: Webhook) -> dict[str, Any]:
    columns = ("url", "events", "is_active", "created_at")
    shown = {key: getattr(webhook, key) for key in columns}
    may_see = token_of(request).scope == TokenScope.WRITE
    secret = services.secret_of(webhook) if may_see else ""
    return {"id": public_id("webhook", webhook.pk), "secret": secret, **shown}


_DELIVERY = ("event", "status", "attempts", "next_at", "response_status", "error", "payload", "created_at")


def _delivery_out(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": public_id("delivery", delivery.pk),
        "webhook_id": public_id("webhook", delivery.webhook_id),
        **{key: getattr(delivery, key) for key in (*_DELIVERY, "finished_at")},
    }


@router.get("/webhooks", response=Page[WebhookOut], operation_id="list_webhooks", summary="List webhooks")
def index(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """Newest first."""
    found = page_of(Webhook.objects.all(), limit=paging.limit, cursor=paging.cursor)
    return page(found, [_webhook_out(request, webhook) for webhook in found.items])


@router.post(
    "/webhooks", response={201: WebhookOut}, operation_id="create_webhook", summary="Create a webhook"
)
def create(request: HttpRequest, body: WebhookIn) -> Status[dict[str, Any]]:
    """It is told of these events from now on."""
    return Status(201, _webhook_out(request, services.add_webhook(body.url, body.events)))


@router.get(
    "/webhooks/{webhook_id}", response=WebhookOut, operation_id="get_webhook", summary="Show a webhook"
)
def show(request: HttpRequest, webhook_id: str) -> dict[str, Any]:
    """One webhook."""
    return _webhook_out(request, lookup.webhook(webhook_id))


@router.patch(
    "/webhooks/{webhook_id}", response=WebhookOut, operation_id="change_webhook", summary="Change a webhook"
)
def change(request: HttpRequest, webhook_id: str, body: WebhookChanges) -> dict[str, Any]:
    """Set its address, its events, or whether it is told at all."""
    changes = body.model_dump(exclude_unset=True)
    return _webhook_out(request, services.change_webhook(lookup.webhook(webhook_id), **changes))


@router.delete(
    "/webhooks/{webhook_id}",
    response={204: None},
    operation_id="delete_webhook",
    summary="Delete a webhook",
)
def delete(request: HttpRequest, webhook_id: str) -> Status[None]:
    """With its deliveries; those that wait are not sent."""
    services.delete_webhook(lookup.webhook(webhook_id))
    return Status(204, None)


@router.post(
    "/webhooks/{webhook_id}/rotate",
    response=WebhookOut,
    operation_id="rotate_webhook_secret",
    summary="Renew the secret of a webhook",
)
def rotate(request: HttpRequest, webhook_id: str) -> dict[str, Any]:
    """For a day, deliveries are signed with the old secret as well."""
    return _webhook_out(request, services.rotate(lookup.webhook(webhook_id)))


@router.post(
    "/webhooks/{webhook_id}/test",
    response={202: DeliveryOut},
    operation_id="test_webhook",
    summary="Send a test event",
)
def test(request: HttpRequest, webhook_id: str) -> Status[dict[str, Any]]:
    """Sends `webhook.test`."""
    return Status(202, _delivery_out(services.ping(lookup.webhook(webhook_id))))


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    response=Page[DeliveryOut],
    operation_id="list_deliveries",
    summary="List what a webhook was told",
)
def deliveries(request: HttpRequest, webhook_id: str, filters: Query[Filters]) -> dict[str, Any]:
    """Newest first; kept for 30 days."""
    rows = Delivery.objects.filter(webhook=lookup.webhook(webhook_id))
    rows = rows.filter(status=filters.status) if filters.status else rows
    found = page_of(rows, limit=filters.limit, cursor=filters.cursor)
    return page(found, [_delivery_out(delivery) for delivery in found.items])


@router.post(
    "/deliveries/{delivery_id}/resend",
    response={202: DeliveryOut},
    operation_id="resend_delivery",
    summary="Send an event once more",
)
def resend(request: HttpRequest, delivery_id: str) -> Status[dict[str, Any]]:
    """With the same id, so that the receiver can tell it from a new one."""
    return Status(202, _delivery_out(services.resend(lookup.delivery(delivery_id))))
