"""2,000 friends at once for 50 referrers: counts exact, everybody with one referrer, doctor agrees."""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.support.process import run
from tests.support.product import Product, start_product

LEADS, REFERRERS, CALLERS = 2_000, 50, 8
# Every fourth friend is brought by two referrers in the same moment.
RACED = 4


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with start_product("http://127.0.0.1:9", workers=0) as product:
        yield product


def test_it_counts_2000_leads_of_8_callers_exactly(product: Product) -> None:
    campaign_id = product.make_campaign()
    codes = []
    for number in range(REFERRERS):
        body = {"email": f"r{number}@example.com"}
        codes.append(product.call("POST", f"/campaigns/{campaign_id}/referrers", body)["code"])
    wanted = [(f"f{number}@example.com", codes[number % REFERRERS]) for number in range(LEADS)]
    wanted += [(email, codes[(number + 7) % REFERRERS]) for number, (email, _) in enumerate(wanted[::RACED])]
    wanted.sort()

    def bring(part: list[tuple[str, str]]) -> list[tuple[int, str, str]]:
        with httpx2.Client(base_url=product.http.base_url, headers=product.http.headers, timeout=60) as http:
            answers = []
            for email, code in part:
                body = {"email": email, "referrer": code}
                answer = http.post(f"/api/v1/campaigns/{campaign_id}/leads", json=body)
                shown: Any = answer.json()
                answers.append((answer.status_code, shown["email"], shown["referrer_id"]))
                if int(re.findall(r"\d+", email)[0]) % 3 == 0:
                    http.post(f"/api/v1/leads/{shown['id']}/qualify")
            return answers

    with ThreadPoolExecutor(CALLERS) as pool:
        parts = pool.map(bring, [wanted[number::CALLERS] for number in range(CALLERS)])
        answers = [answer for part in parts for answer in part]

    assert Counter(status for status, _, _ in answers) == {201: LEADS, 200: LEADS // RACED}
    belongs: dict[str, set[str]] = {}
    for _, email, referrer in answers:
        belongs.setdefault(email, set()).add(referrer)
    assert {len(referrers) for referrers in belongs.values()} == {1}
    leads = product.everything(f"/campaigns/{campaign_id}/leads")
    qualified = [lead for lead in leads if lead["status"] == "qualified"]
    people = product.everything(f"/campaigns/{campaign_id}/referrers")
    per_referrer = Counter(lead["referrer_id"] for lead in leads)
    per_qualified = Counter(lead["referrer_id"] for lead in qualified)
    assert len(leads) == product.call("GET", f"/campaigns/{campaign_id}")["leads_count"] == LEADS
    assert len(qualified) == len([n for n in range(LEADS) if n % 3 == 0])
    assert {one["id"]: one["referrals_count"] for one in people} == dict(per_referrer)
    assert {one["id"]: one["converted_referrals_count"] for one in people} == {
        one["id"]: per_qualified[one["id"]] for one in people
    }


def test_its_doctor_proves_the_counts_and_names_who_is_wrong(product: Product) -> None:
    right = run("doctor", env=product.env).stdout
    product.sql(
        "UPDATE referrers_referrer SET referrals_count = referrals_count + 1 WHERE email = 'r1@example.com'"
    )
    wrong = run("doctor", env=product.env).stdout
    (code,) = product.sql("SELECT code FROM referrers_referrer WHERE email = 'r1@example.com'")[0]

    assert "every referrer and campaign counts the leads it has" in right
    assert f"the referrers with the codes {code} count other than their leads" in wrong
