"""Who may see a page, and who may change something."""

import pytest
from django.test import Client

from passalong.accounts.models import User
from passalong.campaigns.models import Campaign
from passalong.core.ids import public_id
from passalong.sync.models import Sync
from tests.app.web.conftest import browser
from tests.app.web.wizard import Wizard

pytestmark = pytest.mark.django_db


def at(campaign: Campaign, rest: str = "") -> str:
    return f"/campaigns/{public_id('campaign', campaign.pk)}{rest}"


def test_it_asks_to_sign_in_and_comes_back(client: Client, campaign: Campaign) -> None:
    answer = client.get(at(campaign, "/referrers") + "?q=ada")
    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next={at(campaign, '/referrers')}%3Fq%3Dada"


def test_it_signs_in_with_email_and_password(client: Client, alice: object) -> None:
    form = {"login": "alice@example.com", "password": "alice's long password", "next": "/connections"}
    assert client.post("/accounts/login/", form)["Location"] == "/connections"


def test_it_says_a_wrong_password_in_words(client: Client, alice: object) -> None:
    answer = client.post("/accounts/login/", {"login": "alice@example.com", "password": "wrong"})
    assert "not correct" in answer.content.decode()
    assert 'value="alice@example.com"' in answer.content.decode()


def test_it_does_not_let_anybody_sign_themselves_up(client: Client, db: None) -> None:
    answer = client.get("/accounts/signup/")
    assert "Ask for an invitation" in answer.content.decode()
    client.post("/accounts/signup/", {"email": "eve@example.com", "password1": "eve's long password"})
    assert not User.objects.filter(email="eve@example.com").exists()


def test_it_tells_somebody_without_a_workspace(db: None) -> None:
    user = User.objects.create_user("nobody@example.com", "nobody's long password")
    answer = browser(user).get("/")
    assert answer.status_code == 403
    assert "You are not in a workspace yet" in answer.content.decode()


@pytest.mark.parametrize("rest", ["", "/referrers", "/syncs", "/settings", "/referrers/add/api"])
def test_it_lets_viewers_look(viewer: Client, campaign: Campaign, rest: str) -> None:
    assert viewer.get(at(campaign, rest)).status_code == 200


@pytest.mark.parametrize("rest", ["/settings", "/status", "/referrers/add/manually", "/syncs/new"])
def test_it_does_not_let_viewers_change(viewer: Client, campaign: Campaign, rest: str) -> None:
    answer = viewer.post(at(campaign, rest), {"name": "Mine", "status": "paused", "email": "a@example.com"})
    assert answer.status_code == 403
    assert "You can look, but not change this" in answer.content.decode()
    campaign.refresh_from_db()
    assert (campaign.name, campaign.status, campaign.referrers_count) == ("Spring", "live", 0)


def test_it_shows_viewers_no_button_they_cannot_press(viewer: Client, campaign: Campaign) -> None:
    page = viewer.get(at(campaign, "/referrers")).content.decode()
    assert "Add referrers" not in page
    assert "No referrers yet" in page


def test_it_hides_other_workspaces(stranger: Client, page: Client, campaign: Campaign, sync: Sync) -> None:
    wizard = Wizard(page, campaign.pk)
    addresses = [
        at(campaign),
        at(campaign, "/referrers"),
        f"/syncs/{public_id('sync', sync.pk)}",
        f"/connections/{public_id('connection', sync.connection_id)}",
        wizard.address("source"),
    ]
    assert [stranger.get(address).status_code for address in addresses] == [404] * 5


@pytest.mark.parametrize("address", ["/campaigns/camp_1", "/runs/sync_" + "0" * 32, "/setup/x/source", "/no"])
def test_it_has_a_page_for_what_is_not_there(page: Client, address: str) -> None:
    answer = page.get(address)
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()


def test_it_refuses_a_form_without_its_token(campaign: Campaign, alice: object) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(), backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = strict.post("/campaigns/new", {"name": "X"})
    assert answer.status_code == 403
    assert "Please send that once more" in answer.content.decode()


def test_it_keeps_the_theme_in_a_cookie(client: Client, db: None) -> None:
    answer = client.post("/preferences/theme", {"theme": "dark", "next": "https://evil.example.com/"})
    assert (answer["Location"], answer.cookies["theme"].value) == ("/", "dark")
    assert 'data-theme="dark"' in client.get("/accounts/login/").content.decode()


def test_it_reloads_the_page_instead_of_putting_sign_in_into_a_fragment(client: Client, sync: Sync) -> None:
    answer = client.get(f"/syncs/{public_id('sync', sync.pk)}", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")
