"""How far a run is, in numbers and words."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from passalong.core.clock import now
from passalong.sync.models import Phase, Run
from passalong.web import words

COUNTED = ("created", "updated", "unchanged", "duplicate", "skipped", "failed")
STEADY_AFTER = timedelta(seconds=4)


@dataclass(frozen=True)
class Progress:
    """What components/progress.html shows. `total` None: not known yet, the bar only moves."""

    phase: str
    value: int
    total: int | None
    words: str
    detail: str
    aside: str


def progress_of(run: Run) -> Progress:
    """Reading counts contacts; writing back counts contacts written."""
    value, total = _done(run)
    rate = run.rate if run.status == "running" else None
    return Progress(
        phase=str(words.PHASE[run.phase]),
        value=value,
        total=total,
        words=how_far(run),
        detail=_rate_words(rate),
        aside=_time_left(value, total, rate),
    )


def how_far(run: Run) -> str:
    """8,150 of 12,408."""
    value, total = _done(run)
    if total is None:
        return intcomma(value) if value else ""
    return _("%(done)s of %(total)s") % {"done": intcomma(value), "total": intcomma(total)}


def counts_of(run: Run, address: str = "", current: str = "") -> list[dict[str, Any]]:
    """The parts of the counts strip; with an address, each links to its records."""
    return [
        {
            "value": getattr(run, name),
            "label": words.OUTCOME[name],
            "url": f"{address}?outcome={name}#records" if address else "",
            "current": name == current,
        }
        for name in COUNTED
    ]


def result_words(run: Run) -> str:
    """What a finished run came to; what went wrong is counted and pointed at."""
    new = ngettext("%(n)s new referrer", "%(n)s new referrers", run.created) % {"n": intcomma(run.created)}
    changed = _("%(n)s updated") % {"n": intcomma(run.updated)}
    sentences = [_("%(new)s, %(changed)s.") % {"new": new, "changed": changed}]
    if run.skipped + run.failed:
        count = run.skipped + run.failed
        words_for_it = ngettext(
            "%(n)s contact could not become a referrer: see why below.",
            "%(n)s contacts could not become referrers: see why below.",
            count,
        )
        sentences.append(words_for_it % {"n": intcomma(count)})
    if run.status == "cancelled":
        sentences.append(_("The run was cancelled; what it had done stays."))
    return " ".join(sentences)


def duration(run: Run) -> str:
    """How long a run took, or has taken so far."""
    if run.started_at is None:
        return ""
    return span(((run.finished_at or now()) - run.started_at).total_seconds())


def span(seconds: float) -> str:
    """A length of time in its two largest units that matter."""
    whole = max(0, round(seconds))
    if whole < 60:
        return ngettext("%(n)d second", "%(n)d seconds", whole) % {"n": whole}
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return _("%(m)d min %(s)d s") % {"m": minutes, "s": rest}
    return _("%(h)d h %(m)d min") % {"h": minutes // 60, "m": minutes % 60}


def _done(run: Run) -> tuple[int, int | None]:
    if run.phase == Phase.WRITE_BACK:
        return run.written + run.write_backs_failed, run.write_backs_due
    return run.read, None if run.total is None else max(run.total, run.read)


def _rate_words(rate: float | None) -> str:
    if not rate:
        return ""
    number = f"{rate:.1f}" if rate < 10 else intcomma(round(rate))
    return _("%(rate)s contacts per second") % {"rate": number}


def _time_left(value: int, total: int | None, rate: float | None) -> str:
    if not rate or total is None or total <= value:
        return ""
    return _("about %(span)s left") % {"span": span((total - value) / rate)}
