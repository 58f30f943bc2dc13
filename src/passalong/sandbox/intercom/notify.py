"""Which webhook topics a change is announced by, and what each carries (§7)."""

from __future__ import annotations

from typing import Any

import msgspec

from passalong.sandbox.intercom.contact import WRITE_EXTRA, Contact, encode
from passalong.sandbox.intercom.state import Workspace
from passalong.sandbox.intercom.webhooks import iso, with_iso_times

APP_VERSION = (2, 16)  # webhooks follow the app's own setting, never a header (§1)


def _whole(space: Workspace, contact: Contact) -> dict[str, Any]:
    body = msgspec.json.decode(encode(contact, space.tags_of.get(contact.id), APP_VERSION, WRITE_EXTRA))
    return with_iso_times(body)


def notify(space: Workspace, topic: str, contact: Contact, *, merged_from: str | None = None) -> None:
    """Nothing is built unless somebody listens: a run of 5,000 writes should not pay for it."""
    if space.webhooks.target is None:
        return
    if topic == "contact.deleted":
        item: dict[str, Any] = {"type": "contact", "id": contact.id, "deleted": True}
    elif topic == "contact.archived":
        item = {"type": "contact", "id": contact.id, "external_id": contact.external_id, "archived": True}
    elif topic in ("contact.unsubscribed", "contact.subscribed"):
        kind = topic.removeprefix("contact.").removesuffix("d")
        item = {
            "type": f"contact_{kind}",
            "contact": _whole(space, contact),
            "created_at": iso(contact.updated_at),
        }
    else:
        item = _whole(space, contact)
        if merged_from is not None:
            item["merged_from"] = {"type": "contact", "id": merged_from}
    space.webhooks.emit(topic, item)


def notify_update(space: Workspace, old: Contact, new: Contact) -> None:
    """Our own writes come back as echoes: nothing in the payload says who made them (§7)."""
    if space.webhooks.target is None:
        return
    if old.role == "lead" and new.role == "user":
        notify(space, "contact.lead.signed_up", new)
    if (old.email or "") != (new.email or ""):
        gained = new.role == "lead" and not old.email
        notify(space, "contact.lead.added_email" if gained else "contact.email.updated", new)
    if old.unsubscribed_from_emails != new.unsubscribed_from_emails:
        gone = new.unsubscribed_from_emails
        notify(space, "contact.unsubscribed" if gone else "contact.subscribed", new)
    notify(space, f"contact.{new.role}.updated", new)


def notify_tag(space: Workspace, contact: Contact, tag_id: str, *, added: bool) -> None:
    if space.webhooks.target is None:
        return
    item = {
        "type": "contact_tag",
        "tag": {"type": "tag", "id": tag_id, "name": space.tags[tag_id]},
        "contact": _whole(space, contact),
        "created_at": iso(int(space.clock.now())),
    }
    space.webhooks.emit(f"contact.{contact.role}.tag.{'created' if added else 'deleted'}", item)
