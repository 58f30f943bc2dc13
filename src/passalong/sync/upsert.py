"""Pages of contacts become referrers, links, outcomes, wishes and a checkpoint, in ONE transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from passalong.campaigns.models import Campaign
from passalong.core.ids import new_id_text
from passalong.referrers.codes import new_code
from passalong.referrers.models import Referrer
from passalong.referrers.search import search_words
from passalong.referrers.signals import referrers_created
from passalong.sync import owners
from passalong.sync import rows as sql
from passalong.sync.checkpoints import PageRead, Progress, checkpoint
from passalong.sync.desk import BusyError, Desk, Ticket
from passalong.sync.instruction import Instruction, Judged, left_out
from passalong.sync.lease import Claim, Orders, keep
from passalong.sync.mapping import Values, differs, facts_of, outgoing, same, storable, to_send, values_of
from passalong.sync.match import Candidate, Group, Verdict, decide
from passalong.sync.records import Scalar

PERSONAL = ("first_name", "last_name", "phone")
Links = Mapping[str, tuple[str, str, int | None]]
# Each look that fails means that somebody else changed some of a page's people: one rival may do so often.
LOOKS = 50
COUNTED = ("created", "updated", "unchanged", "duplicate", "skipped", "failed")


class CollisionError(Exception):
    """Somebody else added or removed one of these people, or drew one of these codes. Look again."""


@dataclass(slots=True)
class Known:
    """A group of contacts as it is being worked out. `row` is the referrer as the database has it now."""

    group: Group
    row: dict[str, Any] | None = None
    referrer: str | None = None
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    verdict: Verdict | None = None


def apply_pages(
    held: Claim, plan: Instruction, pages: list[PageRead], api_calls: int, desk: Desk | None = None
) -> Progress:
    """Apply pages and move their checkpoints, or change nothing and raise.

    Applying the same page twice is harmless: contacts this run has met are not counted again. Two calls
    with one `desk` may run at once, for pages of different slices. Raises LeaseLostError when another worker
    has the run.
    """
    desk = desk or Desk()
    looks = LOOKS
    while looks:
        ticket = desk.ticket()
        try:
            with transaction.atomic(), database.cursor() as cursor:
                sql.prefer_keys(cursor)
                sql.commit_early(cursor)
                return _Batch(held, plan, cursor, ticket).run(pages, api_calls)
        except BusyError:
            ticket.close()
            desk.wait()
        except (CollisionError, IntegrityError):
            # Somebody added, or removed, one of these referrers meanwhile.
            looks -= 1
        finally:
            ticket.close()
    raise CollisionError


class _Batch:
    """One transaction's worth of pages."""

    def __init__(self, held: Claim, plan: Instruction, cursor: CursorWrapper, ticket: Ticket) -> None:
        self.held, self.plan, self.cursor, self.ticket = held, plan, cursor, ticket
        self.run_id = held.run_id
        self.campaign_id = held.sync.campaign_id
        self.connection_id = held.connection.pk
        self.counts: Counter[str] = Counter()
        self.key_of: dict[str, str] = {}
        self.made = 0

    def run(self, pages: list[PageRead], api_calls: int) -> Progress:
        fresh, newly_seen = self._fresh(pages)
        if fresh:
            self._apply(self._without_excluded(fresh))
        restart = checkpoint(self.run_id, pages, newly_seen)
        return Progress(orders=self._count(len(fresh), api_calls), restart=restart)

    def _fresh(self, pages: list[PageRead]) -> tuple[dict[str, tuple[Judged, int]], Counter[int]]:
        """Contacts this run has not met, by id, and how many each walk saw for the first time."""
        fresh: dict[str, tuple[Judged, int]] = {}
        newly_seen: Counter[int] = Counter()
        for page in pages:
            ids = page.ids
            if page.exclude:
                newly_seen[page.mark] += sql.add_excluded(self.cursor, self.run_id, ids, page.mark)
                continue
            marks = sql.known_records(self.cursor, self.run_id, ids)
            seen_before = [one for one in ids if marks.get(one) == page.mark]
            elsewhere = [one for one, mark in marks.items() if mark != page.mark]
            if elsewhere:
                sql.remark(self.cursor, self.run_id, elsewhere, page.mark)
            repeats = sum(1 for one in ids if one in fresh and fresh[one][1] == page.mark)
            newly_seen[page.mark] += len(ids) - len(seen_before) - repeats
            for one in page.judged:
                if one.contact.id not in marks:
                    fresh.setdefault(one.contact.id, (one, page.mark))
        return fresh, newly_seen

    def _without_excluded(self, fresh: Mapping[str, tuple[Judged, int]]) -> list[tuple[Judged, int]]:
        if not self.plan.audience.exclude_segment_ids:
            return list(fresh.values())
        excluded = sql.excluded_ids(self.cursor, self.run_id, list(fresh))
        return [
            (left_out(one) if external_id in excluded else one, mark)
            for external_id, (one, mark) in fresh.items()
        ]

    def _apply(self, judged: list[tuple[Judged, int]]) -> None:
        links = sql.links_of_contacts(
            self.cursor, self.campaign_id, self.connection_id, [one.contact.id for one, _ in judged]
        )
        groups = self._groups([one for one, _ in judged], links)
        for known in groups.values():
            if known.group.candidates:
                known.verdict = decide(self.plan.inbound, known.group)
        if not self.held.preview:
            self._save_referrers(groups)
            self._save_links(groups, links)
            referrers_created.send(sender=Referrer, workspace_id=self.held.workspace_id, ids=self.fresh)
        self._change_records(groups)
        wishes = self._wishes([one for one, _ in judged], groups)
        self._add_records(judged, groups, links, wishes)

    # Who belongs together

    def _groups(self, judged: Iterable[Judged], links: Links) -> dict[str, Known]:
        """Every group this page touches, with all its contacts, by group key."""
        usable = [one for one in judged if one.values is not None]
        linked = {links[one.contact.id][0] for one in judged if one.contact.id in links}
        emails = {one.email for one in usable if one.contact.id not in links}
        self.ticket.take([f"e:{email}" for email in emails] + [f"r:{one}" for one in linked])
        members = sql.group_members(
            self.cursor, self.run_id, [f"e:{email}" for email in emails] + [f"r:{one}" for one in linked]
        )
        met = {row["group"] for row in members}
        rows = sql.referrers(self.cursor, self.campaign_id, emails, linked)
        by_email = {row["email"]: row for row in rows}
        found = {row["id"] for row in rows if f"e:{row['email']}" not in met} | linked
        late = [f"r:{one}" for one in found - linked]
        self.ticket.take(late)
        members += sql.group_members(self.cursor, self.run_id, late) if late else []

        self.key_of = {one.contact.id: self._key(one, links, by_email, met) for one in usable}
        keys = {*self.key_of.values(), *(f"r:{one}" for one in linked)}
        by_id = {row["id"]: row for row in rows}
        # Sorted, so that who of one page is older, and survives a merge, is nobody's luck.
        groups = {key: self._known(key, by_id, by_email) for key in sorted(keys)}
        self._gather(groups, members, usable, links)
        return groups

    @staticmethod
    def _key(
        one: Judged,
        links: Links,
        by_email: Mapping[str, dict[str, Any]],
        met: set[str],
    ) -> str:
        """A link decides first; then a referrer that was there before the run; else the email itself."""
        if one.contact.id in links:
            return f"r:{links[one.contact.id][0]}"
        if f"e:{one.email}" in met or one.email not in by_email:
            return f"e:{one.email}"
        return f"r:{by_email[one.email]['id']}"

    def _known(
        self, key: str, by_id: Mapping[str, dict[str, Any]], by_email: Mapping[str, dict[str, Any]]
    ) -> Known:
        if key.startswith("e:"):
            row = by_email.get(key[2:])
            return Known(Group(base=None), row, row["id"] if row else None)
        row = by_id.get(key[2:])
        if row is None:
            raise CollisionError
        return Known(Group(base=self._flat(row)), row, key[2:])

    def _gather(
        self,
        groups: dict[str, Known],
        members: list[dict[str, Any]],
        usable: list[Judged],
        links: Links,
    ) -> None:
        for row in members:
            known = groups.get(row["group"])
            if known is None:
                continue
            known.stored[row["external_id"]] = row
            known.group.candidates.append(
                Candidate(row["external_id"], row["role"], row["last_seen_at"], row["mapped"])
            )
            if row["before"] and known.group.base is not None:
                known.group.base = {**known.group.base, **row["before"]}
        for one in usable:
            contact = one.contact
            groups[self.key_of[contact.id]].group.candidates.append(
                Candidate(contact.id, contact.role, contact.last_seen_at, one.values)
            )
        self._gather_linked(groups, links)

    def _gather_linked(self, groups: dict[str, Known], links: Links) -> None:
        """Contacts linked before that this run has not met: they may still lead."""
        referrers = [key[2:] for key in groups if key.startswith("r:")]
        if not referrers:
            return
        for referrer, external_id, role, seen in sql.links_of_referrers(
            self.cursor, self.run_id, self.connection_id, referrers
        ):
            if external_id not in links:
                groups[f"r:{referrer}"].group.candidates.append(Candidate(external_id, role, seen))

    def _flat(self, row: Mapping[str, Any]) -> dict[str, Scalar]:
        return values_of(self.plan.targets, row)

    # Saving

    def _save_referrers(self, groups: dict[str, Known]) -> None:
        fresh, changed = [], []
        for key, known in groups.items():
            values = known.verdict.values if known.verdict else None
            if values is None:
                continue
            if known.row is None:
                known.row = self._new_row(key[2:], values)
                known.referrer = known.row["id"]
                fresh.append(known.row)
            elif self._would_change(known.row, values):
                changed.append((known, values))
        self.made = sql.add_referrers(
            self.cursor, self.held.workspace_id, self.campaign_id, self.held.connection.provider, fresh
        )
        if self.made != len(fresh):
            raise CollisionError
        self.fresh = [row["id"] for row in fresh]
        self._change_referrers(changed)

    def _change_referrers(self, changed: list[tuple[Known, Values]]) -> None:
        """Set the mapped values on the rows as they are now: what a person changed meanwhile stays."""
        # One referrer may be there twice: made by this run, and linked to another contact by another sync.
        wanted = {str(known.referrer) for known, _ in changed}
        locked = sql.lock_referrers(self.cursor, list(wanted))
        if len(locked) != len(wanted):
            raise CollisionError
        for known, _ in changed:
            known.row = locked[str(known.referrer)]
        rows = [self._changed_row(locked[str(known.referrer)], values) for known, values in changed]
        sql.apply(self.cursor, sql.CHANGE_REFERRERS, rows)

    def _would_change(self, row: Mapping[str, Any], values: Values) -> bool:
        # Addresses change at the end of the read, in settle.py, where every rival for one is known.
        return differs({key: value for key, value in values.items() if key != "email"}, self._flat(row))

    def _new_row(self, email: str, values: Values) -> dict[str, Any]:
        empty = dict.fromkeys(PERSONAL, "")
        row: dict[str, Any] = {"id": new_id_text(), "email": email, "code": new_code(), "fields": {}, **empty}
        row.update(referrals_count=0, converted_referrals_count=0, last_referral_at=None)
        return self._changed_row(row, values)

    @staticmethod
    def _changed_row(row: dict[str, Any], values: Values) -> dict[str, Any]:
        for target, value in values.items():
            if target in PERSONAL:
                row[target] = value or ""
            elif target.startswith("fields."):
                row["fields"][target[7:]] = value
        row["fields"] = {key: value for key, value in row["fields"].items() if value is not None}
        row["search_words"] = search_words(row["email"], row["first_name"], row["last_name"], row["code"])
        return row

    def _save_links(self, groups: dict[str, Known], links: Links) -> None:
        wanted = []
        for known in groups.values():
            for one in known.group.candidates:
                if one.external_id not in self.key_of or one.mapped is None:
                    continue
                if links.get(one.external_id) != (known.referrer, one.role, one.last_seen_at):
                    wanted.append(
                        {
                            "id": new_id_text(),
                            "workspace": self.held.workspace_id,
                            "campaign": self.campaign_id,
                            "connection": self.connection_id,
                            "external_id": one.external_id,
                            "referrer": known.referrer,
                            "role": one.role,
                            "last_seen_at": one.last_seen_at,
                        }
                    )
        sql.apply(self.cursor, sql.SAVE_LINKS, wanted)

    def _change_records(self, groups: dict[str, Known]) -> None:
        """Contacts of earlier pages whose outcome is another one now that a better leader has arrived."""
        changed = []
        for known in groups.values():
            outcomes = known.verdict.outcomes if known.verdict else {}
            for external_id, row in known.stored.items():
                outcome = outcomes.get(external_id, row["outcome"])
                if outcome != row["outcome"]:
                    self.counts[row["outcome"]] -= 1
                    self.counts[outcome] += 1
                    before = self._before(known, external_id)
                    changed.append({"external_id": external_id, "outcome": outcome, "before": before})
        sql.apply(self.cursor, sql.CHANGE_RECORDS, changed, self.run_id)

    @staticmethod
    def _before(known: Known, external_id: str) -> dict[str, Scalar] | None:
        """What the referrer was before this contact changed it, kept with the contact that did."""
        verdict = known.verdict
        if verdict is None or verdict.outcomes.get(external_id) != "updated" or known.group.base is None:
            return None
        return dict(known.group.base)

    # The way back

    def _wishes(
        self,
        judged: list[Judged],
        groups: Mapping[str, Known],
    ) -> dict[str, str]:
        """external_id → write-back state, queueing a wish for each contact that should say something else."""
        if not self.plan.outbound:
            return {}
        candidates = [one for one in judged if one.values is not None]
        ids = [one.contact.id for one in candidates]
        stored = self._stored_wishes(ids)
        left = owners.yielded(self.cursor, self.held.sync.pk, ids) if self.held.rivals else set()
        states: dict[str, str] = {}
        due, done, met = [], [], []
        for one in candidates:
            known = groups[self.key_of[one.contact.id]]
            remote = {row.target: storable(one.contact.values.get(row.target)) for row in self.plan.outbound}
            wish = stored.get(one.contact.id, {"sent": {}, "remote": {}, "pending": False})
            wanted = outgoing(self.plan.outbound, self.plan.types, self._facts(known))
            wanted = owners.ours(wanted, one.contact.id, left)
            if to_send(wanted, remote, sent=wish["sent"], answered=wish["remote"]):
                states[one.contact.id] = "pending"
                due.append(self._wish(one.contact.id, known, remote, wish))
            else:
                states[one.contact.id] = "unchanged"
                done += [one.contact.id] if wish["pending"] else []
                met += [] if one.contact.id in stored else [self._wish(one.contact.id, known, remote, wish)]
        self.counts["write_backs_due"] += len(due)
        if not self.held.preview:
            sql.apply(self.cursor, sql.WISH, due)
            sql.apply(self.cursor, sql.MET, met)
            if done:
                self.cursor.execute(sql.DROP_WISHES, (self.held.sync.pk, done))
        return states

    def _stored_wishes(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        found = sql.select(self.cursor, sql.WRITE_BACKS, self.held.sync.pk, ids)
        return {
            row[0]: {"sent": sql.decoded(row[1]), "remote": sql.decoded(row[2]), "pending": row[3]}
            for row in found
        }

    def _facts(self, known: Known) -> dict[str, Scalar]:
        row = known.row or {
            # No referrer has this code; it stands for the one a run would draw, which the CRM cannot say yet.
            "code": "?",
            "referrals_count": 0,
            "converted_referrals_count": 0,
            "last_referral_at": None,
        }
        return facts_of(row, settings.BASE_URL, self.held.sync.campaign.name)

    def _wish(
        self, external_id: str, known: Known, remote: Mapping[str, Scalar], stored: Mapping[str, Any]
    ) -> dict[str, Any]:
        # What the CRM no longer says as it answered then was changed there: sending it again is no echo.
        sent = {
            key: value
            for key, value in stored["sent"].items()
            if same(remote.get(key), stored["remote"].get(key))
        }
        return {
            "sync": self.held.sync.pk,
            "run": self.run_id,
            "referrer": known.referrer,
            "external_id": external_id,
            "remote": remote,
            "sent": sent,
        }

    # The records

    def _add_records(
        self,
        judged: list[tuple[Judged, int]],
        groups: Mapping[str, Known],
        links: Links,
        wishes: Mapping[str, str],
    ) -> None:
        records = []
        for one, mark in judged:
            key = self.key_of.get(one.contact.id)
            known = groups[key] if key else None
            outcome = known.verdict.outcomes[one.contact.id] if known and known.verdict else one.outcome
            self.counts[outcome] += 1
            records.append(
                {
                    "run": self.run_id,
                    "external_id": one.contact.id,
                    "mark": mark,
                    "email": one.email,
                    "role": one.contact.role,
                    "last_seen_at": one.contact.last_seen_at,
                    "group": sql.group_id(self.run_id, key) if key else None,
                    "mapped": one.names if one.values is None else one.values,
                    "before": self._before(known, one.contact.id) if known else None,
                    "referrer": known.referrer if known else links.get(one.contact.id, (None,))[0],
                    "outcome": outcome,
                    "reason": one.reason,
                    "message": one.message,
                    "write_back": wishes.get(one.contact.id, "none"),
                }
            )
        sql.apply(self.cursor, sql.ADD_RECORDS, records)

    def _count(self, read: int, api_calls: int) -> Orders:
        """The campaign's and the run's counts, last: their rows are locked only for the commit."""
        if self.made:
            Campaign.everywhere.filter(pk=self.campaign_id).update(
                referrers_count=F("referrers_count") + self.made
            )
        deltas = {
            name: F(name) + self.counts[name] for name in (*COUNTED, "write_backs_due") if self.counts[name]
        }
        if read:
            deltas["read"] = F("read") + read
        return keep(self.held, api_calls=api_calls, **deltas)
