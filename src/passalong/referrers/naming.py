"""Who is meant: a referrer by a code, a link, an email or an id, those of merged referrers included.

Aliases are looked at only where there is no referrer, so that whoever has a code of their own never waits.
"""

import re
from typing import Any, Literal
from uuid import UUID

from django.db.models import QuerySet

from passalong.campaigns.models import Campaign
from passalong.core.ids import parse_id
from passalong.core.problems import FieldProblem, Problem
from passalong.referrers.models import Referrer, ReferrerAlias
from passalong.referrers.services import normal_email, with_email

_LINK = re.compile(r"https?://[^\s?#]+/r/([0-9a-zA-Z]{1,16})/?(?:[?#].*)?")
# Longer than any address, and than a link with everything a campaign may add to it.
_LONGEST = 2000
_CODE = re.compile(r"[0-9a-zA-Z]{1,16}")
By = Literal["pk", "email", "code", ""]


def named(said: str, kind: str) -> tuple[By, Any]:
    """What a text is and its value as it is kept: the `pk` of a row of this kind, an `email`, or the `code`
    of a referrer, also as a link; ("", None) when it is none of these."""
    said = said.strip()
    if len(said) > _LONGEST:
        return "", None
    key = parse_id(kind, said)
    if key is not None:
        return "pk", key
    email = normal_email(said)
    if email is not None:
        return "email", email
    link = _LINK.fullmatch(said)
    if link or _CODE.fullmatch(said):
        return "code", (link[1] if link else said).lower()
    return "", None


def with_code(campaign: Campaign, code: str) -> Referrer | None:
    """The referrer of the campaign who has this code, or had it before they were merged into another one."""
    code = code.strip().lower()
    rows = Referrer.everywhere.filter(campaign=campaign)
    return rows.filter(code=code).first() or rows.filter(aliases__code=code).first()


def survivor_of(referrer_id: UUID) -> UUID | None:
    """Whom this referrer was merged into, if they were."""
    return ReferrerAlias.everywhere.filter(merged=referrer_id).values_list("referrer_id", flat=True).first()


def referrer_named(campaign: Campaign, said: str, field: str = "referrer") -> Referrer:
    """Whom a code, a link, an email or an id names in this campaign. Problem 422 `referrer_not_found`, which
    says that it is about `field`."""
    rows = Referrer.objects.filter(campaign=campaign)
    by, value = named(said, "referrer")
    found: Referrer | None = None
    if by == "pk":
        found = _with_id(rows, value)
    elif by == "email":
        found = with_email(rows, value).first()
    elif by == "code":
        found = with_code(campaign, value)
    if found is None:
        raise referrer_not_found(field)
    return found


def _with_id(rows: QuerySet[Referrer], key: UUID) -> Referrer | None:
    return rows.filter(pk=key).first() or rows.filter(aliases__merged=key).first()


def referrer_not_found(field: str = "referrer") -> Problem:
    """Nobody of the campaign is meant."""
    detail = "No referrer of this campaign has this code, link, email or id."
    return Problem(
        422,
        "referrer_not_found",
        "Referrer not found",
        detail,
        "Send the code of the link the friend came by, or add the referrer first."
        if field == "referrer"
        else "Look the other person up in the list of referrers and copy their email or code.",
        [FieldProblem(field, detail)],
    )
