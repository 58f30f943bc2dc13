"""What syncs know of one referrer: the contacts it is, and what runs did with them."""

from dataclasses import dataclass

from passalong.integrations.registry import integration
from passalong.referrers.models import Referrer
from passalong.sync.models import Connection, ContactLink, Outcome, Run, RunKind, RunRecord

RUNS = 50
RECORDS = 20


@dataclass(frozen=True)
class LinkedContact:
    """A contact of a CRM that is this referrer. `url` is where the CRM shows it, if it does."""

    connection: Connection
    external_id: str
    role: str
    url: str | None


def contacts_of(referrer: Referrer) -> list[LinkedContact]:
    """Every contact that is this referrer, users first."""
    links = ContactLink.objects.filter(referrer=referrer).select_related("connection").order_by("-role", "id")
    return [
        LinkedContact(link.connection, link.external_id, link.role, url_of(link.connection, link.external_id))
        for link in links
    ]


def url_of(connection: Connection, contact_id: str) -> str | None:
    """Where a person sees this contact in the CRM itself, if there is such a page."""
    crm = integration(connection.provider)
    return crm.contact_url(connection.account_id, connection.region, contact_id)


def records_of(referrer: Referrer) -> list[RunRecord]:
    """What the latest runs did with this person, newest first; runs that changed nothing are left out.

    Looked up by run and contact, for which there is an index.
    """
    ids = list(ContactLink.objects.filter(referrer=referrer).values_list("external_id", flat=True))
    runs = Run.objects.filter(sync__campaign=referrer.campaign_id, kind=RunKind.RUN).order_by("-id")
    newest = list(runs.values_list("pk", flat=True)[:RUNS])
    found = RunRecord.objects.filter(run__in=newest, external_id__in=ids, referrer=referrer)
    changed = found.exclude(outcome__in=(Outcome.UNCHANGED, Outcome.DUPLICATE))
    return list(changed.select_related("run__sync").order_by("-id")[:RECORDS])
