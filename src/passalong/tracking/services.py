"""Verbs for referral links: where one leads, and that somebody opened it."""

import re
from urllib.parse import urlsplit, urlunsplit

from crawlerdetect import CrawlerDetect
from django.db import transaction
from django.db.models import F

from passalong.campaigns.models import Campaign, CampaignStatus
from passalong.referrers.models import Referrer, ReferrerStatus
from passalong.tracking.models import Visit

PARAMETER = "ref"
_CODE = re.compile(r"[0-9a-z]{1,16}")
# The detector's patterns look at names near the beginning; a longer text only costs time.
_USER_AGENT_LIMIT = 512
_crawlers = CrawlerDetect()


def referrer_of(code: str) -> Referrer | None:
    """The referrer with this code in any workspace: the code is its own key. Upper case is read as lower."""
    code = code.lower()
    if not _CODE.fullmatch(code):
        return None
    return Referrer.everywhere.select_related("campaign").filter(code=code).first()


def is_open(referrer: Referrer) -> bool:
    """Whether the link leads anywhere."""
    return referrer.status == ReferrerStatus.ACTIVE and referrer.campaign.status == CampaignStatus.LIVE


def destination(campaign: Campaign, code: str) -> str:
    """The campaign's address with `ref=<code>` in its query; the rest of it stays as it was written."""
    parts = urlsplit(campaign.destination_url)
    kept = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] != PARAMETER]
    return urlunsplit(parts._replace(query="&".join([*kept, f"{PARAMETER}={code}"])))


def is_bot(user_agent: str) -> bool:
    """Whether this is a program that opens links by itself."""
    return bool(_crawlers.is_crawler(user_agent[:_USER_AGENT_LIMIT]))


@transaction.atomic
def record_visit(referrer: Referrer) -> None:
    """A person opened the link."""
    Visit.everywhere.create(workspace_id=referrer.workspace_id, referrer=referrer)
    Referrer.everywhere.filter(pk=referrer.pk).update(visits_count=F("visits_count") + 1)
