"""Stored answers keep nothing of people who were erased."""

import json
from typing import Any

from django.db.models import Q

from passalong.api.models import IdempotencyKey
from passalong.core.ids import public_id
from passalong.core.scrub import contains
from passalong.referrers.erasing import Person

# The key stays, so that a request that is sent again still does nothing twice.
EMPTIED = json.dumps({"erased": True})


def on_erasing(person: Person, **_signal: Any) -> None:
    """An answer that names the person says only that they were erased."""
    said = {*person.texts}
    said |= {public_id("referrer", one) for one in person.referrers}
    said |= {public_id("lead", one) for one in person.leads}
    found = Q(pk__in=[])
    for text in said | {json.dumps(text)[1:-1] for text in said}:
        found |= Q(body__icontains=text)
    rows = IdempotencyKey.objects.filter(found).values_list("pk", "body")
    theirs = [key for key, body in rows if contains(_read(body), said)]
    IdempotencyKey.objects.filter(pk__in=theirs).update(body=EMPTIED)


def _read(body: str) -> Any:
    """The answer as it was sent; one that is no JSON as a text."""
    try:
        return json.loads(body)
    except ValueError:
        return body
