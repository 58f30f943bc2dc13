"""The calls: one function each, from a parsed request to an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from passalong.sandbox.intercom import auth, errors, fields, paging, writes
from passalong.sandbox.intercom.contact import (
    LIST_EXTRA,
    ONE_EXTRA,
    WRITE_EXTRA,
    Contact,
    Version,
    encode,
)
from passalong.sandbox.intercom.index import Leaf, Order
from passalong.sandbox.intercom.state import ADMINS, Workspace

_encoder = msgspec.json.Encoder()
LAST_ACTIVITY = Order("last_seen_at", ascending=False)  # the order of lists, and of searches without a sort


class Call(msgspec.Struct):
    """One request, parsed as far as every handler needs it."""

    method: str
    path: dict[str, str]
    query: dict[str, str]
    body: bytes
    version: Version

    def json(self) -> dict[str, Any]:
        if not self.body:
            return {}
        try:
            decoded = msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise errors.MalformedJsonError(str(error)) from None
        if not isinstance(decoded, dict):
            raise errors.MalformedJsonError("expected an object")
        return decoded

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() == "true"


class Answer(NamedTuple):
    body: bytes
    status: int = 200


Handler = Callable[[Workspace, Call], Answer]


def _json(value: Any) -> Answer:
    return Answer(_encoder.encode(value))


def _history(space: Workspace, contact: Contact) -> bytes:
    items = [
        {
            "type": "merge_history",
            "source_contact_id": m.source_id,
            "source_contact_role": m.source_role,
            "merged_at": m.merged_at,
        }
        for m in reversed(space.merges.get(contact.id, []))
    ]
    return b',"merge_history":' + _encoder.encode(items)


def _one(space: Workspace, call: Call, contact: Contact, extra: bytes) -> Answer:
    if call.version >= (2, 16) and call.flag("include_merge_history") and contact.role == "user":
        extra += _history(space, contact)
    return Answer(encode(contact, space.tags_of.get(contact.id), call.version, extra))


# the token's owner and workspace (§2.4)


def me(space: Workspace, _call: Call) -> Answer:
    return _json(
        {
            "type": "admin",
            "id": ADMINS[0],
            "email": "sam@sandbox.example.com",
            "name": "Sam Sandbox",
            "job_title": "Owner",
            "away_mode_enabled": False,
            "away_mode_reassign": False,
            "has_inbox_seat": True,
            "team_ids": [],
            "avatar": {"type": "avatar", "image_url": None},
            "email_verified": True,
            "app": {
                "type": "app",
                "id_code": space.id_code,
                "name": space.name,
                "created_at": space.clock.base - 500 * 86_400,
                "secure": False,
                "identity_verification": False,
                "timezone": space.settings.timezone,
                "region": space.region,
            },
        }
    )


# reading contacts (§3.2 to §3.4)


def list_contacts(space: Workspace, call: Call) -> Answer:
    size = paging.page_size(call.query.get("per_page"), 10)
    return _page(space, call, LAST_ACTIVITY, (), size, call.query.get("starting_after"))


def search_contacts(space: Workspace, call: Call) -> Answer:
    body = call.json()
    order = _order(space, body.get("sort"))
    leaves = space.compiler(call.version).compile(body.get("query"))
    pagination = body.get("pagination")
    if pagination is not None and not isinstance(pagination, dict):
        raise errors.invalid("pagination must be an object")
    pagination = pagination or {}
    clamp = space.settings.search_page_too_big == "clamp"
    size = paging.page_size(pagination.get("per_page"), 50, clamp=clamp)
    if "starting_after" in pagination and pagination["starting_after"] is None:
        raise errors.bad_cursor()  # (§10.5)
    return _page(space, call, order, leaves, size, pagination.get("starting_after"))


def _order(space: Workspace, sort: Any) -> Order:
    if sort is None:
        return LAST_ACTIVITY
    if not isinstance(sort, dict):
        raise errors.invalid("sort must be an object")
    field, direction = sort.get("field"), sort.get("order", "descending")
    if direction not in ("ascending", "descending"):
        message = f"Invalid sort order '{direction}'. Must be one of: ascending, descending"
        raise errors.ApiError(400, "invalid_sort_order", message)
    if field is None:
        field = "last_seen_at"
    if not isinstance(field, str) or fields.sort_type(field, space.attributes) is None:
        raise errors.ApiError(400, "invalid_field", f"{field} is not a valid sort field")
    return Order(field, direction == "ascending")


def _page(
    space: Workspace, call: Call, order: Order, leaves: tuple[Leaf, ...], size: int, cursor: str | None
) -> Answer:
    """One page of the index as it is now: no state in between, so edits repeat or skip people (§3.4)."""
    space.index.settle()
    ids = space.index.ids(order, leaves)
    is_date = fields.sort_type(order.field, space.attributes) == fields.DATE
    start, page = 0, 1
    if cursor is not None:
        value, contact_id, page = paging.read_cursor(cursor, is_date=is_date)
        space.issued.check(cursor, order)
        try:
            start = space.index.after(ids, order, value, contact_id)
        except TypeError:
            raise errors.server_error() from None  # a cursor of another sort (§3.3)
    shown = ids[start : start + size]
    pages: dict[str, Any] = {"type": "pages", "page": page, "per_page": size}
    pages["total_pages"] = -(-len(ids) // size)
    if start + size < len(ids):
        last = space.index.docs[shown[-1]]
        value = fields.getter(order.field)(last)
        following = paging.make_cursor(value, last.id, page + 1, is_date=is_date)
        space.issued.note(following, order)
        pages["next"] = {"page": page + 1, "starting_after": following}
    return Answer(
        b'{"type":"list","data":[%b],"total_count":%d,"pages":%b}'
        % (_listed(space, call, shown), len(ids), _encoder.encode(pages))
    )


def _listed(space: Workspace, call: Call, ids: list[str]) -> bytes:
    docs, tags_of, version = space.index.docs, space.tags_of, call.version
    if version >= (2, 16) and call.flag("include_merge_history"):
        return b",".join(
            encode(
                docs[i],
                tags_of.get(i),
                version,
                LIST_EXTRA + (_history(space, docs[i]) if docs[i].role == "user" else b""),
                indexed=True,
            )
            for i in ids
        )
    return b",".join([encode(docs[i], tags_of.get(i), version, LIST_EXTRA, indexed=True) for i in ids])


def get_contact(space: Workspace, call: Call) -> Answer:
    return _one(space, call, space.find(call.path["contact_id"], call.version), ONE_EXTRA)


def find_by_external_id(space: Workspace, call: Call) -> Answer:
    contact_id = space.by_external.get(call.path["external_id"], "")
    return _one(space, call, space.find(contact_id, call.version), ONE_EXTRA)


def merge_history(space: Workspace, call: Call) -> Answer:
    """`order` is asc or desc here, unlike everywhere else (§3.5)."""
    contact = space.contacts.get(call.path["id"])
    if call.version < (2, 16) or contact is None or contact.role != "user" or contact.id in space.status:
        raise errors.not_found("Contact not found")
    direction = call.query.get("order", "desc")
    if direction not in ("asc", "desc"):
        raise errors.invalid("order must be one of: asc, desc")
    size = paging.page_size(call.query.get("per_page"), 50)
    items = msgspec.json.decode(_history(space, contact).partition(b":")[2])
    if direction == "asc":
        items.reverse()
    start = 0
    if "cursor" in call.query:
        _, _, start = paging.read_cursor(call.query["cursor"], is_date=False)
    more = start + size < len(items)
    following = paging.make_cursor(0, contact.id, start + size, is_date=False) if more else None
    data = items[start : start + size]
    return _json({"type": "list", "data": data, "next_cursor": following, "has_more": more})


# writing contacts (§3.5)


def create_contact(space: Workspace, call: Call) -> Answer:
    return _one(space, call, writes.create(space, call.json(), call.version), WRITE_EXTRA)


def update_contact(space: Workspace, call: Call) -> Answer:
    contact = writes.update(space, call.path["contact_id"], call.json(), call.version)
    return _one(space, call, contact, WRITE_EXTRA)


def delete_contact(space: Workspace, call: Call) -> Answer:
    return _json(writes.delete(space, call.path["contact_id"], call.version))


def archive_contact(space: Workspace, call: Call) -> Answer:
    return _json(writes.archive(space, call.path["contact_id"], call.version))


def unarchive_contact(space: Workspace, call: Call) -> Answer:
    return _json(writes.unarchive(space, call.path["contact_id"], call.version))


def block_contact(space: Workspace, call: Call) -> Answer:
    return _json(writes.block(space, call.path["contact_id"], call.version))


def merge_contacts(space: Workspace, call: Call) -> Answer:
    return _one(space, call, writes.merge(space, call.json(), call.version), WRITE_EXTRA)


# segments (§4)


def list_segments(space: Workspace, call: Call) -> Answer:
    space.index.settle()
    counted = call.flag("include_count")
    segments = [
        s.wire(len(space.segments.members(s)) if counted else None) for s in space.segments.by_id.values()
    ]
    return _json({"type": "segment.list", "segments": segments})


def get_segment(space: Workspace, call: Call) -> Answer:
    space.index.settle()
    segment = space.segments.by_id.get(call.path["segment_id"])
    if segment is None:
        raise errors.not_found()
    counted = call.flag("include_count")
    return _json(segment.wire(len(space.segments.members(segment)) if counted else None))


def contact_segments(space: Workspace, call: Call) -> Answer:
    space.index.settle()
    contact = space.find(call.path["contact_id"], call.version)
    return _json({"type": "list", "data": [s.wire() for s in space.segments.of(contact.id)]})


# data attributes (§5)


def list_attributes(space: Workspace, call: Call) -> Answer:
    model = call.query.get("model", "contact")
    if model == "conversation":
        raise errors.ApiError(422, "parameter_invalid", f"unsupported model parameter [{model}]")
    if model not in ("contact", "company"):
        raise errors.invalid(f"unsupported model parameter [{model}]")
    include = call.flag("include_archived")
    data = space.attributes.listed(model, include_archived=include, version=call.version)
    return _json({"type": "list", "data": data})


def create_attribute(space: Workspace, call: Call) -> Answer:
    attribute = space.attributes.create(call.json(), int(space.clock.now()))
    return _json(attribute.wire())


def update_attribute(space: Workspace, call: Call) -> Answer:
    now = int(space.clock.now())
    return _json(space.attributes.update(call.path["data_attribute_id"], call.json(), now).wire())


class Operation(NamedTuple):
    """One row of the router: what the token needs, and who answers."""

    method: str
    path: str
    scope: str
    handler: Handler


CONTACT_OPERATIONS = [
    Operation("GET", "/me", auth.READ_ADMINS, me),
    Operation("GET", "/contacts", auth.READ_CONTACTS, list_contacts),
    Operation("POST", "/contacts", auth.WRITE_CONTACTS, create_contact),
    Operation("POST", "/contacts/search", auth.READ_CONTACTS, search_contacts),
    Operation("POST", "/contacts/merge", auth.WRITE_CONTACTS, merge_contacts),
    Operation(
        "GET", "/contacts/find_by_external_id/{external_id}", auth.READ_ONE_CONTACT, find_by_external_id
    ),
    Operation("GET", "/contacts/{contact_id}", auth.READ_ONE_CONTACT, get_contact),
    Operation("PUT", "/contacts/{contact_id}", auth.WRITE_CONTACTS, update_contact),
    Operation("DELETE", "/contacts/{contact_id}", auth.WRITE_CONTACTS, delete_contact),
    Operation("POST", "/contacts/{contact_id}/archive", auth.WRITE_CONTACTS, archive_contact),
    Operation("POST", "/contacts/{contact_id}/unarchive", auth.WRITE_CONTACTS, unarchive_contact),
    Operation("POST", "/contacts/{contact_id}/block", auth.WRITE_CONTACTS, block_contact),
    Operation("GET", "/contacts/{id}/merge_history", auth.READ_ONE_CONTACT, merge_history),
    Operation("GET", "/contacts/{contact_id}/segments", auth.READ_CONTACTS, contact_segments),
    Operation("GET", "/segments", auth.READ_CONTACTS, list_segments),
    Operation("GET", "/segments/{segment_id}", auth.READ_CONTACTS, get_segment),
    Operation("GET", "/data_attributes", auth.READ_CONTACTS, list_attributes),
    Operation("POST", "/data_attributes", auth.WRITE_DATA_ATTRIBUTES, create_attribute),
    Operation("PUT", "/data_attributes/{data_attribute_id}", auth.WRITE_DATA_ATTRIBUTES, update_attribute),
]
