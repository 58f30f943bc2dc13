"""Public ids (`camp_…`, `run_…`) in addresses, UUIDs in views; anything else is no such page."""

from uuid import UUID

from django.urls import register_converter

from passalong.core.ids import parse_id, public_id

KINDS = ("campaign", "referrer", "connection", "sync", "run", "import", "webhook", "delivery")


class PublicId:
    """One kind of id in a path."""

    kind = ""
    regex = "[a-z]+_[0-9a-f]{32}"

    def to_python(self, text: str) -> UUID:
        found = parse_id(self.kind, text)
        if found is None:
            raise ValueError(text)
        return found

    def to_url(self, value: UUID) -> str:
        return public_id(self.kind, value)


def register() -> None:
    """Make `<campaign:…>`, `<sync:…>` and so on known to `path`."""
    for kind in KINDS:
        register_converter(type(f"{kind.title()}Id", (PublicId,), {"kind": kind}), kind)
