"""How far an upload is and what it came to, in numbers and words."""

from datetime import timedelta
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from passalong.core.clock import now
from passalong.referrers.models import Import
from passalong.web import words
from passalong.web.lists import LISTED
from passalong.web.progress import COUNTED, STEADY_AFTER, Progress, span

REASON = {
    "no_email": gettext_lazy("No email address"),
    "invalid_email": gettext_lazy("Email address not usable"),
    "duplicate_row": gettext_lazy("In the file twice"),
    "value_too_long": gettext_lazy("Cell too long"),
    "too_many_cells": gettext_lazy("Too many cells"),
    "no_referrer": gettext_lazy("No referrer named"),
    "referrer_not_found": gettext_lazy("Referrer not found"),
    "self_referral": gettext_lazy("Own address of the referrer"),
    "unclear_qualified": gettext_lazy("Neither yes nor no"),
    "no_lead": gettext_lazy("No lead named"),
    "lead_not_found": gettext_lazy("Lead not found"),
}


def progress_of(upload: Import) -> Progress:
    """What components/progress.html shows."""
    rate = _rate(upload)
    left = (upload.total - upload.read) / rate if rate and upload.status == "running" else 0
    return Progress(
        phase=str(LISTED[upload.kind].doing),
        value=upload.read,
        total=upload.total,
        words=_("%(done)s of %(total)s") % {"done": intcomma(upload.read), "total": intcomma(upload.total)},
        detail=_("%(rate)s rows per second") % {"rate": intcomma(max(1, round(rate)))} if rate else "",
        aside=_("about %(span)s left") % {"span": span(left)} if left else "",
    )


def counts_of(upload: Import, address: str, current: str) -> list[dict[str, Any]]:
    """The parts of the counts strip, each a link to its rows once all are known."""
    return [
        {
            "value": getattr(upload, name),
            "label": words.OUTCOME[name],
            "url": f"{address}?outcome={name}#records" if upload.is_finished else "",
            "current": name == current,
        }
        for name in COUNTED
    ]


def result_words(upload: Import) -> str:
    """What a finished upload came to; what went wrong is counted and pointed at."""
    done, lost = _SAID[upload.kind](upload, upload.skipped + upload.failed)
    sentences = [done]
    if upload.skipped + upload.failed:
        sentences.append(lost)
    if upload.status == "cancelled":
        sentences.append(_("The upload was cancelled; what it had done stays."))
    return " ".join(sentences)


def _referrers_said(upload: Import, lost: int) -> tuple[str, str]:
    new = ngettext("%(n)s new referrer", "%(n)s new referrers", upload.created) % _n(upload.created)
    changed = _("%(n)s updated") % _n(upload.updated)
    left = ngettext(
        "%(n)s row could not become a referrer: see why below.",
        "%(n)s rows could not become referrers: see why below.",
        lost,
    )
    return _("%(new)s, %(changed)s.") % {"new": new, "changed": changed}, left % _n(lost)


def _leads_said(upload: Import, lost: int) -> tuple[str, str]:
    done = ngettext("%(n)s new lead.", "%(n)s new leads.", upload.created) % _n(upload.created)
    if upload.updated:
        more = ngettext(
            "%(n)s who was a lead already is qualified now.",
            "%(n)s who were leads already are qualified now.",
            upload.updated,
        )
        done = f"{done} {more % _n(upload.updated)}"
    left = ngettext(
        "%(n)s row could not become a lead: see why below.",
        "%(n)s rows could not become leads: see why below.",
        lost,
    )
    return done, left % _n(lost)


def _qualify_said(upload: Import, lost: int) -> tuple[str, str]:
    done = ngettext("%(n)s lead is qualified now.", "%(n)s leads are qualified now.", upload.updated)
    done = done % _n(upload.updated)
    if upload.unchanged:
        before = ngettext("%(n)s was before.", "%(n)s were before.", upload.unchanged)
        done = f"{done} {before % _n(upload.unchanged)}"
    left = ngettext(
        "%(n)s row names no lead: see why below.", "%(n)s rows name no lead: see why below.", lost
    )
    return done, left % _n(lost)


_SAID = {"referrers": _referrers_said, "leads": _leads_said, "qualify": _qualify_said}


def _n(number: int) -> dict[str, str]:
    return {"n": intcomma(number)}


def _rate(upload: Import) -> float | None:
    """Rows per second, once it means something."""
    if upload.started_at is None or upload.is_finished or not upload.read:
        return None
    elapsed: timedelta = now() - upload.started_at
    return upload.read / elapsed.total_seconds() if elapsed > STEADY_AFTER else None
