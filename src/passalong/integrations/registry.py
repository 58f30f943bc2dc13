"""The systems Passalong can sync with, by name. A new one is a folder and one line here."""

from importlib import import_module

from passalong.sync.port import Integration

# provider → the module that holds its INTEGRATION, imported when it is first asked for
_MANIFESTS = {
    "intercom": "passalong.integrations.intercom.manifest",
}
# from outside this package, by the name its connections carry; not offered to people as a choice
_registered: dict[str, Integration] = {}


def register(provider: str, integration: Integration) -> None:
    """Add a system that does not come with Passalong, for the life of this process."""
    _registered[provider] = integration


def forget(provider: str) -> None:
    """Undo `register`."""
    _registered.pop(provider, None)


class UnknownProviderError(KeyError):
    """No integration has this name."""

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self.provider = provider

    def __str__(self) -> str:
        return f"There is no integration “{self.provider}”; there are: {', '.join(providers())}."


def providers() -> list[str]:
    """All names, sorted."""
    return sorted(_MANIFESTS)


def integration(provider: str) -> Integration:
    """The integration with this name. Raises UnknownProviderError."""
    if provider in _registered:
        return _registered[provider]
    if provider not in _MANIFESTS:
        raise UnknownProviderError(provider)
    found: Integration = import_module(_MANIFESTS[provider]).INTEGRATION
    return found
