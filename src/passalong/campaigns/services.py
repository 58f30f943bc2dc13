"""Verbs for campaigns."""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from passalong.campaigns import join_page
from passalong.campaigns.models import Campaign, CampaignStatus, new_public_key
from passalong.campaigns.signals import renamed
from passalong.core.addresses import is_web_address
from passalong.core.problems import FieldProblem, invalid

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_UTM_LIMIT = 200
_MOST_ORIGINS = 20
_ORIGIN = re.compile(r"https?://[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?(:[0-9]{1,5})?")
_ORIGIN_LIKE = "write https://www.example.com, without a path"
_FULL_ADDRESS = "Give the full web address friends should reach, with https://."


def create_campaign(name: str, destination_url: str = "", **more: Any) -> Campaign:
    """A live campaign in the current workspace. `more`: see change_campaign."""
    fields = _complete({**_valid(name=name, destination_url=destination_url, **more)})
    try:
        with transaction.atomic():
            return _made(fields)
    except IntegrityError:
        # Somebody else took the slug between our look and our insert: look again.
        return _made(fields)


def _made(fields: Mapping[str, Any]) -> Campaign:
    return Campaign.objects.create(slug=_free_slug(fields["name"]), **fields)  # type: ignore[misc]


@transaction.atomic
def change_campaign(campaign: Campaign, **changes: Any) -> Campaign:
    """Set name, destination_url, utm, status, is_hosted, join_page or origins; other keys are refused by the
    callers' schemas.

    `utm` is what referral links add to the destination's query, by key (`utm_source` …). It, `join_page` (see
    join_page.py) and `origins` (`https://www.example.com`, of websites that may send leads) replace what was
    there; an empty UTM value adds nothing.
    """
    fields = _complete(_valid(**changes), campaign)
    is_renamed = fields.get("name", campaign.name) != campaign.name
    for key, value in fields.items():
        setattr(campaign, key, value)
    if is_renamed:
        # Before the row itself, which everybody else locks last, too.
        renamed.send(sender=Campaign, campaign=campaign)
    if fields:
        campaign.save(update_fields=list(fields))
    return campaign


def renew_public_key(campaign: Campaign) -> Campaign:
    """A new publishable key; websites that use the old one can send nothing more."""
    campaign.public_key = new_public_key()
    campaign.save(update_fields=["public_key"])
    return campaign


def _valid(**fields: Any) -> dict[str, Any]:
    errors = []
    clean: dict[str, Any] = {
        key: value.strip() if isinstance(value, str) else value for key, value in fields.items()
    }
    if "utm" in fields:
        clean["utm"] = {key: value.strip() for key, value in fields["utm"].items() if value.strip()}
        errors += _utm_problems(clean["utm"])
    if "name" in clean and not 1 <= len(clean["name"]) <= 150:
        errors.append(FieldProblem("name", "Give the campaign a name of at most 150 characters."))
    if clean.get("destination_url") and not is_web_address(clean["destination_url"]):
        errors.append(FieldProblem("destination_url", _FULL_ADDRESS))
    if "join_page" in clean:
        page = join_page.read(clean["join_page"])
        clean["join_page"] = msgspec.to_builtins(page)
        errors += page.problems()
        if page.thanks_url and not is_web_address(page.thanks_url):
            errors.append(FieldProblem("join_page.thanks_url", "Give the full web address, with https://."))
    if "origins" in clean:
        clean["origins"] = list(dict.fromkeys(one.strip().rstrip("/").lower() for one in clean["origins"]))
        errors += _origin_problems(clean["origins"])
    if "status" in clean and clean["status"] not in CampaignStatus.values:
        errors.append(FieldProblem("status", "Status is one of draft, live, paused."))
    if errors:
        raise invalid(errors)
    return clean


def _complete(fields: dict[str, Any], campaign: Campaign | None = None) -> dict[str, Any]:
    """The same, if links lead somewhere with it."""
    now = {key: getattr(campaign, key) for key in ("destination_url", "is_hosted")} if campaign else {}
    after = {**now, **fields}
    if not after.get("destination_url") and not after.get("is_hosted"):
        raise invalid([FieldProblem("destination_url", _FULL_ADDRESS)])
    return fields


def _origin_problems(origins: Sequence[str]) -> list[FieldProblem]:
    if len(origins) > _MOST_ORIGINS:
        return [FieldProblem("origins", f"Name at most {_MOST_ORIGINS} websites.")]
    return [
        FieldProblem(f"origins[{place}]", f"{origin!r} is not the beginning of an address: {_ORIGIN_LIKE}.")
        for place, origin in enumerate(origins)
        if not _ORIGIN.fullmatch(origin)
    ]


def _utm_problems(utm: Mapping[str, str]) -> list[FieldProblem]:
    return [
        FieldProblem(f"utm.{key}", f"Use at most {_UTM_LIMIT} characters, on one line.")
        for key, value in utm.items()
        if len(value) > _UTM_LIMIT or not value.isprintable()
    ]


def _free_slug(name: str) -> str:
    base = slugify(name)[:40] or "campaign"
    slug = base
    while Campaign.everywhere.filter(slug=slug).exists():
        slug = f"{base}-{secrets.token_hex(3)}"
    return slug
