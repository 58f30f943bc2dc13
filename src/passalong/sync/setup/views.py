"""The wizard: each step parses, saves through drafts.py, and renders."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.core.problems import FieldProblem, Problem
from passalong.sync.models import RunStatus, SyncDraft
from passalong.sync.setup import drafts
from passalong.sync.setup.forms import contacts, map_back, map_in, source, sync_type
from passalong.sync.setup.forms.base import Answer, Form, Setup
from passalong.sync.setup.lookups import look_up, looking_page
from passalong.sync.setup.pages import review_page, step_page, stepper
from passalong.sync.setup.preview import found
from passalong.sync.setup.summary import summary

FORMS: dict[str, Form] = {
    "source": cast(Form, source),
    "contacts": cast(Form, contacts),
    "map-in": cast(Form, map_in),
    "map-back": cast(Form, map_back),
    "type": cast(Form, sync_type),
}


@dataclass(frozen=True)
class Typed:
    """A step with what was typed into it, and what is to be said about that."""

    setup: Setup
    name: str
    answer: Answer
    wrong: Sequence[FieldProblem] = ()
    problem: Problem | None = None


@require_GET
def resume(request: HttpRequest, draft_id: UUID) -> HttpResponse:  # noqa: ARG001
    """Where this draft was left."""
    draft = _draft(draft_id)
    return redirect(_address(draft, drafts.first_open(draft)))


@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, draft_id: UUID, name: str) -> HttpResponse:
    """One step's page, and everything its buttons do."""
    if name not in FORMS:
        raise Http404
    draft = _draft(draft_id)
    if drafts.is_locked(draft, name):
        return redirect(_address(draft, drafts.first_open(draft)))
    setup = Setup(draft)
    if request.method == "GET":
        return _show(request, Typed(setup, name, draft.answers.get(name, {})))
    return _posted(request, Typed(setup, name, FORMS[name].typed(setup, request.POST)))


def _posted(request: HttpRequest, given: Typed) -> HttpResponse:
    action = request.POST.get("do", "next")
    if action == "look":
        return _show(request, given)
    try:
        if action in ("next", "back"):
            return _move(request, given, action)
        return _act(request, given, action)
    except Problem as problem:
        return _show(request, replace(given, problem=problem))


def _move(request: HttpRequest, given: Typed, action: str) -> HttpResponse:
    wrong = FORMS[given.name].problems(given.setup, given.answer)
    _save(request, given, done=not wrong)
    draft = given.setup.draft
    if action == "back":
        return redirect(_address(draft, _neighbour(given.name, -1)))
    if wrong:
        return _show(request, replace(given, wrong=wrong))
    if request.GET.get("from") == "review" and drafts.first_open(draft) == "review":
        return redirect("setup:review", draft.pk)
    return redirect(_address(draft, _neighbour(given.name, 1)))


def _act(request: HttpRequest, given: Typed, action: str) -> HttpResponse:
    answer, place = FORMS[given.name].act(given.setup, given.answer, action, request.POST)
    still_done = given.name in given.setup.draft.answers.get("done", [])
    still_done = still_done and not FORMS[given.name].problems(given.setup, answer)
    _save(request, replace(given, answer=answer), done=still_done)
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    anchor = f"#{place}" if place else ""
    return redirect(f"{_address(given.setup.draft, given.name)}{query}{anchor}")


def _save(request: HttpRequest, given: Typed, *, done: bool) -> None:
    version = request.POST.get("version", "")
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 9 else 0
    drafts.save(given.setup.draft, number, given.name, given.answer, done=done)


def _show(request: HttpRequest, given: Typed) -> HttpResponse:
    look_up(given.setup, given.name)
    context = FORMS[given.name].context(given.setup, given.answer, given.wrong)
    status = given.problem.status if given.problem else 422 if given.wrong else 200
    page = step_page(given.setup.draft, given.name, given.wrong, given.problem or given.setup.trouble)
    page |= looking_page(given.setup, given.name)
    return render(request, f"setup/{given.name}.html", {**page, **context}, status=status)


@require_GET
def lookup(request: HttpRequest, draft_id: UUID, name: str) -> HttpResponse:
    """For a step that waits for the CRM: still reading, or what is to be done now that it was read."""
    draft = SyncDraft.objects.filter(pk=draft_id).first()
    if draft is None and request.headers.get("HX-Request"):
        # Saved a moment ago, while this page still looked: it is on its way to another one.
        return HttpResponse(status=204)
    if draft is None:
        raise Http404
    setup = Setup(draft)
    if setup.waits_since(name):
        return render(request, "setup/_looking.html", looking_page(setup, name))
    if request.GET.get("first"):
        return HttpResponse(headers={"HX-Refresh": "true"})
    if not request.member.can_write:  # type: ignore[attr-defined]
        return render(request, "setup/_looked.html")
    # The form that shows what was read looks again, with what was typed into it.
    told = json.dumps({"looked-up": {"target": "#step-form"}})
    return HttpResponse('<div id="looking" hidden></div>', headers={"HX-Trigger": told})


