"""Two referrers who turn out to be one person become one, for good.

The one who was there first survives, whichever way round it is asked for, so that merging in any order ends
the same. Their code stays; the others' codes lead to them for ever.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

import structlog
from django.db import IntegrityError, OperationalError, transaction
from django.db import connection as database
from django.db.models import F

from passalong.accounts import audit
from passalong.accounts.models import AuditEntry
from passalong.campaigns.models import Campaign
from passalong.core.problems import FieldProblem, Problem, not_found
from passalong.referrers.models import Referrer, ReferrerAlias, ReferrerStatus
from passalong.referrers.naming import referrer_named, survivor_of
from passalong.referrers.search import search_words, vector
from passalong.referrers.services import PERSONAL
from passalong.referrers.signals import facts_changed, referrers_merged

COUNTS = ("visits_count", "referrals_count", "converted_referrals_count")
# What the CRM may be told and that a merge may change.
FACTS = (
    "referral_link",
    "referral_code",
    "referrals_count",
    "converted_referrals_count",
    "last_referral_at",
)
SAVED = ("search", "fields", "status", "last_referral_at", "updated_at", *PERSONAL, *COUNTS)
IMPORT_RECORDS = """
UPDATE referrers_importrecord AS r SET referrer_id = k.survivor
FROM unnest(%s::uuid[], %s::uuid[]) AS k(loser, survivor)
WHERE r.referrer_id = k.loser AND r.upload_id IN (SELECT id FROM referrers_import WHERE campaign_id = %s)
"""

log = structlog.get_logger(__name__)
T = TypeVar("T")


def unhindered(verb: Callable[[], T]) -> T:
    """Do this, which is one transaction, again when it got in the way of work in the background, such as
    numbers being folded into their days."""
    for _ in range(2):
        try:
            return verb()
        except (OperationalError, IntegrityError) as error:
            log.info("done again", error=type(error).__name__)
    return verb()


def other_referrer(referrer: Referrer, said: str) -> Referrer:
    """Whom a person named to merge this one with. Problems 422 `referrer_not_found`, `same_referrer`."""
    other = referrer_named(referrer.campaign, said, field="into")
    if other.pk == referrer.pk:
        detail = "This is the same referrer already."
        step = "Name the other one, by email or code."
        problem = FieldProblem("into", detail)
        raise Problem(422, "same_referrer", "Same referrer", detail, step, [problem])
    return other


def merge_two(one: Referrer, other: Referrer, *, who: str) -> Referrer:
    """The one referrer that these two are from now on. Safe to repeat."""
    return unhindered(lambda: _merge_two(one, other, who))


def _merge_two(one: Referrer, other: Referrer, who: str) -> Referrer:
    with transaction.atomic():
        people = {one.pk, other.pk}
        into = merge(one.campaign, [people], who=who)
        if not into:
            # Somebody else merged or removed one of them meanwhile.
            people |= set(filter(None, map(survivor_of, people)))
            into = merge(one.campaign, [people], who=who)
        there = Referrer.objects.filter(pk__in=people | set(into.values())).prefetch_related("links")
        survivor = there.order_by("pk").first()
        if survivor is None:
            raise not_found("referrer")
        return survivor


@transaction.atomic
def merge(campaign: Campaign, people: Sequence[Collection[UUID]], *, who: str) -> dict[UUID, UUID]:
    """Make one referrer of each of these sets, which share nobody; returns loser → survivor.

    Rows are locked as everywhere: referrers by id, then what hangs on them, then the campaign. Whoever is not
    there (any more) is passed over. `who` is for the histories.
    """
    ids = [one for some in people for one in some]
    rows = Referrer.objects.select_for_update().filter(campaign=campaign, pk__in=ids).order_by("pk")
    found = {row.pk: row for row in rows}
    into: dict[UUID, UUID] = {}
    for some in people:
        there = sorted(one for one in some if one in found)
        for loser in there[1:]:
            into[loser] = there[0]
    if into:
        _merge(campaign, found, into, who)
    return into


def _merge(campaign: Campaign, found: Mapping[UUID, Referrer], into: dict[UUID, UUID], who: str) -> None:
    for loser in sorted(into):
        _absorb(found[into[loser]], found[loser])
    referrers_merged.send(sender=Referrer, campaign=campaign, into=into)
    _keep_codes(campaign, found, into)
    _keep_histories(found, into, who)
    with database.cursor() as cursor:
        cursor.execute(IMPORT_RECORDS, (list(into), list(into.values()), campaign.pk))
    Referrer.objects.filter(pk__in=into).delete()
    survivors = sorted(set(into.values()))
    for survivor in survivors:
        found[survivor].save(update_fields=SAVED)
    facts_changed.send(sender=Referrer, referrers=survivors, facts=set(FACTS))
    Campaign.objects.filter(pk=campaign.pk).update(referrers_count=F("referrers_count") - len(into))


def _absorb(survivor: Referrer, loser: Referrer) -> None:
    """What the survivor lacks comes from the other, and what can be counted is added up."""
    for key in PERSONAL:
        setattr(survivor, key, getattr(survivor, key) or getattr(loser, key))
    survivor.fields = {**loser.fields, **survivor.fields}
    if ReferrerStatus.ACTIVE in (survivor.status, loser.status):
        survivor.status = ReferrerStatus.ACTIVE
    for key in COUNTS:
        setattr(survivor, key, getattr(survivor, key) + getattr(loser, key))
    moments = [one.last_referral_at for one in (survivor, loser) if one.last_referral_at]
    survivor.last_referral_at = max(moments, default=None)
    survivor.search = vector(
        search_words(survivor.email, survivor.first_name, survivor.last_name, survivor.code)
    )


def _keep_codes(campaign: Campaign, found: Mapping[UUID, Referrer], into: Mapping[UUID, UUID]) -> None:
    for loser, survivor in into.items():
        ReferrerAlias.objects.filter(referrer=loser).update(referrer=survivor)
    ReferrerAlias.objects.bulk_create(
        ReferrerAlias(
            workspace_id=campaign.workspace_id,
            campaign=campaign,
            referrer_id=survivor,
            code=found[loser].code,
            merged=loser,
        )
        for loser, survivor in into.items()
    )


def _keep_histories(found: Mapping[UUID, Referrer], into: Mapping[UUID, UUID], who: str) -> None:
    for loser, survivor in into.items():
        AuditEntry.objects.filter(subject=loser).update(subject=survivor)
    audit.note_each(
        (survivor, "referrer.merged", who, _told(found[loser], found[survivor]))
        for loser, survivor in into.items()
    )


def _told(loser: Referrer, survivor: Referrer) -> list[dict[str, str]]:
    """Under which address and code the other one was here."""
    return [
        {"field": key, "before": getattr(loser, key), "after": getattr(survivor, key)}
        for key in ("email", "code")
    ]
