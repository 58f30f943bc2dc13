"""Tags and events: what the product does not need for a sync but will for referrals (§8)."""

from __future__ import annotations

from typing import Any

import msgspec

from passalong.sandbox.intercom import auth, errors
from passalong.sandbox.intercom.api import Answer, Call, Operation
from passalong.sandbox.intercom.contact import Contact
from passalong.sandbox.intercom.notify import notify_tag
from passalong.sandbox.intercom.state import Workspace

_KEYS, _LISTED_FOR = 10, 90 * 86_400


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(msgspec.json.encode(value), status)


def _tag(space: Workspace, tag_id: str) -> dict[str, Any]:
    return {"type": "tag", "id": tag_id, "name": space.tags[tag_id]}


def list_tags(space: Workspace, _call: Call) -> Answer:
    return _json({"type": "list", "data": [_tag(space, i) for i in space.tags]})


def get_tag(space: Workspace, call: Call) -> Answer:
    return _json(_tag(space, _known(space, call.path["tag_id"])))


def create_tag(space: Workspace, call: Call) -> Answer:
    """Makes, renames, or finds by name; with `users` it tags or untags them as well."""
    body = call.json()
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise errors.ApiError(400, "parameter_not_found", "Tag name not specified")
    if body.get("id") is not None:
        tag_id = _known(space, str(body["id"]))
        space.tags[tag_id] = name
    else:
        named = {existing: i for i, existing in space.tags.items()}
        tag_id = named.get(name) or space.add_tag(name)
    for user in body.get("users") or []:
        contact = space.find(str(user.get("id")), call.version)
        (_remove if user.get("untag") else _add)(space, contact, tag_id)
    return _json(_tag(space, tag_id))


def delete_tag(space: Workspace, call: Call) -> Answer:
    tag_id = _known(space, call.path["tag_id"])
    del space.tags[tag_id]
    for tags in space.tags_of.values():
        tags.pop(tag_id, None)
    space.touch_tag(tag_id)
    return Answer(b"")


def _known(space: Workspace, tag_id: str) -> str:
    if tag_id not in space.tags:
        raise errors.not_found()
    return tag_id


def _add(space: Workspace, contact: Contact, tag_id: str) -> None:
    tags = space.tags_of.setdefault(contact.id, {})
    if tag_id not in tags:
        tags[tag_id] = int(space.clock.now())
        space.touch_tag(tag_id)
        notify_tag(space, contact, tag_id, added=True)


def _remove(space: Workspace, contact: Contact, tag_id: str) -> None:
    if space.tags_of.get(contact.id, {}).pop(tag_id, None) is not None:
        space.touch_tag(tag_id)
        notify_tag(space, contact, tag_id, added=False)


def contact_tags(space: Workspace, call: Call) -> Answer:
    contact = space.find(call.path["contact_id"], call.version)
    data = [
        {**_tag(space, i), "applied_at": at, "applied_by": None}
        for i, at in space.tags_of.get(contact.id, {}).items()
    ]
    return _json({"type": "list", "data": data})


def tag_contact(space: Workspace, call: Call) -> Answer:
    contact = space.find(call.path["contact_id"], call.version)
    tag_id = _known(space, str(call.json().get("id")))
    _add(space, contact, tag_id)
    at = space.tags_of[contact.id][tag_id]
    return _json({**_tag(space, tag_id), "applied_at": at, "applied_by": None})


def untag_contact(space: Workspace, call: Call) -> Answer:
    contact = space.find(call.path["contact_id"], call.version)
    tag_id = _known(space, call.path["tag_id"])
    _remove(space, contact, tag_id)
    return _json(_tag(space, tag_id))


def create_event(space: Workspace, call: Call) -> Answer:
    """202 and an empty body, also for one that is ignored as a duplicate."""
    body = call.json()
    name, at = body.get("event_name"), body.get("created_at")
    if not isinstance(name, str) or not name:
        raise errors.ApiError(400, "parameter_not_found", "event_name not specified")
    if not isinstance(at, int) or isinstance(at, bool):
        raise errors.invalid("created_at must be a unix timestamp")
    contact = _subject(space, body)
    known = space.events.setdefault(contact.id, [])
    if not any(e["event_name"] == name and e["created_at"] == at for e in known):
        metadata = body.get("metadata") or {}
        event = {
            "type": "event",
            "id": space.new_uuid(),
            "created_at": at,
            "event_name": name,
            "user_id": contact.external_id or "",
            "email": contact.email or "",
            "intercom_user_id": contact.id,
            "metadata": dict(list(metadata.items())[:_KEYS]),
        }
        known.append(event)
        space.webhooks.emit("event.created", event)
    return Answer(b"", 202)


def _subject(space: Workspace, by: dict[str, Any]) -> Contact:
    """By id anybody; by user_id or email only a user (§8)."""
    found: list[Contact] = []
    if by.get("id"):
        found = [c for c in [space.contacts.get(str(by["id"]))] if c is not None]
    elif by.get("user_id"):
        holder = space.by_external.get(str(by["user_id"]))
        found = [space.contacts[holder]] if holder else []
        found = [c for c in found if c.role == "user"]
    elif by.get("email"):
        found = [c for c in space.with_email(str(by["email"])) if c.role == "user"]
    else:
        raise errors.ApiError(400, "parameter_not_found", "One of id, user_id or email needs to be specified")
    active = [c for c in found if c.id not in space.status]
    if not active:
        raise errors.user_not_found()
    return active[0]


def list_events(space: Workspace, call: Call) -> Answer:
    """Ninety days back, as lists or summed up; the type of both is `event.summary` in the description."""
    if call.query.get("type") != "user":
        raise errors.invalid("type must be user")
    by = {"id": call.query.get("intercom_user_id"), **call.query}
    contact = _subject(space, by)
    events = space.events.get(contact.id, [])
    since = space.clock.now() - _LISTED_FOR
    recent = sorted((e for e in events if e["created_at"] >= since), key=lambda e: -e["created_at"])
    return _json(
        {
            "type": "event.summary",
            "events": _summary(events) if call.flag("summary") else recent,
            "email": contact.email or "",
            "intercom_user_id": contact.id,
            "user_id": contact.external_id or "",
        }
    )


def _summary(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    times: dict[str, list[int]] = {}
    for event in events:
        times.setdefault(event["event_name"], []).append(event["created_at"])
    return [
        {"name": name, "first": str(min(at)), "last": str(max(at)), "count": len(at), "description": ""}
        for name, at in times.items()
    ]


MORE_OPERATIONS = [
    Operation("GET", "/contacts/{contact_id}/tags", auth.READ_CONTACTS, contact_tags),
    Operation("POST", "/contacts/{contact_id}/tags", auth.WRITE_TAGS, tag_contact),
    Operation("DELETE", "/contacts/{contact_id}/tags/{tag_id}", auth.WRITE_TAGS, untag_contact),
    Operation("GET", "/tags", auth.READ_TAGS, list_tags),
    Operation("POST", "/tags", auth.WRITE_TAGS, create_tag),
    Operation("GET", "/tags/{tag_id}", auth.READ_TAGS, get_tag),
    Operation("DELETE", "/tags/{tag_id}", auth.WRITE_TAGS, delete_tag),
    Operation("POST", "/events", auth.WRITE_EVENTS, create_event),
    Operation("GET", "/events", auth.READ_EVENTS, list_events),
]
