"""Addresses that changed in the CRM, once the whole audience is known: who ends with which.

The referrer keeps code and leads and takes the new address. Where that is another referrer's, or two want the
same one, they are one person: merged, and then judged as any group of contacts is. A merge cannot be undone,
so it needs a fresh word of both: an address held by somebody whose contact this run has not read is waited
for. A preview decides the same from the same rows, and writes to its own records only.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from passalong.accounts.scope import in_workspace
from passalong.referrers.merging import merge
from passalong.referrers.models import Referrer
from passalong.referrers.search import search_words, vector
from passalong.sync import rows as sql
from passalong.sync.instruction import Instruction
from passalong.sync.lease import Claim, keep
from passalong.sync.mapping import Values, facts_of, outgoing, values_of
from passalong.sync.match import Candidate, Group, decide, settle_emails
from passalong.sync.models import Outcome, RunRecord
from passalong.sync.upsert import PERSONAL

WANTED = """
SELECT r.external_id, f.id::text, f.email, r.mapped->>'email' FROM sync_runrecord r
JOIN referrers_referrer f ON f.id = r.referrer_id
WHERE r.run_id = %s AND r.outcome = 'updated' AND r.mapped->>'email' <> f.email
ORDER BY r.id
"""
HELD = "SELECT email, id::text FROM referrers_referrer WHERE campaign_id = %s AND lower(email) = ANY(%s)"
# Held by somebody whose contacts in this CRM have not said so in this run: one of them may have moved on.
UNSURE = """
SELECT f.id::text FROM referrers_referrer f WHERE f.id = ANY(%s::uuid[])
    AND EXISTS (SELECT 1 FROM sync_contactlink l WHERE l.referrer_id = f.id AND l.connection_id = %s)
    AND NOT EXISTS (
        SELECT 1 FROM sync_contactlink l, LATERAL (
            SELECT email FROM sync_runrecord WHERE run_id = %s AND external_id = l.external_id OFFSET 0) AS r
        WHERE l.referrer_id = f.id AND l.connection_id = %s AND r.email = f.email)
"""
RECORDS = """
SELECT r.* FROM unnest(%s::uuid[]) AS k(name), LATERAL (
    SELECT "group", external_id, role, last_seen_at, mapped, before, referrer_id::text, outcome, write_back
    FROM sync_runrecord WHERE "group" = k.name OFFSET 0) AS r
"""
CHANGED = """
UPDATE sync_runrecord AS r SET outcome = x.outcome, message = coalesce(x.message, r.message),
    write_back = x.write_back
FROM jsonb_to_recordset(%s::jsonb) AS x(external_id text, outcome text, message text, write_back text)
WHERE r.run_id = %s AND r.external_id = x.external_id
"""
# They are this run's to send, whoever wished for them first.
WISHED = """
UPDATE sync_writeback SET pending = true, run_id = %s, version = version + 1, updated_at = now()
WHERE id IN (
    SELECT id FROM sync_writeback WHERE sync_id = %s AND external_id = ANY(%s)
    ORDER BY external_id FOR NO KEY UPDATE)
"""
# Out of the way of each other, for the moment between two statements.
PARK = "UPDATE referrers_referrer SET email = 'moving-' || id || '@moving.invalid' WHERE id = ANY(%s::uuid[])"
JOINED = (
    "{old} is now the same referrer as {others}, because {crm} has the address {new} for both. "
    "All their links lead to that one from now on. This cannot be undone."
)


IN_USE = (
    "The address {email} is another referrer's here, and this run did not read that contact in {crm}, so "
    "whether they are one person is not known. A run that reads both settles it; if they are one person, "
    "merge the two referrers here."
)


@dataclass
class Changes:
    """Everybody whose address is another one now: contact, referrer, address before and after."""

    rows: list[tuple[str, str, str, str]]

    @property
    def wanted(self) -> dict[str, str]:
        """referrer → new address."""
        return {row[1]: row[3] for row in self.rows}


@dataclass
class One:
    """People who turn out to be one: `members` are referrers with their rows, oldest first; those whom this
    run has made, or would make, are in `fresh` as well."""

    address: str
    members: dict[str, dict[str, Any]]
    records: list[dict[str, Any]]
    absent: list[Candidate]
    fresh: set[str] = field(default_factory=set)

    @property
    def survivor(self) -> str:
        """Who was here first. A preview's newcomers have no row, and come last."""
        return next(iter(self.members))