@require_GET
def review(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """Every answer, and what the sync would do."""
    draft = _draft(draft_id)
    if drafts.is_locked(draft, "review"):
        return redirect(_address(draft, drafts.first_open(draft)))
    return _review(request, draft)


def _review(request: HttpRequest, draft: SyncDraft, problem: Problem | None = None) -> HttpResponse:
    connection = drafts.connection_of(draft)
    if connection is None:
        return redirect(_address(draft, "source"))
    page = {**review_page(draft, problem), **_preview_context(draft)}
    page["summary"] = summary(connection, drafts.instruction(draft))
    return render(request, "setup/review.html", page, status=problem.status if problem else 200)


@require_http_methods(["GET", "POST"])
def preview(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """Start a preview, or see how far it is; a fragment for htmx, else the review page."""
    if request.htmx and drafts.find(draft_id) is None:  # type: ignore[attr-defined]
        return _follow(request)
    draft = _draft(draft_id)
    if drafts.is_locked(draft, "review"):
        return redirect(_address(draft, drafts.first_open(draft)))
    problem = _begin_preview(request, draft) if request.method == "POST" else None
    if request.htmx:  # type: ignore[attr-defined]
        context = {"draft": draft, **_preview_context(draft), "preview_problem": problem}
        return render(request, "setup/_preview.html", context)
    return _review(request, draft, problem) if problem else redirect("setup:review", draft.pk)


def _follow(request: HttpRequest) -> HttpResponse:
    """Somebody else has started the sync: a page that waits for its preview goes to the run."""
    run = drafts.started_before(_uuid(request.GET.get("sync_id", "")))
    return HttpResponse(status=204, headers={"HX-Redirect": reverse("web:run", args=[run.pk])})


def _begin_preview(request: HttpRequest, draft: SyncDraft) -> Problem | None:
    try:
        drafts.start_preview(draft, _who(request))
    except Problem as problem:
        return problem
    return None


def _preview_context(draft: SyncDraft) -> dict[str, Any]:
    run = drafts.preview_of(draft)
    if run is None:
        return {"state": "none"}
    if not run.is_finished:
        return {"state": "running", "run": run}
    if run.status in (RunStatus.FAILED, RunStatus.CANCELLED):
        return {"state": "failed", "run": run}
    return {"state": "done", "run": run, "preview": found(run)}


@require_POST
def start(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """Start sync. Pressed twice, it still starts one run."""
    sync_id = _uuid(request.POST.get("sync_id", ""))
    draft = drafts.find(draft_id)
    if draft is None:
        return _to_run(drafts.started_before(sync_id).pk)
    if drafts.is_locked(draft, "review"):
        return redirect(_address(draft, drafts.first_open(draft)))
    if request.POST.get("version") != str(draft.version):
        return _review(request, draft, _moved_on())
    try:
        run = drafts.start(draft, sync_id, _who(request))
    except Problem as problem:
        return _review(request, draft, problem)
    return _to_run(run.pk)


@require_http_methods(["GET", "POST"])
def discard(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """Throw the draft away, after asking."""
    draft = _draft(draft_id)
    if request.method == "POST":
        drafts.discard(draft)
        return redirect(reverse("web:syncs", args=[draft.campaign_id]))
    context = {"draft": draft, "campaign": draft.campaign, "tab": "syncs"}
    return render(request, "setup/discard.html", {**context, "steps": stepper(draft, "")})


def _draft(draft_id: UUID) -> SyncDraft:
    draft = drafts.find(draft_id)
    if draft is None:
        raise Http404
    return draft


def _address(draft: SyncDraft, name: str) -> str:
    return reverse("setup:review", args=[draft.pk]) if name == "review" else _step_address(draft, name)


def _step_address(draft: SyncDraft, name: str) -> str:
    return reverse("setup:step", args=[draft.pk, name])


def _neighbour(name: str, way: int) -> str:
    return drafts.STEPS[max(0, drafts.STEPS.index(name) + way)]


def _to_run(run_id: UUID) -> HttpResponse:
    return redirect(reverse("web:run", args=[run_id]))


def _who(request: HttpRequest) -> str:
    return str(getattr(request.user, "email", ""))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _moved_on() -> Problem:
    return Problem(
        409,
        "draft_changed",
        "Changed by somebody else",
        "Somebody else has changed this sync since you opened the page, so it was not started.",
        "Look through the answers below, then press Start sync again.",
    )
