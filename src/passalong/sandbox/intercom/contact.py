"""A contact and its JSON: small in memory, encoded in microseconds, because a walk reads them all."""

from __future__ import annotations

from typing import Any

import msgspec

Version = tuple[int, int]

NOWHERE: dict[str, Any] = {
    "type": "location",
    "country": None,
    "region": None,
    "city": None,
    "country_code": None,
    "continent_code": None,
}


class Contact(msgspec.Struct, kw_only=True, gc=False):
    """The flat part of the object of §3.1, in its order. Replaced on write, never changed in place:
    the search index may still hold the older state."""

    type: str = "contact"
    id: str
    workspace_id: str
    external_id: str | None = None
    role: str = "user"
    email: str | None = None
    email_domain: str | None = None
    phone: str | None = None
    name: str | None = None
    avatar: Any = None
    owner_id: str | int | None = None
    has_hard_bounced: bool = False
    marked_email_as_spam: bool = False
    unsubscribed_from_emails: bool = False
    created_at: int
    updated_at: int
    signed_up_at: int | None = None
    last_seen_at: int | None = None
    last_replied_at: int | None = None
    last_contacted_at: int | None = None
    last_email_opened_at: int | None = None
    last_email_clicked_at: int | None = None
    language_override: str | None = None
    browser: str | None = None
    browser_version: str | None = None
    browser_language: str | None = None
    os: str | None = None
    location: dict[str, Any] = msgspec.field(default_factory=lambda: NOWHERE)
    android_app_name: str | None = None
    android_app_version: str | None = None
    android_device: str | None = None
    android_os_version: str | None = None
    android_sdk_version: str | None = None
    android_last_seen_at: int | None = None
    ios_app_name: str | None = None
    ios_app_version: str | None = None
    ios_device: str | None = None
    ios_os_version: str | None = None
    ios_sdk_version: str | None = None
    ios_last_seen_at: int | None = None
    utm_campaign: str | None = None
    utm_content: str | None = None
    utm_medium: str | None = None
    utm_source: str | None = None
    utm_term: str | None = None
    referrer: str | None = None
    custom_attributes: dict[str, Any] = {}


FIELDS = frozenset(Contact.__struct_fields__)

_encoder = msgspec.json.Encoder()

_EMPTY = b'{"type":"list","data":[],"url":"/contacts/%b/%b","total_count":0,"has_more":false}'
_TAIL = (
    b',"social_profiles":{"type":"list","data":[]},"tags":%b,"notes":'
    + _EMPTY.replace(b"%b/%b", b"%b/notes")
    + b',"companies":'
    + _EMPTY.replace(b"%b/%b", b"%b/companies")
    + b',"opted_out_subscription_types":'
    + _EMPTY.replace(b"%b/%b", b"%b/subscriptions")
    + b',"opted_in_subscription_types":'
    + _EMPTY.replace(b"%b/%b", b"%b/subscriptions")
    + b"%b}"
)
LIST_EXTRA = b',"sms_consent":false,"unsubscribed_from_sms":false'
ONE_EXTRA = LIST_EXTRA + b',"enabled_push_messaging":null'
WRITE_EXTRA = b',"enabled_push_messaging":null'


def domain_of(email: str | None) -> str | None:
    if not email or "@" not in email:
        return None
    return email.rsplit("@", 1)[1].strip().lower() or None


def encode(
    contact: Contact, tags: dict[str, int] | None, version: Version, extra: bytes, *, indexed: bool = False
) -> bytes:
    """One contact as the API says it.

    `indexed`: as search and lists say it, where a cleared email is null; by id it is "" (§3.1).
    """
    if indexed and contact.email == "":
        contact = msgspec.structs.replace(contact, email=None)
    if contact.owner_id is not None and version < (2, 16):  # integers until 2.15, strings since (§1)
        contact = msgspec.structs.replace(contact, owner_id=int(contact.owner_id))
    cid = contact.id.encode()
    listed = _EMPTY % (cid, b"tags") if not tags else _tags(contact.id, tags)
    return _encoder.encode(contact)[:-1] + _TAIL % (listed, cid, cid, cid, cid, extra)


def _tags(contact_id: str, tags: dict[str, int]) -> bytes:
    """At most ten references; the rest only by the address given (§3.1)."""
    refs = [{"type": "tag", "id": tag, "url": f"/tags/{tag}"} for tag in list(tags)[:10]]
    return _encoder.encode(
        {
            "type": "list",
            "data": refs,
            "url": f"/contacts/{contact_id}/tags",
            "total_count": len(tags),
            "has_more": len(tags) > 10,
        }
    )
