"""What syncs know of a person goes with them; and people whom the CRM has deleted for good."""

from typing import Any
from uuid import UUID

from django.db import connection as database

from passalong.accounts.models import OnContactDeleted, Workspace
from passalong.accounts.scope import current_workspace_id, in_workspace
from passalong.core.scrub import contains, scrubbed
from passalong.integrations.registry import integration
from passalong.referrers.erasing import Person, erase_person
from passalong.referrers.models import Referrer
from passalong.sync import rows as sql
from passalong.sync.models import ACTIVE, Connection, ContactLink, RunRecord, SyncDraft, WriteBack

# The contacts of the person, with every address that runs read from them.
ADDRESSES = """
SELECT DISTINCT lower(r.email) FROM unnest(%s::uuid[], %s::text[]) AS k(connection, contact)
JOIN sync_sync s ON s.connection_id = k.connection JOIN sync_run x ON x.sync_id = s.id
JOIN sync_runrecord r ON r.run_id = x.id AND r.external_id = k.contact WHERE r.email <> ''
"""
# Contacts that were only skipped have no link; what is known of them are records with the address.
UNLINKED = """
SELECT DISTINCT s.connection_id, r.external_id FROM sync_runrecord r
JOIN sync_run x ON x.id = r.run_id JOIN sync_sync s ON s.id = x.sync_id
WHERE x.workspace_id = %s AND lower(r.email) = ANY(%s) AND NOT EXISTS (
    SELECT 1 FROM sync_contactlink l WHERE l.connection_id = s.connection_id
    AND l.external_id = r.external_id)
"""
_OURS = "x.workspace_id = %(workspace)s AND r.run_id = x.id AND s.id = x.sync_id"
_THEIRS = """(lower(r.email) = ANY(%(texts)s) OR r.referrer_id = ANY(%(referrers)s::uuid[])
    OR EXISTS (SELECT 1 FROM unnest(%(connections)s::uuid[], %(contacts)s::text[]) AS k(connection, contact)
        WHERE k.connection = s.connection_id AND k.contact = r.external_id))"""
# The record stays, so that the run's numbers add up. In a run under way it keeps the contact's id, by which
# the run knows whom it has met.
RECORDS = f"""
UPDATE sync_runrecord AS r SET email = '', mapped = NULL, before = NULL, message = '', referrer_id = NULL,
    "group" = NULL, last_seen_at = NULL, write_back = CASE WHEN r.write_back IN ('pending', 'failed')
        THEN 'none' ELSE r.write_back END,
    external_id = CASE WHEN x.status = ANY(%(active)s) THEN r.external_id ELSE 'erased-' || r.id END
FROM sync_run x, sync_sync s WHERE {_OURS} AND {_THEIRS}
"""  # noqa: S608 - constants
MESSAGES = f"""
SELECT r.id, r.message FROM sync_runrecord r, sync_run x, sync_sync s
WHERE {_OURS} AND r.message <> '' AND EXISTS (
    SELECT 1 FROM unnest(%(texts)s::text[]) AS k(said) WHERE position(k.said IN lower(r.message)) > 0)
"""  # noqa: S608 - constants
_CONTACTS = "unnest(%(connections)s::uuid[], %(contacts)s::text[]) AS k(connection, contact)"
_BY_RUN = f"""
DELETE FROM {{table}} t USING {_CONTACTS}, sync_sync s, sync_run x
WHERE x.sync_id = s.id AND t.run_id = x.id AND s.connection_id = k.connection AND t.external_id = k.contact
"""  # noqa: S608 - constants
_BY_SYNC = f"""
DELETE FROM {{table}} t USING {_CONTACTS}, sync_sync s
WHERE t.sync_id = s.id AND s.connection_id = k.connection AND t.external_id = k.contact
"""  # noqa: S608 - constants
OF_CONTACTS = (
    _BY_SYNC.format(table="sync_writeback"),
    _BY_SYNC.format(table="sync_member"),
    _BY_SYNC.format(table="sync_hint"),
    _BY_RUN.format(table="sync_excluded"),
    f"""
    DELETE FROM sync_contactlink t USING {_CONTACTS}
    WHERE t.connection_id = k.connection AND t.external_id = k.contact
    """,  # noqa: S608 - a constant
    f"""
    UPDATE sync_notification AS t SET contact_ids = t.contact_ids - k.contact FROM {_CONTACTS}
    WHERE t.connection_id = k.connection AND NOT t.deleted AND t.contact_ids ? k.contact
    """,  # noqa: S608 - a constant
    f"""
    UPDATE sync_run AS t SET "only" = '[]' FROM {_CONTACTS}, sync_sync s
    WHERE t.sync_id = s.id AND s.connection_id = k.connection AND t."only" ? k.contact
        AND t.status <> ALL(%(active)s)
    """,  # noqa: S608 - a constant
)


