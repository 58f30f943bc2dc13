"""What referrers and campaigns count, and the same from the rows."""

from passalong.campaigns.models import Campaign
from passalong.leads.models import Lead
from passalong.referrers.models import Referrer

Counted = tuple[int, dict[str, tuple[int, int]]]


def counted(campaign: Campaign) -> Counted:
    """The campaign's leads, and by email of the referrer (leads, qualified): as they are kept."""
    columns = ("email", "referrals_count", "converted_referrals_count")
    people = Referrer.everywhere.filter(campaign=campaign).values_list(*columns)
    kept = Campaign.everywhere.get(pk=campaign.pk).leads_count
    return kept, {email: (leads, qualified) for email, leads, qualified in people}


def recounted(campaign: Campaign) -> Counted:
    """The same from the rows."""
    leads = list(Lead.everywhere.filter(campaign=campaign))
    people = Referrer.everywhere.filter(campaign=campaign)
    return len(leads), {
        one.email: (
            sum(lead.referrer_id == one.pk for lead in leads),
            sum(lead.referrer_id == one.pk and lead.status == "qualified" for lead in leads),
        )
        for one in people
    }
