"""Stored values in the words of the product, one table per kind."""

from django.utils.translation import gettext_lazy as _

STATUS = {
    "queued": (_("Starting"), "busy"),
    "running": (_("Running"), "busy"),
    "waiting": (_("Waiting for Intercom"), "warn"),
    "paused": (_("Paused"), ""),
    "succeeded": (_("Done"), "good"),
    "partial": (_("Done with problems"), "warn"),
    "failed": (_("Failed"), "bad"),
    "cancelled": (_("Cancelled"), ""),
}

PHASE = {
    "plan": _("Looking up the contacts"),
    "read": _("Reading contacts"),
    "write_back": _("Writing back to Intercom"),
    "done": _("Finished"),
}

TRIGGER = {
    "manual": _("By hand"),
    "schedule": _("By schedule"),
    "webhook": _("By a change in Intercom"),
    "retry": _("Retry"),
}

SOURCE = {
    "manual": _("By hand"),
    "api": _("API"),
    "upload": _("Upload"),
    "intercom": _("Intercom"),
}

LEAD_STATUS = {"pending": _("Pending"), "qualified": _("Qualified")}

LEAD_SOURCE = {
    "manual": _("By hand"),
    "api": _("API"),
    "join_page": _("Join page"),
    "website": _("Website"),
    "upload": _("Upload"),
}

EVENT = {
    "lead.created": _("A lead joins"),
    "lead.qualified": _("A lead qualifies"),
    "lead.unqualified": _("A lead no longer qualifies"),
    "referrer.created": _("A referrer is added"),
    "run.finished": _("A run ends"),
    "connection.needs_attention": _("A connection needs attention"),
}

DELIVERY = {"pending": _("Waiting"), "delivered": _("Delivered"), "failed": _("Failed")}
DELIVERY_LOOK = {"pending": "busy", "delivered": "good", "failed": "bad"}

NEWCOMER = {
    "waiting": _("Waiting"),
    "created": _("Created"),
    "updated": _("Updated"),
    "left_alone": _("There already"),
    "sent": _("Sent"),
    "failed": _("Failed"),
    "cancelled": _("Not sent"),
}
NEWCOMER_LOOK = {
    "waiting": "busy",
    "created": "good",
    "updated": "good",
    "left_alone": "",
    "sent": "good",
    "failed": "bad",
    "cancelled": "",
}
NEWCOMER_KIND = {
    "lead": _("Lead"),
    "referrer": _("Referrer"),
    "invited-friend": _("Event invited-friend"),
    "referral-converted": _("Event referral-converted"),
}
NEWCOMER_EVENT = {
    "invited-friend": _("invited-friend, when a friend joins"),
    "referral-converted": _("referral-converted, when a friend qualifies"),
}
NEWCOMER_SOURCE = {
    "email": _("Email"),
    "first_name": _("First name"),
    "last_name": _("Last name"),
    "name": _("Whole name"),
    "phone": _("Phone"),
    "referral_link": _("Referral link"),
    "referral_code": _("Referral code"),
    "referrer_name": _("Referrer's name"),
    "referrer_email": _("Referrer's email"),
    "referrer_code": _("Referrer's code"),
    "referrer_link": _("Referrer's link"),
    "campaign_name": _("Campaign name"),
}

CAMPAIGN = {"draft": _("Draft"), "live": _("Live"), "paused": _("Paused")}
CAMPAIGN_LOOK = {"draft": "", "live": "good", "paused": "warn"}

CONNECTION = {
    "connected": _("Connected"),
    "needs_attention": _("Needs attention"),
    "disconnected": _("Disconnected"),
}
CONNECTION_LOOK = {"connected": "good", "needs_attention": "bad", "disconnected": ""}

REGION = {"us": _("United States"), "eu": _("Europe"), "au": _("Australia")}
PROVIDER = {"intercom": "Intercom"}

