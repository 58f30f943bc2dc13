"""Hands to upload a file into a campaign, work on it as a worker does, and look at what came of it."""

import asyncio
import io
from collections.abc import Mapping
from typing import Any

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.referrers.imports import services
from passalong.referrers.imports.work import conduct
from passalong.referrers.models import Import, ImportRecord, Referrer

Columns = Mapping[str, str | None] | None
COUNTS = ("read", "created", "updated", "unchanged", "duplicate", "skipped", "failed")


def queue(
    campaign: Campaign,
    text: str | bytes,
    *,
    columns: Columns = None,
    kind: str = "referrers",
    **options: bool,
) -> Import:
    """An import that waits for a worker; `columns` is the mapping, by default as suggested."""
    data = text.encode() if isinstance(text, str) else text
    with in_workspace(campaign.workspace_id):
        upload = services.receive(campaign, "people.csv", io.BytesIO(data), size=len(data), kind=kind)
        return services.start(upload, columns, **options)


def work(upload: Import) -> Import:
    """Do what a worker does with it, outside of any workspace."""
    asyncio.run(conduct(upload.pk))
    return Import.everywhere.get(pk=upload.pk)


def upload_all(campaign: Campaign, text: str | bytes, **how: Any) -> Import:
    """Queue it and work on it to its end."""
    return work(queue(campaign, text, **how))


def counts(upload: Import) -> dict[str, int]:
    """What is not zero."""
    return {name: getattr(upload, name) for name in COUNTS if getattr(upload, name)}


def outcomes(upload: Import) -> list[tuple[int, str, str, str]]:
    """(row, email, outcome, reason), in the order of the file."""
    rows = ImportRecord.objects.filter(upload=upload).order_by("pk")
    return list(rows.values_list("row", "email", "outcome", "reason"))


def people(campaign: Campaign) -> dict[str, tuple[str, str, str, dict[str, Any]]]:
    """email → (first name, last name, phone, fields)."""
    rows = Referrer.everywhere.filter(campaign=campaign)
    return {row.email: (row.first_name, row.last_name, row.phone, row.fields) for row in rows}


def stored_count(campaign: Campaign) -> tuple[int, int]:
    """How many referrers the campaign says it has, and how many there are."""
    kept = Campaign.everywhere.get(pk=campaign.pk).referrers_count
    return kept, Referrer.everywhere.filter(campaign=campaign).count()
