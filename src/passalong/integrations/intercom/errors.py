"""What Intercom says when it refuses, in words a marketer can act on."""

from typing import Any

import msgspec

from passalong.sync.errors import ConfigError, CredentialsError, Fatal, Retriable, SkipContact, Unclear

# As Intercom's Developer Hub shows them (docs/reference/intercom.md §2).
READ_PEOPLE = "Read and list users and companies"
WRITE_PEOPLE = "Write users and companies"
WRITE_FIELDS = "Write data attributes"
WRITE_TAGS = "Write tags"
WRITE_EVENTS = "Write events"


class Refusal(msgspec.Struct, frozen=True):
    """The first error of an `error.list`, or whatever else a refusal held (§9)."""

    code: str = ""
    message: str = ""
    request_id: str = ""


class RejectedError(Fatal):
    """A 4xx that a caller may know how to read; as Fatal if none does. `link` is its header of that name."""

    def __init__(self, status: int, refusal: Refusal, link: str = "") -> None:
        said = f" It said: “{refusal.message}”." if refusal.message else ""
        super().__init__(
            "crm_refused",
            f"Intercom refused a request that it should take ({status}).{said}",
            "Try again; if it stays, report it with the code and the time.",
        )
        self.status, self.link = status, link
        self.vendor_code = refusal.code
        self.vendor_message = refusal.message


class UnclearError(Unclear):
    """A call that must not be repeated blindly failed in a way that leaves open whether it was done."""


def refusal(content: bytes) -> Refusal:
    """Reads any body a refusal may have: an error.list, `{status, error}`, HTML, nothing."""
    try:
        body = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeError):
        return Refusal()
    if not isinstance(body, dict):
        return Refusal()
    first = _first(body.get("errors"))
    message = first.get("message") or body.get("error") or ""
    return Refusal(str(first.get("code") or ""), str(message)[:500], str(body.get("request_id") or ""))


def explained(content: bytes) -> bool:
    """Whether a refusal says why, as those of Intercom itself always do (§9)."""
    said = refusal(content)
    return bool(said.code or said.message)


def _first(errors: Any) -> dict[str, Any]:
    found = errors[0] if isinstance(errors, list) and errors else {}
    return found if isinstance(found, dict) else {}


def token_rejected() -> CredentialsError:
    return CredentialsError(
        "token_rejected",
        "Intercom no longer accepts the access token.",
        "Copy the current token from Intercom's Developer Hub and put it into this connection.",
    )


def permission_missing(permission: str) -> ConfigError:
    return ConfigError(
        "permission_missing",
        f"The access token lacks the permission “{permission}”.",
        f"In Intercom's Developer Hub open the app, turn on “{permission}” under Authentication, and save.",
    )


def plan_restricted() -> ConfigError:
    return ConfigError(
        "plan_restricted",
        "The Intercom plan of this workspace does not include what this needs.",
        "Ask the owner of the Intercom workspace about its plan, or choose something else to sync.",
    )


def unavailable(reason: str) -> Retriable:
    return Retriable(
        "crm_unavailable",
        f"Intercom is not answering properly: {reason}.",
        "Look at intercomstatus.com and try again in a few minutes; nothing is lost.",
    )


def unclear(reason: str) -> UnclearError:
    return UnclearError("crm_unavailable", f"Intercom is not answering properly: {reason}.", "Try again.")


def rate_limited(after: float) -> Retriable:
    return Retriable(
        "rate_limited",
        "Intercom is busy with other work of this workspace and asked to wait.",
        f"Try again in {max(1, round(after))} seconds.",
        after=after,
    )


def segment_not_found(segment_id: str) -> ConfigError:
    return ConfigError(
        "segment_not_found",
        f"The segment with the id {segment_id} is no longer in Intercom.",
        "Choose another segment for this sync, or make the segment in Intercom again and choose it.",
    )


def audience_incomplete(segment: str, count: int) -> Retriable:
    return Retriable(
        "audience_incomplete",
        f"Intercom counts {count} people in the segment “{segment}”, but shows none of them.",
        "Run the sync again in a few minutes; nobody was taken in or left out because of it.",
    )


def cursor_rejected() -> ConfigError:
    return ConfigError(
        "cursor_rejected",
        "Intercom no longer takes the place where reading stopped.",
        "Start the run again; it reads that part from its beginning.",
    )


def is_about_cursor(refused: RejectedError, cursor: str | None) -> bool:
    """Whether the cursor must be to blame: without one, the same question was answered."""
    return cursor is not None and refused.status in (400, 404, 422)


def paging_loop() -> Fatal:
    return Fatal(
        "crm_paging_loop",
        "Intercom keeps sending the same page of contacts.",
        "Run the sync again later; what was read so far is kept.",
    )


def contact_gone(*, merged: bool = False) -> SkipContact:
    what = "was merged into another contact" if merged else "was archived or deleted"
    return SkipContact(
        "contact_gone",
        f"The contact {what} in Intercom.",
        "Nothing needs to be done; the next run leaves it out.",
    )


def field_missing(name: str, key: str) -> SkipContact:
    return SkipContact(
        "field_missing",
        f"The field “{name}” is not in Intercom (any more).",
        "Make the field again, or map another one, and retry what failed.",
        field=key,
    )


def value_too_long(key: str, length: int) -> SkipContact:
    return SkipContact(
        "value_too_long",
        f"The value has {length} characters; Intercom takes 255 at most.",
        "Shorten it, for instance the address of the campaign's page, and retry.",
        field=key,
    )


def value_refused(message: str, key: str | None = None) -> SkipContact:
    said = f": “{message}”" if message else ""
    return SkipContact(
        "value_refused",
        f"Intercom did not take the value{said}.",
        "Correct the value or map another field, and retry.",
        field=key,
    )


def contact_archived() -> SkipContact:
    return SkipContact(
        "contact_archived",
        "Intercom has an archived contact with this email address, which keeps a new one from being made.",
        "Unarchive the contact in Intercom, or delete it there for good, and retry.",
    )


def contact_conflict(message: str) -> SkipContact:
    said = f": “{message}”" if message else ""
    return SkipContact(
        "contact_conflict",
        f"Intercom has this person already, but does not say who it is{said}.",
        "Look for the email address in Intercom, merge the contacts that share it, and retry.",
    )


def tag_refused(message: str) -> SkipContact:
    return SkipContact(
        "tag_refused", f"Intercom did not take the tag: “{message}”.", "Choose another tag, and retry."
    )


def event_refused(message: str) -> SkipContact:
    return SkipContact(
        "event_refused",
        f"Intercom did not take the event: “{message}”.",
        "Look at the events in Intercom's settings (there may be too many names), and retry.",
    )


def field_refused(message: str, next_step: str = "Choose another name for the field.") -> ConfigError:
    return ConfigError("field_refused", message, next_step)


def field_type_conflict(label: str, there: str, wanted: str) -> ConfigError:
    return ConfigError(
        "field_type_conflict",
        f"Intercom already has a field “{label}” of type {there}; {wanted} is needed.",
        "Choose another name for the field, or map to a field of that type.",
    )


def field_limit(message: str) -> ConfigError:
    said = f" It said: “{message}”." if message else ""
    return ConfigError(
        "field_limit",
        f"Intercom has as many fields as it allows.{said}",
        "Archive a field in Intercom that is not needed any more, or map to one that exists.",
    )
