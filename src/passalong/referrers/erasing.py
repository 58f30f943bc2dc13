"""A person asks to be forgotten: nothing personal of theirs is left anywhere in the workspace.

The person is the address: every referrer and every lead of the workspace who has it. What they brought stays
counted: a referrer with friends becomes nobody in particular, one without is removed, and so is whatever was
kept about them in runs, uploads, histories and logs. Each app drops its own, see signals.py.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchVectorField
from django.db import transaction
from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Lower

from passalong.accounts import audit
from passalong.accounts.models import AuditEntry
from passalong.accounts.scope import current_workspace_id
from passalong.campaigns.models import Campaign
from passalong.core.scrub import contains, scrubbed
from passalong.referrers.merging import unhindered
from passalong.referrers.models import (
    ERASED,
    Import,
    ImportRecord,
    Referrer,
    ReferrerAlias,
    ReferrerStatus,
)
from passalong.referrers.services import PERSONAL, delete_referrers, free_code, normal_email
from passalong.referrers.signals import erasing, gathering, spoken_for

SAVED = ("email", *PERSONAL, "fields", "code", "status", "search", "updated_at")


@dataclass
class Person:
    """Whom to erase and all that is known of them in this workspace.

    `emails` are the addresses that are theirs now, `texts` those and earlier ones: whatever holds one of them
    goes. `words` are names and the like, which others may share: looked for only where the rest is theirs.
    `contacts` are (connection, contact id) pairs.
    """

    emails: set[str]
    contacts: set[tuple[UUID, str]] = field(default_factory=set)
    referrers: dict[UUID, UUID] = field(default_factory=dict)
    leads: set[UUID] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)

    @property
    def is_here(self) -> bool:
        """Whether there is anybody to erase."""
        return bool(self.referrers or self.leads or self.contacts)


def person_of(
    emails: Collection[str], contacts: Collection[tuple[UUID, str]] = (), *, deep: bool = False
) -> Person:
    """Who is meant by these addresses (and by these contacts, if the person has no address here). `deep` also
    reads what takes long to read, for erasing them."""
    person = Person({email.strip().lower() for email in emails if not email.endswith(ERASED)}, set(contacts))
    person.texts |= person.emails
    for row in _with_address(person.emails):
        person.referrers[row.pk] = row.campaign_id
        person.words |= {row.first_name, row.last_name, row.name, row.phone, *map(str, row.fields.values())}
    gathering.send(sender=Referrer, person=person, deep=deep)
    _add_earlier_addresses(person)
    person.words = {word for word in person.words if len(word) > 1}
    return person


def erase_person(emails: Collection[str], contacts: Collection[tuple[UUID, str]] = (), *, who: str) -> Person:
    """Erase whoever has these addresses in this workspace; returns who that was. Safe to repeat."""
    return unhindered(lambda: _erase(emails, contacts, who))


@transaction.atomic
def _erase(emails: Collection[str], contacts: Collection[tuple[UUID, str]], who: str) -> Person:
    # Locked in the order in which everybody locks referrers.
    list(_with_address(emails).select_for_update().values_list("pk", flat=True))
    person = person_of(emails, contacts, deep=True)
    if person.is_here:
        erasing.send(sender=Referrer, person=person)
        _forget_imports(person)
        _forget_histories(person)
        for campaign_id in sorted(set(person.referrers.values())):
            _forget_referrers(person, Campaign.objects.get(pk=campaign_id), who)
    return person


def _with_address(emails: Collection[str]) -> QuerySet[Referrer]:
    """Looked up campaign by campaign, for which there is an index."""
    campaigns = list(Campaign.objects.values_list("pk", flat=True))
    rows = Referrer.objects.filter(campaign__in=campaigns).alias(email_key=Lower("email"))
    return rows.filter(email_key__in=[email.strip().lower() for email in emails]).order_by("pk")


def _add_earlier_addresses(person: Person) -> None:
    """Addresses they had before, but for those that are somebody else's by now."""
    entries = AuditEntry.objects.filter(subject__in=person.referrers).values_list("changes", flat=True)
    told = {
        str(said)
        for changes in entries
        for change in changes
        if change["field"] == "email"
        for said in (change["before"], change["after"])
    }
    rows = ImportRecord.objects.filter(
        referrer__in=person.referrers, upload__workspace=current_workspace_id()
    )
    told |= set(rows.values_list("email", flat=True))
    person.texts |= told
    # What was typed or read in place of an address may stand anywhere and mean anybody.
    person.texts = {text.lower() for text in person.texts if normal_email(text) == text.lower()}
    earlier = person.texts - person.emails
    person.texts -= set(
        _with_address(earlier).exclude(pk__in=person.referrers).values_list("email", flat=True)
    )
    for _receiver, theirs in spoken_for.send(sender=Referrer, addresses=earlier):
        person.texts -= set(theirs or ())


def _forget_imports(person: Person) -> None:
    here = ImportRecord.objects.filter(upload__workspace=current_workspace_id())
    theirs = Q(referrer__in=person.referrers) | Q(email__in=person.texts)
    here.filter(theirs).update(email="", message="", referrer=None, leader=None)
    for upload in Import.objects.exclude(sample=[]).only("sample").order_by("pk"):
        kept = [["" for _cell in row] if contains(row, person.texts) else row for row in upload.sample]
        if kept != upload.sample:
            Import.objects.filter(pk=upload.pk).update(sample=kept)


def _forget_histories(person: Person) -> None:
    """Their own go altogether; in those of others their addresses do."""
    audit.forget([*person.referrers, *person.leads])
    for entry in mentioning(AuditEntry.objects.all(), "changes", person.texts):
        entry.changes = [
            {**change, **scrubbed({key: change[key] for key in ("before", "after")}, person.texts)}
            for change in entry.changes
        ]
        entry.save(update_fields=["changes"])


def mentioning(rows: Any, column: str, texts: Collection[str]) -> Any:
    """Those of `rows` whose JSON `column` holds one of these texts, in order."""
    found = Q(pk__in=[])
    for text in texts:
        found |= Q(said__icontains=_as_json(text))
    return rows.alias(said=Cast(column, TextField())).filter(found).order_by("pk")


def _as_json(text: str) -> str:
    """As PostgreSQL writes it inside of JSON: letters as they are, quotes and strokes with one before."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _forget_referrers(person: Person, campaign: Campaign, who: str) -> None:
    ids = [key for key, of in person.referrers.items() if of == campaign.pk]
    rows = Referrer.objects.filter(pk__in=ids).order_by("pk")
    ReferrerAlias.objects.filter(referrer__in=ids).delete()
    friends = rows.filter(leads__isnull=False).distinct().values_list("pk", flat=True)
    with_friends = set(friends)
    for row in rows.filter(pk__in=with_friends):
        _make_nobody(row)
    delete_referrers(campaign, [key for key in ids if key not in with_friends])
    audit.note(campaign.pk, "person.erased", who)


def _make_nobody(row: Referrer) -> None:
    """Only what can be counted is left; the link leads nowhere from now on."""
    row.email, row.code = f"erased-{row.pk.hex}{ERASED}", free_code()
    for key in PERSONAL:
        setattr(row, key, "")
    row.fields, row.status = {}, ReferrerStatus.INACTIVE
    row.search = Cast(Value(""), SearchVectorField())
    row.save(update_fields=SAVED)
