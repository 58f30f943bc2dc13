"""5,000 contacts, audience by audience: referrers and links equal the truth, and again costs nothing."""

from collections.abc import Callable, Iterator
from math import ceil
from typing import Any

import pytest

from tests.support.product import Product, start_both
from tests.support.sandbox import Sandbox
from tests.support.truth import contacts_of, leads, taken, users

Json = dict[str, Any]
Pair = tuple[Product, Sandbox]
Belongs = Callable[[Json], bool]


@pytest.fixture(scope="module")
def both() -> Iterator[Pair]:
    with start_both(5_000) as pair:
        yield pair


@pytest.fixture(scope="module")
def connection(both: Pair) -> str:
    return both[0].connect()


def segment(sandbox: Sandbox, name: str, person_type: str = "user") -> tuple[str, set[str]]:
    """A segment's id and who is in it."""
    segment_id = sandbox.control.segment_id(name, person_type)
    return segment_id, {member["id"] for member in sandbox.control.members(segment_id)}


def active(sandbox: Sandbox) -> tuple[Json, Belongs, int]:
    segment_id, members = segment(sandbox, "Active")
    return {"kind": "segments", "segment_ids": [segment_id]}, lambda c: c["id"] in members, len(members)


def only_leads(sandbox: Sandbox) -> tuple[Json, Belongs, int]:
    return {"kind": "leads"}, leads, len(contacts_of(sandbox.control, leads))


def only_users(sandbox: Sandbox) -> tuple[Json, Belongs, int]:
    return {"kind": "users"}, users, len(contacts_of(sandbox.control, users))


def all_contacts(sandbox: Sandbox) -> tuple[Json, Belongs, int]:
    return {"kind": "all"}, lambda _: True, len(contacts_of(sandbox.control, lambda _: True))


def two_segments_without_a_third(sandbox: Sandbox) -> tuple[Json, Belongs, int]:
    active_id, active_members = segment(sandbox, "Active")
    lead_id, lead_members = segment(sandbox, "Slipping Away", "contact")
    pro_id, pro_members = segment(sandbox, "Pro plan")
    audience = {
        "kind": "segments",
        "segment_ids": [active_id, lead_id],
        "exclude_segment_ids": [pro_id],
    }
    members = (active_members | lead_members) - pro_members
    # Each segment is read for itself.
    read = len(active_members) + len(lead_members) + len(pro_members)
    return audience, lambda c: c["id"] in members, read


@pytest.mark.parametrize(
    "choose", [active, only_leads, only_users, all_contacts, two_segments_without_a_third]
)
def test_it_equals_the_truth_and_does_nothing_the_second_time(
    both: Pair, connection: str, choose: Callable[[Sandbox], tuple[Json, Belongs, int]]
) -> None:
    product, sandbox = both
    audience, belongs, read_members = choose(sandbox)
    truth = taken(contacts_of(sandbox.control, belongs))
    field = choose.__name__
    product.make_field(connection, field)
    # Writing back is the same for every audience and takes a call a contact: once for users, once for both.
    written = choose in (active, two_segments_without_a_third)
    outbound = [{"from": "referral_link", "to": f"custom_attributes.{field}"}] if written else []
    sync = product.make_sync(connection, audience, outbound=outbound)

    first = product.run_and_wait(sync, seconds=120)

    assert (first["status"], first["counts"]["created"]) == ("succeeded", len(set(truth.values())))
    referrers = product.referrers(sync)
    assert set(referrers) == set(truth.values())
    said = {c["id"]: c["custom_attributes"].get(field) for c in sandbox.control.dump()}
    assert {key: value for key, value in said.items() if value is not None} == {
        contact: referrers[email]["referral_link"] for contact, email in truth.items() if written
    }

    sandbox.control.reset()
    again = product.run_and_wait(sync, seconds=60)

    assert again["status"] == "succeeded"
    assert {key: again["counts"][key] for key in ("created", "updated", "written", "write_backs_due")} == {
        "created": 0,
        "updated": 0,
        "written": 0,
        "write_backs_due": 0,
    }
    state = sandbox.control.state()
    assert state["puts"] == 0
    assert state["calls_total"] == again["api_calls"] <= ceil(read_members / 150) + 10
    assert again["counts"]["read"] == first["counts"]["read"]
