"""The secret address of a campaign: signed with the installation's key, so that nothing secret is stored."""

from django.conf import settings
from django.core.signing import BadSignature, Signer

from passalong.campaigns.models import Campaign
from passalong.core.ids import parse_id, public_id

_signer = Signer(sep=".", salt="passalong.campaigns.hooks")


def address(campaign: Campaign) -> str:
    """Where programs qualify leads of this campaign."""
    said = f"{public_id('campaign', campaign.pk)}.{campaign.hook_version}"
    return f"{settings.BASE_URL}/hooks/qualify/{_signer.sign(said)}"


def campaign_of(secret: str) -> Campaign | None:
    """Whose address this is; None for one that is forged or was renewed."""
    try:
        name, _, version = _signer.unsign(secret).partition(".")
    except BadSignature:
        return None
    key = parse_id("campaign", name)
    found = Campaign.everywhere.filter(pk=key).first() if key else None
    return found if found is not None and str(found.hook_version) == version else None


def renew(campaign: Campaign) -> Campaign:
    """Another address; the old one leads nowhere."""
    campaign.hook_version += 1
    campaign.save(update_fields=["hook_version"])
    return campaign
