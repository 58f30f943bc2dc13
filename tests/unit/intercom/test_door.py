"""The only door out shows no secrets and does not open inwards."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from passalong.core import http

pytestmark = pytest.mark.anyio
SECRET = "Bearer dG9rOnNlY3JldA=="


def client(failure: Exception | None = None, answer: httpx2.Response | None = None) -> httpx2.AsyncClient:
    def handler(_: httpx2.Request) -> httpx2.Response:
        if failure is not None:
            raise failure
        return answer or httpx2.Response(200)

    return http.client(
        "https://api.example", {"Authorization": SECRET}, transport=httpx2.MockTransport(handler)
    )


@pytest.mark.parametrize(
    ("failure", "reason", "timed_out"),
    [
        (httpx2.ConnectError(SECRET), "no connection could be made", False),
        (httpx2.ConnectTimeout(SECRET), "no connection could be made", True),
        (httpx2.ReadTimeout(SECRET), "no answer came in time", True),
        (httpx2.RemoteProtocolError(SECRET), "the connection broke before the answer was complete", False),
        (httpx2.LocalProtocolError(SECRET), "the connection broke before the answer was complete", False),
    ],
)
async def test_it_keeps_what_was_sent_out_of_every_failure(
    failure: Exception, reason: str, timed_out: bool
) -> None:
    door = client(failure)
    with pytest.raises(http.UnreachableError) as caught:
        await http.send(door, door.build_request("GET", "/"))
    assert (str(caught.value), caught.value.timed_out) == (reason, timed_out)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


async def test_it_follows_no_redirect() -> None:
    door = client(answer=httpx2.Response(302, headers={"location": "http://169.254.169.254/"}))
    assert (await http.send(door, door.build_request("GET", "/"))).status_code == 302


async def test_it_waits_for_no_answer_that_drips_for_ever() -> None:
    class Drip(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"."
                await asyncio.sleep(0.01)

    def handler(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, stream=Drip())

    door = http.client("https://api.example", {}, read_seconds=0.1, transport=httpx2.MockTransport(handler))
    with pytest.raises(http.UnreachableError) as caught:
        await http.send(door, door.build_request("GET", "/"))
    assert (str(caught.value), caught.value.timed_out) == ("no answer came in time", True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://10.1.2.3/",
        "http://192.168.0.1:8080/",
        "http://172.16.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b::a00:1]/",
        "http://[fec0::1]/",
        "https://93.184.216.34:70000/",
        "https://93.184.216.34:0/",
        f"https://{'a' * 70}.example.com/",
        "http://2130706433/",
        "http://localhost/",
        "ftp://example.com/",
        "https://user:secret@example.com/",
        "https://",
        "not an address",
    ],
)
async def test_it_refuses_addresses_inside(url: str) -> None:
    with pytest.raises(http.ForbiddenAddressError) as caught:
        await http.public_addresses(url)
    assert "secret" not in str(caught.value)


async def test_it_gives_the_addresses_it_has_looked_at() -> None:
    assert await http.public_addresses("https://93.184.216.34/hook") == ["93.184.216.34"]


async def test_it_refuses_a_name_of_which_one_address_lies_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any, **__: Any) -> list[Any]:
        stream = socket.SOCK_STREAM
        return [(socket.AF_INET, stream, 6, "", (ip, 443)) for ip in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(http.ForbiddenAddressError):
        await http.public_addresses("https://rebind.example/")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000",
        "https://127.0.0.1",
        "https://localhost",
        "https://refer.localhost",
        "https://10.1.2.3",
        "https://192.168.0.10:8443",
        "https://[::1]",
        "https://nas.local.",
        "https://server",
        "http://refer.acme.com",
        "nonsense",
    ],
)
def test_it_knows_addresses_that_nobody_outside_can_reach(url: str) -> None:
    assert not http.looks_public(url)


@pytest.mark.parametrize("url", ["https://refer.acme.com", "https://93.184.216.34", "https://a.co:8443/x"])
def test_it_takes_other_addresses_for_public(url: str) -> None:
    assert http.looks_public(url)