def settle(held: Claim) -> None:
    """Apply the address changes of a run. Safe to repeat: what was applied is no longer a change."""
    if any(row["to"] == "email" and row["mode"] != "overwrite" for row in held.instruction["inbound"]):
        return
    for last in (False, False, True):
        try:
            with transaction.atomic(), database.cursor() as cursor, in_workspace(held.workspace_id):
                sql.prefer_keys(cursor)
                _Settling(held, cursor).run()
            return
        except IntegrityError:
            # Somebody took one of these addresses between our look and our move: look again.
            if last:
                raise


class _Settling:
    """One look at all changes, in one transaction."""

    def __init__(self, held: Claim, cursor: CursorWrapper) -> None:
        self.held, self.cursor = held, cursor
        self.plan = Instruction.of(held.instruction, held.crm)
        self.counts: Counter[str] = Counter()

    def run(self) -> None:
        changes = Changes(sql.select(self.cursor, WANTED, self.held.run_id))
        if not changes.rows:
            return
        ends, waiting = self._decided(changes)
        if not self.held.preview:
            self._lock(changes, ends, waiting)
        found = [self._one(address, some) for address, some in sorted(ends.items()) if len(some) > 1]
        if not self.held.preview:
            self._move({key: new for key, new in changes.wanted.items() if key not in waiting}, found)
        for one in found:
            self._judge(one, changes)
        self._refuse([row for row in changes.rows if row[1] in waiting])
        keep(self.held, **{name: F(name) + count for name, count in self.counts.items() if count})

    def _holders(self, changes: Changes) -> dict[str, str]:
        """Who has the wanted addresses now; in a preview also those whom the run would make."""
        news = list(changes.wanted.values())
        holders: dict[str, str] = {}
        if self.held.preview:
            keys = {sql.group_id(self.held.run_id, f"e:{email}"): email for email in news}
            holders = {keys[row["group"]]: f"e:{keys[row['group']]}" for row in self._records(list(keys))}
        holders.update(sql.select(self.cursor, HELD, self.held.sync.campaign_id, news))
        return holders

    def _decided(self, changes: Changes) -> tuple[dict[str, set[str]], set[str]]:
        holders = self._holders(changes)
        people = [one for one in holders.values() if not one.startswith("e:")]
        connection, run = self.held.connection.pk, self.held.run_id
        unsure = {row[0] for row in sql.select(self.cursor, UNSURE, people, connection, run, connection)}
        return settle_emails(changes.wanted, holders, unsure)

    def _lock(self, changes: Changes, ends: Mapping[str, Collection[str]], waiting: set[str]) -> None:
        """Nobody else changes these people from now on; whoever did meanwhile makes us look again."""
        people = sorted({*changes.wanted, *(one for some in ends.values() for one in some)})
        sql.lock_referrers(self.cursor, people)
        again = Changes(sql.select(self.cursor, WANTED, self.held.run_id))
        if again != changes or self._decided(again) != (ends, waiting):
            raise IntegrityError

    def _records(self, names: list[str]) -> list[dict[str, Any]]:
        columns = ("group", "external_id", "role", "last_seen_at", "mapped", "before", "referrer", "outcome")
        rows = [
            dict(zip((*columns, "write_back"), row, strict=True))
            for row in sql.select(self.cursor, RECORDS, names)
        ]
        for row in rows:
            row["group"] = row["group"].hex
            row["mapped"], row["before"] = sql.decoded(row["mapped"]), sql.decoded(row["before"])
        return rows

    def _one(self, address: str, people: Collection[str]) -> One:
        """Everything that is known of people who are one."""
        ids = sorted(one for one in people if not one.startswith("e:"))
        rows = {row["id"]: row for row in sql.referrers(self.cursor, self.held.sync.campaign_id, [], ids)}
        newcomer = f"e:{address}"
        keys = {sql.group_id(self.held.run_id, key): key for key in [*(f"r:{one}" for one in ids), newcomer]}
        records, fresh = self._records(list(keys)), set()
        for row in records:
            if keys[row["group"]] == newcomer:
                row["referrer"] = row["referrer"] or newcomer
                fresh.add(row["referrer"])
            else:
                row["referrer"] = keys[row["group"]][2:]
        records = [row for row in records if row["referrer"] in people]
        unmade = {one: _nobody(address) for one in people if one.startswith("e:")}
        linked = sql.links_of_referrers(self.cursor, self.held.run_id, self.held.connection.pk, ids)
        absent = [Candidate(contact, role, seen) for _one, contact, role, seen in linked]
        return One(address, {**{one: rows[one] for one in ids}, **unmade}, records, absent, fresh)

    def _judge(self, one: One, changes: Changes) -> None:
        """The leading contact speaks for all of them, as it would in any group."""
        base = self._base(one)
        met = [
            Candidate(row["external_id"], row["role"], row["last_seen_at"], row["mapped"])
            for row in one.records
        ]
        verdict = decide(self.plan.inbound, Group(base, [*met, *one.absent]))
        if not self.held.preview:
            self._save(one, {**base, **(verdict.values or {}), "email": one.address})
        facts = self._facts_after(one)
        said = {row[0]: self._said(one, row) for row in changes.rows}
        wished = []
        for row in one.records:
            outcome = verdict.outcomes[row["external_id"]]
            self.counts[row["outcome"]] -= 1
            self.counts[outcome] += 1
            row["message"] = said.get(row["external_id"])
            row["outcome"] = outcome
            if row["write_back"] == "unchanged" and facts != self._facts(one.members[row["referrer"]]):
                row["write_back"] = "pending"
                self.counts["write_backs_due"] += 1
                wished.append(row["external_id"])
        sql.apply(self.cursor, CHANGED, _narrowed(one.records), self.held.run_id)
        if wished and not self.held.preview:
            self.cursor.execute(WISHED, (self.held.run_id, self.held.sync.pk, wished))

    def _base(self, one: One) -> Values:
        """What the referrers were before the run, the gaps of the oldest filled from the next."""
        base: Values = {}
        for referrer, row in one.members.items():
            if referrer in one.fresh:
                continue
            values = values_of(self.plan.targets, row)
            for record in one.records:
                if record["referrer"] == referrer:
                    values |= record["before"] or {}
            base = {key: value if base.get(key) in (None, "") else base[key] for key, value in values.items()}
        return base

    def _said(self, one: One, change: tuple[str, str, str, str]) -> str | None:
        _contact, referrer, old, new = change
        if new != one.address:
            return None
        others = sorted(row["email"] for key, row in one.members.items() if key != referrer)
        return JOINED.format(old=old, others=", ".join(others), new=new, crm=self.held.crm)

    def _refuse(self, rows: list[tuple[str, str, str, str]]) -> None:
        for contact, _referrer, _old, new in rows:
            RunRecord.objects.filter(run=self.held.run_id, external_id=contact).update(
                outcome=Outcome.FAILED,
                reason="email_in_use",
                message=IN_USE.format(email=new, crm=self.held.crm),
            )
        self.counts["updated"] -= len(rows)
        self.counts["failed"] += len(rows)

    # What the CRM is told

    def _facts(self, row: Mapping[str, Any]) -> Values:
        facts = facts_of(row, settings.BASE_URL, self.held.sync.campaign.name)
        return outgoing(self.plan.outbound, self.plan.types, facts)

    def _facts_after(self, one: One) -> Values:
        """As the survivor's facts are once everything is added up."""
        rows = list(one.members.values())
        moments = [row["last_referral_at"] for row in rows if row["last_referral_at"] is not None]
        sums = {
            key: sum(row[key] for row in rows) for key in ("referrals_count", "converted_referrals_count")
        }
        return self._facts({**rows[0], **sums, "last_referral_at": max(moments, default=None)})

    # Writing

    def _move(self, wanted: Mapping[str, str], found: list[One]) -> None:
        """Merge who is one, and give everybody else the address they want."""
        people = [{UUID(one) for one in some.members} for some in found]
        merge(self.held.sync.campaign, people, who=self.held.sync.name)
        merged = {key for one in found for key in one.members}
        moving = {key: email for key, email in wanted.items() if key not in merged}
        self.cursor.execute(PARK, ([*moving, *(one.survivor for one in found)],))
        for referrer in Referrer.objects.filter(pk__in=moving).order_by("pk"):
            self._save_row(referrer, {"email": moving[str(referrer.pk)]})

    def _save(self, one: One, values: Values) -> None:
        self._save_row(Referrer.objects.get(pk=one.survivor), values)

    @staticmethod
    def _save_row(referrer: Referrer, values: Values) -> None:
        for target, value in values.items():
            if target.startswith("fields."):
                referrer.fields[target[7:]] = value
            elif target in PERSONAL:
                setattr(referrer, target, value or "")
        referrer.email = str(values["email"])
        referrer.fields = {key: value for key, value in referrer.fields.items() if value is not None}
        referrer.search = vector(
            search_words(referrer.email, referrer.first_name, referrer.last_name, referrer.code)
        )
        referrer.save(update_fields=["email", *PERSONAL, "fields", "search", "updated_at"])


def _nobody(address: str) -> dict[str, Any]:
    """Somebody whom the run would make. No referrer has this code; it stands for the one a run would draw."""
    counts = dict.fromkeys(("referrals_count", "converted_referrals_count"), 0)
    return {"email": address, "code": "?", "last_referral_at": None, **counts}


def _narrowed(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: row[key] for key in ("external_id", "outcome", "message", "write_back")} for row in records]
