"""People into the CRM: workers die, the CRM's search lags, its answers get lost; nobody becomes two."""

import threading
from collections import Counter
from typing import Any

from tests.support.product import Product, start_both
from tests.support.sandbox import Sandbox

FRIENDS = 60
AS_LEAD = {"leads": {"create": "lead", "fields": [{"to": "email", "from": "email"}], "tag": "Friends"}}


def ready(product: Product, connection: str, name: str) -> tuple[str, str]:
    """A campaign that sends its leads, and the code of dana, who refers."""
    campaign = product.make_campaign(name)
    dana = product.call("POST", f"/campaigns/{campaign}/referrers", {"email": "dana@example.com"})
    product.call("PUT", f"/campaigns/{campaign}/crm/{connection}", AS_LEAD)
    return campaign, dana["code"]


def join(product: Product, campaign: str, code: str, numbers: range) -> None:
    for number in numbers:
        body = {"email": f"friend{number}@example.com", "referrer": code}
        product.call("POST", f"/campaigns/{campaign}/leads", body)


def holders(crm: Sandbox) -> Counter[str]:
    emails = [str(one["email"]) for one in crm.control.dump()]
    return Counter(email for email in emails if email.startswith("friend"))


def unfinished(product: Product, *paths: str) -> list[Any]:
    rows = [row for path in paths for row in product.everything(path)]
    return [row for row in rows if row["state"] == "waiting"]


def test_it_makes_each_once_though_workers_die_and_answers_get_lost() -> None:
    with start_both(20, workers=4) as (product, crm):
        connection = product.connect()
        one, other = (ready(product, connection, name) for name in ("One", "Other"))
        crm.control.settings(lag=5, latency_ms=30)
        contacts = {"method": "POST", "path": "/contacts", "every": 9}
        crm.control.add_fault("drop_after_commit", match=contacts, times=3)
        # The same friends in two campaigns, at the same time.
        both = [
            threading.Thread(target=join, args=(product, *where, range(FRIENDS))) for where in (one, other)
        ]
        for thread in both:
            thread.start()
        product.until(lambda: sum(holders(crm).values()) > 10 or None, 60, "the first friends")
        for worker in product.workers[:3]:
            worker.kill()
        for thread in both:
            thread.join(120)
        paths = [f"/campaigns/{campaign}/crm/{connection}/people" for campaign, _code in (one, other)]
        product.until(lambda: not unfinished(product, *paths) or None, 240, "nobody to wait")
        made = holders(crm)
    assert (len(made), set(made.values())) == (FRIENDS, {1})
