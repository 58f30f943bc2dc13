"""What travels between a CRM and Passalong: typed, without Django, without HTTP."""

from typing import Literal

import msgspec

Scalar = str | int | float | bool | None
Role = Literal["user", "lead"]
FieldType = Literal["string", "integer", "float", "boolean", "date"]
# In the audience after all; there but outside of it; archived or deleted; now part of another contact.
Where = Literal["member", "left", "gone", "merged"]


class Contact(msgspec.Struct, frozen=True, gc=False):
    """One person in the CRM, as read now.

    `values` holds the fields that were asked for, by field key (`"email"`, `"custom_attributes.plan"`);
    dates are unix seconds, an absent or empty value is None. Times are unix seconds.
    """

    id: str
    role: Role
    values: dict[str, Scalar]
    last_seen_at: int | None = None
    updated_at: int | None = None
    unsubscribed: bool = False
    bounced: bool = False
    spam: bool = False


class Whereabouts(msgspec.Struct, frozen=True):
    """Where a contact is now. `survivor` is the id of the contact that a merged one is part of, if the CRM
    says so."""

    state: Where
    survivor: str | None = None


class Page(msgspec.Struct, frozen=True):
    """One page of a slice. `next_cursor` is None on the last page; `total` is the CRM's count for the
    slice at this moment, which moves while people join and leave. In a slice of changes it is 0 on a last
    page behind which there may be people who changed too long ago."""

    contacts: list[Contact]
    next_cursor: str | None
    total: int


class Audience(msgspec.Struct, frozen=True):
    """Which contacts a sync is about."""

    kind: Literal["leads", "users", "all", "segments"]
    segment_ids: list[str] = []
    exclude_segment_ids: list[str] = []


class Slice(msgspec.Struct, frozen=True):
    """A part of an audience that is read page by page on its own, independent of the other slices.

    `purpose` "exclude" names people to leave out. `role` and `segment_id` narrow it. `created_from` and
    `created_before` bound the day of creation (unix seconds at noon of a day in the CRM's zone, standing for
    that whole day; None is open). `total` is its share of what the CRM counted when the audience was
    planned; only the sum over all slices was counted. `ids` narrows it to these contacts. `changed_since`
    narrows it to contacts changed at or after that unix second; how many is not asked, so `total` is 0. With
    `about` the contacts in `ids` are asked for one by one, past any index, and those that are in this
    audience (or, to be left out, in an excluded segment of it) are the slice.
    """

    purpose: Literal["include", "exclude"]
    total: int
    role: Role | None = None
    segment_id: str | None = None
    created_from: int | None = None
    created_before: int | None = None
    ids: list[str] = []
    changed_since: int | None = None
    about: Audience | None = None


class Segment(msgspec.Struct, frozen=True):
    """A group of contacts that the CRM keeps by its own rule."""

    id: str
    name: str
    person_type: Role
    count: int | None


class Field(msgspec.Struct, frozen=True):
    """One field of the CRM's contacts. `key` is stable; `sample` is a value some real contact has."""

    key: str
    label: str
    type: FieldType
    readable: bool = True
    writable: bool = False
    custom: bool = False
    sample: Scalar = None
    options: list[str] = []


class Account(msgspec.Struct, frozen=True):
    """The CRM workspace behind a connection. `timezone` is an IANA name."""

    id: str
    name: str
    region: str
    timezone: str


class Check(msgspec.Struct, frozen=True):
    """One thing a connection must be able to do. `detail` says how to mend it when not `ok`.

    `required` checks must pass for a connection to be made at all.
    """

    name: str
    ok: bool
    detail: str
    required: bool = True


class Notice(msgspec.Struct, frozen=True):
    """What a CRM told of by itself: that these contacts of this account may have changed.

    `uid` names the delivery, the same one when it is repeated. `deleted` says that the contacts were deleted
    for good; like everything in a notice it is to be confirmed.
    """

    account_id: str
    uid: str
    topic: str
    contact_ids: list[str]
    deleted: bool = False
