"""What becomes of leads when people are merged or erased."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db.models import QuerySet

from passalong.campaigns.models import Campaign
from passalong.leads.models import Lead
from passalong.referrers.erasing import Person
from passalong.referrers.models import ERASED

MOVE = """
UPDATE leads_lead AS l SET referrer_id = k.survivor
FROM unnest(%s::uuid[], %s::uuid[]) AS k(loser, survivor) WHERE l.referrer_id = k.loser
"""


def on_referrers_merged(into: Mapping[UUID, UUID], **_signal: Any) -> None:
    """The friends stay with the person. One who has the other's address is kept: they were here before."""
    with database.cursor() as cursor:
        cursor.execute(MOVE, (list(into), list(into.values())))


def on_gathering(person: Person, **_signal: Any) -> None:
    """The person may be somebody's friend, too."""
    for lead in _with_address(person.emails).order_by("pk"):
        person.leads.add(lead.pk)
        person.words |= {lead.first_name, *map(str, lead.fields.values())}


def on_spoken_for(addresses: Collection[str], **_signal: Any) -> set[str]:
    """Addresses of friends are theirs, whoever had them before."""
    return set(_with_address(addresses).values_list("email", flat=True))


def _with_address(emails: Collection[str]) -> QuerySet[Lead]:
    """Looked up campaign by campaign, for which there is an index."""
    campaigns = list(Campaign.objects.values_list("pk", flat=True))
    return Lead.objects.filter(campaign__in=campaigns, email__in=emails)


def on_erasing(person: Person, **_signal: Any) -> None:
    """A friend without a name is left, so that the sums stay what they were."""
    for lead in Lead.objects.select_for_update().filter(pk__in=person.leads).order_by("pk"):
        lead.email = f"erased-{lead.pk.hex}{ERASED}"
        lead.first_name, lead.fields, lead.consented_at = "", {}, None
        lead.save(update_fields=["email", "first_name", "fields", "consented_at"])
