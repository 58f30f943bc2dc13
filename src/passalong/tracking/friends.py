"""A friend joins from outside: through the join page or the customer's own website."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from ipaddress import ip_address, ip_network

from django.http import HttpRequest
from ninja.throttling import SimpleRateThrottle

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign, CampaignStatus
from passalong.core.problems import FieldProblem, Problem
from passalong.leads.models import Lead
from passalong.leads.services import add_lead
from passalong.referrers.models import Referrer, ReferrerStatus
from passalong.referrers.naming import with_code

PER_MINUTE = 60


def host(campaign: Campaign, code: str) -> Referrer | None:
    """The referrer with this code in this campaign."""
    return with_code(campaign, code)


def is_open(campaign: Campaign, referrer: Referrer | None) -> bool:
    """Whether friends of this referrer can join now."""
    active = referrer is None or referrer.status == ReferrerStatus.ACTIVE
    return active and campaign.status == CampaignStatus.LIVE


def join(
    campaign: Campaign,
    code: str,
    email: str,
    *,
    first_name: str,
    source: str,
    fields: Mapping[str, str],
    consented_at: datetime | None = None,
) -> Lead:
    """The friend is a lead now, or has been one. Problem 422 as in leads.services.add_lead; 409
    `programme_closed` while nobody can join."""
    referrer = host(campaign, code)
    if not is_open(campaign, referrer):
        raise _closed()
    if referrer is None:
        raise _unknown_code()
    with in_workspace(campaign.workspace_id):
        lead, _is_new = add_lead(
            campaign,
            referrer.code,
            email,
            first_name=first_name,
            source=source,
            fields=dict(fields),
            consented_at=consented_at,
        )
    return lead


class Crowd(SimpleRateThrottle):
    """So many attempts a minute from one address for one campaign; for one request at a time."""

    scope = "friends"

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        super().__init__(f"{PER_MINUTE}/m")

    def get_cache_key(self, request: HttpRequest) -> str:
        """The address itself is not kept."""
        whence = _network(self.get_ident(request) or "")
        person = blake2b(f"{self.campaign.pk}{whence}".encode(), digest_size=16).hexdigest()
        return f"friends_{person}"


def _network(address: str) -> str:
    """The address itself, or of an IPv6 address the part that its owner cannot vary at will."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ip_network((int(parsed), 64), strict=False))


def is_too_many(request: HttpRequest, campaign: Campaign) -> bool:
    """Whether whoever asks has asked too often. `PASSALONG_TRUSTED_PROXIES` says whose word counts."""
    return not Crowd(campaign).allow_request(request)


def too_many() -> Problem:
    """What is said to those."""
    return Problem(
        429,
        "too_many_requests",
        "Too many requests",
        f"More than {PER_MINUTE} people tried to join from this address within a minute.",
        "Wait a minute and send it again.",
    )


def _closed() -> Problem:
    return Problem(
        409,
        "programme_closed",
        "Programme closed",
        "This programme does not take friends at the moment.",
        "Make the campaign live, or activate the referrer's link.",
    )


def _unknown_code() -> Problem:
    detail = "No referrer of this campaign has this code."
    return Problem(
        422,
        "referrer_not_found",
        "Referrer not found",
        detail,
        "Send the code of the link the friend came by.",
        [FieldProblem("ref", detail)],
    )
