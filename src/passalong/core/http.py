"""The only door out: every request to another machine is made by a client from here."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache

import httpx2

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
# One run keeps up to 16 calls in flight; a few interactive ones go beside them.
MAX_CONNECTIONS = 32
KEEPALIVE_SECONDS = 30.0
# Ends of names that the public name service never has.
_HOME_ONLY = (".localhost", ".local", ".internal", ".lan", ".home", ".home.arpa", ".test", ".invalid")

# IPv6 addresses that stand for an IPv4 address behind a gateway (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class UnreachableError(Exception):
    """No usable answer came. `timed_out` says whether that was for want of time. Carries no request, so no
    header of it can end in a log or an error report."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class ForbiddenAddressError(Exception):
    """An address given by a user points into a private network."""


def client(
    base_url: str,
    headers: Mapping[str, str],
    *,
    read_seconds: float = READ_SECONDS,
    keep: bool = True,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> httpx2.AsyncClient:
    """A client for one outside system: keep-alive, time-outs on everything, no redirects followed.

    Without `keep` each request has a connection of its own, as is right where connections are told apart by
    addresses while certificates are by names.
    """
    return httpx2.AsyncClient(
        base_url=base_url,
        headers=dict(headers),
        timeout=httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS if keep else 0,
            keepalive_expiry=KEEPALIVE_SECONDS,
        ),
        follow_redirects=False,
        verify=_tls(),
        transport=transport,
        # A proxy of the environment cannot reach this machine's own addresses.
        mounts={"all://127.0.0.1": None, "all://localhost": None} if transport is None else None,
    )


async def send(client: httpx2.AsyncClient, request: httpx2.Request) -> httpx2.Response:
    """Send and read the whole answer. Raises only UnreachableError, after twice the client's time to read at
    the latest: that time starts anew with every piece of an answer that drips."""
    try:
        async with asyncio.timeout(2 * (client.timeout.read or READ_SECONDS)):
            return await client.send(request)
    except httpx2.HTTPError as error:
        failure = UnreachableError(_reason(error), timed_out=isinstance(error, httpx2.TimeoutException))
    except TimeoutError:
        failure = _too_slow()
    # Raised out here so that the original, whose request holds the credentials, is not chained to it.
    raise failure


async def status(client: httpx2.AsyncClient, request: httpx2.Request, seconds: float) -> int:
    """Send, and look at nothing of the answer but its status: a body may never end. Raises only
    UnreachableError, after `seconds` at the latest."""
    try:
        async with asyncio.timeout(seconds):
            answer = await client.send(request, stream=True)
            await answer.aclose()
            return answer.status_code
    except httpx2.HTTPError as error:
        failure = UnreachableError(_reason(error), timed_out=isinstance(error, httpx2.TimeoutException))
    except TimeoutError:
        failure = _too_slow()
    raise failure


def _too_slow() -> UnreachableError:
    return UnreachableError("no answer came in time", timed_out=True)


def _reason(error: httpx2.HTTPError) -> str:
    """Our own words by type: the library's texts may quote what was sent."""
    if isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError):
        return "no connection could be made"
    if isinstance(error, httpx2.TimeoutException):
        return "no answer came in time"
    return "the connection broke before the answer was complete"


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Shared: loading the certificate store takes tens of milliseconds."""
    return httpx2.create_ssl_context()


async def public_addresses(url: str) -> list[str]:
    """The guard for addresses that users give (webhook targets and the like).

    Returns what the host resolves to when all of it is public, else raises ForbiddenAddressError. Connect to
    one of the returned addresses rather than resolving again: a second answer may differ from the first.
    Addresses set by the operator are trusted and do not come here.
    """
    parsed = _parsed(url)
    found = await _resolve(ascii_host(parsed), parsed.port or (443 if parsed.scheme == "https" else 80))
    if not all(_is_public(address) for address in found):
        raise ForbiddenAddressError(f"The address of {parsed.host} is not on the public internet.")
    return found


def looks_public(url: str) -> bool:
    """Whether other machines may be able to reach this https address, as far as its text tells: nothing is
    looked up. For telling people; what must be safe asks `public_addresses`."""
    try:
        host = _parsed(url).host.lower().rstrip(".")
    except ForbiddenAddressError:
        return False
    try:
        return url.startswith("https:") and _is_public(host.strip("[]"))
    except ValueError:
        return url.startswith("https:") and "." in host and not host.endswith(_HOME_ONLY)


def ascii_host(url: httpx2.URL) -> str:
    """The host as names are looked up and sent: international ones in their ASCII form."""
    return url.raw_host.decode("ascii")


def _parsed(url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        parsed = httpx2.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo:
        raise ForbiddenAddressError("Only http and https addresses without a user name are allowed.")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise ForbiddenAddressError("The port of this address does not exist.")
    return parsed


async def _resolve(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ForbiddenAddressError(f"The address of {host} cannot be found.") from None
    return sorted({str(address[0]) for _, _, _, _, address in found})


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_site_local:
            return False
        if address in _NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        else:
            address = address.ipv4_mapped or address.sixtofour or address
    return address.is_global and not address.is_multicast
