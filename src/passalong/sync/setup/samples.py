"""Real contacts whose values stand beside the rows of a mapping. They are kept in the draft and go with it.

`SyncDraft.sample` is `{of, text, keep, wanted_at, found_at, people: [{id, name, email, values}], error}`,
times as unix seconds. `of` is the account and audience it was asked for: contacts of another one are never
shown. A page never waits for the CRM: it says what it wants, a job finds it, and the page looks again. Who
is shown stays among `people` when others are found: a page changes only when its own person asks for it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction

from passalong.accounts.scope import in_workspace
from passalong.core.clock import now
from passalong.core.problems import Problem
from passalong.sync import connections
from passalong.sync.models import SyncDraft
from passalong.sync.records import Audience, Contact, Scalar
from passalong.sync.setup.drafts import connection_of

MOST, LOOKED_AT, KEPT = 5, 25, 10
LONGEST = 200


@dataclass(frozen=True)
class Person:
    """One contact to show."""

    id: str
    label: str
    values: dict[str, Scalar]


def want(draft: SyncDraft) -> None:
    """Have some contacts of this audience found, unless that was asked for before."""
    if not _current(draft):
        _ask(draft, text="")


def want_others(draft: SyncDraft, text: str, shown: str) -> None:
    """Have contacts found with `text` in email or name; `shown` stays in front until there are some."""
    known = _in_front(_current(draft).get("people", []), shown)
    _ask(draft, text=text.strip()[:LONGEST], people=known, keep="")


def want_again(draft: SyncDraft, shown: str) -> None:
    """Have the same contacts read anew; `shown`, or whoever is in front, stays there."""
    _ask(draft, keep=shown or next((one.id for one in people(draft)), ""))


def _ask(draft: SyncDraft, **changes: Any) -> None:
    from passalong.sync.tasks import enqueue_samples

    draft.sample = {**_current(draft), **changes, "of": _of(draft), "wanted_at": now().timestamp()}
    with transaction.atomic():
        SyncDraft.objects.filter(pk=draft.pk).update(sample=draft.sample)
        enqueue_samples(draft.pk)


def waits_since(draft: SyncDraft) -> datetime | None:
    """Since when contacts are wanted that have not been looked for yet; None when none are."""
    sample = _current(draft)
    wanted = sample.get("wanted_at")
    if wanted is None or sample.get("found_at", 0) >= wanted:
        return None
    return datetime.fromtimestamp(wanted, UTC)


def people(draft: SyncDraft) -> list[Person]:
    """Who was found in the audience as it is now."""
    return [
        Person(one["id"], " · ".join(filter(None, [one["name"], one["email"]])) or one["id"], one["values"])
        for one in _current(draft).get("people", [])
    ]


def find(draft_id: UUID) -> None:
    """Look for the contacts that are wanted. For the job."""
    draft = SyncDraft.everywhere.filter(pk=draft_id).first()
    if draft is None:
        return
    with in_workspace(draft.workspace_id):
        asked = draft.sample.get("wanted_at", now().timestamp())
        found = _found(draft, draft.sample.get("text", ""))
        with transaction.atomic():
            row = SyncDraft.objects.select_for_update().filter(pk=draft_id).first()
            # Somebody may have asked for others meanwhile: then that is the answer to wait for.
            if row is not None and row.sample == draft.sample and _of(row) == _of(draft):
                row.sample = {**row.sample, "error": None, **found, "of": _of(row), "found_at": asked}
                row.save(update_fields=["sample"])


def _of(draft: SyncDraft) -> dict[str, Any]:
    """The account and the audience that the draft is about."""
    return {
        "connection": draft.answers.get("source", {}).get("connection_id"),
        "audience": draft.answers.get("contacts", {}).get("audience"),
    }


def _current(draft: SyncDraft) -> dict[str, Any]:
    """What is kept, if it is of this account and this audience."""
    return dict(draft.sample) if draft.sample.get("of") == _of(draft) else {}


def _in_front(found: list[dict[str, Any]], shown: str) -> list[dict[str, Any]]:
    return sorted(found, key=lambda one: one["id"] != shown)


def _found(draft: SyncDraft, text: str) -> dict[str, Any]:
    """Who is there, or why nobody is; somebody who was found before stays when nobody new is."""
    connection, audience = connection_of(draft), draft.answers.get("contacts", {}).get("audience")
    if connection is None or not audience:
        return {}
    keys = [field.key for field in connections.known_fields(connection) if field.readable]
    wanted = msgspec.convert(audience, Audience)
    try:
        some = connections.ask(
            connection, lambda session: session.samples(wanted, text, ["name", "email", *keys], LOOKED_AT)
        )
    except Problem as problem:
        return {"error": problem.detail}
    if not some:
        return {"error": "nobody"}
    # Whoever has most to show comes first; of those with the same, the newest.
    best = sorted(map(_kept, reversed(some)), key=_worth)[::-1]
    keep, before = draft.sample.get("keep", ""), _current(draft).get("people", [])
    best = _in_front(best, keep)[:MOST]
    ids = {one["id"] for one in best}
    everybody = [*best, *(one for one in before if one["id"] not in ids)]
    return {"people": _in_front(everybody, keep)[:KEPT]}


def _kept(contact: Contact) -> dict[str, Any]:
    values = {key: value for key, value in contact.values.items() if value is not None}
    name, email = (str(values.get(key) or "") for key in ("name", "email"))
    return {"id": contact.id, "name": name, "email": email, "values": values}


def _worth(one: dict[str, Any]) -> tuple[bool, int]:
    """How much there is to see of a contact."""
    return bool(one["name"] and one["email"]), len(one["values"])
