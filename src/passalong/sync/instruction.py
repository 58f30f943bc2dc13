"""A run's instruction, compiled once: what to ask of the CRM and how to judge each contact."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from passalong.sync.facts import POLICY_DEFAULTS
from passalong.sync.mapping import InboundRow, OutboundRow, Values, ValueTooLongError, read_contact
from passalong.sync.records import Audience, Contact, FieldType

SKIP_MESSAGES = {
    "no_email": "This contact has no email address. Add one in {crm} and run the sync again.",
    "invalid_email": "This is not an email address we can use. Correct it in {crm} and run the sync again.",
    "unsubscribed": "This contact has unsubscribed from emails, and this sync leaves such people out.",
    "bounced": "Emails to this contact bounce, and this sync leaves such people out.",
    "spam": "This contact marked an email as spam, and this sync leaves such people out.",
    "excluded": "This contact is in a segment that this sync excludes.",
}
TOO_LONG = (
    "The value for {target} is longer than 10,000 characters. Shorten it in {crm} and run the sync again."
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A contact after mapping: either `values` with a usable `email`, or why it goes no further.

    `names` is what a contact that goes no further calls itself, for people to recognise it by.
    """

    contact: Contact
    email: str
    values: Values | None
    outcome: str = ""
    reason: str = ""
    message: str = ""
    names: Values | None = None


def left_out(one: Judged) -> Judged:
    """The same contact, found to be in an excluded segment; a reason it has already comes first."""
    if one.values is None:
        return one
    message = SKIP_MESSAGES["excluded"]
    return Judged(one.contact, one.email, None, "skipped", "excluded", message, _names(one.values))


def _names(values: Values) -> Values | None:
    """First and last name, if there are any."""
    return {key: values[key] for key in ("first_name", "last_name") if values.get(key)} or None


@dataclass(frozen=True)
class Instruction:
    """The audience, both maps and the policy of one run."""

    audience: Audience
    inbound: list[InboundRow]
    outbound: list[OutboundRow]
    types: dict[str, FieldType]
    policy: dict[str, str]
    crm: str

    @classmethod
    def of(cls, stored: dict[str, Any], crm: str = "the CRM") -> "Instruction":
        """From `Run.instruction`; `crm` is what people call the other side."""
        return cls(
            audience=msgspec.convert(stored["audience"], Audience),
            inbound=msgspec.convert(stored["inbound"], list[InboundRow]),
            outbound=msgspec.convert(stored["outbound"], list[OutboundRow]),
            types=stored.get("field_types", {}),
            policy={**POLICY_DEFAULTS, **stored.get("contact_policy", {})},
            crm=crm,
        )

    @property
    def keys(self) -> list[str]:
        """The CRM field keys a read must bring."""
        return list(
            dict.fromkeys([*(row.source for row in self.inbound), *(row.target for row in self.outbound)])
        )

    @property
    def targets(self) -> list[str]:
        """The referrer fields that the map in may change."""
        return [row.target for row in self.inbound]

    def judge(self, contact: Contact, *, usable: Callable[[str], str | None]) -> Judged:
        """Map a contact, or say why not. `usable` normalises an email or returns None."""
        try:
            values = read_contact(self.inbound, contact)
        except ValueTooLongError as error:
            return Judged(
                contact,
                "",
                None,
                "failed",
                "value_too_long",
                TOO_LONG.format(target=error.target, crm=self.crm),
            )
        said = str(values["email"] or "")
        email = usable(said)
        reason = self._skip_reason(contact, said, email)
        if reason:
            return Judged(
                contact,
                email or said[:320],
                None,
                "skipped",
                reason,
                SKIP_MESSAGES[reason].format(crm=self.crm),
                _names(values),
            )
        values["email"] = email
        return Judged(contact, email or "", values)

    def _skip_reason(self, contact: Contact, said: str, email: str | None) -> str:
        reasons = {
            "no_email": not said,
            "invalid_email": email is None,
            "unsubscribed": contact.unsubscribed and self.policy["unsubscribed"] == "skip",
            "bounced": contact.bounced and self.policy["bounced"] == "skip",
            "spam": contact.spam and self.policy["spam"] == "skip",
        }
        return next((reason for reason, holds in reasons.items() if holds), "")
