"""What templates need beyond loops and conditions: icons, times, words, and public ids."""

from datetime import datetime
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import Model
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import now
from django.utils.translation import gettext as _

from passalong.core.ids import public_id as as_public_id
from passalong.sync.models import Run
from passalong.web import progress, words

register = template.Library()


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """An icon of the sprite; always beside words, so hidden from screen readers."""
    address = f"{static('icons/lucide.svg')}#{name}"
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}"></use></svg>',
        " icon-20" if size == 20 else "",
        address,
    )


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """How long ago or until then; on hover the exact time (in the viewer's zone once time.js has run)."""
    if moment is None:
        return _("never")
    words_for_it = _("just now") if abs((now() - moment).total_seconds()) < 5 else naturaltime(moment)
    return _time(moment, words_for_it, "hover")


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """The exact time: 23 Nov 2026, 14:05."""
    return "" if value is None else _time(value, _exact(value), "full")


def _time(value: datetime, text: str, local: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{} UTC" data-local="{}">{}</time>',
        value.isoformat(),
        _exact(value),
        local,
        text,
    )


def _exact(value: datetime) -> str:
    return f"{value.day} {value:%b %Y, %H:%M}"


@register.filter
def public_id(row: Model) -> str:
    """The id as it is written in addresses and in the API."""
    return as_public_id(row._meta.model_name or "", row.pk)


@register.filter
def status_words(status: str) -> str:
    """A run's status in words."""
    return str(words.STATUS[status][0])


@register.filter
def status_look(status: str) -> str:
    """The colour of a run's status: good, warn, bad, busy or none."""
    return words.STATUS[status][1]


@register.filter
def in_words(value: Any, table: str) -> str:
    """A stored value as `words.<table>` says it, or itself when the table has no word for it."""
    return str(getattr(words, table.upper()).get(value, value))


@register.filter
def percent(share: float | None) -> str:
    """A share of one as people read it; a dash when there is nothing to share."""
    return "–" if share is None else f"{share:.0%}"  # noqa: RUF001


@register.filter
def bare(number: int | None) -> str:
    """A number for an attribute, without separators."""
    return "" if number is None else str(number)


@register.filter
def same(one: Any, other: Any) -> bool:
    """Equality as an argument of an include."""
    return bool(one == other)


@register.filter
def how_far(run: Run) -> str:
    """8,150 of 12,408."""
    return progress.how_far(run)


@register.filter
def counts_of(run: Run) -> list[dict[str, Any]]:
    """The counts strip of a run, without links."""
    return progress.counts_of(run)


@register.filter
def duration(run: Run) -> str:
    """How long a run took."""
    return progress.duration(run)


@register.filter
def result_words(run: Run) -> str:
    """What a finished run came to, in a sentence or two."""
    return progress.result_words(run)
