"""Step 1, Source: which account the people come from."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from passalong.core.problems import FieldProblem
from passalong.sync import connections
from passalong.sync.models import Connection, ConnectionStatus
from passalong.sync.setup.forms.base import LOOK_AGAIN, Answer, Setup, at, text

PROVIDER = "intercom"
PLACE = "connection_id"


def typed(setup: Setup, posted: Any) -> Answer:
    """The chosen connection; the connect form does not repeat it."""
    kept = setup.draft.answers.get("source", {}).get(PLACE, "")
    chosen = text(posted, PLACE) if PLACE in posted else kept
    return {PLACE: chosen if _is_id(chosen) else ""}


def act(setup: Setup, answer: Answer, action: str, posted: Any) -> tuple[Answer, str]:  # noqa: ARG001
    """Connect another account and choose it."""
    if action != "connect":
        return answer, ""
    token, region = text(posted, "access_token"), text(posted, "region")
    made = connections.connect(PROVIDER, token, region or None)
    connections.want_look_up(made, older_than=LOOK_AGAIN)
    return {PLACE: str(made.pk)}, ""


def problems(setup: Setup, answer: Answer) -> Sequence[FieldProblem]:  # noqa: ARG001
    """One usable connection must be chosen."""
    chosen = Connection.objects.filter(pk=answer[PLACE]).first() if answer.get(PLACE) else None
    if chosen is None:
        return [FieldProblem(PLACE, "Choose the account the people come from, or connect one.")]
    if chosen.status != ConnectionStatus.CONNECTED:
        return [FieldProblem(PLACE, f"{chosen.account_name} needs a new access token before it can be used.")]
    return []


def context(setup: Setup, answer: Answer, wrong: Sequence[FieldProblem]) -> dict[str, Any]:
    """The accounts to choose from."""
    chosen = setup.draft.answers.get("source", {}).get(PLACE) if not answer else answer.get(PLACE)
    rows = list(Connection.objects.filter(provider=PROVIDER).order_by("-pk"))
    if not chosen and len(rows) == 1 and rows[0].status == ConnectionStatus.CONNECTED:
        chosen = str(rows[0].pk)
    return {"tiles": [_tile(row, chosen) for row in rows], "errors": {PLACE: at(wrong, PLACE)}}


def _tile(row: Connection, chosen: str | None) -> dict[str, Any]:
    failed = sum(not check["ok"] for check in row.checks)
    return {"connection": row, "checked": str(row.pk) == chosen, "failed": failed}


def _is_id(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True
