"""What a person is told when something cannot be done: one shape for API, CLI and pages (RFC 9457)."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field; `field` is a path such as `inbound[2].to`."""

    field: str
    message: str


@dataclass
class Problem(Exception):  # noqa: N818 - it is the RFC's own word
    """A refusal: stable `code`, one sentence in `detail`, and what to do in `next_step`."""

    status: int
    code: str
    title: str
    detail: str
    next_step: str
    errors: list[FieldProblem] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.detail} {self.next_step}".strip()


def not_found(what: str) -> Problem:
    """The answer for an id that is unknown here, or belongs to another workspace."""
    return Problem(
        status=404,
        code="not_found",
        title="Not found",
        detail=f"There is no such {what}.",
        next_step="Check the id; it may have been deleted or belong to another workspace.",
    )


def invalid(errors: list[FieldProblem], *, code: str = "invalid_input", detail: str | None = None) -> Problem:
    """A 422 that names each wrong field."""
    return Problem(
        status=422,
        code=code,
        title="Invalid input",
        detail=detail or (errors[0].message if errors else "The request is not valid."),
        next_step="Correct the named fields and send it again.",
        errors=errors,
    )
