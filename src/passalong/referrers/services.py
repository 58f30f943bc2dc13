"""Verbs for referrers added or changed by a person or a program (syncs have their own set-based way)."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db import IntegrityError, transaction
from django.db.models import F, Func, QuerySet, Value
from django.db.models.functions import Lower

from passalong.accounts import audit
from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.core.pages import CursorPage, cut, page_of, position
from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.referrers.codes import new_code
from passalong.referrers.models import Referrer, ReferrerAlias, ReferrerStatus, Source
from passalong.referrers.search import newest_matches, prefix_query, search_words, vector
from passalong.referrers.signals import referrers_created


class _PlainEmailValidator(EmailValidator):
    """Django's own, its patterns compiled: behind lazy proxies a look-up costs as much as a match."""

    user_regex = re.compile(EmailValidator.user_regex.pattern, re.IGNORECASE)
    domain_regex = re.compile(EmailValidator.domain_regex.pattern, re.IGNORECASE)


_is_email = _PlainEmailValidator()
NAME_LIMIT = 255
FIELD_NAME_LIMIT = 60
PERSONAL = ("first_name", "last_name", "phone")
MOST_AT_ONCE = 500


def normal_email(text: str) -> str | None:
    """The email as it is kept (trimmed, lower-cased), or None when it is not usable."""
    email = text.strip().lower()
    try:
        _is_email(email)
    except ValidationError:
        return None
    # Letters newer than this Python: PostgreSQL may know another small form of them than we do. Halves of
    # letters: it cannot keep them.
    odd = not email.isascii() and any(unicodedata.category(letter) in ("Cn", "Cs") for letter in email)
    return None if odd else email


def find_referrers(
    campaign: Campaign,
    *,
    limit: int,
    cursor: str | None = None,
    q: str = "",
    email: str = "",
    with_links: bool = False,
    **columns: str,
) -> CursorPage[Referrer]:
    """One page of the campaign's referrers, newest first; `columns` are `status` and `source`."""
    columns = {name: value for name, value in columns.items() if value}
    rows: QuerySet[Referrer] = Referrer.objects.filter(campaign=campaign, **columns)
    if with_links:
        rows = rows.prefetch_related("links")
    if email:
        rows = with_email(rows, email)
    if not q.strip():
        return page_of(rows, limit=limit, cursor=cursor)
    query = prefix_query(q)
    if query is None:
        return CursorPage([], None)
    before = position(Referrer, cursor) if cursor else None
    ids = newest_matches(campaign.pk, query, before=before, limit=limit + 1, **columns)
    return cut(list(rows.filter(pk__in=ids).order_by("-pk")), limit)


def add_referrer(
    campaign: Campaign, email: str, *, source: str = Source.API, **values: Any
) -> tuple[Referrer, bool]:
    """The referrer with this email and whether it is new.

    One that is already there keeps its code and everything it has; only empty fields are filled.
    """
    clean = _valid({"email": email, **values})
    with transaction.atomic():
        same_person = with_email(
            Referrer.objects.select_for_update().filter(campaign=campaign), clean["email"]
        )
        existing = same_person.first()
        if existing is not None:
            return _fill(existing, clean), False
        try:
            with transaction.atomic():
                return _create(campaign, clean, source), True
        except IntegrityError:
            # Somebody else added the same person between our look and our insert.
            return _fill(same_person.get(), clean), False


@transaction.atomic
def change_referrer(referrer: Referrer, *, who: str, **values: Any) -> Referrer:
    """Set what is given: email, names, phone, fields (key by key; None removes a key), status.

    `who` is for the person's history, here and below.
    """
    clean = _valid(values)
    fields = clean.pop("fields", None)
    referrer = Referrer.objects.select_for_update().get(pk=referrer.pk)
    before = _noted(referrer)
    if fields is not None:
        merged = {**referrer.fields, **fields}
        referrer.fields = {key: value for key, value in merged.items() if value is not None}
    for key, value in clean.items():
        setattr(referrer, key, value)
    try:
        with transaction.atomic():
            _save(referrer)
    except IntegrityError:
        raise Problem(
            409,
            "email_in_use",
            "Email in use",
            f"Another referrer of this campaign already has the address {referrer.email}.",
            "Use another address, or change that referrer first.",
        ) from None
    gone = dict.fromkeys(before)
    changed = audit.differences(before, {**gone, **_noted(referrer)})
    if changed:
        audit.note(referrer.pk, "referrer.changed", who, changed)
    return referrer


def _noted(referrer: Referrer) -> dict[str, Any]:
    """What the history tells about, fields of one's own one by one."""
    plain = {key: getattr(referrer, key) for key in ("email", *PERSONAL, "status")}
    return {**plain, **{f"fields.{key}": value for key, value in referrer.fields.items()}}


