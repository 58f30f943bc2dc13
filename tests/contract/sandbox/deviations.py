"""Where the sandbox knowingly differs from the vendor's OpenAPI description 2.16, and why."""

from __future__ import annotations

from typing import Any, NamedTuple


class Property(NamedTuple):
    schema: str
    name: str
    allowed: dict[str, Any]
    reason: str


_TEXT_OR_NULL = {"type": ["string", "null"]}

PROPERTIES = [
    Property("contact", "email", _TEXT_OR_NULL, "leads without an email have null on live answers (§3.1)"),
    Property("contact", "email_domain", _TEXT_OR_NULL, "null wherever there is no email (§3.1)"),
    Property(
        "contact",
        "avatar",
        {"type": ["object", "string", "null"]},
        "both an object and a bare address have been seen (§3.1)",
    ),
]

# (schema, property): in the description, not in our answers
ABSENT = {
    ("contact", "merge_history"): "only sent when include_merge_history asks for it (§3.2)",
}

_CONTACT_GONE = "live answer for an unknown, archived or deleted contact; the description has no 404 (§3.5)"
_REFUSED = "refusals are not in the description, whose own examples show them elsewhere (§3.5, §5)"
_GATE = "rate limits and versions belong to no single call of the description (§1, §6)"

# (method, path, status): answered as an `error` although the description does not list the status
STATUSES = {
    ("GET", "/contacts", 400): "bad cursor and page size, from live answers (§3.2)",
    ("GET", "/contacts/{contact_id}", 404): _CONTACT_GONE,
    ("PUT", "/contacts/{contact_id}", 404): _CONTACT_GONE,
    ("PUT", "/contacts/{contact_id}", 400): _REFUSED,
    ("PUT", "/contacts/{contact_id}", 409): "another user's external_id (§3.5)",
    ("POST", "/contacts", 400): _REFUSED,
    ("POST", "/contacts", 409): "both conflict texts are documented, but not in the description (§3.5)",
    ("POST", "/contacts/{contact_id}/unarchive", 400): "deleted and blocked contacts (§3.5)",
    ("GET", "/contacts/find_by_external_id/{external_id}", 404): _CONTACT_GONE,
    ("POST", "/contacts/search", 500): "reported for a changed sort and a group's operator (§3.3)",
    ("GET", "/data_attributes", 400): "unsupported model, from live answers (§5)",
    ("POST", "/events", 404): "in the prose of the description, not in its answers (§8)",
    ("GET", "/me", 400): _GATE,
    ("GET", "/me", 403): "a missing permission (§2.2)",
    ("GET", "/me", 406): _GATE,
    ("GET", "/me", 429): _GATE,
}

# Notes without a place in a schema:
# - request_id is 20 characters of base32 as on live answers; the description's examples are UUIDs (§9).
# - GET /contacts takes per_page and starting_after, which the 2.16 description forgot (§3.2).
# - `pages.next` also carries `page`, as on live answers (§3.2).
# - Malformed JSON is answered by {"status", "error"}, which is no `error` (§9).
# - GET /contacts/{id}/merge_history counts as reading one contact; its permission is not documented.