OUTCOME = {
    "created": _("Created"),
    "updated": _("Updated"),
    "unchanged": _("Unchanged"),
    "duplicate": _("Duplicate"),
    "skipped": _("Skipped"),
    "failed": _("Failed"),
    "left": _("Left"),
}

REASON = {
    "no_email": _("No email address"),
    "invalid_email": _("Email address not usable"),
    "unsubscribed": _("Unsubscribed"),
    "bounced": _("Email bounced"),
    "spam": _("Marked as spam"),
    "excluded": _("In an excluded segment"),
    "value_too_long": _("A value is too long"),
    "email_in_use": _("Email address taken"),
    "not_in_audience": _("No longer in the audience"),
    "contact_gone": _("No longer in Intercom"),
    "contact_merged": _("Merged into another contact"),
    "field_missing": _("Field missing in Intercom"),
    "value_refused": _("Value refused by Intercom"),
}

WITH_REASON = ("skipped", "failed", "left")

FIX = {
    "no_email": _("Add an email address in Intercom and sync again."),
    "invalid_email": _("Correct the email address in Intercom and sync again."),
    "unsubscribed": _("Choose to include unsubscribed people in this sync, or leave them out."),
    "bounced": _("Correct the email address in Intercom, or include bounced ones in this sync."),
    "spam": _("Take the spam mark off in Intercom, or include spam in this sync."),
    "excluded": _("Nothing to do: this sync leaves the segment out on purpose."),
}

WRITE_BACK = {
    "none": "",
    "pending": _("Waiting"),
    "written": _("Written"),
    "unchanged": _("Already right"),
    "failed": _("Failed"),
}

# What Intercom tells of by itself; the codes stand in its Developer Hub.
TOPIC = {
    "contact.user.created": _("A user is created"),
    "contact.user.updated": _("A user is updated"),
    "contact.lead.created": _("A lead is created"),
    "contact.lead.updated": _("A lead is updated"),
    "contact.lead.signed_up": _("A lead becomes a user"),
    "contact.lead.added_email": _("A lead gives an email address"),
    "contact.email.updated": _("An email address is changed"),
    "contact.user.tag.created": _("A user is tagged"),
    "contact.user.tag.deleted": _("A user is untagged"),
    "contact.lead.tag.created": _("A lead is tagged"),
    "contact.lead.tag.deleted": _("A lead is untagged"),
    "contact.merged": _("Two contacts are merged"),
    "contact.archived": _("A contact is archived"),
    "contact.unarchive": _("A contact is brought back"),
    "contact.deleted": _("A contact is deleted"),
    "contact.subscribed": _("A contact subscribes to emails"),
    "contact.unsubscribed": _("A contact unsubscribes from emails"),
    "ping": _("Intercom tries the address"),
}

ROLE = {"user": _("User"), "lead": _("Lead")}

FIELD_TYPE = {
    "string": _("text"),
    "integer": _("whole number"),
    "float": _("number"),
    "boolean": _("yes or no"),
    "date": _("date"),
}

ON_CONTACT_DELETED = [
    ("keep", _("Keep the person here"), _("They stay a referrer, until you erase or delete them yourself.")),
    (
        "erase",
        _("Erase the person here, too"),
        _("Nothing personal of theirs is left. Friends they brought stay counted, without a name."),
    ),
]

VERB = {
    "sync.created": _("Sync created"),
    "sync.changed": _("Sync changed"),
    "sync.paused": _("Sync paused"),
    "sync.resumed": _("Sync resumed"),
    "sync.deleted": _("Sync deleted"),
}

SETTING = {
    "name": _("Name"),
    "type": _("Type"),
    "interval_minutes": _("Interval"),
    "on_leave": _("People who leave"),
}

REFERRER_STATUS = {"active": _("Active"), "inactive": _("Inactive")}

REFERRER_FIELD = {
    "email": _("Email"),
    "first_name": _("First name"),
    "last_name": _("Last name"),
    "phone": _("Phone"),
    "status": _("Status"),
    "code": _("Referral code"),
}
