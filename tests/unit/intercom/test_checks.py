"""Connecting: which host, whose workspace, and what the token may do."""

from typing import Any

import httpx2
import pytest

from passalong.sync.errors import Retriable
from passalong.sync.records import Account, Check
from tests.unit.intercom.fakes import FakeIntercom, FakeTime, answer, page, refused, session
from tests.unit.intercom.test_fixtures import fixture

pytestmark = pytest.mark.anyio

APP = {"type": "app", "id_code": "abc123", "name": "Acme", "timezone": "Europe/Dublin", "region": "EU"}
DEAD = refused(401, "unauthorized", "Access Token Invalid")


def me(**app: Any) -> httpx2.Response:
    return answer({"type": "admin", "id": "1", "app": {**APP, **app}})


def able(**routes: httpx2.Response) -> FakeIntercom:
    """Everything is allowed; a probe of writing is refused as wrong, not as forbidden."""
    return (
        FakeIntercom()
        .on("GET /me", routes.get("me", me()))
        .on("POST /contacts/search", routes.get("search", page([])))
        .on("GET /segments", routes.get("segments", answer({"segments": []})))
        .on("GET /data_attributes", routes.get("fields", answer({"data": []})))
        .on(f"PUT /contacts/{'0' * 24}", routes.get("put", refused(404, "not_found")))
        .on("POST /data_attributes", routes.get("post", refused(400, "parameter_invalid")))
    )


async def test_it_names_every_check_in_order(time: FakeTime) -> None:
    account, checks = await session(able(), time).check()
    assert account == Account(id="abc123", name="Acme", region="eu", timezone="Europe/Dublin")
    assert checks == [
        Check("Access token is valid", ok=True, detail="Connected to Acme (EU)."),
        Check("Can read contacts", ok=True, detail="Works."),
        Check("Can read segments", ok=True, detail="Works."),
        Check("Can read fields", ok=True, detail="Works."),
        Check("Can write contacts and fields", ok=True, detail="Works.", required=False),
    ]


async def test_it_tries_nothing_more_with_a_wrong_token(time: FakeTime) -> None:
    intercom = able(me=DEAD)
    account, checks = await session(intercom, time).check()
    assert account is None
    assert [(c.ok, c.detail) for c in checks][1:] == [(False, "Not checked yet.")] * 4
    assert checks[0].detail == (
        "Intercom does not accept this access token. "
        "Copy the current token from Intercom's Developer Hub and put it into this connection."
    )
    assert intercom.calls() == ["GET /me"]


@pytest.mark.parametrize("answered", [answer(None), refused(403, "forbidden")])
async def test_it_connects_with_a_token_that_may_not_say_whose_it_is(
    answered: httpx2.Response, time: FakeTime
) -> None:
    account, checks = await session(able(me=answered), time).check()
    assert account is None
    assert [c.ok for c in checks] == [True] * 5


async def test_it_does_not_take_nonsense_for_an_account_without_a_name(time: FakeTime) -> None:
    with pytest.raises(Retriable) as raised:
        await session(able(me=answer(b"<html>")), time).check()
    assert raised.value.code == "crm_unavailable"


@pytest.mark.parametrize(
    ("route", "name", "permission", "required"),
    [
        ("search", "Can read contacts", "Read and list users and companies", True),
        ("segments", "Can read segments", "Read and list users and companies", True),
        ("fields", "Can read fields", "Read and list users and companies", True),
        ("put", "Can write contacts and fields", "Write users and companies", False),
        ("post", "Can write contacts and fields", "Write data attributes", False),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
async def test_it_names_the_permission_that_is_missing(
    route: str, name: str, permission: str, required: bool, status: int, time: FakeTime
) -> None:
    _, checks = await session(able(**{route: refused(status, "forbidden")}), time).check()
    failed = [c for c in checks if not c.ok]
    assert [(c.name, c.required) for c in failed] == [(name, required)]
    assert failed[0].detail == (
        f"The access token lacks the permission “{permission}”. In Intercom's Developer Hub open the app, "
        f"turn on “{permission}” under Authentication, and save."
    )


async def test_it_says_when_intercom_is_down(time: FakeTime) -> None:
    with pytest.raises(Retriable) as caught:
        await session(able(segments=answer({}, 503)), time, interactive=True).check()
    assert caught.value.code == "crm_unavailable"


@pytest.mark.parametrize("route", ["put", "post"])
async def test_it_connects_though_writing_cannot_be_tried(route: str, time: FakeTime) -> None:
    account, checks = await session(able(**{route: answer({}, 503)}), time, interactive=True).check()
    assert account is not None
    assert [c for c in checks if not c.ok] == [
        Check(
            "Can write contacts and fields",
            ok=False,
            detail=(
                "This could not be tried. Intercom is not answering properly: it answered with status 503. "
                "Look at intercomstatus.com and try again in a few minutes; nothing is lost."
            ),
            required=False,
        )
    ]


async def test_it_goes_on_at_the_host_of_the_region(time: FakeTime) -> None:
    intercom = able()
    await session(intercom, time, region=None).check()
    assert [r.url.host for r in intercom.asked[:2]] == ["api.intercom.io", "api.eu.intercom.io"]


async def test_it_looks_in_every_region_for_a_token_of_unknown_region(time: FakeTime) -> None:
    intercom = able(me=DEAD).on("GET api.au.intercom.io/me", me(region="AU"))
    account, _ = await session(intercom, time, region=None).check()
    assert account is not None
    assert account.region == "au"
    assert {r.url.host for r in intercom.asked[3:]} == {"api.au.intercom.io"}


@pytest.mark.parametrize("timezone", [None, "", "Pacific Time (US)", "../etc/passwd"])
async def test_it_takes_utc_where_the_zone_is_not_known(timezone: str | None, time: FakeTime) -> None:
    account, _ = await session(able(me=me(timezone=timezone)), time).check()
    assert account is not None
    assert account.timezone == "UTC"


async def test_it_reads_whose_token_it_is(time: FakeTime) -> None:
    account, _ = await session(able(me=answer(fixture("me"))), time).check()
    assert account == Account(id="abc123", name="Acme", region="us", timezone="America/Los_Angeles")
