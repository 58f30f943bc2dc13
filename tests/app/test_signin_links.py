"""Sign-in links: once, for a while, and not used up by a look."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from passalong.accounts import signin_links
from passalong.accounts.models import User
from passalong.accounts.services import set_up
from passalong.core.problems import Problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    member, _new = set_up("alice@example.com", "Alice")
    return member.user


def path_of(user: User) -> str:
    return signin_links.link_for(user).removeprefix("http://127.0.0.1:8000")


def test_it_signs_in_with_a_post(alice: User, client: Client) -> None:
    answer = client.post(path_of(alice))
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_it_is_not_used_up_by_looking(alice: User, client: Client) -> None:
    path = path_of(alice)
    looked = client.get(path)
    assert looked.status_code == 200
    assert b"You are about to sign in as alice@example.com." in looked.content
    assert "_auth_user_id" not in client.session
    assert client.post(path).status_code == 302


def test_it_works_once(alice: User, client: Client) -> None:
    path = path_of(alice)
    client.post(path)
    again = Client().post(path)
    assert again.status_code == 410
    assert b"This link is no longer valid" in again.content


def test_it_works_for_a_while_only(alice: User) -> None:
    moment = datetime(2026, 11, 23, 12, tzinfo=UTC)
    with time_machine.travel(moment, tick=False):
        signed = path_of(alice).split("/")[-2]
    with time_machine.travel(moment + timedelta(minutes=14), tick=False):
        assert signin_links.user_of(signed) == alice
    with time_machine.travel(moment + timedelta(minutes=16), tick=False), pytest.raises(Problem) as refused:
        signin_links.user_of(signed)
    assert refused.value.code == "signin_link_void"


@pytest.mark.parametrize("signed", ["nonsense", "e30:1abc:def"])
def test_it_refuses_what_we_did_not_sign(signed: str, client: Client) -> None:
    assert client.get(f"/accounts/enter/{signed}/").status_code == 410


def test_it_refuses_somebody_who_left(alice: User, client: Client) -> None:
    path = path_of(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert client.post(path).status_code == 410
