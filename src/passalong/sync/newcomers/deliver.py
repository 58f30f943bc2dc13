"""One person into the CRM, never twice, though its search lags by minutes and its answers may get lost.

Who is it? A contact we know already (store.known_contact), else one that the CRM finds by email, else a
new one. Before a new one is asked for, that is noted and committed. Whoever finds such a note without an
answer does not ask again, but looks for what may have been made until the CRM's search must show it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from passalong.core.clock import now
from passalong.core.dbthread import DbThread
from passalong.sync.errors import ConfigError, CredentialsError, SkipContact, SyncError, Unclear
from passalong.sync.mapping import Values
from passalong.sync.match import Candidate, lead_key
from passalong.sync.newcomers import store
from passalong.sync.newcomers.models import Newcomer, NewcomerState
from passalong.sync.newcomers.store import Known, Parcel
from passalong.sync.port import Session
from passalong.sync.records import Contact

# Intercom's search shows new contacts after "a few minutes"; ten leave no doubt.
INDEX_LAG = timedelta(minutes=10)
LOOK_AGAIN = timedelta(seconds=30)
AFTER_PERSON = timedelta(minutes=15)
BUSY = timedelta(seconds=5)
SKEW_SECONDS = 60


class _LaterError(Exception):
    """Not now: it was put off."""


@dataclass(slots=True)
class Postman:
    """Makes newcomers known through one session. `missing` are CRM fields found to be gone during this job,
    `stuck` what a person has to mend, by what it keeps from being done."""

    session: Session
    db: DbThread
    missing: dict[str, SkipContact] = field(default_factory=dict)
    stuck: dict[str, ConfigError] = field(default_factory=dict)
    is_over: bool = False

    async def deliver(self, parcels: Iterable[Parcel]) -> None:
        """All of them at once, but one after the other where they share an email."""
        groups = defaultdict(list)
        for parcel in parcels:
            groups[parcel.row.email].append(parcel)
        tasks = [self._one_by_one(same) for same in groups.values()]
        # Nobody is broken off because of somebody else: a request without its answer costs minutes.
        for failure in await asyncio.gather(*tasks, return_exceptions=True):
            if failure is not None:
                raise failure

    async def _one_by_one(self, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            if not self.is_over:
                await self._deliver(parcel)

    async def _deliver(self, parcel: Parcel) -> None:
        row = parcel.row
        try:
            if not parcel.is_on:
                await self.db(store.cancel, row)
            elif row.is_event:
                await self._note(parcel)
            else:
                await self._make_known(parcel)
        except _LaterError:
            return
        except Unclear as error:
            await self.db(store.put_off, row, LOOK_AGAIN, error)
        except SkipContact as error:
            if error.code == "field_missing" and error.field:
                self.missing[error.field] = error
            await self.db(store.fail, row, error)
        except ConfigError as error:
            if isinstance(error, CredentialsError):
                self.is_over = True
                raise
            await self.db(store.put_off, row, AFTER_PERSON, error)
        except BaseException:
            self.is_over = True
            raise

    # People

    async def _make_known(self, parcel: Parcel) -> None:
        row = parcel.row
        looked = not row.contact_id and await self._resolve(parcel)
        try:
            state = await self._tell(parcel)
        except SkipContact as error:
            if error.code != "contact_gone" or looked or row.is_made:
                raise
            # Whom we knew is gone; somebody else may have the address now.
            found = [one for one in await self.session.find_contacts(row.email) if one.id != row.contact_id]
            if not found:
                raise
            await self.db(store.remember, row, _known(found), made=False)
            state = await self._tell(parcel)
        await self.db(store.finish, row, state)

    async def _resolve(self, parcel: Parcel) -> bool:
        """Find or make the contact; whether the CRM was asked for it just now."""
        row = parcel.row
        # With a request open, the CRM's word first: it alone tells what we made from what was there.
        if row.posting_at is not None and await self._found(row):
            return True
        known = await self.db(store.known_contact, row)
        if known is not None:
            await self.db(store.remember, row, known, made=False)
            return False
        if row.posting_at is None and await self._found(row):
            return True
        if row.posting_at is not None and now() < row.posting_at + INDEX_LAG:
            await self.db(store.put_off, row, LOOK_AGAIN)
            raise _LaterError
        await self._create(parcel)
        return True

    async def _found(self, row: Newcomer) -> bool:
        found = await self.session.find_contacts(row.email)
        if found:
            best = _known(found)
            await self.db(store.remember, row, best, made=_is_ours(row, found, best))
        return bool(found)

    async def _create(self, parcel: Parcel) -> None:
        row, role = parcel.row, parcel.intake.role
        values = {**parcel.initial, **parcel.values}
        self._refuse_known_trouble(values)
        if "create" in self.stuck:
            await self.db(store.put_off, row, AFTER_PERSON, self.stuck["create"])
            raise _LaterError
        if not await self.db(store.claim, row):
            await self.db(store.put_off, row, BUSY)
            raise _LaterError
        try:
            contact_id, is_new = await self.session.create_contact(role, row.email, values)
        except Unclear:
            raise
        except SyncError as error:
            await self.db(store.release, row)
            if isinstance(error, ConfigError) and not isinstance(error, CredentialsError):
                self.stuck["create"] = error
                await self.db(store.put_off_all, row.connection_id, AFTER_PERSON, error, row.kind)
            raise
        # Whatever stops us now, the id must not be lost.
        await asyncio.shield(self.db(store.remember, row, Known(contact_id, role), made=is_new))

    def _refuse_known_trouble(self, values: Values) -> None:
        for key in values:
            if key in self.missing:
                raise self.missing[key]

    async def _tell(self, parcel: Parcel) -> NewcomerState:
        """What there is to say to a contact that is there by now."""
        row, asked = parcel.row, parcel.intake
        if not row.is_made and asked.on_match == "leave":
            return NewcomerState.LEFT_ALONE
        if not row.is_made and parcel.values:
            self._refuse_known_trouble(parcel.values)
            await self.session.write(row.contact_id, parcel.values)
        if asked.tag:
            await self._once_stuck("tag")
            try:
                await self.session.tag(row.contact_id, asked.tag)
            except ConfigError as error:
                self.stuck["tag"] = error
                raise
        return NewcomerState.CREATED if row.is_made else NewcomerState.UPDATED

    async def _once_stuck(self, what: str) -> None:
        if what in self.stuck:
            raise self.stuck[what]

    # Events

    async def _note(self, parcel: Parcel) -> None:
        row = parcel.row
        await self._once_stuck("event")
        contact = await self.db(store.known_contact, row)
        if contact is None:
            found = await self.session.find_contacts(row.email)
            contact = _known(found) if found else await self._nobody(row)
        second = await self.db(store.take_second, row, contact)
        if second is None:
            return
        try:
            await self.session.event(contact.id, row.kind, second, parcel.details)
        except ConfigError as error:
            self.stuck["event"] = error
            raise
        await self.db(store.finish, row, NewcomerState.SENT)

    async def _nobody(self, row: Newcomer) -> Known:
        """Wait for a contact that is about to be there; say so when there is none."""
        if now() < row.created_at + INDEX_LAG or await self.db(store.is_coming, row):
            await self.db(store.put_off, row, LOOK_AGAIN)
            raise _LaterError
        raise SkipContact(
            "referrer_not_in_crm",
            "The referrer is not in the CRM, so there is nobody to note the event on.",
            "Add them there, or have referrers created, and retry.",
        )


def _known(found: list[Contact]) -> Known:
    """Who of several with one email it is: a user before a lead, then the latest seen, as in syncs."""
    best = min((Candidate(one.id, one.role, one.last_seen_at) for one in found), key=lead_key)
    return Known(best.external_id, best.role, best.last_seen_at)


def _is_ours(row: Newcomer, found: list[Contact], best: Known) -> bool:
    """Whether this contact came of a request of ours whose answer got lost: it was made since."""
    if row.posting_at is None:
        return False
    made = next((one.values.get("created_at") for one in found if one.id == best.id), None)
    since = row.posting_at.timestamp() - SKEW_SECONDS
    return isinstance(made, int | float) and made >= since


__all__ = ["INDEX_LAG", "Postman"]
