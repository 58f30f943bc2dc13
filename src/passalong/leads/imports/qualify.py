"""Rows name leads, and those qualify: the kind `qualify`, by the rules of services.lead_named."""

from collections import Counter
from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper

from passalong.core.clock import now
from passalong.leads.imports import columns, rows
from passalong.leads.imports.columns import Said, judge_qualify
from passalong.leads.services import no_lead
from passalong.referrers.imports.columns import EMAIL_SHOWN
from passalong.referrers.imports.kinds import Kind, Made, repeated
from passalong.referrers.imports.models import Import
from passalong.referrers.imports.rows import met, record
from passalong.referrers.imports.table import Row
from passalong.referrers.naming import named


def _apply(upload: Import, cursor: CursorWrapper, chunk: list[Row]) -> Counter[str]:
    """Rows are locked in the order of every verb: referrers, then leads."""
    judged = [judge_qualify(row, upload.columns, upload.mapping) for row in chunk]
    found = _found(upload, cursor, judged)
    seen = met(cursor, upload.pk, list({lead.email for lead in found.values()}))
    promoted: list[rows.Known] = []
    made = []
    for one in judged:
        lead = found.get(one.number)
        made.append(_made(one, lead, seen))
        if lead is not None and lead.email not in seen:
            seen.add(lead.email)
            promoted += [] if lead.is_qualified else [lead]
    rows.lock(cursor, [lead.referrer for lead in promoted])
    changed = rows.qualify(cursor, [lead.id for lead in promoted], now())
    rows.follow(cursor, [], changed)
    return record(cursor, upload.pk, made)


def _found(upload: Import, cursor: CursorWrapper, judged: Sequence[Said]) -> dict[int, rows.Known]:
    """The lead that each row names, by its number: a code is that of a friend who refers by now."""
    names = {one.number: named(one.email, "lead") for one in judged if not one.outcome}
    codes = [name for name in names.values() if name[0] == "code"]
    people = rows.persons(cursor, upload.campaign_id, codes)
    wanted = {
        number: ("email", people[name].email) if name in people else name
        for number, name in names.items()
        if name[0] != "code" or name in people
    }
    leads = rows.leads(cursor, upload.campaign_id, wanted.values())
    return {number: leads[name] for number, name in wanted.items() if name in leads}


def _made(one: Said, lead: rows.Known | None, seen: set[str]) -> Made:
    if one.outcome:
        return Made(one.number, one.email, one.outcome, reason=one.reason, message=one.message)
    if lead is None:
        problem = no_lead()
        shown = one.email[:EMAIL_SHOWN]
        # A list of all customers names many who are no leads: nothing went wrong.
        return Made(one.number, shown, "skipped", reason=problem.code, message=str(problem))
    if lead.email in seen:
        same = "names the same lead"
        return repeated(one.number, lead.email, same, referrer=lead.referrer, lead=lead.id)
    outcome = "unchanged" if lead.is_qualified else "updated"
    return Made(one.number, lead.email, outcome, lead.referrer, lead.id)


QUALIFY = Kind(
    name="qualify",
    template=columns.QUALIFY_TEMPLATE,
    suggested=columns.suggested_for_qualify,
    check=columns.check_qualify,
    apply=_apply,
)
