"""Creating and changing contacts: who may be whom, and what is refused (§3.5)."""

from __future__ import annotations

from typing import Any

from passalong.sandbox.intercom import errors, values
from passalong.sandbox.intercom.contact import Contact, Version, domain_of
from passalong.sandbox.intercom.notify import notify, notify_update
from passalong.sandbox.intercom.state import (
    ACTIVE,
    ADMINS,
    ARCHIVED,
    BLOCKED,
    DELETED,
    MERGED,
    Merge,
    Workspace,
)

_TEXTS = ("email", "phone", "name", "avatar")
_TIMES = ("signed_up_at", "last_seen_at")


def create(space: Workspace, body: dict[str, Any], version: Version) -> Contact:
    if not any(body.get(key) for key in ("email", "external_id", "role")):
        raise errors.ApiError(
            400, "parameter_not_found", "One of email, external_id or role needs to be specified"
        )
    role = body.get("role") or "user"
    if role not in ("user", "lead"):
        raise errors.invalid(f"{role} is not a valid role")
    fields = _fields(space, body, version, role=role)
    external = fields.pop("external_id", None)
    if role == "user":
        _refuse_existing(space, external, fields.get("email"))
    else:
        external = space.new_uuid()  # a lead's own is ignored (§3.5.2)
    at = int(space.clock.now())
    contact = Contact(
        id=space.new_id(at),
        workspace_id=space.id_code,
        role=role,
        external_id=external,
        email_domain=domain_of(fields.get("email")),
        created_at=at,
        updated_at=at,
        **fields,
    )
    space.insert(contact)
    notify(space, f"contact.{role}.created", contact)
    return contact


def update(space: Workspace, contact_id: str, body: dict[str, Any], version: Version) -> Contact:
    old = space.find(contact_id, version)
    role = _next_role(old.role, body.get("role"))
    changes = _fields(space, body, version, role=role)
    external = changes.get("external_id")
    if external is None or (role == "lead" and external != old.external_id):
        changes.pop("external_id", None)  # null is ignored, and so is a lead's own (§3.5)
    elif (holder := space.by_external.get(external)) not in (None, contact_id):
        raise errors.conflict(holder, archived=space.status.get(holder, ACTIVE) != ACTIVE)
    if role != old.role:
        changes["role"] = role
        changes.setdefault("signed_up_at", old.signed_up_at or int(space.clock.now()))
    new = space.replace(contact_id, {**changes, "updated_at": int(space.clock.now())})
    notify_update(space, old, new)
    return new


def _next_role(old: str, wanted: Any) -> str:
    if wanted in (None, old):
        return old
    if wanted == "lead":
        raise errors.ApiError(400, "client_error", "Contact with user role can't be converted to a lead")
    if wanted != "user":
        raise errors.invalid(f"{wanted} is not a valid role")
    return "user"


def _fields(space: Workspace, body: dict[str, Any], version: Version, *, role: str) -> dict[str, Any]:
    """The checked changes. Fields nobody knows are ignored; a wrong one refuses the whole write."""
    changes: dict[str, Any] = {key: _text(body, key) for key in _TEXTS if key in body}
    changes |= {key: _second(body, key) for key in _TIMES if key in body}
    if "email" in changes and changes["email"] is None:
        changes["email"] = ""  # a cleared email comes back empty, not null (§3.1)
    if changes.get("avatar"):
        changes["avatar"] = {"type": "avatar", "image_url": changes["avatar"]}
    if version >= (2, 16) and body.get("email_verified") is not None and not body.get("email"):
        raise errors.invalid("email_verified can only be set together with email", field="email_verified")
    if body.get("external_id") is not None:
        changes["external_id"] = str(body["external_id"])
    if "owner_id" in body:
        changes["owner_id"] = _owner(body["owner_id"])
    if "unsubscribed_from_emails" in body:
        changes["unsubscribed_from_emails"] = _truth(body, "unsubscribed_from_emails")
    if "custom_attributes" in body:
        given = body["custom_attributes"]
        changes["custom_attributes"] = values.checked(given, space.attributes, space.settings, role=role)
    return changes


def _text(body: dict[str, Any], key: str) -> str | None:
    value = body[key]
    if value is not None and not isinstance(value, str):
        raise errors.ApiError(400, "type_mismatch", f"{key} must be a string", field=key)
    return value


def _second(body: dict[str, Any], key: str) -> int | None:
    value = body[key]
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise errors.ApiError(400, "type_mismatch", f"{key} must be a unix timestamp", field=key)
    return value


def _truth(body: dict[str, Any], key: str) -> bool:
    value = body[key]
    if value is not None and not isinstance(value, bool):
        raise errors.ApiError(400, "type_mismatch", f"{key} must be a boolean", field=key)
    return bool(value)


def _owner(value: Any) -> str | None:
    if value is None:
        return None
    if str(value) not in ADMINS:
        raise errors.invalid("The owner specified is not a member of the workspace")
    return str(value)


