"""What a connection must be able to do, tried one by one without changing anything."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from passalong.integrations.intercom import errors, wire
from passalong.integrations.intercom.client import ME, Call, Client
from passalong.integrations.intercom.line import HOSTS, Reply
from passalong.integrations.intercom.together import together
from passalong.sync.errors import Retriable
from passalong.sync.records import Account, Check

TOKEN_CHECK = "Access token is valid"  # noqa: S105 - a title
_ONE_USER = {"query": {"field": "role", "operator": "=", "value": "user"}, "pagination": {"per_page": 1}}


class _Ability(NamedTuple):
    """A check and the calls that show it. Writing is tried on a contact that cannot exist and with a field
    that has no name: refused as wrong when allowed, as forbidden when not (there is no dry run)."""

    name: str
    calls: tuple[Call, ...]
    required: bool = True


ABILITIES = (
    _Ability("Can read contacts", (Call("POST", "/contacts/search", body=_ONE_USER),)),
    _Ability("Can read segments", (Call("GET", "/segments"),)),
    _Ability("Can read fields", (Call("GET", "/data_attributes", params={"model": "contact"}),)),
    _Ability(
        "Can write contacts and fields",
        (
            Call("PUT", f"/contacts/{'0' * 24}", errors.WRITE_PEOPLE, body={}),
            # Not even a wrong field is made twice, so it may be repeated.
            Call("POST", "/data_attributes", errors.WRITE_FIELDS, body={"model": "contact"}),
        ),
        required=False,
    ),
)


async def check(
    client: Client, region: str | None, *, fixed_host: bool
) -> tuple[Account | None, list[Check]]:
    """Who the token belongs to and what it may do. Moves the client to the host of the account's region."""
    me = await _me(client, region, fixed_host=fixed_host)
    if me.status == 401:
        return None, _rejected()
    account = _account(me, region)
    if account is not None and not fixed_host and account.region in HOSTS:
        client.line.move(HOSTS[account.region])
    done = await together(*(_tried(client, ability) for ability in ABILITIES))
    return account, [Check(TOKEN_CHECK, ok=True, detail=_greeting(account)), *done]


async def _me(client: Client, region: str | None, *, fixed_host: bool) -> Reply:
    """Asked in the given region; without one in all of them, as a token is only known in its own."""
    me = await client.probe(ME, _app)
    if me.status != 401 or region is not None or fixed_host:
        return me
    for other in ("eu", "au"):
        client.line.move(HOSTS[other])
        elsewhere = await client.probe(ME, _app)
        if elsewhere.status != 401:
            return elsewhere
    client.line.move(HOSTS["us"])
    return me


def _account(me: Reply, region: str | None) -> Account | None:
    """None when the token may not ask (403) or its owner is gone (`null`): it can work all the same (§2)."""
    app = _app(me.content) if me.ok else None
    if app is None:
        return None
    home = (app.region or region or "us").lower()
    identity = str(app.id_code)
    return Account(id=identity, name=app.name or identity, region=home, timezone=_timezone(app.timezone))


def _app(content: bytes) -> wire.App | None:
    answer = wire.decode(content, wire.Me | None)  # type: ignore[arg-type]
    return answer.app if answer is not None else None


def _timezone(name: str | None) -> str:
    try:
        return ZoneInfo(name).key if name else "UTC"
    except (KeyError, ValueError, OSError):
        return "UTC"


def _greeting(account: Account | None) -> str:
    return f"Connected to {account.name} ({account.region.upper()})." if account else "The token works."


def _rejected() -> list[Check]:
    error = errors.token_rejected()
    first = Check(
        TOKEN_CHECK, ok=False, detail=f"Intercom does not accept this access token. {error.next_step}"
    )
    rest = [Check(a.name, ok=False, detail="Not checked yet.", required=a.required) for a in ABILITIES]
    return [first, *rest]


async def _tried(client: Client, ability: _Ability) -> Check:
    """Raises Retriable where what is required cannot be tried."""
    try:
        replies = await together(*(client.probe(call) for call in ability.calls))
    except Retriable as error:
        if ability.required:
            raise
        detail = f"This could not be tried. {error.message} {error.next_step}"
        return Check(ability.name, ok=False, detail=detail, required=False)
    problems = [p for p in map(_problem, ability.calls, replies) if p]
    detail = " ".join(problems) or "Works."
    return Check(ability.name, ok=not problems, detail=detail, required=ability.required)


def _problem(call: Call, reply: Reply) -> str | None:
    if reply.status in (401, 403):
        error = errors.permission_missing(call.need)
        restricted = errors.refusal(reply.content).code == "api_plan_restricted"
        error = errors.plan_restricted() if restricted else error
        return f"{error.message} {error.next_step}"
    if reply.ok or call.need != errors.READ_PEOPLE:
        return None
    said = errors.refusal(reply.content).message or "nothing more"
    return f"Intercom refused (status {reply.status}) and said: {said}. Try again in a few minutes."
