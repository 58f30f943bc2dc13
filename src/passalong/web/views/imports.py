"""Upload: choose a file, match its columns, watch it, and see what became of each row."""

from collections.abc import Iterator
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from passalong.campaigns.models import Campaign
from passalong.core.pages import page_of
from passalong.core.problems import Problem
from passalong.referrers.imports import problems as file_problems
from passalong.referrers.imports import services
from passalong.referrers.imports.columns import own_fields
from passalong.referrers.imports.kinds import kind_named
from passalong.referrers.imports.models import PROBLEMS, ImportOutcome
from passalong.referrers.models import Import, ImportRecord
from passalong.web import words
from passalong.web.forms import refused
from passalong.web.lists import LISTED, REFERRERS
from passalong.web.paging import PAGE, addresses
from passalong.web.spreadsheet import csv_answer
from passalong.web.upload_words import REASON, counts_of, progress_of, result_words
from passalong.web.views.campaigns import campaign_or_404, need_writer

EARLIER = 5
SAMPLES = 3


@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest, campaign_id: UUID, kind: str) -> HttpResponse:
    """Choose a file; one that can be read goes on to its columns."""
    need_writer(request)
    campaign = campaign_or_404(campaign_id)
    context: dict[str, Any] = {}
    if request.method == "POST":
        try:
            return redirect("web:match_columns", _received(request, campaign, kind).pk)
        except Problem as problem:
            context = refused(problem, ("file",))
    earlier = Import.objects.filter(campaign=campaign, kind=kind).order_by("-pk")[:EARLIER]
    context |= {"campaign": campaign, **_about(kind), "earlier": earlier}
    return render(request, "imports/upload.html", context, status=422 if "problem" in context else 200)


@require_GET
def template(request: HttpRequest, campaign_id: UUID, kind: str) -> HttpResponseBase:  # noqa: ARG001
    """A file with the right column names, to fill in."""
    campaign_or_404(campaign_id)
    return csv_answer(LISTED[kind].file, [kind_named(kind).template])