def _refuse_existing(space: Workspace, external: str | None, email: str | None) -> None:
    """409 for a user that is there; whether the email alone makes one is a switch (§3.5.1).

    Archived and deleted contacts keep their identifiers to themselves.
    """
    holder = space.by_external.get(external) if external else None
    if holder is not None:
        raise errors.conflict(holder, archived=space.status.get(holder, ACTIVE) != ACTIVE)
    if not email or space.settings.same_email_create == "allow":
        return
    same = [c for c in space.with_email(email) if c.role == "user"]
    for contact in same:
        if contact.id not in space.status:
            raise errors.conflict(contact.id, archived=False)
    for contact in same:
        if space.status[contact.id] in (ARCHIVED, DELETED, BLOCKED):
            raise errors.conflict(contact.id, archived=True)


def _reference(space: Workspace, contact_id: str, **flag: bool) -> dict[str, Any]:
    external = space.contacts[contact_id].external_id
    return {"id": contact_id, "external_id": external, "type": "contact", **flag}


def archive(space: Workspace, contact_id: str, version: Version) -> dict[str, Any]:
    """Also fine for one that is archived already."""
    if space.status.get(contact_id) != ARCHIVED:
        space.find(contact_id, version)
        space.set_status(contact_id, ARCHIVED)
        notify(space, "contact.archived", space.contacts[contact_id])
    return _reference(space, contact_id, archived=True)


def unarchive(space: Workspace, contact_id: str, version: Version) -> dict[str, Any]:
    status = space.status.get(contact_id, ACTIVE)
    if status == DELETED:
        message = "User has been marked for permanent deletion and is not restorable."
        raise errors.ApiError(400, "bad_request", message)
    if status == BLOCKED:
        raise errors.ApiError(400, "not_restorable", "User has been blocked and is not restorable.")
    if status != ARCHIVED:
        space.find(contact_id, version)
    else:
        space.set_status(contact_id, ACTIVE)
        notify(space, "contact.unarchive", space.contacts[contact_id])
    return _reference(space, contact_id, archived=False)


def block(space: Workspace, contact_id: str, version: Version) -> dict[str, Any]:
    space.find(contact_id, version)
    space.set_status(contact_id, BLOCKED)
    return _reference(space, contact_id, blocked=True)


def delete(space: Workspace, contact_id: str, version: Version) -> dict[str, Any]:
    """For good, and yet its identifiers stay taken (§3.5). An archived one can be deleted as well."""
    if space.status.get(contact_id) != ARCHIVED:
        space.find(contact_id, version)
    space.set_status(contact_id, DELETED)
    notify(space, "contact.deleted", space.contacts[contact_id])
    return _reference(space, contact_id, deleted=True)


def merge(space: Workspace, body: dict[str, Any], version: Version) -> Contact:
    """A lead into a user, only when both are the same person (§3.5)."""
    ids = body.get("from"), body.get("into")
    if not all(isinstance(i, str) and i for i in ids):
        raise errors.ApiError(400, "parameter_not_found", "from and into need to be specified")
    source, target = (space.find(str(i), version) for i in ids)
    if source.role != "lead" or target.role != "user":
        raise errors.ApiError(400, "invalid_merge", "Only a lead can be merged into a user")
    duplicate = _same(source.email, target.email) or _same(source.phone, target.phone)
    if version >= (2, 16) and not duplicate and body.get("skip_duplicate_validation") is not True:
        raise errors.ApiError(
            400,
            "invalid_merge",
            "Contacts can only be merged when they are duplicates (matching email or phone). "
            "Pass skip_duplicate_validation=true to override this check.",
        )
    return absorb(space, source, target)


def _same(one: str | None, other: str | None) -> bool:
    return bool(one and other and one.strip().lower() == other.strip().lower())


def absorb(space: Workspace, source: Contact, target: Contact) -> Contact:
    """Make `source` part of `target`: gaps are filled, nothing is overwritten."""
    now = int(space.clock.now())
    changes: dict[str, Any] = {
        key: getattr(source, key)
        for key in ("email", "phone", "name", "last_seen_at")
        if not getattr(target, key) and getattr(source, key)
    }
    own = {k for k, v in target.custom_attributes.items() if v is not None}
    changes["custom_attributes"] = {k: v for k, v in source.custom_attributes.items() if k not in own}
    space.merged_into[source.id] = target.id
    space.merges.setdefault(target.id, []).append(Merge(source.id, source.role, now))
    for tag_id in space.tags_of.get(source.id, {}):
        space.tags_of.setdefault(target.id, {}).setdefault(tag_id, now)
        space.touch_tag(tag_id)
    space.set_status(source.id, MERGED)
    new = space.replace(target.id, {**changes, "updated_at": now})
    notify(space, "contact.merged", new, merged_from=source.id)
    return new
