"""A week of hourly runs over a CRM of which 1 % changes a day: is the end the truth, and at what price?"""

import argparse
import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from _bench import figure, machine, product

START = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
HOURS = 7 * 24
INBOUND = [
    {"from": "name", "to": "first_name", "name_format": "whole"},
    {"from": "email", "to": "email"},
]


def main() -> None:
    """Print one line a figure."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--contacts", type=int, default=20_000)
    ask.add_argument("--daily-percent", type=float, default=1.0)
    ask.add_argument("--audience", choices=("all", "users", "leads"), default="all")
    ask.add_argument("--seed", type=int, default=1)
    options = ask.parse_args()
    machine()
    with product(), time_machine.travel(START, tick=True) as clock:
        measure(options, clock)


def measure(options: Any, clock: Any) -> None:
    """The look-alike runs in this process, so that both clocks can be moved."""
    from tests.support.inside import InsideSandbox

    from passalong.accounts.scope import in_workspace
    from passalong.accounts.services import set_up
    from passalong.sandbox.intercom.people import populate

    crm = InsideSandbox()
    populate(crm.space, options.contacts)
    member, _ = set_up("bench@example.com", "Bench")
    with in_workspace(member.workspace_id):
        sync = make_sync(crm, options.audience)
        week(sync, crm, clock, options)
        compare(sync, crm, options.audience)


def make_sync(crm: Any, audience: str) -> Any:
    """An ongoing sync without a way back, so that every change is the week's."""
    from passalong.campaigns.services import create_campaign
    from passalong.sync import connections, services

    campaign = create_campaign("Bench", "https://example.com/")
    connection = connections.connect("intercom", crm.token("bench"))
    body = {"audience": {"kind": audience}, "inbound": INBOUND, "outbound": [], "type": "ongoing"}
    return services.create_sync(campaign, connection, body, who="bench")


def week(sync: Any, crm: Any, clock: Any, options: Any) -> None:
    """An hour passes, some people change, the sync runs; two clocks, one week."""
    chance = random.Random(options.seed)  # noqa: S311 - repeatable, not secret
    first = one_run(sync)
    figure("first run: contacts read", f"{first.read:,}")
    figure("first run: API calls", f"{first.api_calls:,}")
    hourly = options.contacts * options.daily_percent / 100 / 24
    kinds: Counter[str] = Counter()
    calls: list[int] = []
    worst = 0.0
    owed = 0.0
    changed_in_all = 0
    for _ in range(HOURS):
        clock.shift(timedelta(hours=1))
        crm.tick(3_600)
        owed += hourly
        changed = int(owed)
        owed -= changed
        changed_in_all += changed
        for _ in range(changed):
            change(crm, chance)
        run = one_run(sync)
        assert run.status == "succeeded", (run.status, run.error)
        if run.since is None:
            kinds["whole"] += 1
            continue
        kinds["changes only"] += 1
        calls.append(run.api_calls)
        worst = max(worst, run.api_calls / (1.3 * (changed / 150 + 3)))
    figure("runs over everybody, once a day", str(kinds["whole"]))
    figure("runs over what changed", str(kinds["changes only"]))
    figure("contacts changed in all", f"{changed_in_all:,}")
    figure("API calls of those runs, most", str(max(calls)))
    figure("API calls of those runs, mean", sum(calls) / len(calls))
    figure("most of the limit 1.3 * (changed / 150 + 3)", worst * 100, "%")


def change(crm: Any, chance: random.Random) -> None:
    """Somebody new, somebody gone, or somebody with another name."""
    drawn = chance.random()
    if drawn < 0.1:
        number = len(crm.space.contacts)
        crm.add(role=chance.choice(["user", "lead"]), email=f"new{number}@example.com", name=f"New {number}")
        return
    ids = list(crm.space.index.docs)
    one = chance.choice(ids)
    if drawn < 0.15:
        crm.move(one, "archive")
    else:
        crm.patch(one, name=f"Renamed {chance.randrange(10_000)}")


def one_run(sync: Any) -> Any:
    """Queued and conducted here."""
    from passalong.sync import services
    from passalong.sync.models import Run, Sync
    from passalong.sync.run import conduct

    run = services.start_run(Sync.objects.get(pk=sync.pk))
    asyncio.run(conduct(run.pk))
    return Run.objects.get(pk=run.pk)


def compare(sync: Any, crm: Any, audience: str) -> None:
    """Whether every contact of the audience that leads a referrer has its name here."""
    from passalong.referrers.services import normal_email
    from passalong.sync.models import ContactLink

    roles = {"users": ("user",), "leads": ("lead",)}.get(audience, ("user", "lead"))
    rows = ContactLink.objects.filter(campaign=sync.campaign_id).values_list(
        "external_id", "referrer__email", "referrer__first_name"
    )
    here = {one: (email, name) for one, email, name in rows}
    wrong = missing = 0
    by_email: Counter[str] = Counter()
    people = [person for person in crm.active().values() if person.role in roles]
    for person in people:
        by_email[normal_email(person.email or "") or ""] += 1
    for person in people:
        email = normal_email(person.email or "")
        if email is None or person.marked_email_as_spam:
            continue
        if person.id not in here:
            missing += 1
        elif by_email[email] == 1 and person.name and here[person.id] != (email, _as_mapped(person.name)):
            wrong += 1
    figure("contacts in the audience", f"{len(people):,}")
    figure("of them missing here", str(missing))
    figure("of them with another name or address here", str(wrong))


def _as_mapped(name: str) -> str:
    """The name as a map in gives it: blanks and line breaks are single blanks."""
    return " ".join(name.split())


if __name__ == "__main__":
    main()
