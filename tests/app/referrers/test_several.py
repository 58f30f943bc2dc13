"""Verbs over several referrers, also when two people press the button at once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import connection

from passalong.accounts import audit
from passalong.accounts.models import AuditEntry
from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.core.ids import new_id
from passalong.core.problems import Problem
from passalong.referrers import services
from passalong.referrers.models import Referrer, ReferrerStatus
from tests.support import cast

WHO = "alice@example.com"


@pytest.mark.django_db
def test_it_notes_who_changed_whom_and_only_real_changes() -> None:
    campaign = cast.campaign_of(cast.alice())
    one, two = (cast.referrer_of(campaign, f"p{number}@example.com") for number in (1, 2))
    with in_workspace(campaign.workspace_id):
        services.set_status(campaign, [one.pk], ReferrerStatus.INACTIVE, who=WHO)
        services.set_status(campaign, [one.pk, two.pk], ReferrerStatus.INACTIVE, who=WHO)

        (entry,) = audit.timeline(one.pk)

    assert (entry.verb, entry.who) == ("referrer.changed", WHO)
    assert entry.changes == [{"field": "status", "before": "active", "after": "inactive"}]
    assert AuditEntry.everywhere.count() == 2


@pytest.mark.django_db
def test_it_notes_what_a_person_changed() -> None:
    campaign = cast.campaign_of(cast.alice())
    dana = cast.referrer_of(campaign, fields={"plan": "pro", "seats": 3})
    with in_workspace(campaign.workspace_id):
        services.change_referrer(dana, who=WHO, first_name="Dana", fields={"plan": None, "seats": 4})
        services.change_referrer(dana, who=WHO, first_name="Dana")

        (entry,) = audit.timeline(dana.pk)

    assert sorted(entry.changes, key=lambda change: change["field"]) == [
        {"field": "fields.plan", "before": "pro", "after": None},
        {"field": "fields.seats", "before": 3, "after": 4},
        {"field": "first_name", "before": "", "after": "Dana"},
    ]


@pytest.mark.django_db
def test_it_keeps_no_history_of_somebody_who_was_deleted() -> None:
    campaign = cast.campaign_of(cast.alice())
    dana = cast.referrer_of(campaign)
    with in_workspace(campaign.workspace_id):
        services.change_referrer(dana, who=WHO, email="other@example.com")
        services.delete_referrer(dana)

    assert AuditEntry.everywhere.count() == 0


@pytest.mark.django_db
def test_it_refuses_too_many() -> None:
    campaign = cast.campaign_of(cast.alice())
    with in_workspace(campaign.workspace_id), pytest.raises(Problem) as refused:
        services.delete_referrers(campaign, [new_id() for _ in range(501)])

    assert (refused.value.status, refused.value.code) == (422, "too_many")


@pytest.mark.django_db(transaction=True)
def test_it_counts_right_when_the_same_people_are_deleted_at_once() -> None:
    campaign = cast.campaign_of(cast.alice())
    keys = [cast.referrer_of(campaign, f"p{number}@example.com").pk for number in range(30)]

    def delete(chosen: list[UUID]) -> int:
        try:
            with in_workspace(campaign.workspace_id):
                return services.delete_referrers(campaign, chosen)
        finally:
            connection.close()

    parts = [keys[:20], keys[10:][::-1], keys[5:25], keys[::-1][:18]]
    with ThreadPoolExecutor(4) as pool:
        deleted = list(pool.map(delete, parts))

    left = Referrer.everywhere.filter(campaign=campaign).count()
    assert sum(deleted) == 30 - left
    assert Campaign.everywhere.get(pk=campaign.pk).referrers_count == left
    assert left == 0
