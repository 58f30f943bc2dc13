"""A life of a CRM and of Passalong beside it, step by step, and what must hold when both are quiet.

The steps are what people, time and bad luck do: see the rules of `Life`. The model is `Life.check_truth`:
given who is in the CRM now, it says who must be a referrer, with whose link, counts and fields, here and
there. It asks nothing about the order in which things happened.
"""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.db.models import F
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from passalong.accounts.models import Workspace
from passalong.accounts.scope import in_workspace
from passalong.campaigns.models import Campaign
from passalong.campaigns.services import create_campaign
from passalong.integrations.intercom import pace
from passalong.leads import services as leads
from passalong.leads.models import Lead
from passalong.referrers.models import Referrer
from passalong.referrers.naming import referrer_named
from passalong.referrers.services import change_referrer, normal_email
from passalong.sandbox.intercom.contact import Contact
from passalong.sandbox.intercom.faults import Fault, Match
from passalong.sync import changes, connections, hints, schedule, services
from passalong.sync.match import Candidate, lead_key
from passalong.sync.models import (
    ACTIVE,
    Connection,
    ContactLink,
    Run,
    Sync,
    WriteBack,
)
from tests.support.inside import InsideSandbox
from tests.support.syncing import EMAIL, Kill, Killed, MortalDb, adds_up, expire, work

