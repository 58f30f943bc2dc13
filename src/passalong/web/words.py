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

ROLE = {"user": _("User"), "lead": _("Lead")}

FIELD_TYPE = {
    "string": _("text"),
    "integer": _("whole number"),
    "float": _("number"),
    "boolean": _("yes or no"),
    "date": _("date"),
}
