"""From a public id to the row, or the 404 that gives nothing away."""

from typing import TypeVar

from django.db import models

from passalong.accounts.scope import WorkspaceModel
from passalong.campaigns.models import Campaign
from passalong.core.ids import parse_id
from passalong.core.problems import FieldProblem, Problem, not_found
from passalong.leads.models import Lead
from passalong.referrers.imports.models import ImportStatus
from passalong.referrers.models import Import, Referrer
from passalong.sync.models import Connection, Run, RunKind, Sync
from passalong.webhooks.models import Delivery, Webhook

M = TypeVar("M", bound=WorkspaceModel)


def campaign(public_id: str) -> Campaign:
    """A campaign of this workspace."""
    return _found("campaign", public_id, Campaign.objects.all())


def referrer(public_id: str) -> Referrer:
    """A referrer of this workspace with its contacts."""
    return _found("referrer", public_id, Referrer.objects.prefetch_related("links"))


def lead(public_id: str) -> Lead:
    """A lead of this workspace with its referrer."""
    return _found("lead", public_id, Lead.objects.select_related("referrer"))


def upload(public_id: str) -> Import:
    """An import of this workspace that somebody has started."""
    return _found("import", public_id, Import.objects.exclude(status=ImportStatus.DRAFT))


def connection(public_id: str) -> Connection:
    """A connection of this workspace."""
    return _found("connection", public_id, Connection.objects.all())


def named_connection(public_id: str) -> Connection:
    """The connection a body names: the 404 says which field it was."""
    try:
        return connection(public_id)
    except Problem as problem:
        problem.errors.append(FieldProblem("connection_id", problem.detail))
        raise


def sync(public_id: str) -> Sync:
    """A sync of this workspace."""
    return _found("sync", public_id, Sync.objects.select_related("connection"))


def run(public_id: str) -> Run:
    """A run of this workspace; previews have their own address."""
    return _found("run", public_id, Run.objects.filter(kind=RunKind.RUN))


def preview(public_id: str) -> Run:
    """A preview of this workspace."""
    return _found("preview", public_id, Run.objects.filter(kind=RunKind.PREVIEW))


def webhook(public_id: str) -> Webhook:
    """A webhook of this workspace."""
    return _found("webhook", public_id, Webhook.objects.all())


def delivery(public_id: str) -> Delivery:
    """What a webhook of this workspace was told."""
    return _found("delivery", public_id, Delivery.objects.all())


def _found(kind: str, public_id: str, rows: models.QuerySet[M]) -> M:
    key = parse_id(kind, public_id)
    row = None if key is None else rows.filter(pk=key).first()
    if row is None:
        raise not_found(kind)
    return row
