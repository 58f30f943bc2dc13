"""Set-based SQL for lists of leads: look-ups by key, and what goes with every change."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from passalong.leads.models import Lead
from passalong.leads.signals import lead_created, lead_qualified
from passalong.referrers.imports.kinds import CollisionError
from passalong.referrers.imports.rows import document
from passalong.referrers.signals import facts_changed


@dataclass(frozen=True)
class Person:
    """A referrer as far as leads are concerned."""

    id: UUID
    email: str


@dataclass(frozen=True)
class Known:
    """A lead that is there."""

    id: UUID
    email: str
    referrer: UUID
    is_qualified: bool


def persons(
    cursor: CursorWrapper, campaign: UUID, names: Iterable[tuple[str, Any]]
) -> dict[tuple[str, Any], Person]:
    """Whom these names (see referrers.naming) name among the campaign's referrers; codes and ids of those who
    were merged name the survivor."""
    found = {}
    for by, wanted in _sorted_out(names).items():
        cursor.execute(_PERSONS[by], (wanted, campaign))
        for name, *columns in cursor.fetchall():
            found[by, name] = Person(*columns)
        merged = [] if by == "email" else [name for name in wanted if (by, name) not in found]
        if merged:
            cursor.execute(_SURVIVORS[by], (merged, campaign))
            for name, *columns in cursor.fetchall():
                found[by, name] = Person(*columns)
    return found


_PERSON = "SELECT k.name, f.id, f.email FROM unnest(%s::{type}[]) AS k(name), LATERAL ("
_OF = "SELECT id, email FROM referrers_referrer WHERE campaign_id = %s AND {by} = k.name OFFSET 0) AS f"
_PERSONS = {
    "pk": (_PERSON + _OF).format(type="uuid", by="id"),
    "email": (_PERSON + _OF).format(type="text", by="lower(email)"),
    "code": (_PERSON + _OF).format(type="text", by="code"),
}
_SURVIVOR = """
SELECT a.{by}, f.id, f.email FROM referrers_referreralias a JOIN referrers_referrer f ON f.id = a.referrer_id
WHERE a.{by} = ANY(%s) AND a.campaign_id = %s
"""
_SURVIVORS = {"pk": _SURVIVOR.format(by="merged"), "code": _SURVIVOR.format(by="code")}


def leads(
    cursor: CursorWrapper, campaign: UUID, names: Iterable[tuple[str, Any]]
) -> dict[tuple[str, Any], Known]:
    """The campaign's leads with these names, of which each is a `pk` or an `email`."""
    found = {}
    for by, wanted in _sorted_out(names).items():
        cursor.execute(_LEADS[by], (wanted, campaign))
        for name, *columns in cursor.fetchall():
            found[by, name] = Known(*columns)
    return found


_LEAD = "SELECT k.name, l.id, l.email, l.referrer_id, l.status = 'qualified' FROM unnest(%s::{type}[]) "
_THERE = (
    "AS k(name), LATERAL (SELECT * FROM leads_lead WHERE campaign_id = %s AND {by} = k.name OFFSET 0) AS l"
)
_LEADS = {
    "pk": (_LEAD + _THERE).format(type="uuid", by="id"),
    "email": (_LEAD + _THERE).format(type="text", by="email"),
}


def _sorted_out(names: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for by, value in dict.fromkeys(names):
        if by:
            found.setdefault(by, []).append(value)
    return found


def lock(cursor: CursorWrapper, referrers: Iterable[UUID]) -> None:
    """Keep these referrers from others who change counts; CollisionError when one is gone."""
    wanted = sorted(set(referrers))
    cursor.execute(
        "SELECT id FROM referrers_referrer WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", (wanted,)
    )
    if len(cursor.fetchall()) != len(wanted):
        raise CollisionError


def qualify(cursor: CursorWrapper, ids: Sequence[UUID], moment: datetime) -> list[Lead]:
    """Qualify pending leads. Their referrers are locked, so nobody else wants these rows; CollisionError when
    somebody had them first."""
    if not ids:
        return []
    cursor.execute(
        "UPDATE leads_lead SET status = 'qualified', qualified_at = %s "
        "WHERE id = ANY(%s) AND status = 'pending' RETURNING id",
        (moment, list(ids)),
    )
    if len(cursor.fetchall()) != len(ids):
        raise CollisionError
    return list(Lead.objects.filter(pk__in=ids).order_by("pk"))


def follow(cursor: CursorWrapper, added: Sequence[Lead], qualified: Sequence[Lead]) -> None:
    """What goes with every change: the counts of the referrers, locked already, and who wants to know."""
    if not added and not qualified:
        return
    counts = _counts(added, qualified)
    cursor.execute(_COUNT, (document(list(counts.values())),))
    facts = {"referrals_count", "last_referral_at"} if added else set()
    # Told in one go, so that wishes are locked in one order.
    facts |= {"converted_referrals_count"} if qualified else set()
    facts_changed.send(sender=Lead, referrers=list(counts), facts=facts)
    if added:
        lead_created.send(sender=Lead, leads=added)
    if qualified:
        lead_qualified.send(sender=Lead, leads=qualified)


_COUNT = """
UPDATE referrers_referrer AS f SET referrals_count = f.referrals_count + x.leads,
    converted_referrals_count = f.converted_referrals_count + x.qualified,
    last_referral_at = greatest(f.last_referral_at, x.last)
FROM jsonb_to_recordset(%s::jsonb) AS x(id uuid, leads int, qualified int, last timestamptz)
WHERE f.id = x.id
"""


def _counts(added: Sequence[Lead], qualified: Sequence[Lead]) -> dict[UUID, dict[str, Any]]:
    counts: dict[UUID, dict[str, Any]] = {}
    for lead in added:
        mine = counts.setdefault(lead.referrer_id, _nothing(lead.referrer_id))
        mine["leads"] += 1
        mine["last"] = max(mine["last"] or lead.created_at, lead.created_at)
    for lead in qualified:
        counts.setdefault(lead.referrer_id, _nothing(lead.referrer_id))["qualified"] += 1
    return counts


def _nothing(referrer: UUID) -> dict[str, Any]:
    return {"id": referrer, "leads": 0, "qualified": 0, "last": None}
