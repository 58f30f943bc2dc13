"""Changes leave a line in the timeline of what they were made to."""

import pytest

from passalong.accounts import audit
from passalong.accounts.models import Workspace
from passalong.accounts.scope import in_workspace
from passalong.core.ids import new_id

pytestmark = pytest.mark.django_db


def test_it_tells_what_was_done_to_a_row_newest_first() -> None:
    workspace, subject, other = Workspace.objects.create(name="Alice & Co"), new_id(), new_id()
    with in_workspace(workspace.pk):
        audit.note(subject, "sync.created", "alice@example.com")
        audit.note(other, "sync.created", "alice@example.com")
        changes = audit.differences({"name": "Old", "type": "one_time"}, {"name": "New", "type": "one_time"})
        audit.note(subject, "sync.changed", "bob@example.com", changes)
        found = list(audit.timeline(subject).values_list("verb", "who", "changes"))
    assert found == [
        ("sync.changed", "bob@example.com", [{"field": "name", "before": "Old", "after": "New"}]),
        ("sync.created", "alice@example.com", []),
    ]


def test_it_keeps_the_timeline_of_one_workspace_from_another() -> None:
    alices, charlies = Workspace.objects.create(name="Alice & Co"), Workspace.objects.create(name="Charlie")
    subject = new_id()
    with in_workspace(alices.pk):
        audit.note(subject, "sync.created", "alice@example.com")
    with in_workspace(charlies.pk):
        assert list(audit.timeline(subject)) == []
