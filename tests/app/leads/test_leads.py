"""Leads: attributed once, counted exactly, in any order and repetition."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.core.problems import Problem
from passalong.leads import services
from passalong.leads.models import Lead
from passalong.referrers.models import Referrer
from passalong.referrers.services import delete_referrer
from tests.support import cast
from tests.support.counting import counted, recounted

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return cast.campaign_of(cast.alice())


@pytest.fixture
def dana(campaign: Campaign) -> Referrer:
    return cast.referrer_of(campaign, "dana@gmail.com")


def within(campaign: Campaign, verb: Callable[..., Any], *given: Any, **named: Any) -> Any:
    with in_workspace(campaign.workspace_id):
        return verb(*given, **named)


def add(campaign: Campaign, referrer: str, email: str = "frida@example.com") -> tuple[Lead, bool]:
    found: tuple[Lead, bool] = within(campaign, services.add_lead, campaign, referrer, email)
    return found


def test_it_adds_a_lead_and_counts_it(campaign: Campaign, dana: Referrer) -> None:
    lead, is_new = add(campaign, dana.code, " Frida@Example.com ")

    dana.refresh_from_db()
    assert (lead.email, lead.status, lead.referrer_id, is_new) == (
        "frida@example.com",
        "pending",
        dana.pk,
        True,
    )
    assert counted(campaign) == (1, {"dana@gmail.com": (1, 0)})
    assert dana.last_referral_at == lead.created_at


@pytest.mark.parametrize("how", ["code", "CODE", "link", "link?", "email", "EMAIL", "id"])
def test_it_knows_the_referrer_by_whatever_is_at_hand(campaign: Campaign, dana: Referrer, how: str) -> None:
    from passalong.core.ids import public_id

    said = {
        "code": dana.code,
        "CODE": dana.code.upper(),
        "link": dana.referral_link,
        "link?": f"https://other.example/r/{dana.code}?x=1#y",
        "email": dana.email,
        "EMAIL": " DANA@gmail.com",
        "id": public_id("referrer", dana.pk),
    }

    assert add(campaign, said[how])[0].referrer_id == dana.pk


@pytest.mark.parametrize(
    "said", ["", "zzzzzzzzzz", "nobody@example.com", "ref_00000000000000000000000000000000", "\0", "a b", "é"]
)
def test_it_says_that_there_is_no_such_referrer(campaign: Campaign, dana: Referrer, said: str) -> None:
    with pytest.raises(Problem) as refused:
        add(campaign, said)

    assert (refused.value.status, refused.value.code) == (422, "referrer_not_found")
    assert [error.field for error in refused.value.errors] == ["referrer"]


def test_it_takes_no_referrer_of_another_campaign(campaign: Campaign) -> None:
    other = cast.referrer_of(cast.campaign_of(cast.charlie()))

    with pytest.raises(Problem):
        add(campaign, other.code)


def test_it_leaves_a_friend_with_whoever_came_first(campaign: Campaign, dana: Referrer) -> None:
    other = cast.referrer_of(campaign, "other@example.com")
    first, _ = add(campaign, dana.code)

    again, is_new = add(campaign, other.code, "FRIDA@example.com")

    assert (again.pk, again.referrer_id, is_new) == (first.pk, dana.pk, False)
    assert counted(campaign) == (1, {"dana@gmail.com": (1, 0), "other@example.com": (0, 0)})


@pytest.mark.parametrize("email", ["dana@gmail.com", "DANA+x@gmail.com", "d.a.n.a@googlemail.com"])
def test_it_lets_nobody_refer_themselves(campaign: Campaign, dana: Referrer, email: str) -> None:
    with pytest.raises(Problem) as refused:
        add(campaign, dana.code, email)

    assert refused.value.code == "self_referral"
    assert counted(campaign) == (0, {"dana@gmail.com": (0, 0)})


def test_it_lets_a_lead_become_a_referrer(campaign: Campaign, dana: Referrer) -> None:
    add(campaign, dana.code)
    frida = cast.referrer_of(campaign, "frida@example.com")

    assert add(campaign, frida.code, "gus@example.com")[0].referrer_id == frida.pk


def test_it_qualifies_once_and_takes_it_back_once(campaign: Campaign, dana: Referrer) -> None:
    lead, _ = add(campaign, dana.code)

    for _ in range(2):
        within(campaign, services.qualify, lead)
    qualified = counted(campaign)
    assert lead.qualified_at is not None
    for _ in range(2):
        within(campaign, services.unqualify, lead)

    assert qualified == (1, {"dana@gmail.com": (1, 1)})
    assert lead.status == "pending"
    assert Lead.everywhere.get().qualified_at is None
    assert counted(campaign) == (1, {"dana@gmail.com": (1, 0)})


def test_it_counts_down_when_a_lead_is_deleted(campaign: Campaign, dana: Referrer) -> None:
    first, second = (add(campaign, dana.code, f"p{number}@example.com")[0] for number in (1, 2))
    within(campaign, services.qualify, second)

    assert [within(campaign, services.delete_lead, second) for _ in range(2)] == [True, False]

    dana.refresh_from_db()
    assert counted(campaign) == (1, {"dana@gmail.com": (1, 0)})
    assert dana.last_referral_at == first.created_at


def test_it_takes_the_leads_along_when_a_referrer_is_deleted(campaign: Campaign, dana: Referrer) -> None:
    other = cast.referrer_of(campaign, "other@example.com")
    add(campaign, dana.code)
    add(campaign, other.code, "gus@example.com")

    within(campaign, delete_referrer, dana)

    assert counted(campaign) == recounted(campaign) == (1, {"other@example.com": (1, 0)})


VERBS = {"qualify": services.qualify, "unqualify": services.unqualify, "delete": services.delete_lead}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "qualify", "unqualify", "delete"]),
        st.sampled_from(["f1@example.com", "f2@example.com", "F1@example.com", "dana@gmail.com"]),
        st.sampled_from(["dana@gmail.com", "other@example.com"]),
    ),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_its_counts_are_those_of_a_recount_in_any_order(
    campaign: Campaign, dana: Referrer, steps: list[tuple[str, str, str]]
) -> None:
    Lead.everywhere.all().delete()
    Referrer.everywhere.update(referrals_count=0, converted_referrals_count=0)
    Campaign.everywhere.update(leads_count=0)
    with in_workspace(campaign.workspace_id):
        if not Referrer.objects.filter(email="other@example.com").exists():
            cast.referrer_of(campaign, "other@example.com")
    belongs: dict[str, Any] = {}
    for step, email, referrer in steps:
        lead = Lead.everywhere.filter(campaign=campaign, email=email.lower()).first()
        if step == "add" and email == referrer and lead is None:
            with pytest.raises(Problem):
                add(campaign, referrer, email)
        elif step == "add":
            added, _ = add(campaign, referrer, email)
            assert belongs.setdefault(str(added.pk), added.referrer_id) == added.referrer_id
        elif lead is not None:
            within(campaign, VERBS[step], lead)

        assert counted(campaign) == recounted(campaign)
