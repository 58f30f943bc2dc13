"""Reading a form with a file: limits before anything is read, and every refusal as a problem."""

import hashlib
from dataclasses import dataclass
from typing import BinaryIO, cast

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

from passalong.api.parsing import NUL_MESSAGE
from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.referrers.imports import problems

TYPE = "multipart/form-data"
# The file, and some room for the other fields and the boundaries.
BODY_BYTES = problems.FILE_BYTES + 1024 * 1024


@dataclass(frozen=True)
class Form:
    """The texts of a form by name, and its one file."""

    texts: dict[str, str]
    name: str
    size: int
    file: BinaryIO


def is_multipart(request: HttpRequest) -> bool:
    """Whether the body is a form with files."""
    return request.content_type == TYPE


def refuse_too_large(request: HttpRequest) -> None:
    """Problem 422 before a body is read that holds more than any file we take."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if is_multipart(request) and length.isdigit() and int(length) > BODY_BYTES:
        raise problems.too_large()


def form_of(request: HttpRequest, known: tuple[str, ...]) -> Form:
    """The form: one file named `file`, and texts of which each is `known`."""
    if not is_multipart(request):
        raise _not_a_form()
    _parse(request)
    errors = [
        FieldProblem(name[:100].replace("\0", ""), "There is no field of this name here.")
        for name in [*request.POST, *request.FILES]
        if name not in (*known, "file")
    ]
    errors += [FieldProblem(name, NUL_MESSAGE) for name in known if "\0" in request.POST.get(name, "")]
    if errors:
        raise invalid(errors)
    files = request.FILES.getlist("file")
    if not files:
        raise problems.no_file()
    if len(files) > 1:
        raise invalid([FieldProblem("file", "Send one file at a time.")])
    texts = {name: request.POST[name] for name in known if name in request.POST}
    return Form(texts, files[0].name or "", files[0].size or 0, cast(BinaryIO, files[0].file))


def digest(request: HttpRequest) -> bytes:
    """What a form says, whatever boundary its sender has chosen this time."""
    _parse(request)
    whole = hashlib.sha256()
    for name, values in sorted(request.POST.lists()):
        whole.update(repr((name, values)).encode(errors="surrogatepass"))
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            whole.update(repr((name, file.name, file.size)).encode(errors="surrogatepass"))
            for chunk in file.chunks():
                whole.update(chunk)
    return whole.digest()


def _parse(request: HttpRequest) -> None:
    try:
        request.FILES  # noqa: B018 - Django reads the body when it is first asked for
    except (MultiPartParserError, SuspiciousOperation) as error:
        raise Problem(
            400,
            "malformed_form",
            "Malformed form",
            f"The body is not a valid form: {error}.",
            "Send the file as multipart/form-data, such as curl -F file=@people.csv does.",
        ) from error


def _not_a_form() -> Problem:
    return Problem(
        415,
        "unsupported_media_type",
        "Unsupported media type",
        "This call takes a file.",
        "Send the file as multipart/form-data, such as curl -F file=@people.csv does.",
    )
