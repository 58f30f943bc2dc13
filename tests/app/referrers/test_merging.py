"""Two referrers become one: nothing of either is lost, both codes work, and counts stay exact."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passalong.accounts import audit
from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.campaigns.services import create_campaign
from passalong.config.doctor import LEAD_COUNTS
from passalong.core.clock import now
from passalong.core.ids import new_id
from passalong.core.problems import Problem
from passalong.leads.models import Lead
from passalong.leads.services import add_lead, delete_lead, qualify
from passalong.referrers.merging import merge, merge_two, other_referrer
from passalong.referrers.models import Referrer, ReferrerAlias
from passalong.tracking import links, tally, visits
from passalong.tracking.analytics import report, today
from passalong.tracking.friends import join
from passalong.tracking.models import Visit
from tests.support import cast

WHO = "alice@example.com"


@pytest.fixture
def campaign(db: None) -> Campaign:
    return cast.campaign_of(cast.alice())


def person(campaign: Campaign, name: str, **values: Any) -> Referrer:
    return cast.referrer_of(campaign, f"{name}@example.com", **values)


def friend(campaign: Campaign, referrer: str, email: str, *, qualified: bool = False) -> Lead:
    with in_workspace(campaign.workspace_id):
        lead = add_lead(campaign, referrer, email)[0]
        return qualify(lead) if qualified else lead


def merged(one: Referrer, other: Referrer) -> Referrer:
    with in_workspace(one.workspace_id):
        return merge_two(one, other, who=WHO)


def opened(*referrers: Referrer) -> None:
    """Their links, in one writing."""
    visits.write([visits.Opened(new_id(), one.pk, now()) for one in referrers])


def exact(campaign: Campaign) -> bool:
    """As `passalong doctor` counts."""
    with connection.cursor() as cursor:
        cursor.execute(LEAD_COUNTS)
        wrong = cursor.fetchall()
    kept = Campaign.everywhere.get(pk=campaign.pk)
    there = Referrer.everywhere.filter(campaign=campaign).count()
    leads = Lead.everywhere.filter(campaign=campaign).count()
    return not wrong and (kept.referrers_count, kept.leads_count) == (there, leads)


@pytest.mark.parametrize("turned", [False, True])
def test_it_keeps_the_older_one_with_everything_of_both(campaign: Campaign, turned: bool) -> None:
    ann = person(campaign, "ann", first_name="Ann", fields={"plan": "pro"})
    bea = person(campaign, "bea", first_name="Bea", phone="123", fields={"plan": "free", "seats": 3})
    friend(campaign, ann.code, "frida@example.com")
    friend(campaign, bea.code, "gus@example.com", qualified=True)

    one = merged(bea, ann) if turned else merged(ann, bea)

    assert (one.pk, one.email, one.code) == (ann.pk, "ann@example.com", ann.code)
    assert (one.first_name, one.phone, one.fields) == ("Ann", "123", {"plan": "pro", "seats": 3})
    assert (one.referrals_count, one.converted_referrals_count) == (2, 1)
    assert list(Referrer.everywhere.values_list("email", flat=True)) == ["ann@example.com"]
    assert set(Lead.everywhere.values_list("referrer", flat=True)) == {ann.pk}
    assert exact(campaign)


def test_it_lets_the_other_code_work_for_ever(campaign: Campaign) -> None:
    ann, bea, cyd = (person(campaign, name) for name in ("ann", "bea", "cyd"))
    merged(bea, cyd)
    one = merged(Referrer.everywhere.get(pk=bea.pk), ann)

    for code in (ann.code, bea.code, cyd.code.upper()):
        link = links.find(code)
        assert link is not None
        assert (link.referrer, link.address.endswith(f"ref={one.code}")) == (ann.pk, True)
    for number, said in enumerate(
        [bea.code, cyd.code, f"https://x.example/r/{cyd.code}", f"ref_{bea.pk.hex}"]
    ):
        assert friend(campaign, said, f"f{number}@example.com").referrer_id == ann.pk
    joined = join(campaign, cyd.code, "joy@example.com", first_name="Joy", source="website", fields={})
    assert joined.referrer_id == ann.pk


def test_it_looks_at_old_codes_only_where_there_is_nobody(
    campaign: Campaign, django_assert_num_queries: Any
) -> None:
    ann, bea = person(campaign, "ann"), person(campaign, "bea")
    merged(ann, bea)

    with django_assert_num_queries(1):
        links.find(ann.code)
    with django_assert_num_queries(2):
        links.find(bea.code)


def test_it_activates_the_one_if_either_was_active(campaign: Campaign) -> None:
    ann, bea = person(campaign, "ann"), person(campaign, "bea")
    Referrer.everywhere.filter(pk=ann.pk).update(status="inactive")

    assert merged(ann, bea).status == "active"


def test_it_keeps_a_friend_who_is_the_other_one(campaign: Campaign) -> None:
    ann, bea = person(campaign, "ann"), person(campaign, "bea")
    friend(campaign, ann.code, "bea@example.com")

    one = merged(ann, bea)

    assert (one.referrals_count, Lead.everywhere.get().email) == (1, "bea@example.com")


def test_it_moves_visits_and_the_numbers_by_day_and_leaves_the_campaigns_alone(campaign: Campaign) -> None:
    ann, bea = person(campaign, "ann"), person(campaign, "bea")
    opened(ann, bea, bea)
    lead = friend(campaign, bea.code, "gus@example.com", qualified=True)
    tally.fold()
    opened(bea)

    def numbers() -> tuple[Any, ...]:
        with in_workspace(campaign.workspace_id):
            found = report(campaign, today(), today())
            sums = {kind: vars(one) for kind, one in found.sources.items() if any(vars(one).values())}
            return vars(found.total), sums, {one.email: vars(n) for one, n in found.referrers}

    total, sums, _people = numbers()
    one = merged(ann, bea)
    before_folding = numbers()
    tally.fold()

    everything = {"visits": 4, "leads": 1, "qualified": 1}
    assert total == everything
    assert before_folding == numbers() == (total, sums, {"ann@example.com": everything})
    assert (one.visits_count, Visit.everywhere.filter(referrer=ann.pk).count()) == (4, 4)
    with in_workspace(campaign.workspace_id):
        delete_lead(Lead.objects.get(pk=lead.pk))
    assert numbers()[2] == {"ann@example.com": {"visits": 4, "leads": 0, "qualified": 0}}


def test_it_counts_a_visit_of_somebody_merged_since_the_link_was_opened(campaign: Campaign) -> None:
    ann, bea = person(campaign, "ann"), person(campaign, "bea")
    merged(ann, bea)

    opened(bea, ann)

    assert Referrer.everywhere.get(pk=ann.pk).visits_count == 2


def test_it_tells_the_history_of_both(campaign: Campaign) -> None:
    ann, bea = person(campaign, "ann"), person(campaign, "bea")
    with in_workspace(campaign.workspace_id):
        audit.note(bea.pk, "referrer.changed", WHO)
    merged(ann, bea)

    with in_workspace(campaign.workspace_id):
        entries = list(audit.timeline(ann.pk))

    assert [entry.verb for entry in entries] == ["referrer.merged", "referrer.changed"]
    assert entries[0].changes == [
        {"field": "email", "before": "bea@example.com", "after": "ann@example.com"},
        {"field": "code", "before": bea.code, "after": ann.code},
    ]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("ann@example.com", "same_referrer"),
        ("nobody@example.com", "referrer_not_found"),
        ("", "referrer_not_found"),
    ],
)
def test_it_refuses_to_merge_with_oneself_or_with_nobody(campaign: Campaign, said: str, code: str) -> None:
    ann = person(campaign, "ann")
    with in_workspace(campaign.workspace_id), pytest.raises(Problem) as refused:
        other_referrer(ann, said)

    assert (refused.value.code, [one.field for one in refused.value.errors]) == (code, ["into"])


def test_it_merges_nobody_of_another_campaign(campaign: Campaign) -> None:
    ann = person(campaign, "ann")
    with in_workspace(campaign.workspace_id):
        other = cast.referrer_of(create_campaign("Autumn", cast.DESTINATION), "bea@example.com")
        with pytest.raises(Problem):
            other_referrer(ann, other.code)
        assert merge(campaign, [{ann.pk, other.pk}], who=WHO) == {}


def test_it_answers_the_same_when_asked_twice(campaign: Campaign) -> None:
    ann, bea = person(campaign, "ann"), person(campaign, "bea")

    assert merged(ann, bea) == merged(ann, bea) == merged(bea, ann)
    assert ReferrerAlias.everywhere.count() == 1


SPREAD = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SPREAD
@given(pairs=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=6), data=st.data())
def test_it_ends_with_the_same_people_in_any_order(
    campaign: Campaign, pairs: list[tuple[int, int]], data: st.DataObject
) -> None:
    Referrer.everywhere.all().delete()
    Lead.everywhere.all().delete()
    Campaign.everywhere.update(referrers_count=0, leads_count=0)
    people = [person(campaign, f"p{number}") for number in range(5)]
    for number in range(5):
        friend(campaign, people[number].code, f"f{number}@example.com", qualified=number % 2 == 0)
    groups = [{number} for number in range(5)]
    for pair in pairs:
        joined = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if not group & set(pair)] + [set().union(*joined)]

    for pair in data.draw(st.permutations(pairs)):
        found = [links.find(people[number].code) for number in pair]
        one, other = (Referrer.everywhere.get(pk=link.referrer) for link in found if link)
        merged(one, other)

    brought: dict[str, set[str]] = {}
    for email, friend_of in Lead.everywhere.values_list("email", "referrer__email"):
        brought.setdefault(friend_of, set()).add(email)
    assert brought == {
        f"p{min(group)}@example.com": {f"f{number}@example.com" for number in group} for group in groups
    }
    assert exact(campaign)


@pytest.mark.django_db(transaction=True)
def test_it_loses_no_friend_who_comes_while_two_are_merged() -> None:
    campaign = cast.campaign_of(cast.alice())
    people = [person(campaign, f"p{number}") for number in range(6)]

    def act(number: int) -> None:
        try:
            one = people[number % 6]
            if number % 10 == 9:
                merged(people[0], one) if one != people[0] else None
            else:
                lead = friend(campaign, one.code, f"f{number}@example.com", qualified=number % 2 == 0)
                visits.write([visits.Opened(lead.pk, one.pk, lead.created_at)])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(120)))

    assert Lead.everywhere.count() == 108
    assert exact(campaign)
    assert sum(Referrer.everywhere.values_list("visits_count", flat=True)) == Visit.everywhere.count()


@pytest.mark.django_db(transaction=True)
def test_it_merges_once_when_two_press_the_button_from_both_sides() -> None:
    campaign = cast.campaign_of(cast.alice())
    ann, bea = person(campaign, "ann"), person(campaign, "bea")

    def press(turned: bool) -> Referrer:
        try:
            return merged(bea, ann) if turned else merged(ann, bea)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(press, [False, True, False, True]))

    assert {one.pk for one in answers} == {ann.pk}
    assert (ReferrerAlias.everywhere.count(), exact(campaign)) == (1, True)
