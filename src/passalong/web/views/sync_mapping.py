"""A sync's maps, and changing them in a draft of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.accounts import audit
from passalong.core.problems import FieldProblem, Problem
from passalong.sync import owners
from passalong.sync.models import Sync
from passalong.sync.setup import edits
from passalong.sync.setup.forms import map_back, map_in
from passalong.sync.setup.forms.base import Answer, Form, Setup
from passalong.sync.setup.lookups import look_up, looking_page
from passalong.sync.setup.pages import NAMES, problem_notice, wrong_notice
from passalong.sync.setup.summary import map_back_line, names_of, summary
from passalong.web import timeline
from passalong.web.views.campaigns import need_writer
from passalong.web.views.sync_home import INSTRUCTION, frame
from passalong.web.views.syncs import sync_or_404, who

FORMS: dict[str, Form] = {"map-in": cast(Form, map_in), "map-back": cast(Form, map_back)}
NEWEST = 20


@dataclass(frozen=True)
class Typed:
    """A map as it was typed, and what is to be said about that."""

    sync: Sync
    setup: Setup
    name: str
    answer: Answer
    wrong: Sequence[FieldProblem] = ()
    problem: Problem | None = None


@require_GET
def mapping(request: HttpRequest, sync_id: UUID) -> HttpResponse:
    """Both maps in words, and who changed them."""
    found = sync_or_404(sync_id)
    changes = audit.timeline(found.pk).filter(verb="sync.changed")
    mapped = [entry for entry in changes[: 5 * NEWEST] if _is_about_maps(entry.changes)][:NEWEST]
    mine = edits.mine(found, request.user)
    context = {
        **frame(found, "mapping"),
        "summary": summary(found.connection, {key: getattr(found, key) for key in INSTRUCTION}),
        "entries": timeline.entries(mapped, found.connection),
        "conflicts": owners.conflicts(found.pk),
        "unsaved": mine is not None and edits.is_touched(mine),
        "others": edits.others(found, request.user),
    }
    return render(request, "syncs/mapping.html", context)


def _is_about_maps(changes: Sequence[dict[str, Any]]) -> bool:
    return any(change["field"] in timeline.MAPS for change in changes)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, sync_id: UUID, name: str) -> HttpResponse:
    """Change one map. What is typed is kept for whoever leaves, and counts once it is saved."""
    need_writer(request)
    if name not in FORMS:
        raise Http404
    found = sync_or_404(sync_id)
    draft = edits.begin(found, request.user) if request.method == "GET" else edits.mine(found, request.user)
    if draft is None:
        return redirect("web:edit_mapping", found.pk, name)
    setup = Setup(draft)
    if request.method == "GET":
        return _show(request, Typed(found, setup, name, draft.answers[name]))
    return _posted(request, Typed(found, setup, name, FORMS[name].typed(setup, request.POST)))


def _posted(request: HttpRequest, given: Typed) -> HttpResponse:
    action = request.POST.get("do", "save")
    if action == "look":
        edits.jot(given.setup.draft, _version(request), given.name, given.answer)
        return _show(request, given)
    try:
        return _save(request, given) if action == "save" else _act(request, given, action)
    except Problem as problem:
        return _show(request, replace(given, problem=problem))


def _save(request: HttpRequest, given: Typed) -> HttpResponse:
    wrong = FORMS[given.name].problems(given.setup, given.answer)
    edits.keep(given.setup.draft, _version(request), given.name, given.answer)
    if wrong:
        return _show(request, replace(given, wrong=wrong))
    edits.save(given.setup.draft, who(request))
    messages.success(request, _("Mapping saved"))
    return redirect("web:sync_mapping", given.sync.pk)


def _act(request: HttpRequest, given: Typed, action: str) -> HttpResponse:
    answer, place = FORMS[given.name].act(given.setup, given.answer, action, request.POST)
    edits.keep(given.setup.draft, _version(request), given.name, answer)
    address = reverse("web:edit_mapping", args=[given.sync.pk, given.name])
    return redirect(f"{address}#{place}" if place else address)


def _version(request: HttpRequest) -> int:
    said = request.POST.get("version", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 9 else 0


def _show(request: HttpRequest, given: Typed) -> HttpResponse:
    draft = given.setup.draft
    look_up(given.setup, given.name)
    context = {
        **looking_page(given.setup, given.name),
        **frame(given.sync, "mapping"),
        **FORMS[given.name].context(given.setup, given.answer, given.wrong),
        "name": given.name,
        "step_title": NAMES[given.name],
        "draft": draft,
        "others": edits.others(given.sync, request.user),
        "also_changed": _also_changed(draft, given.name),
        "second": _second_fields(given),
        "problem": problem_notice(given.problem or given.setup.trouble) or wrong_notice(given.wrong),
    }
    status = given.problem.status if given.problem else 422 if given.wrong else 200
    return render(request, "syncs/edit_mapping.html", context, status=status)


def _also_changed(draft: Any, name: str) -> bool:
    """Whether the other map has changes that would be saved along."""
    other = "outbound" if name == "map-in" else "inbound"
    return bool(edits.maps(draft)[other] != draft.answers["base"][other])


def _second_fields(given: Typed) -> list[Any]:
    """Facts that go to a second field, for which the page has no row."""
    if given.name != "map-back":
        return []
    names = names_of(given.sync.connection.fields_cache, "key", "label")
    return [map_back_line(row, names) for row in edits.second_fields(given.setup.draft)]


@require_POST
def discard(request: HttpRequest, sync_id: UUID) -> HttpResponse:
    """Forget what was not saved."""
    found = sync_or_404(sync_id)
    edits.discard(found, request.user)
    return redirect("web:sync_mapping", found.pk)
