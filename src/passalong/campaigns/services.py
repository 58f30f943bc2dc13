"""Verbs for campaigns."""

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from passalong.campaigns.models import Campaign, CampaignStatus
from passalong.core.problems import FieldProblem, invalid

_is_url = URLValidator(schemes=["http", "https"])


def create_campaign(name: str, destination_url: str) -> Campaign:
    """A live campaign in the current workspace."""
    fields = _valid(name=name, destination_url=destination_url)
    try:
        with transaction.atomic():
            return _made(fields)
    except IntegrityError:
        # Somebody else took the slug between our look and our insert: look again.
        return _made(fields)


def _made(fields: Mapping[str, str]) -> Campaign:
    name, destination_url = fields["name"], fields["destination_url"]
    return Campaign.objects.create(slug=_free_slug(name), name=name, destination_url=destination_url)


@transaction.atomic
def change_campaign(campaign: Campaign, **changes: str) -> Campaign:
    """Set name, destination_url or status; other keys are refused by the callers' schemas."""
    fields = _valid(**changes)
    for key, value in fields.items():
        setattr(campaign, key, value)
    if fields:
        campaign.save(update_fields=list(fields))
    return campaign


def _valid(**fields: str) -> dict[str, str]:
    errors = []
    clean = {key: value.strip() for key, value in fields.items()}
    if "name" in clean and not 1 <= len(clean["name"]) <= 150:
        errors.append(FieldProblem("name", "Give the campaign a name of at most 150 characters."))
    if "destination_url" in clean and not _acceptable(clean["destination_url"]):
        errors.append(
            FieldProblem("destination_url", "Give the full web address friends should reach, with https://.")
        )
    if "status" in clean and clean["status"] not in CampaignStatus.values:
        errors.append(FieldProblem("status", "Status is one of draft, live, paused."))
    if errors:
        raise invalid(errors)
    return clean


def _acceptable(url: str) -> bool:
    try:
        _is_url(url)
    except ValidationError:
        # Django's validator wants a dot in host names; localhost with a port is fine for trying things out.
        return _is_local(url) and len(url) <= 2000
    return len(url) <= 2000


def _is_local(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.hostname == "localhost" and url.isprintable()


def _free_slug(name: str) -> str:
    base = slugify(name)[:40] or "campaign"
    slug = base
    while Campaign.everywhere.filter(slug=slug).exists():
        slug = f"{base}-{secrets.token_hex(3)}"
    return slug
