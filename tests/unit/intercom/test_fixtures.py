"""The answers kept with the integration are read as they should be."""

from pathlib import Path

import pytest

import passalong.integrations.intercom as package
from passalong.integrations.intercom import errors
from passalong.sync.records import Contact, Page, Segment, Slice
from tests.unit.intercom.fakes import FakeIntercom, FakeTime, answer, session

pytestmark = pytest.mark.anyio
FOLDER = Path(package.__path__[0]) / "fixtures"


def fixture(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


async def test_it_reads_a_page_of_contacts(time: FakeTime) -> None:
    intercom = FakeIntercom().on("POST /contacts/search", answer(fixture("contacts_page")))
    keys = ["name", "email", "location.country", "custom_attributes.seats"]
    assert await session(intercom, time).page(Slice("include", 2, "user"), None, keys) == Page(
        contacts=[
            Contact(
                id="6643703ffae7834d1792fd30",
                role="user",
                values=dict(zip(keys, ["Alice Moran", "alice@example.com", "Ireland", 3], strict=True)),
                last_seen_at=1_715_782_000,
                updated_at=1_715_782_079,
            ),
            Contact(
                id="664370aafae7834d1792fd31",
                role="lead",
                values=dict.fromkeys(keys),
                updated_at=1_715_695_786,
                unsubscribed=True,
                bounced=True,
            ),
        ],
        next_cursor=None,
        total=2,
    )


async def test_it_reads_segments(time: FakeTime) -> None:
    intercom = FakeIntercom().on("GET /segments", answer(fixture("segments")))
    assert await session(intercom, time).segments() == [
        Segment("65d4d0b1fae7834d1792fd01", "Active", "user", 1768),
        Segment("65d4d0b1fae7834d1792fd02", "Active", "lead", 946),
    ]


async def test_it_reads_a_refusal() -> None:
    assert errors.refusal(fixture("refused")) == errors.Refusal(
        "parameter_invalid", "Custom attribute 'Referral Link' does not exist", "002hggmao1o8da2uhbag"
    )


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"null", b"[]", b'{"errors":[]}', b'{"errors":["x"]}', b"\xff"]
)
async def test_it_bears_a_refusal_of_any_shape(content: bytes) -> None:
    assert errors.refusal(content) == errors.Refusal()


async def test_it_reads_the_refusal_of_malformed_json() -> None:
    body = b'{"status":400,"error":"There was a problem in the JSON you submitted [ab]: unexpected"}'
    assert errors.refusal(body).message == "There was a problem in the JSON you submitted [ab]: unexpected"