@transaction.atomic
def set_status(campaign: Campaign, ids: Sequence[UUID], status: ReferrerStatus, *, who: str) -> int:
    """Activate or deactivate these referrers of the campaign; returns how many were something else before.

    Ids of others are passed over. Problem 422 `too_many` for more than 500.
    """
    rows = _some(campaign, ids).exclude(status=status)
    chosen = list(rows.values_list("pk", "status"))
    keys = [key for key, _before in chosen]
    Referrer.objects.filter(pk__in=keys).update(status=status, updated_at=now())
    audit.note_each(
        (key, "referrer.changed", who, [{"field": "status", "before": before, "after": str(status)}])
        for key, before in chosen
    )
    return len(chosen)


@transaction.atomic
def delete_referrers(campaign: Campaign, ids: Sequence[UUID]) -> int:
    """Remove these referrers of the campaign with everything that hangs on them, their histories included.

    Returns how many there were. Ids of others are passed over. Problem 422 `too_many` for more than 500.
    """
    chosen = list(_some(campaign, ids).values_list("pk", flat=True))
    if chosen:
        audit.forget(chosen)
        _total, gone = Referrer.objects.filter(pk__in=chosen).delete()
        Campaign.objects.filter(pk=campaign.pk).update(
            referrers_count=F("referrers_count") - len(chosen),
            leads_count=F("leads_count") - gone.get("leads.Lead", 0),
        )
    return len(chosen)


def _some(campaign: Campaign, ids: Sequence[UUID]) -> QuerySet[Referrer]:
    """These of the campaign, locked in the order in which syncs lock them: nobody waits in a circle."""
    if len(ids) > MOST_AT_ONCE:
        said = f"These are {len(ids):,} referrers; {MOST_AT_ONCE} can be changed at once."
        raise Problem(422, "too_many", "Too many", said, "Choose fewer and do the rest after them.")
    return Referrer.objects.select_for_update().filter(campaign=campaign, pk__in=ids).order_by("pk")


def delete_referrer(referrer: Referrer) -> None:
    """Remove a referrer with everything that hangs on it; the link stops working."""
    delete_referrers(referrer.campaign, [referrer.pk])


def with_email(rows: QuerySet[Referrer], email: str) -> QuerySet[Referrer]:
    """Those of `rows` with this address."""
    # By the expression that the unique index has; a plain comparison would read the whole campaign.
    return rows.alias(email_key=Lower("email")).filter(email_key=email.strip().lower())


def _valid(values: Mapping[str, Any]) -> dict[str, Any]:
    clean: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    errors = []
    if "email" in clean:
        email = normal_email(clean["email"])
        if email is None:
            errors.append(FieldProblem("email", "This is not an email address we can use."))
        clean["email"] = email
    for key in PERSONAL:
        if key in clean:
            clean[key] = clean[key].replace("\0", "").strip()
            if len(clean[key]) > NAME_LIMIT:
                errors.append(FieldProblem(key, f"Use at most {NAME_LIMIT} characters."))
    errors += _field_problems(clean.get("fields") or {})
    if "status" in clean and clean["status"] not in ReferrerStatus.values:
        errors.append(FieldProblem("status", "Status is active or inactive."))
    if errors:
        raise invalid(errors)
    return clean


def _field_problems(fields: Mapping[str, Any]) -> Iterator[FieldProblem]:
    for key, value in fields.items():
        if not 1 <= len(key) <= FIELD_NAME_LIMIT:
            yield FieldProblem("fields", f"Field names have 1 to {FIELD_NAME_LIMIT} characters.")
        if isinstance(value, str) and len(value) > NAME_LIMIT:
            yield FieldProblem(f"fields.{key}", f"Use at most {NAME_LIMIT} characters.")


def _create(campaign: Campaign, clean: dict[str, Any], source: str) -> Referrer:
    referrer = Referrer(
        workspace_id=campaign.workspace_id, campaign=campaign, source=source, code=free_code()
    )
    for key, value in clean.items():
        setattr(referrer, key, value)
    referrer.search = _vector(referrer)
    referrer.save(force_insert=True)
    referrers_created.send(sender=Referrer, workspace_id=campaign.workspace_id, ids=[referrer.pk])
    Campaign.objects.filter(pk=campaign.pk).update(referrers_count=F("referrers_count") + Value(1))
    return referrer


def free_code() -> str:
    """A code that nobody has or had."""
    code = new_code()
    while _is_taken(code):
        code = new_code()
    return code


def _is_taken(code: str) -> bool:
    taken = Referrer.everywhere.filter(code=code), ReferrerAlias.everywhere.filter(code=code)
    return any(rows.exists() for rows in taken)


def _fill(referrer: Referrer, clean: Mapping[str, Any]) -> Referrer:
    for key in PERSONAL:
        if clean.get(key) and not getattr(referrer, key):
            setattr(referrer, key, clean[key])
    referrer.fields = {**clean.get("fields", {}), **referrer.fields}
    _save(referrer)
    return referrer


def _save(referrer: Referrer) -> None:
    referrer.search = _vector(referrer)
    referrer.save(update_fields=["email", *PERSONAL, "fields", "status", "search", "updated_at"])


def _vector(referrer: Referrer) -> Func:
    return vector(search_words(referrer.email, referrer.first_name, referrer.last_name, referrer.code))
