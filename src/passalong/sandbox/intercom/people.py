"""Fills a workspace with people, attributes and tags: the same for the same seed and base time."""

from __future__ import annotations

import random
from typing import Any

from passalong.sandbox.intercom.cast import CAST
from passalong.sandbox.intercom.clock import DAY
from passalong.sandbox.intercom.contact import NOWHERE, Contact, domain_of
from passalong.sandbox.intercom.state import ADMINS, ARCHIVED, BLOCKED, DELETED, MERGED, Merge, Workspace

_FIRST = [
    "Ada",
    "Aisha",
    "Amir",
    "Anna",
    "Arjun",
    "Beatriz",
    "Carlos",
    "Chen",
    "Chloe",
    "Dana",
    "Diego",
    "Elena",
    "Emeka",
    "Eva",
    "Farid",
    "Fiona",
    "Gabriel",
    "Grace",
    "Hana",
    "Hugo",
    "Ines",
    "Ivan",
    "Jana",
    "Joao",
    "Kenji",
    "Kofi",
    "Lars",
    "Leila",
    "Liam",
    "Lucia",
    "Maya",
    "Mei",
    "Mila",
    "Noah",
    "Nora",
    "Olga",
    "Omar",
    "Priya",
    "Quinn",
    "Rosa",
    "Sami",
    "Sofia",
    "Tariq",
    "Tess",
    "Uma",
    "Vera",
    "Wei",
    "Xavier",
    "Yara",
    "Zane",
]
_LAST = [
    "Abbott",
    "Baker",
    "Castro",
    "Dahl",
    "Evans",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ito",
    "Jensen",
    "Kaya",
    "Lopez",
    "Moreau",
    "Novak",
    "Okafor",
    "Patel",
    "Quist",
    "Rossi",
    "Silva",
    "Tanaka",
    "Ueda",
    "Vargas",
    "Weber",
    "Xu",
    "Yilmaz",
    "Zhang",
]
_DOMAINS = ["example.com", "example.org", "example.net", "mail.example.com", "shop.example.org"]
_SCRIPTS = [
    "נועה לוי",
    "王芳",
    "田中 さくら",
    "Ольга",
    "Þóra",
    "🚀 Rocket",
    "Smith, J.",
    '"Ace" Lin',
    "<b>Kim</b>",
]
_AGENTS = [("chrome", "130.0", "Windows"), ("safari", "18.1", "OS X"), ("firefox", "132.0", "Linux")]
_PLANS = ["free", "free", "free", "pro", "pro", "enterprise"]
_PLACES = [
    {
        **NOWHERE,
        "country": country,
        "region": region,
        "city": city,
        "country_code": code,
        "continent_code": part,
    }
    for country, region, city, code, part in [
        ("United States", "California", "San Francisco", "USA", "NA"),
        ("Israel", "Tel Aviv", "Tel Aviv-Yafo", "ISR", "AS"),
        ("Germany", "Berlin", "Berlin", "DEU", "EU"),
        ("Japan", "Tokyo", "Tokyo", "JPN", "AS"),
    ]
]

_INSERTED = 0.08  # of all came with one of three imports, hundreds in the same second
_OLDEST = 3 * 365  # days


def populate(space: Workspace, count: int) -> None:
    """`count` listed contacts, and on top a few that are archived, blocked, deleted or merged away."""
    rng = random.Random(f"people:{space.seed}")  # noqa: S311 - repeatable, not secret
    _attributes(space)
    tags = [space.add_tag(name) for name in ("VIP", "Newsletter", *(f"Label {n}" for n in range(1, 13)))]
    imports = [space.clock.base - days * DAY - 4321 for days in (14, 90, 420)]
    cast = CAST[: count if count < len(CAST) else None]
    for number, entry in enumerate(cast):
        space.insert(_character(space, entry, number))
    for number in range(len(cast), count):
        space.insert(_person(space, rng, number, imports))
    _tagged(space, rng, tags)
    if count:
        _gone(space, rng, count, imports)


def _attributes(space: Workspace) -> None:
    """One of each type, some that nobody has, one archived, one of companies (§5)."""
    add, at = space.attributes.add, space.clock.base - 300 * DAY
    add("plan", "string", at, description="Subscription")
    add("team_size", "integer", at)
    add("lifetime_value", "float", at)
    add("newsletter", "boolean", at)
    add("renewal_date", "date", at)
    add("favourite_colour", "options", at, options=["red", "green", "blue"])
    add("Never Set", "string", at)
    add("Beta Tester", "boolean", at)
    add("old_score", "integer", at, archived=True)
    add("Industry", "string", at, model="company")


def _character(space: Workspace, entry: dict[str, Any], number: int) -> Contact:
    base = space.clock.base
    created = base - int(entry["created"] * DAY)
    seen = None if entry["seen"] is None else base - int(entry["seen"] * DAY)
    user = entry["role"] == "user"
    return Contact(
        id=space.new_id(created),
        workspace_id=space.id_code,
        external_id=f"cast-{number}" if user else space.new_uuid(),
        role=entry["role"],
        email=entry["email"],
        email_domain=domain_of(entry["email"]),
        name=entry["name"],
        avatar=entry.get("avatar"),
        has_hard_bounced=entry.get("bounced", False),
        marked_email_as_spam=entry.get("spam", False),
        unsubscribed_from_emails=entry.get("unsubscribed", False),
        created_at=created,
        updated_at=seen or created,
        signed_up_at=created if user else None,
        last_seen_at=seen,
        custom_attributes={"plan": "pro" if number % 3 == 0 else "free"} if user else {},
    )


