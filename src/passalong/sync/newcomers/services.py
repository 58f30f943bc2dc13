"""Verbs for what happens in a CRM when people join; each is what one button or one API call does."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec
from django.db import transaction

from passalong.campaigns.models import Campaign
from passalong.core.clock import now
from passalong.core.pages import CursorPage, page_of
from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.sync import connections
from passalong.sync.models import Connection, ConnectionStatus
from passalong.sync.newcomers import rules
from passalong.sync.newcomers.models import Newcomer, NewcomerKind, NewcomerState, PeopleRule
from passalong.sync.newcomers.rules import EVENTS, Intake, Kind
from passalong.sync.newcomers.tasks import enqueue
from passalong.sync.records import Field

SECTIONS: dict[str, Kind] = {"leads": "lead", "referrers": "referrer"}
CHOICES = {"create": ("nothing", "lead", "user"), "on_match": ("leave", "update")}


def rule_of(campaign: Campaign, connection: Connection) -> PeopleRule:
    """What is wanted; a rule that does nothing when nobody has said anything yet."""
    found = PeopleRule.objects.filter(campaign=campaign, connection=connection).first()
    return found or PeopleRule(workspace_id=campaign.workspace_id, campaign=campaign, connection=connection)


def change_rule(
    campaign: Campaign, connection: Connection, changes: Mapping[str, Any], *, ask: bool = True
) -> PeopleRule:
    """Set `leads`, `referrers` (rules.Intake as plain values), `qualify` (rules.Qualify) or `events` as a
    whole; the rest stays.

    Concerns who joins from now on. What waits for something that is switched off is cancelled. Problem 422
    naming each wrong row. Without `ask` the fields as last read must do, and the CRM is not waited for.
    """
    columns = _valid(connection, changes, ask=ask)
    with transaction.atomic():
        owner = {"workspace_id": campaign.workspace_id}
        PeopleRule.objects.get_or_create(campaign=campaign, connection=connection, defaults=owner)
        rule = PeopleRule.objects.select_for_update().get(campaign=campaign, connection=connection)
        for key, value in columns.items():
            setattr(rule, key, value)
        if "qualify" in columns:
            rule.walked_at, rule.problem = None, None
        rule.save(update_fields=[*columns, "walked_at", "problem", "updated_at"])
        off = [kind for kind in NewcomerKind.values if not rule.is_on(kind)]
        _of(campaign, connection).filter(state=NewcomerState.WAITING, kind__in=off, posting_at=None).update(
            state=NewcomerState.CANCELLED, done_at=now(), problem=None
        )
    return rule


def _valid(connection: Connection, changes: Mapping[str, Any], *, ask: bool) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    asked = {name: _read(name, changes[name]) for name in SECTIONS if name in changes}
    wants = any(one.fields for one in asked.values()) or "qualify" in changes
    fields = _fields(connection, ask=ask and wants)
    for name, one in asked.items():
        clean, found = rules.clean(one, SECTIONS[name], fields, connections.title(connection))
        columns[name], problems = msgspec.to_builtins(clean), problems + found
    if "qualify" in changes:
        wanted, found = rules.clean_qualify(
            rules.qualify(changes["qualify"]), fields, connections.title(connection)
        )
        columns["qualify"], problems = msgspec.to_builtins(wanted), problems + found
    if "events" in changes:
        columns["events"] = list(dict.fromkeys(changes["events"]))
        unknown = [name for name in columns["events"] if name not in EVENTS]
        problems += [
            FieldProblem("events", f"{name!r} is not one of {', '.join(EVENTS)}.") for name in unknown
        ]
    if problems:
        raise invalid(problems)
    return columns


def _read(name: str, said: Mapping[str, Any]) -> Intake:
    problems = [
        FieldProblem(f"{name}.{key}", f"Say {', '.join(words[:-1])} or {words[-1]}.")
        for key, words in CHOICES.items()
        if said.get(key, words[0]) not in words
    ]
    if problems:
        raise invalid(problems)
    return msgspec.convert(said, Intake)


def _fields(connection: Connection, *, ask: bool) -> Sequence[Field]:
    """The CRM's fields, as last read where nobody wants to name one."""
    if not ask or connection.status == ConnectionStatus.DISCONNECTED:
        return connections.known_fields(connection)
    return connections.fields(connection, refresh=False)


def people(
    campaign: Campaign,
    connection: Connection,
    *,
    limit: int,
    cursor: str | None = None,
    kinds: Sequence[str] = (),
    state: str = "",
) -> CursorPage[Newcomer]:
    """One page of who was to be made known there, newest first."""
    rows = _of(campaign, connection)
    rows = rows.filter(kind__in=kinds) if kinds else rows
    rows = rows.filter(state=state) if state else rows
    return page_of(rows, limit=limit, cursor=cursor)


def counts(campaign: Campaign, connection: Connection) -> dict[str, int]:
    """How many wait, and how many failed: counted to a thousand, as nobody reads further."""
    return {
        state: _of(campaign, connection).filter(state=state)[:1000].count()
        for state in (NewcomerState.WAITING, NewcomerState.FAILED)
    }


def trouble(connection: Connection) -> dict[str, str] | None:
    """What keeps those who wait from being sent: `{code, message, next_step}`."""
    rows = Newcomer.objects.filter(connection=connection, state=NewcomerState.WAITING)
    first = rows.exclude(problem=None).order_by("due_at").values_list("problem", flat=True).first()
    return cast("dict[str, str] | None", first)


@transaction.atomic
def retry(campaign: Campaign, connection: Connection, ids: Sequence[UUID] | None = None) -> int:
    """Try again who failed, or waits because of a problem, or these of them; how many there were."""
    rows = _of(campaign, connection).filter(state__in=(NewcomerState.FAILED, NewcomerState.WAITING))
    rows = rows.exclude(problem=None) if ids is None else rows.filter(pk__in=ids)
    tried: int = rows.update(state=NewcomerState.WAITING, due_at=now(), problem=None, done_at=None)
    transaction.on_commit(lambda: enqueue(connection.pk))
    return tried


def newcomer_ids(public: Sequence[UUID | None]) -> list[UUID]:
    """Ids that were understood. Problem 422 when one was not."""
    if any(one is None for one in public):
        raise Problem(
            422,
            "invalid_input",
            "Invalid input",
            "One of these is not the id of a newcomer.",
            "Send ids as the list gives them out.",
            [FieldProblem("ids", "Send ids as the list gives them out.")],
        )
    return [one for one in public if one is not None]


def _of(campaign: Campaign, connection: Connection) -> Any:
    return Newcomer.objects.filter(campaign=campaign, connection=connection)
