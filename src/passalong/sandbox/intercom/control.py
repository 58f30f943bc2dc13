"""`/_sandbox`: how tests and demos bend the look-alike. No token, no limit, not counted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from passalong.sandbox.intercom import auth, errors, notify, writes
from passalong.sandbox.intercom.contact import FIELDS, Contact, domain_of
from passalong.sandbox.intercom.faults import Fault
from passalong.sandbox.intercom.segments import Rule
from passalong.sandbox.intercom.settings import changed
from passalong.sandbox.intercom.state import ACTIVE, ARCHIVED, BLOCKED, DELETED, Workspace
from passalong.sandbox.intercom.webhooks import Target


class Ask(NamedTuple):
    """One request to the control endpoints, parsed."""

    space: Workspace
    path: dict[str, Any]
    query: Mapping[str, str]
    body: dict[str, Any]


Verb = Callable[[Ask], Any]


class NewToken(msgspec.Struct, forbid_unknown_fields=True):
    """Either what it may do, or what it may not."""

    token: str
    scopes: list[str] | None = None
    missing: list[str] = []


class NewSegment(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    rules: tuple[Rule, ...]
    person_type: Literal["user", "contact"] = "user"


class NewAttribute(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    data_type: str = "string"
    model: str = "contact"
    options: list[str] = []


class Unknown(Exception):  # noqa: N818 - becomes a 404
    """There is no such thing to bend."""


def control_routes(space: Workspace) -> list[Route]:
    verbs: list[tuple[str, str, Verb]] = [
        ("GET", "/state", state),
        ("POST", "/reset", reset),
        ("POST", "/settings", settings),
        ("POST", "/clock", clock),
        ("GET", "/faults", list_faults),
        ("POST", "/faults", add_fault),
        ("DELETE", "/faults", clear_faults),
        ("DELETE", "/faults/{id:int}", clear_faults),
        ("POST", "/tokens", add_token),
        ("DELETE", "/tokens/{token}", revoke_token),
        ("GET", "/contacts", dump),
        ("POST", "/contacts", add_contact),
        ("PATCH", "/contacts/{id}", patch_contact),
        ("POST", "/contacts/{id}/merge", merge_contact),
        ("POST", "/contacts/{id}/{verb}", move_contact),
        ("POST", "/segments", add_segment),
        ("DELETE", "/segments/{id}", delete_segment),
        ("GET", "/segments/{id}/members", members),
        ("POST", "/attributes", add_attribute),
        ("POST", "/attributes/{name}/{verb}", archive_attribute),
        ("DELETE", "/attributes/{name}", delete_attribute),
        ("GET", "/digest", digest),
        ("PUT", "/webhook", aim_webhook),
        ("DELETE", "/webhook", stop_webhook),
        ("GET", "/webhook", webhook_log),
        ("POST", "/webhook/drain", drain_webhook),
        ("POST", "/webhook/ping", ping_webhook),
    ]
    return [
        Route(f"/_sandbox{path}", _endpoint(space, verb), methods=[method]) for method, path, verb in verbs
    ]


def _endpoint(space: Workspace, verb: Verb) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            body = msgspec.json.decode(raw, type=dict[str, Any]) if raw else {}
            result = verb(Ask(space, request.path_params, request.query_params, body))
            if asyncio.iscoroutine(result):
                result = await result
        except Unknown as error:
            return _respond({"error": f"unknown: {error}"}, 404)
        except (ValueError, TypeError) as error:  # msgspec's errors are ValueErrors
            return _respond({"error": str(error)}, 422)
        except errors.ApiError as error:
            return _respond({"error": error.message, "code": error.code}, error.status)
        return _respond({} if result is None else result)

    return endpoint


def _respond(body: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


# the whole


def state(ask: Ask) -> Any:
    counters = ask.space.counters
    puts = sum(n for name, n in counters.calls.items() if name.startswith("PUT /contacts/"))
    return {
        "pid": os.getpid(),  # whoever started several can tell them apart
        "workspace": {"id_code": ask.space.id_code, "name": ask.space.name, "region": ask.space.region},
        "base": ask.space.clock.base,
        "contacts": len(ask.space.contacts) - len(ask.space.status),
        "contacts_by_status": _by_status(ask.space),
        "calls": dict(counters.calls),
        "calls_total": sum(counters.calls.values()),
        "statuses": {str(k): v for k, v in counters.statuses.items()},
        "puts": puts,
        "rate_limited": ask.space.limit.refused,
        "in_flight": counters.in_flight,
        "max_in_flight": counters.most_in_flight,
        "settings": msgspec.to_builtins(ask.space.settings),
        "segments": [s.wire(len(ask.space.segments.members(s))) for s in ask.space.segments.by_id.values()],
        "faults": [a.wire() for a in ask.space.faults.armed],
    }


def _by_status(space: Workspace) -> dict[str, int]:
    counted = {ACTIVE: len(space.contacts) - len(space.status)}
    for status in space.status.values():
        counted[status] = counted.get(status, 0) + 1
    return counted


def reset(ask: Ask) -> None:
    ask.space.counters.reset()
    ask.space.limit.refused = 0


def settings(ask: Ask) -> Any:
    ask.space.settings = changed(ask.space.settings, ask.body)
    ask.space.limit.limit = ask.space.settings.rate_limit
    ask.space.index.lag = ask.space.settings.lag
    return ask.space.settings


def clock(ask: Ask) -> Any:
    ask.space.clock.advance(float(ask.body["advance"]))
    return {"now": ask.space.clock.now(), "segment_now": ask.space.clock.segment_now()}


def digest(ask: Ask) -> Any:
    contacts, attributes = ask.space.digest()
    answer: dict[str, Any] = {"contacts": contacts, "attributes": attributes}
    if ask.query.get("full") == "true":
        answer["data"] = [ask.space.write_visible(ask.space.contacts[i]) for i in sorted(ask.space.contacts)]
    return answer


# faults and tokens


def list_faults(ask: Ask) -> Any:
    return {"data": [a.wire() for a in ask.space.faults.armed]}


def add_fault(ask: Ask) -> Any:
    return ask.space.faults.add(msgspec.convert(ask.body, Fault)).wire()


def clear_faults(ask: Ask) -> None:
    ask.space.faults.clear(ask.path.get("id"))


def add_token(ask: Ask) -> Any:
    new = msgspec.convert(ask.body, NewToken)
    scopes = auth.SCOPES if new.scopes is None else frozenset(new.scopes)
    unknown = set(new.missing) - auth.SCOPES
    if unknown:
        msg = f"unknown scopes: {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    ask.space.tokens.add(new.token, scopes - set(new.missing))
    return {"token": new.token, "scopes": sorted(ask.space.tokens.scopes[new.token])}


def revoke_token(ask: Ask) -> None:
    token = ask.path["token"]
    if token not in ask.space.tokens.scopes:
        raise Unknown(token)
    ask.space.tokens.revoke(token)


# contacts


def _raw(space: Workspace, contact: Contact) -> dict[str, Any]:
    wire: dict[str, Any] = msgspec.to_builtins(contact)
    return {
        **wire,
        "tags": list(space.tags_of.get(contact.id, ())),
        "sandbox": {
            "status": space.status.get(contact.id, ACTIVE),
            "merged_into": space.merged_into.get(contact.id),
            "segments": [s.id for s in space.segments.of(contact.id)],
        },
    }


def dump(ask: Ask) -> Any:
    ask.space.index.settle()
    query = ask.query
    offset, limit = int(query.get("offset", 0)), int(query.get("limit", 1_000_000_000))
    ids = sorted(ask.space.contacts)[offset : offset + limit]
    return {"total": len(ask.space.contacts), "data": [_raw(ask.space, ask.space.contacts[i]) for i in ids]}


def _known(ask: Ask) -> Contact:
    contact_id = ask.path["id"]
    if contact_id not in ask.space.contacts:
        raise Unknown(contact_id)
    return ask.space.contacts[contact_id]


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    """Any field of a contact but its id, by type and no other rule: the UI and the past may do anything."""
    unknown = set(body) - (FIELDS - {"id", "type", "workspace_id"})
    if unknown:
        msg = f"unknown fields: {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    needed = {"id": "", "workspace_id": "", "created_at": 0, "updated_at": 0}
    whole = msgspec.convert({**needed, **body}, Contact)
    return {name: getattr(whole, name) for name in body}


def add_contact(ask: Ask) -> Any:
    at = int(ask.body.get("created_at", ask.space.clock.now()))
    fields = {"created_at": at, "updated_at": at, **_checked(ask.body)}
    contact = _with_domain(Contact(id=ask.space.new_id(at), workspace_id=ask.space.id_code, **fields))
    ask.space.insert(contact)
    notify.notify(ask.space, f"contact.{contact.role}.created", contact)
    return _raw(ask.space, contact)


def _with_domain(contact: Contact) -> Contact:
    contact.email_domain = contact.email_domain or domain_of(contact.email)
    return contact


def patch_contact(ask: Ask) -> Any:
    """As a teammate in the UI would: `updated_at` moves unless given, and the change is announced."""
    old = _known(ask)
    new = ask.space.replace(old.id, {"updated_at": int(ask.space.clock.now()), **_checked(ask.body)})
    notify.notify_update(ask.space, old, new)
    return _raw(ask.space, new)


def move_contact(ask: Ask) -> Any:
    contact, verb = _known(ask), ask.path["verb"]
    statuses = {"archive": ARCHIVED, "unarchive": ACTIVE, "block": BLOCKED, "delete": DELETED}
    if verb not in statuses:
        raise Unknown(verb)
    ask.space.set_status(contact.id, statuses[verb])
    topics = {"archive": "archived", "unarchive": "unarchive", "delete": "deleted"}
    if verb in topics:
        notify.notify(ask.space, f"contact.{topics[verb]}", contact)
    return _raw(ask.space, contact)


def merge_contact(ask: Ask) -> Any:
    """Of any two contacts, so that chains of merges can be made."""
    source = _known(ask)
    if ask.body.get("into") not in ask.space.contacts:
        raise Unknown(str(ask.body.get("into")))
    return _raw(ask.space, writes.absorb(ask.space, source, ask.space.contacts[ask.body["into"]]))


# segments and attributes


def add_segment(ask: Ask) -> Any:
    new = msgspec.convert(ask.body, NewSegment)
    segment = ask.space.segments.add(new.name, new.person_type, new.rules)
    return segment.wire(len(ask.space.segments.members(segment)))


def delete_segment(ask: Ask) -> None:
    if not ask.space.segments.remove(ask.path["id"]):
        raise Unknown(ask.path["id"])


def members(ask: Ask) -> Any:
    """The truth as the contacts are now, whatever the index has seen of it."""
    segment = ask.space.segments.by_id.get(ask.path["id"])
    if segment is None:
        raise Unknown(ask.path["id"])
    test = segment.test(ask.space.clock.segment_now())
    found = [c for i, c in ask.space.contacts.items() if i not in ask.space.status and test(c)]
    found.sort(key=lambda c: (c.created_at, c.id))
    return {"count": len(found), "data": [{"id": c.id, "email": c.email, "role": c.role} for c in found]}


def add_attribute(ask: Ask) -> Any:
    new = msgspec.convert(ask.body, NewAttribute)
    now = int(ask.space.clock.now())
    attribute = ask.space.attributes.add(new.name, new.data_type, now, model=new.model, options=new.options)
    return attribute.wire()


def archive_attribute(ask: Ask) -> Any:
    attribute = ask.space.attributes.named(ask.path["name"])
    verb = ask.path["verb"]
    if attribute is None or verb not in ("archive", "unarchive"):
        raise Unknown(ask.path["name"])
    attribute.archived = verb == "archive"
    return attribute.wire()


def delete_attribute(ask: Ask) -> None:
    if ask.space.attributes.named(ask.path["name"]) is None:
        raise Unknown(ask.path["name"])
    ask.space.attributes.remove(ask.path["name"])


# webhooks


def aim_webhook(ask: Ask) -> Any:
    target = msgspec.convert(ask.body, Target)
    ask.space.webhooks.aim(target)
    return target


def stop_webhook(ask: Ask) -> None:
    ask.space.webhooks.aim(None)


def webhook_log(ask: Ask) -> Any:
    hooks = ask.space.webhooks
    return {
        "target": hooks.target,
        "disabled": hooks.disabled,
        "pending": hooks.pending,
        "log": hooks.log,
    }


async def drain_webhook(ask: Ask) -> Any:
    """Answers when everything due has been sent; move the clock first to make retries due."""
    return {"drained": await ask.space.webhooks.drain(float(ask.body.get("patience", 5)))}


def ping_webhook(ask: Ask) -> None:
    """What the Developer Hub sends when an address is set up (§7)."""
    ask.space.webhooks.emit("ping", {"type": "ping", "message": "Hello from the sandbox"})
