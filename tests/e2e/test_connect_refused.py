"""Connecting when Intercom says no, says nonsense, or says nothing: a reason, a next step, nothing stored."""

from collections.abc import Iterator

import pytest

from tests.support.product import Product, explained, start_both
from tests.support.sandbox import TOKEN, Sandbox

Pair = tuple[Product, Sandbox]


@pytest.fixture(scope="module")
def both() -> Iterator[Pair]:
    with start_both(60, workers=0) as pair:
        yield pair


@pytest.fixture(autouse=True)
def calm(both: Pair) -> Iterator[None]:
    yield
    both[1].control.clear_faults()
    both[1].control.down(False)


def refused(product: Product, token: str = TOKEN) -> tuple[int, str]:
    error = product.refused("POST", "/connections", {"provider": "intercom", "access_token": token})
    assert product.call("GET", "/connections")["data"] == []
    return error.status, error.problem["code"]


def test_it_refuses_a_wrong_token(both: Pair) -> None:
    assert refused(both[0], "not-the-token-at-all") == (422, "connection_rejected")
    both[0].check_no_secret("not-the-token-at-all")


def test_it_names_the_permission_to_turn_on_when_people_may_not_be_read(both: Pair) -> None:
    product, sandbox = both
    sandbox.control.add_token("cannot-read", missing=["read_contacts"])
    body = {"provider": "intercom", "access_token": "cannot-read"}
    problem = product.refused("POST", "/connections", body).problem
    assert problem["code"] == "connection_rejected"
    assert "open the app, turn on “Read and list users and companies”" in problem["next_step"]
    assert product.call("GET", "/connections")["data"] == []


def test_it_refuses_a_token_that_may_not_say_whose_it_is(both: Pair) -> None:
    product, sandbox = both
    sandbox.control.add_token("nobody", missing=["read_admins"])
    assert refused(product, "nobody") == (422, "connection_rejected")


def test_it_says_that_intercom_is_down(both: Pair) -> None:
    product, sandbox = both
    sandbox.control.down()
    assert refused(product) == (503, "crm_unavailable")


@pytest.mark.parametrize("kind", ["500", "502_html", "empty_200", "truncated_json", "drop_connection"])
def test_it_says_that_intercom_does_not_answer_properly(both: Pair, kind: str) -> None:
    product, sandbox = both
    sandbox.control.add_fault(kind, times=None)
    assert refused(product) == (503, "crm_unavailable")


def test_it_says_when_to_come_back_while_intercom_is_busy(both: Pair) -> None:
    product, sandbox = both
    sandbox.control.add_fault("429_far", times=None, reset_in=600)
    assert refused(product) == (503, "rate_limited")


@pytest.mark.parametrize("scope", ["write_contacts", "write_data_attributes"])
def test_it_connects_a_token_that_may_only_read_and_says_what_it_cannot(both: Pair, scope: str) -> None:
    product, sandbox = both
    sandbox.control.add_token(f"no-{scope}", missing=[scope])
    body = {"provider": "intercom", "access_token": f"no-{scope}"}
    made = product.call("POST", "/connections", body)
    assert [check["name"] for check in made["checks"] if not check["ok"]] == ["Can write contacts and fields"]
    assert made["status"] == "connected"
    product.check_no_secret(f"no-{scope}")


def test_it_says_why_a_field_cannot_be_made(both: Pair) -> None:
    product, sandbox = both
    sandbox.control.add_token("no-fields", missing=["write_data_attributes"])
    connection = product.connect("no-fields")
    field = {"label": "Referral Link", "type": "string"}
    error = product.refused("POST", f"/connections/{connection}/fields", field)
    assert (error.status, explained(error.problem, "detail")) == (422, "permission_missing")
