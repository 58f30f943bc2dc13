"""Between a posted form and a service's refusal: what was typed, and what is wrong where."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from passalong.core.problems import Problem
from passalong.sync.setup.pages import NOT_CONNECTED, failed_checks


@dataclass(frozen=True)
class Complaint:
    """One line of the summary at the top; `target` is the id of the field it links to."""

    message: str
    target: str = ""


@dataclass(frozen=True)
class Refusal:
    """A Problem as a page shows it: its words at the top, each error at its field."""

    detail: str
    next_step: str
    code: str
    links: list[Complaint] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)


def typed(request: HttpRequest, names: Iterable[str]) -> dict[str, str]:
    """What was typed into these fields, without NUL, which no database takes."""
    return {name: request.POST.get(name, "").replace("\0", "") for name in names}


def refused(problem: Problem, known: Iterable[str] = ()) -> dict[str, Any]:
    """Context for a form: `problem` for the top and `errors` by field."""
    checks = failed_checks(problem)
    if checks:
        return {"problem": Refusal(str(NOT_CONNECTED), "", problem.code, checks=checks), "errors": {}}
    errors: dict[str, list[str]] = defaultdict(list)
    links = []
    for error in problem.errors:
        errors[error.field].append(error.message)
        links.append(Complaint(error.message, error.field if error.field in known else ""))
    detail = problem.detail
    if len(links) == 1 and links[0].message == detail and not links[0].target:
        links = []
    return {
        "problem": Refusal(detail, problem.next_step, problem.code, links),
        "errors": dict(errors),
    }
