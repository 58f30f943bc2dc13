"""Writing fields back into Intercom, and making the fields to write to."""

import re
from collections.abc import Mapping
from typing import Any

from passalong.integrations.intercom import errors, fields, people, wire
from passalong.integrations.intercom.client import Call, Client
from passalong.integrations.intercom.retry import TRIES
from passalong.integrations.intercom.source import attribute_list
from passalong.sync.errors import ConfigError, SyncError
from passalong.sync.records import Field, FieldType, Scalar

LONGEST_VALUE = 255  # of a text in a custom attribute (§3.6)
_UNKNOWN_FIELD = re.compile(r"Custom attribute '(.+)' does not exist")
_NULL_REFUSED = "not of type Numeric, String or Boolean"


class Sink:
    """The Sink of the port."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def write(self, contact_id: str, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        for key, value in values.items():
            check_value(key, value)
        try:
            return await self._put(contact_id, values)
        except errors.RejectedError as refused:
            rejection = refused
        if None in values.values() and _NULL_REFUSED in rejection.vendor_message:
            # Leads did not take null in 1.x (§3.6); an empty text clears as well.
            return await self._put_or_skip(contact_id, {k: "" if v is None else v for k, v in values.items()})
        raise skipped(rejection, values)

    async def _put_or_skip(self, contact_id: str, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        try:
            return await self._put(contact_id, values)
        except errors.RejectedError as refused:
            rejection = refused
        raise skipped(rejection, values)

    async def _put(self, contact_id: str, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        call = Call("PUT", wire.path("/contacts", contact_id), errors.WRITE_PEOPLE, body=body_of(values))
        contact = await self._client.ask(call, people.reader(tuple(values)).one)
        if contact.id != contact_id:
            raise errors.contact_gone(merged=True)
        return contact.values

    async def create_field(self, label: str, type: FieldType) -> tuple[Field, bool]:  # noqa: A002
        name = fields.checked_label(label)
        trouble: SyncError = errors.unavailable("it did not say whether the field was made")
        for tried in range(TRIES):
            # Looked for again after every failure, as creating is not repeatable. Archived ones keep their
            # name (§5).
            there = await self._find(name)
            if there is not None:
                return await self._adopt(there, type), tried > 0
            try:
                return fields.field(await self._post(name, type)), True
            except errors.UnclearError as unclear:
                trouble = errors.unavailable(unclear.message.rpartition(": ")[2].rstrip("."))
            except errors.RejectedError as refused:
                return await self._refused(name, type, refused)
            await self._client.pause(tried)
        raise trouble

    async def _find(self, name: str) -> wire.Attribute | None:
        params = {"model": "contact", "include_archived": "true"}
        answer = await self._client.ask(Call("GET", "/data_attributes", params=params), attribute_list)
        return next((a for a in answer.named if a.key == wire.CUSTOM + name), None)

    async def _adopt(self, there: wire.Attribute, type: FieldType) -> Field:  # noqa: A002
        """Use the field that is there, brought back from the archive if need be."""
        kind = "list" if there.options else fields.kind(there.data_type)
        if kind != type:
            raise errors.field_type_conflict(there.title, kind, type)
        if there.api_writable is False:
            raise errors.field_refused(f"Intercom lets nobody write the field “{there.title}” from outside.")
        return fields.field(await self._unarchived(there) if there.archived else there)

    async def _unarchived(self, there: wire.Attribute) -> wire.Attribute:
        path = wire.path("/data_attributes", str(there.id))
        try:
            return await self._client.ask(
                Call("PUT", path, errors.WRITE_FIELDS, body={"archived": False}), _attribute
            )
        except errors.RejectedError as refused:
            rejection = refused
        raise _no_field(rejection)

    async def _post(self, name: str, type: FieldType) -> wire.Attribute:  # noqa: A002
        body = {"name": name, "model": "contact", "data_type": type}
        call = Call("POST", "/data_attributes", errors.WRITE_FIELDS, body=body, repeatable=False)
        return await self._client.ask(call, _attribute)

    async def _refused(self, name: str, type: FieldType, refused: errors.RejectedError) -> tuple[Field, bool]:  # noqa: A002
        """Somebody may have made the same field since we looked."""
        if refused.vendor_message.startswith("You already have"):
            there = await self._find(name)
            if there is not None:
                return await self._adopt(there, type), False
        raise _no_field(refused)


def check_value(key: str, value: Scalar) -> None:
    """What can be known without asking."""
    if not key.startswith(wire.CUSTOM) and key not in fields.WRITABLE_BUILT_IN:
        raise errors.value_refused(f"{key} is never written by Passalong", key)
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        raise errors.value_too_long(key, len(value))


def body_of(values: Mapping[str, Scalar]) -> dict[str, Any]:
    """The part of a contact's JSON that says these values; custom attributes are merged key by key (§3.5)."""
    body: dict[str, Any] = {k: v for k, v in values.items() if not k.startswith(wire.CUSTOM)}
    custom = {k.removeprefix(wire.CUSTOM): v for k, v in values.items() if k.startswith(wire.CUSTOM)}
    return {**body, "custom_attributes": custom} if custom else body


def skipped(refused: errors.RejectedError, values: Mapping[str, Scalar]) -> SyncError:
    """Why this contact could not be written."""
    if refused.status in (404, 410):
        return errors.contact_gone(merged=refused.status == 410)
    unknown = _UNKNOWN_FIELD.search(refused.vendor_message)
    if unknown:
        return errors.field_missing(unknown[1], wire.CUSTOM + unknown[1])
    only = next(iter(values)) if len(values) == 1 else None
    return errors.value_refused(refused.vendor_message, only)


def _no_field(refused: errors.RejectedError) -> ConfigError:
    if refused.vendor_code == "custom_data_limit_reached":
        return errors.field_limit(refused.vendor_message)
    return errors.field_refused(f"Intercom did not take the field. It said: “{refused.vendor_message}”.")


def _attribute(content: bytes) -> wire.Attribute:
    attribute = wire.decode(content, wire.Attribute)
    if not attribute.key:
        raise wire.WrongShapeError("a field has no name")
    return attribute
