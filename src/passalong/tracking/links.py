"""Referral links: whose one is, and where it leads."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection as database
from django.utils.encoding import iri_to_uri

PARAMETER = "ref"
_CODE = re.compile(r"[0-9a-z]{1,16}")
_FOUND = """
SELECT f.id, f.code, f.status = 'active' AND c.status = 'live',
    CASE WHEN c.is_hosted THEN %s || '/c/' || c.slug ELSE c.destination_url END, c.utm
FROM referrers_referrer f JOIN campaigns_campaign c ON c.id = f.campaign_id
"""
FIND = f"{_FOUND} WHERE f.code = %s"
# Asked only when there is no referrer with the code: one that was merged into another had it.
FIND_MERGED = f"{_FOUND} JOIN referrers_referreralias a ON a.referrer_id = f.id WHERE a.code = %s"


class Link(NamedTuple):
    """A referral link as it is now. `is_open`: it leads to `address`."""

    referrer: UUID
    is_open: bool
    address: str


def find(code: str) -> Link | None:
    """The link with this code in any workspace: the code is its own key. Upper case is read as lower."""
    code = code.lower()
    if not _CODE.fullmatch(code):
        return None
    with database.cursor() as cursor:
        row = None
        for statement in (FIND, FIND_MERGED):
            cursor.execute(statement, (settings.BASE_URL, code))
            row = cursor.fetchone()
            if row is not None:
                break
    if row is None:
        return None
    referrer, code, is_open, address, utm = row
    return Link(referrer, is_open, iri_to_uri(destination(address, msgspec.json.decode(utm), code)))


def destination(address: str, utm: Mapping[str, str], code: str) -> str:
    """The campaign's address with its UTM parameters and `ref=<code>` in the query; the rest of it stays as
    it was written. What the address itself says about one of them gives way."""
    given = {**utm, PARAMETER: code}
    parts = urlsplit(address)
    kept = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] not in given]
    added = [f"{key}={quote(value, safe='')}" for key, value in given.items()]
    return urlunsplit(parts._replace(query="&".join([*kept, *added])))