def erase_contact(connection: Connection, external_id: str) -> bool:
    """The CRM has deleted this contact for good, and confirmed it: erase the person, if that is the
    workspace's choice. True when anything was erased; safe to repeat.

    Call it only where the CRM says *deleted*: an archived contact may come back. Somebody whom another
    contact still stands for stays, and only what is known of this contact goes.
    """
    with in_workspace(connection.workspace_id):
        choice = Workspace.objects.values_list("on_contact_deleted", flat=True)
        if choice.get(pk=connection.workspace_id) != OnContactDeleted.ERASE:
            return False
        links = ContactLink.objects.filter(connection=connection, external_id=external_id)
        emails = set(Referrer.objects.filter(pk__in=links.values("referrer")).values_list("email", flat=True))
        others = ContactLink.objects.filter(
            referrer__workspace=connection.workspace_id, referrer__email__in=emails
        ).exclude(pk__in=links.values("pk"))
        theirs = set() if others.exists() else emails
        crm = integration(connection.provider).title
        return erase_person(theirs, {(connection.pk, external_id)}, who=crm).is_here


def on_gathering(person: Person, deep: bool, **_signal: Any) -> None:
    """Which contacts they are, and which addresses those had."""
    links = ContactLink.objects.filter(referrer__in=person.referrers)
    person.contacts |= set(links.values_list("connection_id", "external_id"))
    if deep and (person.emails or person.contacts):
        with database.cursor() as cursor:
            sql.prefer_keys(cursor)
            person.texts |= {row[0] for row in sql.select(cursor, ADDRESSES, *_columns(person))}
            about = (current_workspace_id(), list(person.emails))
            person.contacts |= {(row[0], row[1]) for row in sql.select(cursor, UNLINKED, *about)}


def _columns(person: Person) -> tuple[list[UUID], list[str]]:
    pairs = sorted(person.contacts)
    return [connection for connection, _ in pairs], [contact for _, contact in pairs]


def on_erasing(person: Person, **_signal: Any) -> None:
    """Links, wishes, records, samples: whatever was read from their contacts."""
    connections, contacts = _columns(person)
    names: dict[str, Any] = {
        "workspace": current_workspace_id(),
        "connections": connections,
        "contacts": contacts,
        "referrers": list(person.referrers),
        "texts": [text.lower() for text in person.texts],
        "active": [str(status) for status in ACTIVE],
    }
    with database.cursor() as cursor:
        for statement in (RECORDS, *OF_CONTACTS):
            cursor.execute(statement, names)
        said = sql.select(cursor, MESSAGES, **names)
    theirs = [key for key, message in said if contains(message, person.texts)]
    RunRecord.objects.filter(pk__in=theirs).update(message="")
    ContactLink.objects.filter(referrer__in=person.referrers).delete()
    WriteBack.objects.filter(referrer__in=person.referrers).delete()
    _forget_drafts(person, {contact for _, contact in person.contacts})
    _forget_samples(person)


def _forget_drafts(person: Person, contacts: set[str]) -> None:
    """Real contacts whose values the wizard shows."""
    for draft in SyncDraft.objects.select_for_update().order_by("pk"):
        people = draft.sample.get("people", [])
        kept = [one for one in people if one["id"] not in contacts and not contains(one, person.texts)]
        sample = {**scrubbed(draft.sample, person.texts), **({"people": kept} if people else {})}
        answers = scrubbed(draft.answers, person.texts)
        if (sample, answers) != (draft.sample, draft.answers):
            draft.sample, draft.answers = sample, answers
            draft.save(update_fields=["sample", "answers"])


def _forget_samples(person: Person) -> None:
    """The value of a real contact beside each field of a connection."""
    said = person.texts | person.words
    for connection in Connection.objects.select_for_update().order_by("pk"):
        kept = [
            {**field, "sample": None} if _tells(field.get("sample"), said) else field
            for field in connection.fields_cache
        ]
        if kept != connection.fields_cache:
            Connection.objects.filter(pk=connection.pk).update(fields_cache=kept)


def _tells(sample: Any, said: set[str]) -> bool:
    return sample is not None and contains(str(sample), said)
