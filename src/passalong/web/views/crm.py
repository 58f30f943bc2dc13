"""People into the CRM: what a campaign does there when leads and referrers join, and what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.campaigns import join_page
from passalong.campaigns.models import Campaign
from passalong.core.ids import parse_id
from passalong.core.problems import Problem
from passalong.integrations.registry import integration
from passalong.leads.models import Lead
from passalong.referrers.models import Referrer
from passalong.sync import connections
from passalong.sync.models import Connection, ConnectionStatus
from passalong.sync.newcomers import rules, services
from passalong.sync.newcomers.models import Newcomer, NewcomerKind
from passalong.sync.newcomers.rules import FieldRow, Intake, Kind
from passalong.web import words
from passalong.web.forms import refused, typed
from passalong.web.paging import addresses
from passalong.web.views.campaigns import campaign_or_404, settings_page

FRESH = timedelta(minutes=10)
LISTED = 20
SAMPLED = 50
FIXED = "fixed"
SECTIONS: dict[str, list[str]] = {
    "leads": [NewcomerKind.LEAD],
    "referrers": [kind for kind in NewcomerKind.values if kind != NewcomerKind.LEAD],
}


@dataclass(frozen=True)
class Row:
    """One field of the form."""

    index: int
    to: str
    source: str
    value: Any
    is_suggested: bool = False
    errors: list[str] = field(default_factory=list)


@require_GET
def crm(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """The connections to choose from; the page of the only one."""
    found = campaign_or_404(campaign_id)
    there = list(Connection.objects.order_by("pk"))
    if len(there) == 1:
        return redirect("web:campaign_people", found.pk, there[0].pk, "leads")
    return render(request, "crm/connections.html", {**settings_page(found, "crm"), "connections": there})


@require_http_methods(["GET", "POST"])
def people(request: HttpRequest, campaign_id: UUID, connection_id: UUID, section: str) -> HttpResponse:
    """What happens there when leads, or referrers, join."""
    found, connection = campaign_or_404(campaign_id), connection_or_404(connection_id)
    if section not in SECTIONS:
        raise Http404
    page = _Page(request, found, connection, section)
    if request.method == "GET":
        return page.shown()
    asked, do = page.said(), request.POST.get("do", "")
    if do == "add":
        return page.shown(msgspec.structs.replace(asked, fields=[*asked.fields, FieldRow("")]))
    if do.startswith("remove:"):
        kept = [row for index, row in enumerate(asked.fields) if f"remove:{index}" != do]
        return page.shown(msgspec.structs.replace(asked, fields=kept))
    if do == "refresh":
        connections.want_look_up(connection, timedelta(0))
        return page.shown(asked)
    # A row that nobody has touched says nothing.
    touched = [row for row in asked.fields if row != FieldRow("")]
    return page.saved(msgspec.structs.replace(asked, fields=touched))


@require_POST
def retry(request: HttpRequest, campaign_id: UUID, connection_id: UUID, section: str) -> HttpResponse:
    """Try again one of them, or all that failed."""
    found, connection = campaign_or_404(campaign_id), connection_or_404(connection_id)
    one = request.POST.get("newcomer", "")
    ids = services.newcomer_ids([parse_id("newcomer", one)]) if one else None
    count = services.retry(found, connection, ids)
    said = ngettext("Trying %(count)s again", "Trying %(count)s again", count) % {"count": count}
    messages.success(request, said)
    return redirect("web:campaign_people", found.pk, connection.pk, section)


def connection_or_404(connection_id: UUID) -> Connection:
    return get_object_or_404(Connection.objects.all(), pk=connection_id)


def look_up(connection: Connection) -> None:
    """Have a worker read the fields anew if they were read some time ago."""
    if connection.status == ConnectionStatus.CONNECTED:
        connections.want_look_up(connection, FRESH)


def frame(campaign: Campaign, connection: Connection, section: str) -> dict[str, Any]:
    """What every page about one connection shows."""
    keys, fields = [campaign.pk, connection.pk], connections.known_fields(connection)
    parts = [
        ("leads", _("Leads"), reverse("web:campaign_people", args=[*keys, "leads"])),
        ("referrers", _("Referrers"), reverse("web:campaign_people", args=[*keys, "referrers"])),
        ("qualifying", _("Qualifying"), reverse("web:campaign_crm_qualifying", args=keys)),
    ]
    return {
        **settings_page(campaign, "crm"),
        "connection": connection,
        "crm": connections.title(connection),
        "section": section,
        "several": Connection.objects.count() > 1,
        "parts": [(label, url, name == section) for name, label, url in parts],
        "is_reading": not fields and connections.is_looking(connection),
        "unread": None if fields else connections.trouble_of(connection),
    }


class _Page:
    """The page of one section."""

    def __init__(
        self, request: HttpRequest, campaign: Campaign, connection: Connection, section: str
    ) -> None:
        self.request, self.campaign, self.connection, self.section = request, campaign, connection, section
        self.kind: Kind = services.SECTIONS[section]
        self.rule = services.rule_of(campaign, connection)
        look_up(connection)
        self.fields = connections.known_fields(connection)

    def said(self) -> Intake:
        """What the form says."""
        form = self.request.POST
        indices = [index for index in range(rules.MOST_FIELDS) if f"to-{index}" in form]
        return Intake(
            create=_one_of(form.get("create"), services.CHOICES["create"]),
            on_match=_one_of(form.get("on_match"), services.CHOICES["on_match"]),
            fields=[self._row_said(index) for index in indices],
            tag=typed(self.request, ["tag"])["tag"],
        )

    def _row_said(self, index: int) -> FieldRow:
        to, source, value = typed(self.request, [f"to-{index}", f"from-{index}", f"value-{index}"]).values()
        return FieldRow(to, "", value) if source == FIXED else FieldRow(to, source)

    def saved(self, asked: Intake) -> HttpResponse:
        """Keep it, or say what is wrong with it."""
        changes: dict[str, Any] = {self.section: msgspec.to_builtins(asked)}
        if self.kind == "referrer":
            changes["events"] = self.request.POST.getlist("events")
        try:
            services.change_rule(self.campaign, self.connection, changes, ask=False)
        except Problem as problem:
            return self.shown(asked, problem)
        messages.success(self.request, _("Settings saved"))
        return redirect("web:campaign_people", self.campaign.pk, self.connection.pk, self.section)

    def shown(self, asked: Intake | None = None, problem: Problem | None = None) -> HttpResponse:
        """The page with what is stored, or was typed."""
        stored = self.rule.intake(self.kind)
        is_new = asked is None and not stored.fields and stored.create == "nothing"
        one = asked or stored
        if is_new:
            one = msgspec.structs.replace(stored, fields=rules.suggested(self.kind, self.fields))
        told = refused(problem, [f"row-{index}" for index in range(len(one.fields))]) if problem else {}
        context = {
            **self._frame(),
            "intake": one,
            "rows": _rows(one, self.section, told.get("errors", {}), suggested=is_new),
            "events": self._events(asked is not None),
            "needs_setup": stored.needs_setup and not asked,
            "tag_errors": told.get("errors", {}).get(f"{self.section}.tag"),
            **self._log(),
            **told,
        }
        return render(self.request, "crm/people.html", context, status=problem.status if problem else 200)

    def _frame(self) -> dict[str, Any]:
        crm = connections.title(self.connection)
        return {
            **frame(self.campaign, self.connection, self.section),
            "retry_url": self._address("web:retry_people", self.section),
            "choices": _choices(self.kind, crm),
            "sources": self._sources(),
            "targets": rules.targets(self.fields),
        }

    def _address(self, name: str, section: str) -> str:
        return reverse(name, args=[self.campaign.pk, self.connection.pk, section])

    def _sources(self) -> list[tuple[str, str]]:
        known = words.NEWCOMER_SOURCE
        plain = [(key, str(known[key])) for key in rules.SOURCES[self.kind]]
        return [*plain, *((f"fields.{name}", name) for name in sorted(self._questions()))]

    def _questions(self) -> set[str]:
        """What is asked of friends, and what the newest people have said beyond that."""
        stored = {
            row.source for row in self.rule.intake(self.kind).fields if row.source.startswith("fields.")
        }
        named = {source.removeprefix("fields.") for source in stored}
        rows: Any = Lead.objects if self.kind == "lead" else Referrer.objects
        if self.kind == "lead":
            named |= {one.label for one in join_page.read(self.campaign.join_page).questions}
        newest = rows.filter(campaign=self.campaign).order_by("-pk").values_list("fields", flat=True)
        return named.union(*newest[:SAMPLED])

    def _events(self, is_typed: bool) -> list[tuple[str, str, bool]]:
        chosen: Sequence[str] = self.request.POST.getlist("events") if is_typed else self.rule.events
        return [(name, str(words.NEWCOMER_EVENT[name]), name in chosen) for name in rules.EVENTS]

    def _log(self) -> dict[str, Any]:
        """Who was sent, and what keeps the rest."""
        page = services.people(
            self.campaign,
            self.connection,
            limit=LISTED,
            cursor=self.request.GET.get("cursor"),
            kinds=SECTIONS[self.section],
            state="failed" if self.request.GET.get("state") == "failed" else "",
        )
        return {
            "newcomers": [(row, self._contact_url(row)) for row in page.items],
            "counts": services.counts(self.campaign, self.connection),
            "trouble": services.trouble(self.connection),
            "only_failed": self.request.GET.get("state") == "failed",
            **addresses(self.request, page),
        }

    def _contact_url(self, row: Newcomer) -> str | None:
        crm = integration(self.connection.provider)
        if not row.contact_id:
            return None
        return crm.contact_url(self.connection.account_id, self.connection.region, row.contact_id)


def _one_of(said: str | None, words_for_it: Sequence[str]) -> Any:
    return said if said in words_for_it else words_for_it[0]


def _choices(kind: Kind, crm: str) -> list[tuple[str, str, str, bool]]:
    who = _("lead") if kind == "lead" else _("referrer")
    named = {"crm": crm, "who": who}
    return [
        ("nothing", _("Do nothing"), _("%(crm)s hears nothing of them.") % named, False),
        ("lead", _("Create a lead"), _("Each new %(who)s becomes a lead in %(crm)s.") % named, True),
        ("user", _("Create a user"), _("Each new %(who)s becomes a user in %(crm)s.") % named, True),
    ]


def _rows(one: Intake, section: str, errors: Mapping[str, list[str]], *, suggested: bool) -> list[Row]:
    found = []
    for index, row in enumerate(one.fields):
        place = f"{section}.fields[{index}]"
        told = [message for name in ("to", "from", "value") for message in errors.get(f"{place}.{name}", [])]
        source = row.source or ("" if row.value is None else FIXED)
        found.append(Row(index, row.to, source, row.value, suggested, told))
    return found
