"""How a sync is doing, in words: one sentence for whoever looks in, and what to do if anything."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.humanize.templatetags.humanize import intcomma
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from passalong.core.clock import now
from passalong.sync.models import ConnectionStatus, Run, RunStatus, Sync, SyncType
from passalong.web import words

# A tick looks for due syncs every 15 seconds, so after this nobody does.
OVERDUE = timedelta(minutes=5)


@dataclass(frozen=True)
class Health:
    """What components/notice.html shows. `look`: good, info, warn or bad."""

    look: str
    title: str
    text: str = ""
    next_step: str = ""
    url: str = ""
    label: str = ""


def health_of(sync: Sync, active: Run | None, last: Run | None) -> Health:
    """What keeps it from working comes first, then what it is doing, then what the last run came to."""
    if sync.connection.status != ConnectionStatus.CONNECTED:
        return _unconnected(sync)
    if sync.paused_at is not None:
        return Health(
            "info",
            _("This sync is paused"),
            next_step=_("Nothing runs until you resume it. A run that was under way keeps its place."),
        )
    if active is not None:
        return _active(active)
    if sync.next_run_at is not None and sync.next_run_at < now() - OVERDUE:
        return Health(
            "bad",
            _("A run is overdue"),
            _("It should have started by itself, but no worker has taken it."),
            _("Ask whoever runs this installation to look at “passalong doctor”."),
        )
    return _ended(sync, last) if last else _never(sync)


def _unconnected(sync: Sync) -> Health:
    return Health(
        "bad",
        _("The connection to Intercom needs you"),
        next_step=_("Runs wait until it has a working access token again; then they catch up."),
        url=reverse("web:connection", args=[sync.connection_id]),
        label=_("Open the connection"),
    )


def _active(run: Run) -> Health:
    waiting = run.status == RunStatus.WAITING
    said = (run.error or {}).get("message", "") if waiting else str(words.PHASE[run.phase])
    return Health(
        "warn" if waiting else "info",
        str(words.STATUS[run.status][0]) if waiting else _("Running now"),
        said,
        url=reverse("web:run", args=[run.pk]),
        label=_("Watch the run"),
    )


def _never(sync: Sync) -> Health:
    said = _("Its schedule begins with the first run.") if sync.type == SyncType.ONGOING else ""
    return Health("info", _("It has not run yet"), said)


def _ended(sync: Sync, run: Run) -> Health:
    error, url = run.error or {}, reverse("web:run", args=[run.pk])
    see = {"url": url, "label": _("See the run")}
    if run.status == RunStatus.FAILED:
        title = _("The last run failed")
        return Health("bad", title, error.get("message", ""), error.get("next_step", ""), **see)
    if run.status == RunStatus.CANCELLED:
        return Health("info", _("The last run was cancelled"), _("What it had done stays."))
    if run.status == RunStatus.PARTIAL:
        said = error.get("message") or _troubles(run)
        return Health("warn", _("The last run had problems"), said, error.get("next_step", ""), **see)
    if sync.type == SyncType.ONGOING:
        return Health("good", _("Healthy"), _("The last run did all that it had to do."))
    return Health("good", _("Done"), _("Run it again whenever you like; nobody is doubled."))


def _troubles(run: Run) -> str:
    failed = ngettext("%(n)s contact failed.", "%(n)s contacts failed.", run.failed)
    unwritten = ngettext(
        "%(n)s contact was not written back.", "%(n)s contacts were not written back.", run.write_backs_failed
    )
    counted = ((failed, run.failed), (unwritten, run.write_backs_failed))
    return " ".join(said % {"n": intcomma(count)} for said, count in counted if count)
