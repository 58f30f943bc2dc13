"""What Intercom tells of by itself (§7): whose word it is, and which contacts it is about.

The payload is a hint and no more: its times are texts where REST has numbers, its shape follows the app's
version and not ours, and a delivery may be late, doubled or out of order.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from passalong.integrations.intercom import wire
from passalong.sync.records import Notice

SIGNATURE = "X-Hub-Signature"
Item = dict[str, Any]


class _Data(msgspec.Struct):
    item: Any = None


class _Envelope(msgspec.Struct):
    app_id: str | int
    topic: str
    id: str | int | None = None
    data: _Data = msgspec.field(default_factory=_Data)


def proves(headers: Mapping[str, str], body: bytes, secret: str | None) -> bool:
    """HMAC-SHA1 of the raw body with the app's client secret, in hex. Without a secret nothing is proven."""
    given = headers.get(SIGNATURE, "")
    if not secret or not given:
        return False
    made = "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
    return hmac.compare_digest(made.encode(), given.strip().encode("utf-8", "replace"))


def _itself(item: Item) -> list[Any]:
    return [item.get("id")]


def _its_contact(item: Item) -> list[Any]:
    contact = item.get("contact")
    return [contact.get("id")] if isinstance(contact, dict) else []


def _both(item: Item) -> list[Any]:
    source = item.get("merged_from")
    return [item.get("id"), *([source.get("id")] if isinstance(source, dict) else [])]


_ABOUT: dict[str, Callable[[Item], list[Any]]] = {
    "contact.user.created": _itself,
    "contact.user.updated": _itself,
    "contact.lead.created": _itself,
    "contact.lead.updated": _itself,
    "contact.lead.signed_up": _itself,
    "contact.lead.added_email": _itself,
    "contact.email.updated": _itself,
    "contact.user.tag.created": _its_contact,
    "contact.user.tag.deleted": _its_contact,
    "contact.lead.tag.created": _its_contact,
    "contact.lead.tag.deleted": _its_contact,
    "contact.merged": _both,
    "contact.archived": _itself,
    "contact.unarchive": _itself,
    "contact.unarchived": _itself,
    "contact.deleted": _itself,
    "contact.subscribed": _its_contact,
    "contact.unsubscribed": _its_contact,
}
# To tick in the Developer Hub: what can change who is in an audience, or what we know of them.
TOPICS = (
    "contact.user.created",
    "contact.user.updated",
    "contact.lead.created",
    "contact.lead.updated",
    "contact.lead.signed_up",
    "contact.lead.added_email",
    "contact.email.updated",
    "contact.user.tag.created",
    "contact.user.tag.deleted",
    "contact.lead.tag.created",
    "contact.lead.tag.deleted",
    "contact.merged",
    "contact.archived",
    "contact.unarchive",
    "contact.deleted",
    "contact.subscribed",
    "contact.unsubscribed",
)


def notice(body: bytes) -> Notice:
    """The contacts a notification is about, by topic; another shape than expected names whom it can."""
    try:
        told = wire.decode(body, _Envelope)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    item = told.data.item if isinstance(told.data.item, dict) else {}
    about = _ABOUT.get(told.topic)
    found = [] if about is None else about(item) or _itself(item)
    ids = [str(one) for one in found if type(one) in (str, int) and str(one).strip()]
    # Without a name a delivery is known by what it says.
    uid = str(told.id) if told.id else hashlib.sha256(body).hexdigest()
    return Notice(
        account_id=str(told.app_id),
        uid=uid[:200],
        topic=told.topic[:100],
        contact_ids=list(dict.fromkeys(one[:200] for one in ids)),
        deleted=told.topic == "contact.deleted",
    )
