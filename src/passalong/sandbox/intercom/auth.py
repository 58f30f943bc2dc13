"""Tokens and what each may do (§2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from passalong.sandbox.intercom.errors import ApiError, unauthorized

DEFAULT_TOKEN = "sandbox-token"  # noqa: S105 - public by design: it opens nothing but this sandbox

READ_CONTACTS = "read_contacts"
READ_ONE_CONTACT = "read_one_contact"
WRITE_CONTACTS = "write_contacts"
WRITE_DATA_ATTRIBUTES = "write_data_attributes"
READ_TAGS = "read_tags"
WRITE_TAGS = "write_tags"
READ_EVENTS = "read_events"
WRITE_EVENTS = "write_events"
READ_ADMINS = "read_admins"
SCOPES = frozenset(
    {
        READ_CONTACTS,
        READ_ONE_CONTACT,
        WRITE_CONTACTS,
        WRITE_DATA_ATTRIBUTES,
        READ_TAGS,
        WRITE_TAGS,
        READ_EVENTS,
        WRITE_EVENTS,
        READ_ADMINS,
    }
)

# Reading lists includes reading one; the tag list comes with reading contacts (§2.2).
_IMPLIED = {READ_ONE_CONTACT: READ_CONTACTS, READ_TAGS: READ_CONTACTS}


@dataclass
class Tokens:
    scopes: dict[str, frozenset[str]] = field(default_factory=lambda: {DEFAULT_TOKEN: SCOPES})
    revoked: set[str] = field(default_factory=set)

    def add(self, token: str, scopes: frozenset[str]) -> None:
        unknown = scopes - SCOPES
        if unknown:
            msg = f"unknown scopes: {', '.join(sorted(unknown))}"
            raise ValueError(msg)
        self.scopes[token] = scopes
        self.revoked.discard(token)

    def revoke(self, token: str) -> None:
        self.revoked.add(token)

    def authenticate(self, header: str) -> frozenset[str]:
        """Missing and unknown tokens get one and the same answer (§13)."""
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or token not in self.scopes or token in self.revoked:
            raise unauthorized()
        return self.scopes[token]


def permit(held: frozenset[str], needed: str, mode: str) -> None:
    """Refuse a token without the scope.

    `mode` "by_endpoint": 403 on /me and 401 elsewhere, as reported; "401", "403": always (§2.2).
    """
    if needed in held or _IMPLIED.get(needed) in held:
        return
    forbidden = mode == "403" or (mode == "by_endpoint" and needed == READ_ADMINS)
    if forbidden:
        raise ApiError(403, "forbidden", "This token does not have the permission this call needs")
    raise ApiError(401, "token_unauthorized", "The token is not authorised to use this resource")
