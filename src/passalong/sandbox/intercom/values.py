"""What a custom attribute accepts (§3.6)."""

from __future__ import annotations

from typing import Any

from passalong.sandbox.intercom.attributes import Attribute, Attributes
from passalong.sandbox.intercom.errors import ApiError, invalid
from passalong.sandbox.intercom.settings import Settings

LONGEST = 255


def checked(given: Any, attributes: Attributes, settings: Settings, *, role: str) -> dict[str, Any]:
    """The values to store, or the refusal of the whole write: one bad key spoils all of it (§3.6)."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise invalid("custom_attributes must be an object", field="custom_attributes")
    stored: dict[str, Any] = {}
    for name, value in given.items():
        attribute = attributes.contact(name)
        if attribute is None:
            raise invalid(f"Custom attribute '{name}' does not exist")
        if value is None:
            if role == "lead" and settings.lead_null_attribute == "error":  # reported for leads on 1.x (§3.6)
                raise invalid("Value: not of type Numeric, String or Boolean")
            stored[name] = None
        else:
            stored[name] = _value(attribute, value, settings)
    return stored


def _value(attribute: Attribute, value: Any, settings: Settings) -> Any:
    if isinstance(value, dict | list):
        raise invalid(f"Custom attribute '{attribute.name}' cannot hold an array or an object")
    if not _fits(attribute.data_type, value):
        raise ApiError(
            400, "type_mismatch", f"Custom attribute '{attribute.name}' must be of type {attribute.data_type}"
        )
    if isinstance(value, str) and len(value) > LONGEST:
        if settings.long_string == "truncate":
            return value[:LONGEST]
        raise invalid(f"Custom attribute '{attribute.name}' is longer than {LONGEST} characters")
    if attribute.options and value not in attribute.options and settings.list_option == "error":
        raise invalid(f"Custom attribute '{attribute.name}' has no option '{value}'")
    return value


def _fits(data_type: str, value: Any) -> bool:
    if data_type == "string":
        return isinstance(value, str)
    if data_type == "boolean":
        return isinstance(value, bool)
    if data_type == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, int) and not isinstance(value, bool)  # integers; dates are unix seconds (§3.6)