@require_http_methods(["GET", "POST"])
def match_columns(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Say what each column is, see the first rows, and start."""
    need_writer(request)
    found = _import_or_404(import_id)
    if not found.is_draft:
        return redirect("web:import", found.pk)
    if request.method == "GET":
        return _columns_page(request, found, list(found.mapping))
    chosen = [request.POST.get(f"column-{place}", "")[:100] for place in range(len(found.columns))]
    options = {name: request.POST.get(name) == "yes" for name in ("overwrite", "qualified")}
    try:
        services.start(found, dict(zip(found.columns, chosen, strict=True)), **options)
    except Problem as problem:
        return _columns_page(request, found, chosen, problem, **options)
    return redirect("web:import", found.pk)


@require_POST
def discard(request: HttpRequest, import_id: UUID) -> HttpResponse:  # noqa: ARG001
    """Forget a file that was not started, and choose another."""
    found = _import_or_404(import_id)
    services.discard(found)
    return redirect(LISTED[found.kind].form_page, found.campaign_id)


@require_GET
def import_page(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """How far it is, what it did, and what became of each row."""
    found = _import_or_404(import_id)
    if found.is_draft:
        return redirect("web:match_columns", found.pk)
    outcome, reason = request.GET.get("outcome", ""), request.GET.get("reason", "")
    context = {**_state(found, outcome), **_records(request, found, outcome, reason)}
    return render(request, "imports/import.html", context)


@require_GET
def progress(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """The part of the page that moves; asks for the whole page once it is over."""
    found = _import_or_404(import_id)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("web:import", found.pk)
    response = render(request, "imports/_progress.html", _state(found, ""))
    if found.is_finished:
        response.headers["HX-Refresh"] = "true"
    return response


@require_POST
def cancel(request: HttpRequest, import_id: UUID) -> HttpResponse:  # noqa: ARG001
    """Stop it where it is; what it has done stays."""
    return redirect("web:import", services.cancel(_import_or_404(import_id)).pk)


@require_GET
def problems(request: HttpRequest, import_id: UUID) -> HttpResponseBase:  # noqa: ARG001
    """The rows that came to nothing, as a file for a spreadsheet."""
    return csv_answer("upload-problems.csv", _problem_rows(_import_or_404(import_id)))


def _import_or_404(import_id: UUID) -> Import:
    return get_object_or_404(Import.objects.select_related("campaign"), pk=import_id)


def _about(kind: str) -> dict[str, Any]:
    return {"about": LISTED[kind], "tab": LISTED[kind].tab}


def _received(request: HttpRequest, campaign: Campaign, kind: str) -> Import:
    file = request.FILES.get("file")
    if file is None:
        raise file_problems.no_file()
    by = request.user.get_username()
    stream = cast(BinaryIO, file.file)
    size = file.size or 0
    return services.receive(campaign, file.name or "", stream, size=size, started_by=by, kind=kind)


def _columns_page(
    request: HttpRequest,
    found: Import,
    chosen: list[str],
    problem: Problem | None = None,
    **options: bool,
) -> HttpResponse:
    places = [f"column-{place}" for place in range(len(found.columns))]
    context: dict[str, Any] = {}
    if problem is not None:
        at = {f"mapping.{column}": place for column, place in zip(found.columns, places, strict=True)}
        for_page = [type(one)(at.get(one.field, "columns"), one.message) for one in problem.errors]
        problem.errors = for_page
        context = refused(problem, [*places, "columns"])
    errors = context.get("errors", {})
    targets = _targets(found)
    context |= {
        "campaign": found.campaign,
        **_about(found.kind),
        "upload": found,
        "options": {"overwrite": False, "qualified": False, **options},
        "rows": [
            {
                "id": place,
                "column": column,
                "samples": _samples(found, index),
                "target": chosen[index],
                "suggested": problem is None and chosen[index],
                "options": targets[index],
                "errors": errors.get(place, []),
            }
            for index, (place, column) in enumerate(zip(places, found.columns, strict=True))
        ],
    }
    return render(request, "imports/columns.html", context, status=422 if problem else 200)


def _targets(found: Import) -> list[list[tuple[str, Any]]]:
    """What each column may become; of a referrer's also a field of the campaign's own."""
    usual = list(LISTED[found.kind].targets)
    if found.kind != REFERRERS.kind:
        return [usual for _column in found.columns]
    own = own_fields(found.columns)
    return [[*usual, (name, _("Own field: %(name)s") % {"name": name[7:]})] for name in own]


def _samples(found: Import, index: int) -> list[str]:
    """Different values that a column begins with."""
    cells = [row[index] for row in found.sample if any(row[index : index + 1])]
    return list(dict.fromkeys(cells))[:SAMPLES]


def _state(found: Import, outcome: str) -> dict[str, Any]:
    address = reverse("web:import", args=[found.pk])
    return {
        "campaign": found.campaign,
        **_about(found.kind),
        "upload": found,
        "progress": progress_of(found),
        "counts": counts_of(found, address, outcome),
        "result": result_words(found),
        "has_problems": found.is_finished and bool(found.duplicate + found.skipped + found.failed),
    }


def _records(request: HttpRequest, found: Import, outcome: str, reason: str) -> dict[str, Any]:
    if not found.is_finished:
        return {}
    rows = ImportRecord.objects.filter(upload=found)
    known = outcome in ImportOutcome.values
    if known:
        rows = rows.filter(outcome=outcome)
    if reason:
        rows = rows.filter(outcome__in=PROBLEMS, reason=reason.replace("\0", "")[:40])
    page = page_of(rows, limit=PAGE, cursor=request.GET.get("cursor"), newest_first=False)
    total = getattr(found, outcome) if known and not reason else None
    return {
        "outcome": outcome if known else "",
        "outcome_words": words.OUTCOME.get(outcome, ""),
        "reason": reason,
        "records": page.items,
        "reasons": _reasons(found, outcome, reason),
        **addresses(request, page, total),
    }


def _reasons(found: Import, outcome: str, reason: str) -> list[dict[str, Any]]:
    """Links that narrow a kind of trouble to one reason, where there is more than one."""
    if outcome not in PROBLEMS:
        return []
    rows = ImportRecord.objects.filter(upload=found, outcome=outcome)
    counted = rows.values_list("reason").annotate(number=Count("pk")).order_by("-number", "reason")
    address = reverse("web:import", args=[found.pk])
    return [
        {
            "label": REASON.get(key, key),
            "number": number,
            "url": f"{address}?outcome={outcome}&reason={key}#records",
            "current": key == reason,
        }
        for key, number in counted
    ]


def _problem_rows(found: Import) -> Iterator[list[Any]]:
    yield [_("Row"), _("Email"), _("Outcome"), _("Reason"), _("What happened and what to do")]
    rows = ImportRecord.objects.filter(upload=found, outcome__in=PROBLEMS).order_by("pk")
    for one in rows.iterator(chunk_size=2000):
        yield [
            one.row,
            one.email,
            words.OUTCOME[one.outcome],
            REASON.get(one.reason, one.reason),
            one.message,
        ]
