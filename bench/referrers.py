"""Pages and searches over a million referrers of one campaign: server time of each, median and worst."""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from _bench import figure, machine, product

FILL = """
INSERT INTO referrers_referrer (id, workspace_id, campaign_id, email, first_name, last_name, phone, fields,
    code, status, source, visits_count, referrals_count, converted_referrals_count, search,
    created_at, updated_at)
SELECT gen_random_uuid(), %(workspace)s, %(campaign)s, first || '.' || last || n || '@' || host,
    initcap(first), initcap(last), '', '{}', code, 'active', 'intercom', 0, 0, 0,
    array_to_tsvector(string_to_array(
        first || ' ' || last || n || ' ' || replace(host, '.', ' ') || ' ' || last || ' ' || code, ' ')),
    now(), now()
FROM (
    SELECT n, (ARRAY['ana','bruno','chen','dalia','emeka','fatima','george','hana','ivan','jose'])
            [1 + n %% 10] AS first,
        'l' || substr(md5((n %% 20011)::text), 1, 6) AS last,
        (ARRAY['example.com','example.org','mail.example.net'])[1 + n %% 3] AS host,
        substr(md5(n::text || 'x'), 1, 10) AS code
    FROM generate_series(1, %(rows)s) AS n
) AS people
ON CONFLICT DO NOTHING
"""


def main() -> None:
    """Fill the table, then ask as the API and the page do."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--rows", type=int, default=1_000_000)
    options = ask.parse_args()
    machine()
    with product():
        measure(options.rows)


def measure(rows: int) -> None:
    """Through Django's test client, so that everything but the socket is in the time."""
    from django.db import connection
    from django.test import Client

    from passalong.accounts.scope import in_workspace
    from passalong.accounts.services import create_token, set_up
    from passalong.campaigns.models import Campaign
    from passalong.campaigns.services import create_campaign
    from passalong.core.ids import public_id

    member, _ = set_up("bench@example.com", "Bench")
    _, secret = create_token(member.workspace_id, "bench", "read")
    with in_workspace(member.workspace_id):
        campaign = create_campaign("Bench", "https://example.com/")
        started = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute(FILL, {"workspace": member.workspace_id, "campaign": campaign.pk, "rows": rows})
            Campaign.objects.filter(pk=campaign.pk).update(referrers_count=cursor.rowcount)
            cursor.execute("VACUUM ANALYZE referrers_referrer")
        figure("rows", f"{rows:,}")
        figure("filling", time.monotonic() - started, "s")

    identity = public_id("campaign", campaign.pk)
    api = Client(headers={"authorization": f"Bearer {secret}"})
    browser = Client()
    browser.force_login(member.user)
    ask_api(api, f"/api/v1/campaigns/{identity}/referrers")
    ask_page(browser, f"/campaigns/{identity}/referrers")


QUERIES = {
    "first page": "",
    "search, one person": "q=l1f0e3d15",
    "search, a first name (100,000 have it)": "q=ana",
    "search, first name and start of last": "q=ana l1f",
    "search, two letters": "q=l1",
    "search, nobody": "q=zzzzzz",
    "search, everybody": "q=example",
    "search, rare and common": "q=l1f0e3d com",
    "by exact email": "email=ana.l1f0e3d15@example.com",
    "status": "status=inactive",
}


def ask_api(client: Any, path: str) -> None:
    """Every kind of question, and a walk of many pages deep."""
    print("\nREST, 50 a page")
    for name, query in QUERIES.items():
        timed(name, partial(client.get, f"{path}?limit=50&{query}"))
    cursor = ""
    for _ in range(200):
        cursor = client.get(f"{path}?limit=200&cursor={cursor}").json()["next_cursor"]
    timed("40,000 rows deep", partial(client.get, f"{path}?limit=50&cursor={cursor}"))


def ask_page(client: Any, path: str) -> None:
    """The Referrers tab."""
    print("\nReferrers tab")
    for name, query in QUERIES.items():
        if not query.startswith("email"):
            timed(name, partial(client.get, f"{path}?{query}"))


def timed(name: str, call: Callable[[], Any], times: int = 15) -> None:
    """Median and worst of some calls after one that warms up."""
    answer = call()
    assert answer.status_code == 200, (name, answer.status_code, answer.content[:300])
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    figure(name, f"{statistics.median(taken):.1f} / {max(taken):.1f}", "ms")


if __name__ == "__main__":
    main()
