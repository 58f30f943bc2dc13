"""The body of a request that strangers may send: read no further than it may be long."""

from django.http import HttpRequest
from django.http.request import UnreadablePostError

from passalong.core.problems import Problem


def body_of(request: HttpRequest, most: int, next_step: str) -> bytes:
    """The whole body. Problem 413 `too_large` over `most` bytes, 400 `body_incomplete` when it breaks off."""
    try:
        body = request.read(most + 1)
    except UnreadablePostError:
        raise cut_off() from None
    if len(body) > most:
        raise Problem(413, "too_large", "Too large", f"The body is larger than {most:,} bytes.", next_step)
    return body


def cut_off() -> Problem:
    """What is said to whoever is still there to hear it."""
    return Problem(
        400, "body_incomplete", "Body incomplete", "The body broke off.", "Send the request again."
    )