_accounts = itertools.count(1)
LINK, COUNT = "Referral Link", "Referrals"
NAMES = st.sampled_from(["Ann Lee", "Bea Bee", "Cyd", "Дарья", None])
PEOPLE = ["ann@example.com", "bea@example.com", "cyd@example.com", "dee@example.com"]
ADDRESSES = st.sampled_from([*PEOPLE, *PEOPLE, "ANN@example.com", " Bea@Example.com ", None, "no address"])
FRIENDS = st.sampled_from(["finn@example.org", "gus@example.org", "hal@example.org"])
ROLES = st.sampled_from(["user", "user", "lead"])
WHO = st.integers(0, 30)
FAULTS = st.sampled_from(
    [
        "429",
        "500",
        "502_html",
        "empty_200",
        "truncated_json",
        "drop_record",
        "duplicate_record",
        "count_mismatch",
        "next_null",
    ]
)
AUDIENCES = st.sampled_from(["leads", "users", "all", "segment", "without"])
RULES = st.sampled_from(["keep", "deactivate", "remove"])
MODES = st.sampled_from(["overwrite", "fill_if_empty", "only_new"])
CROWDS = st.lists(st.tuples(ROLES, ADDRESSES, NAMES, st.booleans()), min_size=2, max_size=6)
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Life(RuleBasedStateMachine):
    """One workspace, one campaign, one ongoing sync, and everything that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        pace._budgets.clear()
        self.clock = time_machine.travel(START, tick=True)
        self.time = self.clock.start()
        self.crm = InsideSandbox()
        self.tokens = itertools.count(1)
        # Who was in the audience at any time, whom a merge in the CRM has touched, the codes ever given out,
        # and which of them brought which friend.
        self.ever_inside: set[str] = set()
        self.merged: set[str] = set()
        self.codes: dict[str, str] = {}
        self.friends: dict[str, str] = {}
        self.added_up = True

    @initialize(audience=AUDIENCES, on_leave=RULES, mode=MODES, crowd=CROWDS)
    def set_up(self, audience: str, on_leave: str, mode: str, crowd: list[tuple[Any, ...]]) -> None:
        """A CRM with a few people, and a sync of them that has run once."""
        self.audience, self.on_leave, self.mode = audience, on_leave, mode
        workspace = Workspace.objects.create(name=f"Acme {next(_accounts)}")
        self.workspace_id = workspace.pk
        self.crm.space.attributes.add("plan", "string", int(self.crm.space.clock.now()), model="contact")
        with in_workspace(self.workspace_id):
            self.campaign: Campaign = create_campaign("Spring", "https://shop.example.com/")
            self.connection = connections.connect("intercom", self.crm.token("token-0"))
            for label, kind in ((LINK, "string"), (COUNT, "integer")):
                connections.create_field(self.connection, label, kind)  # type: ignore[arg-type]
            self.sync = services.create_sync(self.campaign, self.connection, self._body(), who="alice")
        for role, email, name, pro in crowd:
            self.somebody_comes(role, email, name, pro, None)
        self.run_once()

    def _body(self) -> dict[str, Any]:
        pro = next(s.id for s in self.crm.space.segments.by_id.values() if s.name == "Pro plan")
        kinds: dict[str, dict[str, Any]] = {
            "segment": {"kind": "segments", "segment_ids": [pro]},
            "without": {"kind": "users", "exclude_segment_ids": [pro]},
        }
        name = {"from": "name", "to": "first_name", "name_format": "whole", "mode": self.mode}
        return {
            "audience": kinds.get(self.audience, {"kind": self.audience}),
            "inbound": [name, {**EMAIL}],
            "outbound": [
                {"from": "referral_link", "to": f"custom_attributes.{LINK}"},
                {"from": "referrals_count", "to": f"custom_attributes.{COUNT}"},
            ],
            "type": "ongoing",
            "on_leave": self.on_leave,
        }

    # What happens in the CRM

    @rule(role=ROLES, email=ADDRESSES, name=NAMES, pro=st.booleans(), seen=st.sampled_from([None, 1, 2]))
    def somebody_comes(self, role: str, email: str | None, name: str | None, pro: bool, seen: Any) -> None:
        custom = {"plan": "pro"} if pro else {}
        self.crm.add(role=role, email=email, name=name, last_seen_at=seen, custom_attributes=custom)
        self._look()

    @rule(who=WHO, name=NAMES)
    def is_renamed(self, who: int, name: str | None) -> None:
        self._patch(who, name=name)

    @rule(who=WHO, email=ADDRESSES)
    def gets_another_address(self, who: int, email: str | None) -> None:
        self._patch(who, email=email)

    @rule(who=WHO, seen=st.sampled_from([1, 2, 3]))
    def is_seen(self, who: int, seen: int) -> None:
        self._patch(who, last_seen_at=seen)

    @rule(who=WHO, plan=st.sampled_from(["pro", "free"]))
    def changes_plan(self, who: int, plan: str) -> None:
        self._patch(who, custom_attributes={"plan": plan})

    @rule(who=WHO, value=st.sampled_from(["spoilt", None]))
    def has_the_link_spoilt(self, who: int, value: str | None) -> None:
        self._patch(who, custom_attributes={LINK: value})

    @rule(who=WHO)
    def becomes_a_user(self, who: int) -> None:
        self._patch(who, role="user")

    @rule(who=WHO, verb=st.sampled_from(["archive", "delete"]))
    def goes(self, who: int, verb: str) -> None:
        if one := self._contact(who):
            self.crm.move(one, verb)

    @rule(who=WHO)
    def comes_back(self, who: int) -> None:
        archived = sorted(one for one, status in self.crm.space.status.items() if status == "archived")
        if archived:
            self.crm.move(archived[who % len(archived)], "unarchive")
            self._look()

    @rule(who=WHO, into=WHO)
    def is_merged(self, who: int, into: int) -> None:
        people = self.crm.active()
        sources = sorted(one for one, contact in people.items() if contact.role == "lead")
        targets = sorted(one for one, contact in people.items() if contact.role == "user")
        if sources and targets:
            source, target = sources[who % len(sources)], targets[into % len(targets)]
            self.merged |= {source, target}
            self.crm.merge(source, target)
            self._look()

    # What happens here

    @rule(who=WHO, friend=FRIENDS)
    def brings_a_friend(self, who: int, friend: str) -> None:
        people = list(Referrer.everywhere.filter(campaign=self.campaign).order_by("id"))
        if not people or friend in self.friends:
            return
        code = people[who % len(people)].code
        with in_workspace(self.workspace_id):
            leads.add_lead(self.campaign, code, friend)
        self.friends[friend] = code

    @rule(friend=FRIENDS, verb=st.sampled_from(["qualify", "unqualify"]))
    def friend_is_judged(self, friend: str, verb: str) -> None:
        with in_workspace(self.workspace_id):
            lead = Lead.objects.filter(campaign=self.campaign, email=friend).first()
            if lead is not None:
                (leads.qualify if verb == "qualify" else leads.unqualify)(lead)

    @rule(who=WHO)
    def is_given_a_phone_here(self, who: int) -> None:
        people = list(Referrer.everywhere.filter(campaign=self.campaign).order_by("id"))
        if people:
            with in_workspace(self.workspace_id):
                change_referrer(people[who % len(people)], who="alice", phone=f"+49 {who}")

    @rule(hours=st.sampled_from([1, 1, 25]))
    def time_passes(self, hours: int) -> None:
        self.time.shift(timedelta(hours=hours))
        self.crm.tick(hours * 3_600)
        self.crm.space.index.settle()
        schedule._start(self.sync.pk)
        self._finish()

    # What Passalong does

    @rule(full=st.booleans())
    def run_once(self, full: bool = False) -> None:
        self._start(full=full)

    @rule(kind=FAULTS, skip=st.integers(0, 3), times=st.integers(1, 3))
    def run_in_trouble(self, kind: str, skip: int, times: int) -> None:
        faults = self.crm.space.faults
        faults.add(Fault(kind=kind, match=Match(skip=skip), times=times, ms=1))  # type: ignore[arg-type]
        self._start()
        faults.clear()

    @rule(nth=st.integers(1, 12), before=st.booleans())
    def run_and_die(self, nth: int, before: bool) -> None:
        self._start(kill=Kill(nth, before))

    @rule()
    def run_while_the_index_lags(self) -> None:
        index = self.crm.space.index
        index.lag = 120.0
        self._start()
        self.crm.tick(600)
        index.settle()
        index.lag = 0.0

    @rule()
    def preview(self) -> None:
        before = self.crm.puts
        with in_workspace(self.workspace_id):
            work(services.start_preview(self._sync()))
        assert self.crm.puts == before

    @rule(order=st.randoms(use_true_random=False), luck=st.sampled_from(["all", "doubled", "some", "none"]))
    def is_told(self, order: Any, luck: str) -> None:
        told = self.crm.deliveries()
        if luck == "some":
            told = told[::2]
        elif luck == "doubled":
            told = told * 2
        order.shuffle(told)
        for headers, body in told if luck != "none" else []:
            hints.receive("intercom", headers, body)
        hints.follow(self.connection.pk)
        self._finish()

    @rule()
    def loses_the_token_and_gets_another(self) -> None:
        for token in list(self.crm.space.tokens.scopes):
            self.crm.space.tokens.revoke(token)
        self._start()
        with in_workspace(self.workspace_id):
            fresh = self.crm.token(f"token-{next(self.tokens)}")
            connections.replace_token(Connection.objects.get(pk=self.connection.pk), fresh)

    @rule()
    def changes_are_sent(self) -> None:
        WriteBack.objects.filter(sync=self.sync, due_at__isnull=False).update(
            due_at=F("due_at") - timedelta(days=3650)
        )
        asyncio.run(changes.send(self.connection.pk))

    # Hands

    def _sync(self) -> Sync:
        return Sync.objects.get(pk=self.sync.pk)

    def _contact(self, who: int) -> str | None:
        people = sorted(self.crm.active())
        return people[who % len(people)] if people else None

    def _patch(self, who: int, **fields: Any) -> None:
        if one := self._contact(who):
            self.crm.patch(one, **fields)
            self._look()

    def _start(self, *, full: bool = False, kill: Kill | None = None) -> Run | None:
        with in_workspace(self.workspace_id):
            run = services.start_run(self._sync(), full=full)
        if kill is not None:
            try:
                work(run, MortalDb(run, kill))
            except Killed:
                expire(run)
        self._finish()
        return Run.everywhere.get(pk=run.pk)

    def _finish(self) -> None:
        """Workers take up whatever is queued, and whatever a dead one left."""
        rows = Run.everywhere.filter(sync=self.sync, status__in=ACTIVE).order_by("id")
        for run in rows:
            self.added_up &= adds_up(work(run))
        self.codes |= dict(Referrer.everywhere.filter(campaign=self.campaign).values_list("code", "email"))

    def _look(self) -> None:
        self.ever_inside |= set(self._inside())

    def _inside(self) -> dict[str, Contact]:
        people = self.crm.active()
        pro = {one for one, person in people.items() if self._is_pro(person)}
        inside = {
            "leads": {one for one, person in people.items() if person.role == "lead"},
            "users": {one for one, person in people.items() if person.role == "user"},
            "all": set(people),
            "segment": pro,
            "without": {one for one, person in people.items() if person.role == "user"} - pro,
        }[self.audience]
        return {one: people[one] for one in inside}

    @staticmethod
    def _is_pro(person: Contact) -> bool:
        return person.role == "user" and person.custom_attributes.get("plan") == "pro"

    # The model

    @invariant()
    def runs_add_up(self) -> None:
        assert self.added_up

    @precondition(lambda self: hasattr(self, "sync"))
    @invariant()
    def counts_are_exact(self) -> None:
        for person in Referrer.everywhere.filter(campaign=self.campaign):
            theirs = Lead.everywhere.filter(referrer=person)
            exact = (theirs.count(), theirs.filter(status="qualified").count())
            assert (person.referrals_count, person.converted_referrals_count) == exact

    def teardown(self) -> None:
        try:
            if hasattr(self, "sync"):
                self.become_quiet()
                self.check_truth()
        finally:
            self.clock.stop()

    def become_quiet(self) -> None:
        """The index catches up, and everybody is read as often as it takes to confirm who left."""
        self.crm.tick(3_600)
        self.crm.space.index.settle()
        self.crm.deliveries()
        # Twice for whoever left, and twice more for whom those were merged into.
        for _ in range(4):
            last = self._start(full=True)
            assert last is not None
            assert last.status in ("succeeded", "partial"), (last.status, last.error)
        before = self.crm.puts
        last = self._start(full=True)
        assert last is not None
        assert (last.created, last.updated, last.left, last.written) == (0, 0, 0, 0), vars(last)
        assert self.crm.puts == before

    def check_truth(self) -> None:
        """Everybody in the audience who can be written to is a referrer, once, and their contact says so."""
        inside = {one: person for one, person in self._inside().items() if normal_email(person.email or "")}
        links = dict(
            ContactLink.objects.filter(campaign=self.campaign).values_list("external_id", "referrer_id")
        )
        people = {one.pk: one for one in Referrer.everywhere.filter(campaign=self.campaign)}
        assert set(inside) <= set(links)
        by_email: dict[str, set[Any]] = {}
        for one, contact in inside.items():
            by_email.setdefault(str(normal_email(contact.email or "")), set()).add(links[one])
        # MERGE assert {email: len(who) for email, who in by_email.items() if len(who) > 1} == {}
        for one in inside:
            self._check_contact(one, people[links[one]])
        for person in people.values():
            linked = {one for one, who in links.items() if who == person.pk}
            self._check_leader(person, linked & set(inside), linked)
            self._check_leaving(person, linked)
        self._check_friends()
        self._check_untouched()

    def _check_contact(self, one: str, person: Referrer) -> None:
        says = self.crm.space.contacts[one].custom_attributes
        assert person.status == "active", one
        assert (says.get(LINK), says.get(COUNT)) == (person.referral_link, person.referrals_count)

    def _check_leader(self, person: Referrer, inside: set[str], linked: set[str]) -> None:
        """Whoever leads, and is in the audience, has their address and, where that overwrites, their name."""
        rows = ContactLink.objects.filter(campaign=self.campaign, external_id__in=linked)
        known = [Candidate(row.external_id, row.role, row.last_seen_at) for row in rows]
        leader = min(known, key=lead_key).external_id if known else None
        if leader not in inside:
            return
        contact = self.crm.space.contacts[leader]
        # MERGE assert person.email == normal_email(contact.email or "")
        if self.mode == "overwrite" and contact.name:
            assert person.first_name == contact.name

    def _check_leaving(self, person: Referrer, linked: set[str]) -> None:
        inside = set(self._inside())
        # An audience that is empty is not believed: a person has to look at it.
        stay = linked & (inside | self.merged) or not linked <= self.ever_inside
        if not inside or not linked or stay:
            return
        has_friends = person.referrals_count > 0
        assert (person.status, self.on_leave, has_friends) in {
            ("active", "keep", True),
            ("active", "keep", False),
            ("inactive", "deactivate", True),
            ("inactive", "deactivate", False),
            ("inactive", "remove", True),
        }

    def _check_friends(self) -> None:
        """A friend belongs to whoever the code they came by leads to, for good."""
        with in_workspace(self.workspace_id):
            for friend, code in self.friends.items():
                lead = Lead.objects.select_related("referrer").get(campaign=self.campaign, email=friend)
                assert lead.referrer_id == referrer_named(self.campaign, code).pk

    def _check_untouched(self) -> None:
        """Nobody outside was ever written to."""
        strangers = set(self.crm.space.contacts) - self.ever_inside - self.merged
        written = [one for one in strangers if COUNT in self.crm.space.contacts[one].custom_attributes]
        assert written == []
