"""What a sync can read into a referrer, and the referrer's facts that it can write back."""

from typing import Literal

from passalong.sync.records import FieldType

Mode = Literal["overwrite", "fill_if_empty", "only_new"]
NameFormat = Literal["whole", "first_word", "first_two_words", "first_and_initial", "rest"]

MODES: dict[str, str] = {
    "overwrite": "Always take {crm}'s value",
    "fill_if_empty": "Only fill it when empty here",
    "only_new": "Only for new referrers",
}
NAME_FORMATS: dict[str, str] = {
    "whole": "The whole name",
    "first_word": "First word",
    "first_two_words": "First two words",
    "first_and_initial": "First word and an initial",
    "rest": "Everything after the first word",
}

REQUIRED_TARGETS = ("first_name", "email")
TARGETS: dict[str, str] = {
    "first_name": "First name",
    "email": "Email",
    "last_name": "Last name",
    "phone": "Phone",
}

# Which CRM field types can hold each fact, the best one first.
FACT_TYPES: dict[str, tuple[FieldType, ...]] = {
    "referral_link": ("string",),
    "referral_code": ("string",),
    "referrals_count": ("integer", "float", "string"),
    "converted_referrals_count": ("integer", "float", "string"),
    "last_referral_at": ("date",),
    "campaign_name": ("string",),
}
FACTS: dict[str, str] = {
    "referral_link": "Referral link",
    "referral_code": "Referral code",
    "referrals_count": "Referrals count",
    "converted_referrals_count": "Converted referrals count",
    "last_referral_at": "Last referral at",
    "campaign_name": "Campaign name",
}

POLICY_DEFAULTS = {"unsubscribed": "include", "bounced": "include", "spam": "skip"}