def _person(space: Workspace, rng: random.Random, number: int, imports: list[int]) -> Contact:
    base, user = space.clock.base, rng.random() < 0.65
    created, seen = _times(rng, base, imports)
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    browser, browser_version, system = rng.choice(_AGENTS)
    email = _email(rng, first, last, number, user=user)
    return Contact(
        id=space.new_id(created),
        workspace_id=space.id_code,
        external_id=_external(space, rng, number, user=user),
        role="user" if user else "lead",
        email=email,
        email_domain=domain_of(email),
        phone=f"+1555{number % 10_000_000:07d}" if rng.random() < 0.3 else None,
        name=_name(rng, first, last),
        owner_id=ADMINS[0] if rng.random() < 0.1 else None,
        has_hard_bounced=rng.random() < 0.01,
        marked_email_as_spam=rng.random() < 0.005,
        unsubscribed_from_emails=rng.random() < 0.04,
        created_at=created,
        updated_at=max(created, seen or 0),
        signed_up_at=created if user else None,
        last_seen_at=seen,
        last_email_opened_at=seen if rng.random() < 0.2 else None,
        browser=browser if seen else None,
        browser_version=browser_version if seen else None,
        browser_language="en" if seen else None,
        os=system if seen else None,
        location=rng.choice(_PLACES) if rng.random() < 0.6 else NOWHERE,
        utm_source="newsletter" if rng.random() < 0.05 else None,
        custom_attributes=_values(rng, base, user=user),
    )


def _external(space: Workspace, rng: random.Random, number: int, *, user: bool) -> str | None:
    """Leads get a UUID by themselves; a few users never got an id (§3.5)."""
    if not user:
        return space.new_uuid()
    return None if rng.random() < 0.02 else f"u-{space.seed}-{number}"


def _times(rng: random.Random, base: int, imports: list[int]) -> tuple[int, int | None]:
    """Created and last seen: half are active, a sixth slipping away, a fifth were never seen."""
    if rng.random() < _INSERTED:
        created = rng.choice(imports)
    elif rng.random() < 0.06:
        created = base - rng.randrange(7 * DAY)
    else:
        created = base - 7 * DAY - rng.randrange(_OLDEST * DAY)
    part = rng.random()
    if part < 0.5:
        seen = base - rng.randrange(30 * DAY)
    elif part < 0.65:
        seen = base - 30 * DAY - rng.randrange(30 * DAY)
    elif part < 0.8:
        seen = base - 60 * DAY - rng.randrange(600 * DAY)
    else:
        return created, None
    return created, max(seen, created)


def _name(rng: random.Random, first: str, last: str) -> str | None:
    part = rng.random()
    if part < 0.88:
        return f"{first} {last}"
    if part < 0.93:
        return first
    return None if part < 0.96 else rng.choice(_SCRIPTS)


def _email(rng: random.Random, first: str, last: str, number: int, *, user: bool) -> str | None:
    """Mostly their own; some share one with an earlier person, in other letters and with other spaces."""
    part = rng.random()
    if not user and part < 0.12:
        return None
    if part < 0.97:
        return f"{first}.{last}{number}@{rng.choice(_DOMAINS)}".lower()
    if part < 0.99:
        shared = f"shared{rng.randrange(max(number // 50, 1))}@{_DOMAINS[0]}"
        return rng.choice([shared, shared.upper(), f" {shared}", f"{shared} ", shared.title()])
    return rng.choice([f"{first}@", f"{first} {last}@example.com", f"{first}.example.com", f"@{last}"])


def _values(rng: random.Random, base: int, *, user: bool) -> dict[str, Any]:
    """Only keys that were ever set; one that was cleared stays as null (§3.1)."""
    values: dict[str, Any] = {}
    if user or rng.random() < 0.1:
        values["plan"] = rng.choice(_PLANS)
    if rng.random() < 0.4:
        values["team_size"] = rng.randrange(1, 500)
    if user and rng.random() < 0.3:
        values["lifetime_value"] = rng.randrange(100_000) / 100
        values["renewal_date"] = base + rng.randrange(-100, 365) * DAY
    if rng.random() < 0.3:
        values["newsletter"] = rng.random() < 0.5
    if rng.random() < 0.1:
        values["favourite_colour"] = rng.choice(["red", "green", "blue", None])
    return values


def _tagged(space: Workspace, rng: random.Random, tags: list[str]) -> None:
    """Every fifth has one or two tags, and one person all of them: more than an answer shows (§3.1)."""
    at = space.clock.base - 30 * DAY
    for number, contact_id in enumerate(space.contacts):
        if number == 3:
            space.tags_of[contact_id] = dict.fromkeys(tags, at)
        elif number % 5 == 1:
            space.tags_of[contact_id] = dict.fromkeys(rng.sample(tags[:4], rng.choice([1, 2])), at)


def _gone(space: Workspace, rng: random.Random, count: int, imports: list[int]) -> None:
    """Contacts no list shows, among them a lead merged into a user."""
    users = [c for c in space.contacts.values() if c.role == "user"]
    for number in range(max(4, count // 100)):
        contact = _person(space, rng, count + number, imports)
        status = (ARCHIVED, MERGED, BLOCKED, DELETED)[number % 4]
        if status == MERGED and users:
            target = users[number % len(users)]
            contact.role, contact.email = "lead", target.email
            contact.external_id, contact.signed_up_at = space.new_uuid(), None
            space.merged_into[contact.id] = target.id
            space.merges.setdefault(target.id, []).append(Merge(contact.id, "lead", contact.updated_at + 60))
        elif status == MERGED:
            status = ARCHIVED
        space.insert(contact, status)
